/* See dead_letters.h.
 *
 *     list -> read a file -> take what is in it -> read the next one ...
 *
 * A file that was sent again is removed when its events are on the queue; those of it that were not
 * meant are in a new file before. So a crash in between only makes copies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dead_letters.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/dead_letter_name.h"
#include "dispatch/lines.h"
#include "dispatch/outside.h"
#include "dispatch/requeue.h"
#include "dispatch/runner_state.h"
#include "eventgrid/dead_letter.h"
#include "json/json.h"

enum { LIST_BYTES = 64 << 10 };

struct letters;

/* What is done with the files. */
struct letters_purpose {
    size_t
        list_bytes; /* that are listed at a time; 0: all at once, so that new files do not count */
    void (*take)(struct letters *letters);   /* letters->task.text; letters_go_on() follows */
    void (*finish)(struct letters *letters); /* there is no other; NULL: nothing is to be done */
};

struct letters {
    struct running_job running;
    struct runner *runner;
    const struct letters_purpose *purpose;
    struct buffer queue, folder; /* of the subscription */
    struct buffer paths, path;
    size_t next_path; /* bytes of `paths` */
    struct file_task task;
    const char *error; /* of the last file that could not be read */
    /* To list. */
    size_t files, files_max;
    /* To send. */
    struct buffer event_id;
    struct requeue requeue;
    struct buffer texts, others; /* others: the JSON of those that are not meant */
    size_t sent;
    bool is_whole; /* all of the file was sent */
    unsigned tries;
};

/* ---------------------------------------------------------------- making and ending */

static void letters_free(struct letters *letters)
{
    const struct outside *outside = &letters->runner->grid->options.outside;

    outside->ops->cancel_file(outside->context, &letters->task);
    list_remove(&letters->running.link);
    letters->running.job->under_way = NULL;
    requeue_release(&letters->requeue);
    buffer_release(&letters->task.text);
    buffer_release(&letters->queue);
    buffer_release(&letters->folder);
    buffer_release(&letters->paths);
    buffer_release(&letters->path);
    buffer_release(&letters->event_id);
    buffer_release(&letters->texts);
    buffer_release(&letters->others);
    free(letters);
}

static void cancel(struct job *job)
{
    letters_free(job->under_way);
}

static void end(struct letters *letters, const char *error)
{
    struct job *job = letters->running.job;

    job->error = error;
    letters_free(letters);
    job->done(job);
}

static void do_task(struct letters *letters, enum file_task_kind kind, struct slice path,
                    struct slice bytes, void (*done)(struct file_task *task))
{
    const struct outside *outside = &letters->runner->grid->options.outside;
    struct buffer text = letters->task.text;

    text.length = 0;
    letters->task = (struct file_task){
        .kind = kind,
        .root = ROOT_DEAD_LETTERS,
        .path = path,
        .bytes = bytes,
        .length_max = kind == FILE_LIST ? letters->purpose->list_bytes : 0,
        .text = text,
        .done = done,
    };
    outside->ops->file(outside->context, &letters->task);
}

/* ---------------------------------------------------------------- files */

static void letters_go_on(struct letters *letters);

/* The next one of the list that is the subscription's. */
static bool take_path(struct letters *letters)
{
    struct slice rest = slice_from(buffer_slice(&letters->paths), letters->next_path), path;

    while (line_next(&rest, &path)) {
        letters->next_path = letters->paths.length - rest.length;
        letters->path.length = 0;
        buffer_append(&letters->path, path);
        if (dead_letter_name_is_of(path, buffer_slice(&letters->queue))) {
            return true;
        }
    }
    return false;
}

static void on_read(struct file_task *task)
{
    struct letters *letters = CONTAINER_OF(task, struct letters, task);

    if (task->error) { /* another process may have sent it again */
        letters->error = task->error;
        letters_go_on(letters);
    } else {
        letters->purpose->take(letters);
    }
}

static void on_listed(struct file_task *task);

