/* A replay: the files of an archive, one after another and a piece at a time, and the events of a
 * piece some hundred at a time. What a failure has cut off is sent again from where the last
 * acknowledgements had come, so some may come twice.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "dispatch/archive.h"
#include "dispatch/lines.h"
#include "dispatch/outside.h"
#include "dispatch/requeue.h"
#include "dispatch/runner_state.h"
#include "eventgrid/archive_line.h"
#include "eventgrid/render.h"

enum {
    PIECE_BYTES = 1 << 20,
    LINE_MAX_BYTES = 4 << 20, /* a piece grows to that for a line that is longer */
    HOUR_MS = 60 * 60 * 1000,
};

struct replay_work {
    struct running_job running;
    struct runner *runner;
    struct buffer source_key, event_id, names; /* names: each with a NUL behind it */
    int64_t since_ms, until_ms;
    struct requeue requeue;
    struct file_task task;
    struct buffer paths; /* of files to come, a line each */
    size_t next_path;    /* bytes */
    struct buffer path;  /* of the file that is being read; as long as there is one */
    uint64_t offset;     /* of the piece in it */
    size_t piece_max;
    struct buffer piece;
    size_t at, safe_at;         /* in the piece: the next line; that before is with the broker */
    size_t target, safe_target; /* of those that take its event: the next one, alike */
    size_t sent, safe_events;   /* events, alike */
    unsigned tries;
    struct stored_event_scratch scratch;
    struct buffer json;
};

/* ---------------------------------------------------------------- its end */

static void work_free(struct replay_work *work)
{
    const struct outside *outside = &work->runner->grid->options.outside;

    outside->ops->cancel_file(outside->context, &work->task);
    list_remove(&work->running.link);
    work->running.job->under_way = NULL;
    requeue_release(&work->requeue);
    stored_event_scratch_release(&work->scratch);
    buffer_release(&work->task.text);
    buffer_release(&work->source_key);
    buffer_release(&work->event_id);
    buffer_release(&work->names);
    buffer_release(&work->paths);
    buffer_release(&work->path);
    buffer_release(&work->piece);
    buffer_release(&work->json);
    free(work);
}

static void cancel(struct job *job)
{
    work_free(job->under_way);
}

static void end(struct replay_work *work, const char *error)
{
    struct job *job = work->running.job;

    job->error = error;
    job->events = work->safe_events;
    work_free(work);
    job->done(job);
}

/* ---------------------------------------------------------------- an event */

static bool is_chosen(const struct replay_work *work, const struct catalog_subscription *target)
{
    struct slice rest = buffer_slice(&work->names);

    while (rest.length > 0) {
        struct slice name = slice_make(rest.data, strlen((const char *)rest.data));
        if (equal_ignoring_case(name, buffer_slice(&target->name))) {
            return true;
        }
        rest = slice_from(rest, name.length + 1);
    }
    return work->names.length == 0;
}

/* False: not now. */
static bool send_to(struct replay_work *work, const struct event *event,
                    const struct catalog_subscription *target)
{
    const struct event_subscription *properties = target->properties;

    work->json.length = 0;
    event_render(&work->json, event, properties->delivery_schema,
                 event_subscription_has_data_schema(properties));
    if (!requeue_send(&work->requeue, buffer_slice(&target->queue),
                      &(struct queued_event){
                          .schema = properties->delivery_schema,
                          .json = buffer_slice(&work->json),
                          .id = event->id,
                          .data_version = event->data_version,
                          .published_ms = runner_now(work->runner),
                      })) {
        return false;
    }
    work->sent++;
    return true;
}

static bool send_event(struct replay_work *work, struct catalog_source *source,
                       const struct event *event)
{
    const uint32_t *numbers;
    size_t count;

    if (work->event_id.length > 0 && !slice_equal(event->id, buffer_slice(&work->event_id))) {
        return true;
    }
    work->running.job->is_found = true;
    source = catalog_source_of(source, event);
    catalog_prepare(source);
    numbers = filter_set_match(source->filters, event, &count);
    for (; work->target < count; work->target++) {
        const struct catalog_subscription *target = source->targets[numbers[work->target]];
        if (is_chosen(work, target) && !send_to(work, event, target)) {
            return false;
        }
    }
    return true;
}

static bool is_in_time(const struct replay_work *work, int64_t accepted_ms)
{
    return accepted_ms >= work->since_ms && (work->until_ms == 0 || accepted_ms < work->until_ms);
}

/* What is none, or does not fit its source any more, is passed over. */
static bool send_line(struct replay_work *work, struct catalog_source *source, struct slice text)
{
    struct archive_line line;
    const struct event *event;

    if (!archive_line_read(text, &line) || !is_in_time(work, line.accepted_ms)) {
        return true;
    }
    event =
        stored_event_read(&work->scratch, work->runner->gateway, source, line.schema, line.json);
    return !event || send_event(work, source, event);
}

/* ---------------------------------------------------------------- a piece */

static void next_file(struct replay_work *work);
static void read_piece(struct replay_work *work);

