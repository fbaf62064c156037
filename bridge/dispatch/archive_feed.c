/* See archive_feed.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/archive_feed.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "dispatch/lines.h"
#include "dispatch/queue_name.h"
#include "dispatch/runner_file.h"
#include "dispatch/runner_state.h"
#include "eventgrid/archive_line.h"

enum {
    WINDOW = 1000,
    HOUR_MS = 60 * 60 * 1000,
    CLEAN_FIRST_MS = 60 * 1000, /* after the start, when there is other work */
    CLEAN_MS = HOUR_MS,
};

struct archive_feed {
    struct list link; /* in runner->archives */
    struct runner *runner;
    struct buffer source_key, queue;
    struct event_window window;
    struct event_file file;
    uint32_t retention_days;
    uint64_t written, dropped; /* events */
    /* Cleaning. */
    struct timer clean;
    struct file_task task;
    struct buffer names; /* of files, a line each */
    size_t next_name;    /* bytes */
    struct buffer path;
    size_t removed;
};

/* ---------------------------------------------------------------- writing */

static void append_path(struct event_file *file, const struct window_event *first,
                        struct buffer *out)
{
    struct archive_feed *archive = CONTAINER_OF(file, struct archive_feed, file);

    archive_path_append(out, buffer_slice(&archive->source_key), first->event.published_ms);
}

static bool fits(const struct window_event *first, const struct window_event *event)
{
    return first->event.published_ms / HOUR_MS == event->event.published_ms / HOUR_MS;
}

static void append(struct buffer *out, const struct window_event *event, bool is_first)
{
    (void)is_first;
    archive_line_append(out, &(struct archive_line){
                                 .accepted_ms = event->event.published_ms,
                                 .schema = event->event.schema,
                                 .json = event->event.json,
                             });
}

static const struct event_file_kind archive_file = {
    .task = FILE_APPEND,
    .root = ROOT_ARCHIVE,
    .give_up_ms = MSEC_NEVER,
    .append_path = append_path,
    .fits = fits,
    .append = append,
    .end = "",
};

/* ---------------------------------------------------------------- the session */

static struct archive_feed *archive_of(struct runner_session *session)
{
    return CONTAINER_OF(session, struct archive_feed, window.session);
}

static void on_event(struct runner_session *session, struct fanout *fanout, uint32_t sequence)
{
    struct archive_feed *archive = archive_of(session);
    struct window_event *event = window_take(&archive->window, fanout, sequence);

    if (event) {
        event_file_add(&archive->file, event);
    }
}

static void on_ended(struct runner_session *session)
{
    struct archive_feed *archive = archive_of(session);

    event_file_forget(&archive->file);
    window_reset(&archive->window);
}

static bool is_wanted(struct runner_session *session)
{
    struct archive_feed *archive = archive_of(session);

    return runner_owns(archive->runner, buffer_slice(&archive->queue));
}

static const struct runner_session_events session_events = {
    .event = on_event,
    .ended = on_ended,
    .is_wanted = is_wanted,
};

/* ---------------------------------------------------------------- cleaning */

static void do_task(struct archive_feed *archive, enum file_task_kind kind, struct slice path,
                    void (*done)(struct file_task *task))
{
    const struct outside *outside = &archive->runner->grid->options.outside;

    archive->task = (struct file_task){
        .kind = kind, .root = ROOT_ARCHIVE, .path = path, .text = archive->task.text, .done = done};
    outside->ops->file(outside->context, &archive->task);
}

static void clean_later(struct archive_feed *archive, msec_t wait_ms)
{
    timers_set(&archive->runner->gateway->timers, &archive->clean,
               runner_now(archive->runner) + wait_ms);
}

/* All of its hour is too old. */
static bool is_old(const struct archive_feed *archive, struct slice path)
{
    int64_t begins_ms;

    return archive_path_time(path, &begins_ms) &&
           begins_ms + HOUR_MS + (int64_t)archive->retention_days * 24 * HOUR_MS <=
               runner_now(archive->runner);
}

static void clean_next(struct archive_feed *archive);

static void on_removed(struct file_task *task)
{
    struct archive_feed *archive = CONTAINER_OF(task, struct archive_feed, task);

    archive->removed += task->error == NULL;
    clean_next(archive);
}

/* The next path of the list; false at the end. */
static bool take_name(struct archive_feed *archive)
{
    struct slice rest = slice_from(buffer_slice(&archive->names), archive->next_name), path;

    if (!line_next(&rest, &path)) {
        return false;
    }
    archive->next_name = archive->names.length - rest.length;
    archive->path.length = 0;
    buffer_append(&archive->path, path);
    return true;
}