static void list(struct letters *letters)
{
    do_task(letters, FILE_LIST, buffer_slice(&letters->folder), buffer_slice(&letters->path),
            on_listed);
}

static void letters_go_on(struct letters *letters)
{
    if (take_path(letters)) {
        do_task(letters, FILE_READ, buffer_slice(&letters->path), SLICE_EMPTY, on_read);
    } else if (letters->paths.length > 0 && letters->purpose->list_bytes > 0) {
        list(letters); /* behind the last one */
    } else {
        if (letters->purpose->finish) {
            letters->purpose->finish(letters);
        }
        end(letters, letters->error);
    }
}

static void on_listed(struct file_task *task)
{
    struct letters *letters = CONTAINER_OF(task, struct letters, task);

    if (task->error) {
        end(letters, task->error);
        return;
    }
    letters->paths.length = letters->next_path = 0;
    buffer_append(&letters->paths, buffer_slice(&task->text));
    letters_go_on(letters);
}

static struct letters *letters_new(struct runner *runner, const struct letters_purpose *purpose,
                                   const struct catalog_subscription *subscription, struct job *job)
{
    struct letters *letters = memory_allocate_zero(sizeof(*letters));

    letters->running.job = job;
    letters->runner = runner;
    letters->purpose = purpose;
    buffer_append(&letters->queue, buffer_slice(&subscription->queue));
    dead_letter_folder_append(&letters->folder, subscription);
    list_add_last(&runner->jobs, &letters->running.link);
    job->under_way = letters;
    job->cancel = cancel;
    return letters;
}

/* ---------------------------------------------------------------- to list */

/* Whoever reads the file may find it gone, or not whole: then it is passed over. */
static void append_file(struct letters *letters)
{
    struct buffer *out = &letters->running.job->text;
    struct json_value file, item;
    struct json_walk walk;

    if (!json_parse(buffer_slice(&letters->task.text), &file) || file.type != JSON_ARRAY) {
        return;
    }
    walk = json_elements(&file);
    while (json_next_element(&walk, &item)) {
        if (out->data[out->length - 1] == '}') {
            buffer_append_byte(out, ',');
        }
        buffer_append_string(out, "{\"file\":");
        json_append_string(out, buffer_slice(&letters->path));
        buffer_append_string(out, ",\"event\":");
        buffer_append(out, item.text);
        buffer_append_byte(out, '}');
    }
}

static void end_page(struct letters *letters)
{
    buffer_append_byte(&letters->running.job->text, ']');
    if (letters->files >= letters->files_max) {
        buffer_append_string(&letters->running.job->text, ",\"next\":");
        json_append_string(&letters->running.job->text, buffer_slice(&letters->path));
    }
    buffer_append_byte(&letters->running.job->text, '}');
    letters->error = NULL; /* files that have gone meanwhile are none */
}

static void take_to_list(struct letters *letters)
{
    append_file(letters);
    if (++letters->files < letters->files_max) {
        letters_go_on(letters);
    } else {
        end_page(letters);
        end(letters, NULL);
    }
}

static const struct letters_purpose to_list = {LIST_BYTES, take_to_list, end_page};

void dead_letters_list(struct runner *runner, const struct catalog_subscription *subscription,
                       struct slice after, uint32_t files_max, struct job *job)
{
    struct letters *letters = letters_new(runner, &to_list, subscription, job);

    letters->files_max = files_max > 0 && files_max < DEAD_LETTER_FILES_PER_PAGE_MAX
                             ? files_max
                             : DEAD_LETTER_FILES_PER_PAGE_MAX;
    buffer_append(&letters->path, after);
    requeue_init(&letters->requeue, runner->gateway, NULL);
    buffer_append_string(&job->text, "{\"value\":[");
    list(letters);
}

/* ---------------------------------------------------------------- to send again */

static void on_removed(struct file_task *task)
{
    struct letters *letters = CONTAINER_OF(task, struct letters, task);

    letters->error = task->error ? task->error : letters->error;
    letters_go_on(letters);
}

