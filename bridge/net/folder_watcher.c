/* See folder_watcher.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/folder_watcher.h"

#include <stdlib.h>

#include "base/memory.h"
#include "net/folder_walk.h"

enum { SIGHTS_KEPT = 1 << 20 /* bytes */ };

struct watched_folder {
    struct list link;
    struct folder_watcher *watcher;
    struct folder_watch *watch; /* NULL: nobody wants it any more */
    struct folder_walk *walk;   /* a thread's while it works, else the loop's */
    struct folder_sights sights;
    enum walk_state state;
    uv_work_t work;
    uv_poll_t poll;
    uv_timer_t timer;
    bool has_poll, is_working;
    unsigned handles; /* that are being closed */
};

/* ---------------------------------------------------------------- the end */

static void folder_free(struct watched_folder *folder)
{
    struct folder_watcher *watcher = folder->watcher;

    list_remove(&folder->link);
    folder_walk_free(folder->walk);
    folder_sights_release(&folder->sights);
    free(folder);
    if (watcher->closed && list_is_empty(&watcher->folders)) {
        watcher->closed(watcher->context);
    }
}

static void handle_closed(uv_handle_t *handle)
{
    struct watched_folder *folder = handle->data;

    if (--folder->handles == 0) {
        folder_free(folder);
    }
}

/* Not while a thread works. */
static void end(struct watched_folder *folder)
{
    folder->handles = 1;
    uv_close((uv_handle_t *)&folder->timer, handle_closed);
    if (folder->has_poll) {
        folder->handles++;
        uv_close((uv_handle_t *)&folder->poll, handle_closed);
    }
}

/* ---------------------------------------------------------------- steps */

static void work(struct watched_folder *folder);

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    work(poll->data);
}

static void on_time(uv_timer_t *timer)
{
    work(timer->data);
}

static void wait_for_more(struct watched_folder *folder)
{
    msec_t wait_ms = folder_walk_wait_ms(folder->walk);

    if (folder->has_poll) {
        uv_poll_start(&folder->poll, UV_READABLE, on_readable);
    }
    if (wait_ms != MSEC_NEVER) {
        uv_timer_start(&folder->timer, on_time, (uint64_t)wait_ms, 0);
    }
}

static void empty(struct folder_sights *sights)
{
    buffer_empty(&sights->reports, SIGHTS_KEPT);
    buffer_empty(&sights->texts, SIGHTS_KEPT);
}

/* On the loop. */
static void has_worked(uv_work_t *done, int status)
{
    struct watched_folder *folder = CONTAINER_OF(done, struct watched_folder, work);

    (void)status; /* cancelled: then nobody wants it */
    folder->is_working = false;
    if (folder->watch && folder_sights_count(&folder->sights) > 0) {
        folder->watch->seen(folder->watch, &folder->sights);
    }
    empty(&folder->sights);
    if (!folder->watch) {
        end(folder);
    } else if (folder->state == WALK_MORE) {
        work(folder);
    } else {
        wait_for_more(folder);
    }
}

/* On another thread. */
static void do_work(uv_work_t *to_do)
{
    struct watched_folder *folder = CONTAINER_OF(to_do, struct watched_folder, work);

    folder->state = folder_walk_step(folder->walk, &folder->sights);
}

static void work(struct watched_folder *folder)
{
    uv_timer_stop(&folder->timer);
    if (folder->has_poll) {
        uv_poll_stop(&folder->poll);
    }
    folder->is_working = true;
    uv_queue_work(folder->watcher->loop, &folder->work, do_work, has_worked);
}

/* ---------------------------------------------------------------- the whole */

void folder_watcher_open(struct folder_watcher *watcher, uv_loop_t *loop)
{
    *watcher = (struct folder_watcher){.loop = loop};
    list_init(&watcher->folders);
}

void folder_watcher_watch(struct folder_watcher *watcher, struct folder_watch *watch)
{
    struct watched_folder *folder = memory_allocate_zero(sizeof(*folder));
    int descriptor;

    folder->watcher = watcher;
    folder->watch = watch;
    folder->walk = folder_walk_new(watch);
    watch->under_way = folder;
    list_add_last(&watcher->folders, &folder->link);
    uv_timer_init(watcher->loop, &folder->timer);
    folder->timer.data = folder->poll.data = folder;
    descriptor = folder_walk_descriptor(folder->walk);
    folder->has_poll =
        descriptor >= 0 && uv_poll_init(watcher->loop, &folder->poll, descriptor) == 0;
    work(folder);
}

void folder_watcher_unwatch(struct folder_watch *watch)
{
    struct watched_folder *folder = watch->under_way;

    if (!folder) {
        return;
    }
    watch->under_way = NULL;
    folder->watch = NULL;
    if (folder->is_working) {
        (void)uv_cancel((uv_req_t *)&folder->work); /* it may have begun: then it ends first */
    } else {
        end(folder);
    }
}

void folder_watcher_close(struct folder_watcher *watcher, void (*closed)(void *context),
                          void *context)
{
    if (list_is_empty(&watcher->folders)) {
        closed(context);
        return;
    }
    watcher->closed = closed;
    watcher->context = context;
    LIST_FOREACH (link, &watcher->folders) {
        struct watched_folder *folder = CONTAINER_OF(link, struct watched_folder, link);
        if (folder->watch) {
            folder_watcher_unwatch(folder->watch);
        }
    }
}