/* They are sorted, so behind the first that is not old there is no old one. */
static void clean_next(struct archive_feed *archive)
{
    if (take_name(archive) && is_old(archive, buffer_slice(&archive->path))) {
        do_task(archive, FILE_REMOVE, buffer_slice(&archive->path), on_removed);
        return;
    }
    if (archive->removed > 0) {
        log_write(LOG_INFO, "old events were removed from an archive", "source=\"%.*s\" files=%zu",
                  SLICE_PRINT(buffer_slice(&archive->source_key)), archive->removed);
    }
    buffer_release(&archive->names);
    clean_later(archive, CLEAN_MS);
}

static void on_listed(struct file_task *task)
{
    struct archive_feed *archive = CONTAINER_OF(task, struct archive_feed, task);

    buffer_release(&archive->names);
    archive->names = task->text;
    task->text = (struct buffer){0};
    archive->removed = archive->next_name = 0;
    clean_next(archive);
}

static void on_clean(struct timer *timer, void *context)
{
    struct archive_feed *archive = CONTAINER_OF(timer, struct archive_feed, clean);

    (void)context;
    do_task(archive, FILE_LIST, buffer_slice(&archive->source_key), on_listed);
}

/* ---------------------------------------------------------------- making and ending */

static struct archive_feed *find(const struct runner *runner, struct slice source_key)
{
    LIST_FOREACH (link, &runner->archives) {
        struct archive_feed *archive = CONTAINER_OF(link, struct archive_feed, link);
        if (slice_equal(buffer_slice(&archive->source_key), source_key)) {
            return archive;
        }
    }
    return NULL;
}

static void archive_new(struct runner *runner, const struct catalog_source *source,
                        struct slice queue)
{
    struct archive_feed *archive = memory_allocate_zero(sizeof(*archive));

    runner_session_keep(&runner->erasures, queue);
    archive->runner = runner;
    archive->retention_days = source->properties->retention_days;
    buffer_append(&archive->source_key, buffer_slice(&source->key));
    buffer_append(&archive->queue, queue);
    event_file_init(&archive->file, &archive_file, runner);
    archive->file.counter = &archive->written;
    archive->file.dropped = &archive->dropped;
    timer_init(&archive->clean, on_clean);
    clean_later(archive, CLEAN_FIRST_MS);
    runner_session_init(&archive->window.session, runner->gateway, &session_events, queue, WINDOW);
    list_add_last(&runner->archives, &archive->link);
    runner_session_connect(&archive->window.session);
}

static void archive_free(struct archive_feed *archive)
{
    const struct outside *outside = &archive->runner->grid->options.outside;

    list_remove(&archive->link);
    timers_cancel(&archive->runner->gateway->timers, &archive->clean);
    outside->ops->cancel_file(outside->context, &archive->task);
    runner_session_close(&archive->window.session);
    event_file_release(&archive->file);
    runner_session_release(&archive->window.session);
    buffer_release(&archive->task.text);
    buffer_release(&archive->source_key);
    buffer_release(&archive->queue);
    buffer_release(&archive->names);
    buffer_release(&archive->path);
    free(archive);
}

/* Its queue goes with what waits there: nobody wants it any more. */
static void erase(struct runner *runner, struct slice source_key, struct archive_feed *archive)
{
    struct buffer queue = {0};

    queue_name_append(&queue, source_key, SLICE_LITERAL(ARCHIVE_NAME));
    archive_free(archive);
    runner_session_erase(runner->gateway, &runner->erasures, buffer_slice(&queue));
    buffer_release(&queue);
}

void archive_feed_look(struct runner *runner, struct catalog_source *source)
{
    struct slice key = buffer_slice(&source->key);
    uint32_t days = source->properties ? source->properties->retention_days : 0;
    struct archive_feed *archive = find(runner, key);
    struct buffer queue = {0};
    bool is_ours;

    queue_name_append(&queue, key, SLICE_LITERAL(ARCHIVE_NAME));
    is_ours = runner_owns(runner, buffer_slice(&queue));
    if (archive && days == 0) {
        erase(runner, key, archive);
    } else if (archive && !is_ours) {
        archive_free(archive);
    } else if (archive) {
        archive->retention_days = days;
        runner_session_wake(&archive->window.session);
    } else if (days > 0 && is_ours) {
        archive_new(runner, source, buffer_slice(&queue));
    }
    buffer_release(&queue);
}

void archive_feed_remove(struct runner *runner, struct catalog_source *source)
{
    struct archive_feed *archive = find(runner, buffer_slice(&source->key));

    if (archive) {
        erase(runner, buffer_slice(&source->key), archive);
    }
}

void archive_feeds_connect(struct runner *runner)
{
    LIST_FOREACH (link, &runner->archives) {
        runner_session_connect(&CONTAINER_OF(link, struct archive_feed, link)->window.session);
    }
}

void archive_feeds_free(struct runner *runner)
{
    LIST_FOREACH_SAFE (link, &runner->archives) {
        archive_free(CONTAINER_OF(link, struct archive_feed, link));
    }
}