static void send_piece(struct replay_work *work)
{
    struct catalog_source *source =
        catalog_find(work->runner->grid->catalog, buffer_slice(&work->source_key));
    struct slice rest, line;

    if (!source) {
        end(work, "the event topic is gone");
        return;
    }
    rest = slice_from(buffer_slice(&work->piece), work->at);
    while (line_next(&rest, &line)) {
        if (!send_line(work, source, line)) {
            requeue_settle(&work->requeue);
            return;
        }
        work->at = work->piece.length - rest.length;
        work->target = 0;
    }
    if (work->sent > work->safe_events) {
        requeue_settle(&work->requeue);
    } else {
        work->offset += work->piece.length;
        read_piece(work);
    }
}

static void on_settled(struct requeue *requeue, bool is_good)
{
    struct replay_work *work = CONTAINER_OF(requeue, struct replay_work, requeue);

    bool goes_on = work->at > work->safe_at || work->target > work->safe_target;

    work->tries = is_good && goes_on ? 0 : work->tries + 1;
    if (work->tries > REQUEUE_TRIES_MAX) {
        end(work, "the broker does not take the events");
        return;
    }
    if (is_good) {
        work->safe_at = work->at;
        work->safe_target = work->target;
        work->safe_events = work->sent;
    } else {
        work->at = work->safe_at;
        work->target = work->safe_target;
        work->sent = work->safe_events;
    }
    send_piece(work);
}

static void do_task(struct replay_work *work, enum file_task_kind kind, struct slice path,
                    void (*done)(struct file_task *task))
{
    const struct outside *outside = &work->runner->grid->options.outside;
    struct buffer text = work->task.text;

    text.length = 0;
    work->task = (struct file_task){.kind = kind,
                                    .root = ROOT_ARCHIVE,
                                    .path = path,
                                    .offset = work->offset,
                                    .length_max = kind == FILE_READ ? work->piece_max : 0,
                                    .text = text,
                                    .done = done};
    outside->ops->file(outside->context, &work->task);
}

static void on_read(struct file_task *task)
{
    struct replay_work *work = CONTAINER_OF(task, struct replay_work, task);
    size_t length = task->text.length;

    if (task->error) {
        end(work, task->error);
        return;
    }
    while (length > 0 && task->text.data[length - 1] != '\n') {
        length--;
    }
    if (length == 0 && task->text.length == work->piece_max && work->piece_max < LINE_MAX_BYTES) {
        work->piece_max = LINE_MAX_BYTES;
        read_piece(work);
        return;
    }
    work->piece.length = 0;
    buffer_append(&work->piece, slice_make(task->text.data, length));
    work->at = work->safe_at = work->target = work->safe_target = 0;
    work->piece_max = PIECE_BYTES;
    if (length == 0) { /* the end, or what a crash has cut off */
        next_file(work);
    } else {
        send_piece(work);
    }
}

static void read_piece(struct replay_work *work)
{
    do_task(work, FILE_READ, buffer_slice(&work->path), on_read);
}

/* ---------------------------------------------------------------- files */

/* Can something of that time be in it? */
static bool is_of_interest(const struct replay_work *work, struct slice path)
{
    int64_t begins_ms;

    return archive_path_time(path, &begins_ms) && begins_ms + HOUR_MS > work->since_ms &&
           (work->until_ms == 0 || begins_ms < work->until_ms);
}

static void next_file(struct replay_work *work)
{
    struct slice rest = slice_from(buffer_slice(&work->paths), work->next_path), path;

    while (line_next(&rest, &path)) {
        work->next_path = work->paths.length - rest.length;
        if (is_of_interest(work, path)) {
            work->path.length = 0;
            buffer_append(&work->path, path);
            work->offset = 0;
            read_piece(work);
            return;
        }
    }
    end(work, NULL);
}

static void on_listed(struct file_task *task)
{
    struct replay_work *work = CONTAINER_OF(task, struct replay_work, task);

    if (task->error) {
        end(work, task->error);
        return;
    }
    buffer_append(&work->paths, buffer_slice(&task->text));
    next_file(work);
}

void archive_replay(struct runner *runner, const struct replay *replay, struct job *job)
{
    struct replay_work *work = memory_allocate_zero(sizeof(*work));

    work->running.job = job;
    work->runner = runner;
    work->since_ms = replay->since_ms;
    work->until_ms = replay->until_ms;
    work->piece_max = PIECE_BYTES;
    buffer_append(&work->source_key, replay->source_key);
    buffer_append(&work->event_id, replay->event_id);
    for (size_t i = 0; i < replay->name_count; i++) {
        buffer_append(&work->names, replay->names[i]);
        buffer_append_byte(&work->names, '\0');
    }
    requeue_init(&work->requeue, runner->gateway, on_settled);
    list_add_last(&runner->jobs, &work->running.link);
    job->under_way = work;
    job->cancel = cancel;
    do_task(work, FILE_LIST, buffer_slice(&work->source_key), on_listed);
}
