/* See runner_file.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner_file.h"

#include "base/log.h"
#include "dispatch/runner_state.h"

enum {
    FILE_EVENTS_MAX = 1000,
    FILE_BYTES_MAX = 1 << 20, /* what is longer is alone */
};

static const msec_t waits_ms[] = {10000, 60000, 300000}; /* the last one again and again */

enum { WAITS = sizeof(waits_ms) / sizeof(waits_ms[0]) };

/* ---------------------------------------------------------------- a file */

/* May the first of those that wait be the next one in the file? */
static bool has_room(const struct event_file *file, size_t count)
{
    const struct window_event *next;

    if (list_is_empty(&file->waiting) || count == 0) {
        return count == 0;
    }
    next = window_event_of(file->waiting.next);
    return count < FILE_EVENTS_MAX && file->text.length + next->length < FILE_BYTES_MAX &&
           (!file->kind->fits || file->kind->fits(window_event_of(file->written.next), next));
}

static void collect(struct event_file *file)
{
    size_t count = 0;

    buffer_empty(&file->text, FILE_BYTES_MAX);
    while (!list_is_empty(&file->waiting) && has_room(file, count)) {
        struct window_event *event = window_event_of(file->waiting.next);
        file->kind->append(&file->text, event, count == 0);
        list_remove(&event->link);
        list_add_last(&file->written, &event->link);
        count++;
    }
    buffer_append_string(&file->text, file->kind->end);
    file->path.length = 0;
    file->kind->append_path(file, window_event_of(file->written.next), &file->path);
}

static void send(struct event_file *file)
{
    const struct outside *outside = &file->runner->grid->options.outside;

    file->task.path = buffer_slice(&file->path);
    file->task.bytes = buffer_slice(&file->text);
    outside->ops->file(outside->context, &file->task);
}

static void begin(struct event_file *file)
{
    if (list_is_empty(&file->written) && !list_is_empty(&file->waiting)) {
        collect(file);
        file->tries = 0;
        file->first_try = runner_now(file->runner);
        send(file);
    }
}

/* ---------------------------------------------------------------- its end */

static void end(struct event_file *file, uint64_t *counter)
{
    while (!list_is_empty(&file->written)) {
        *counter += 1;
        window_event_acknowledge(window_event_of(file->written.next));
    }
}

static bool is_hopeless(const struct event_file *file, msec_t now)
{
    return file->kind->give_up_ms != MSEC_NEVER &&
           (double)(now - file->first_try) >=
               (double)file->kind->give_up_ms * runner_scale(file->runner);
}

static void failed(struct event_file *file)
{
    struct runner *runner = file->runner;
    msec_t wait = waits_ms[file->tries < WAITS ? file->tries : WAITS - 1];
    msec_t now = runner_now(runner);

    LOG_LIMITED(LOG_ERROR, "events cannot be written to a file", "file=\"%.*s\" error=\"%s\"",
                SLICE_PRINT(buffer_slice(&file->path)), file->task.error);
    window_forget_orphans(&file->written);
    if (!list_is_empty(&file->written) && is_hopeless(file, now)) {
        log_write(LOG_ERROR, "events are dropped: their file could not be written for too long",
                  "file=\"%.*s\"", SLICE_PRINT(buffer_slice(&file->path)));
        end(file, file->dropped);
    }
    if (list_is_empty(&file->written)) {
        begin(file);
        return;
    }
    file->tries++;
    timers_set(&runner->gateway->timers, &file->again,
               now + (msec_t)((double)wait * runner_scale(runner)));
}

static void on_done(struct file_task *task)
{
    struct event_file *file = CONTAINER_OF(task, struct event_file, task);

    if (file->kind->ended) {
        file->kind->ended(file, task->error == NULL);
    }
    if (task->error) {
        failed(file);
        return;
    }
    end(file, file->counter);
    begin(file);
}

static void on_again(struct timer *timer, void *context)
{
    struct event_file *file = CONTAINER_OF(timer, struct event_file, again);

    (void)context;
    window_forget_orphans(&file->written);
    if (list_is_empty(&file->written)) {
        begin(file);
    } else {
        send(file);
    }
}

/* ---------------------------------------------------------------- */

void event_file_init(struct event_file *file, const struct event_file_kind *kind,
                     struct runner *runner)
{
    *file = (struct event_file){
        .kind = kind,
        .runner = runner,
        .task = {.kind = kind->task, .root = kind->root, .done = on_done},
    };
    list_init(&file->waiting);
    list_init(&file->written);
    timer_init(&file->again, on_again);
}

void event_file_add(struct event_file *file, struct window_event *event)
{
    list_add_last(&file->waiting, &event->link);
    begin(file);
}

bool event_file_is_failing(const struct event_file *file)
{
    return file->tries > 0 && !list_is_empty(&file->written);
}

void event_file_forget(struct event_file *file)
{
    window_forget_orphans(&file->waiting);
}

void event_file_release(struct event_file *file)
{
    const struct outside *outside = &file->runner->grid->options.outside;

    timers_cancel(&file->runner->gateway->timers, &file->again);
    outside->ops->cancel_file(outside->context, &file->task);
    window_forget_all(&file->waiting);
    window_forget_all(&file->written);
    buffer_release(&file->path);
    buffer_release(&file->text);
    buffer_release(&file->task.text);
}