static void remove_file(struct letters *letters)
{
    letters->running.job->events += letters->sent;
    do_task(letters, FILE_REMOVE, buffer_slice(&letters->path), SLICE_EMPTY, on_removed);
}

static void on_written(struct file_task *task)
{
    struct letters *letters = CONTAINER_OF(task, struct letters, task);

    if (task->error) {
        end(letters, task->error); /* the old file stays, with those that were sent */
    } else {
        remove_file(letters);
    }
}

static void write_others(struct letters *letters)
{
    struct gateway *gateway = letters->runner->gateway;
    struct buffer name = {0}, path = {0};

    buffer_append_byte(&letters->others, ']');
    dead_letter_name_append(&name, buffer_slice(&letters->queue), gateway->random);
    dead_letter_append_path(&path, buffer_slice(&letters->folder), gateway_now(gateway),
                            buffer_slice(&name));
    do_task(letters, FILE_WRITE, buffer_slice(&path), buffer_slice(&letters->others), on_written);
    buffer_release(&name);
    buffer_release(&path);
}

/* As one that has just been published: its time to live begins anew. */
static bool send(struct letters *letters, const struct queued_event *letter)
{
    struct queued_event event = *letter;

    event.published_ms = runner_now(letters->runner);
    event.attempts = 0;
    event.attempted_ms = 0;
    event.outcome = OUTCOME_DELIVERED;
    event.status = 0;
    event.hops = 0;
    return requeue_send(&letters->requeue, buffer_slice(&letters->queue), &event);
}

static bool is_meant(const struct letters *letters, const struct queued_event *letter)
{
    return letters->event_id.length == 0 ||
           slice_equal(letter->id, buffer_slice(&letters->event_id));
}

static void keep(struct letters *letters, const struct json_value *item)
{
    buffer_append_byte(&letters->others, letters->others.length == 0 ? '[' : ',');
    buffer_append(&letters->others, item->text);
}

/* The bounds of one file are those of what may wait for the broker, so it goes as a whole. False:
 * not now. */
static bool send_file(struct letters *letters)
{
    struct json_walk rest, ahead;
    struct json_value file, value;
    struct dead_letter_item item;

    letters->others.length = letters->sent = 0;
    if (!json_parse(buffer_slice(&letters->task.text), &file) || file.type != JSON_ARRAY) {
        return true;
    }
    rest = ahead = json_elements(&file);
    while (json_next_element(&ahead, &value)) {
        letters->texts.length = 0;
        if (!dead_letter_read(&rest, &letters->texts, &item)) {
            rest = ahead;
            keep(letters, &value);
        } else if (!is_meant(letters, &item.event)) {
            keep(letters, &value);
        } else if (!send(letters, &item.event)) {
            return false;
        } else {
            letters->sent++;
        }
    }
    return true;
}

static void take_to_send(struct letters *letters)
{
    letters->is_whole = send_file(letters);
    if (letters->is_whole && letters->sent == 0) {
        letters_go_on(letters);
    } else {
        requeue_settle(&letters->requeue);
    }
}

static void on_settled(struct requeue *requeue, bool is_good)
{
    struct letters *letters = CONTAINER_OF(requeue, struct letters, requeue);

    if (!is_good || !letters->is_whole) {
        if (++letters->tries > REQUEUE_TRIES_MAX) {
            end(letters, "the broker does not take the events");
        } else {
            take_to_send(letters);
        }
        return;
    }
    letters->tries = 0;
    if (letters->others.length > 0) {
        write_others(letters);
    } else {
        remove_file(letters);
    }
}

static const struct letters_purpose to_send = {0, take_to_send, NULL};

void dead_letters_resend(struct runner *runner, const struct catalog_subscription *subscription,
                         struct slice event_id, struct job *job)
{
    struct letters *letters = letters_new(runner, &to_send, subscription, job);

    buffer_append(&letters->event_id, event_id);
    requeue_init(&letters->requeue, runner->gateway, on_settled);
    list(letters);
}
