/* Events that leave into files: dead letters, and what a source keeps. One file is written at a
 * time; the events that come meanwhile form the next one, and each is acknowledged when its file is
 * synced. What cannot be written is tried again, less and less often. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_FILE_H
#define PUBGRID_DISPATCH_RUNNER_FILE_H

#include "base/timers.h"
#include "dispatch/outside.h"
#include "dispatch/runner_window.h"

struct event_file;
struct runner;

/* --- implemented by who has one --- */
struct event_file_kind {
    enum file_task_kind task; /* FILE_WRITE or FILE_APPEND */
    enum file_root root;
    msec_t give_up_ms; /* from when on its events are dropped; MSEC_NEVER: they are not */
    void (*append_path)(struct event_file *file, const struct window_event *first,
                        struct buffer *out);
    /* May it be in the same file? NULL: always. */
    bool (*fits)(const struct window_event *first, const struct window_event *event);
    void (*append)(struct buffer *out, const struct window_event *event, bool is_first);
    const char *end;
    /* A file was written, or could not be; its events are still in `written`. NULL: nobody wants to
     * know. */
    void (*ended)(struct event_file *file, bool is_good);
};

struct event_file {
    const struct event_file_kind *kind;
    struct runner *runner;
    struct list waiting, written; /* struct window_event; the latter are in the file */
    struct file_task task;
    struct buffer path, text;
    struct timer again;
    unsigned tries; /* of this file, so far */
    msec_t first_try;
    uint64_t *counter, *dropped; /* add up events */
};

void event_file_init(struct event_file *file, const struct event_file_kind *kind,
                     struct runner *runner);
/* It is in no list. */
void event_file_add(struct event_file *file, struct window_event *event);
/* What is added has to wait until a file that could not be written is tried again. */
bool event_file_is_failing(const struct event_file *file);
/* The connection has ended: those that wait go. */
void event_file_forget(struct event_file *file);
/* No more comes of it; a write may still happen. */
void event_file_release(struct event_file *file);

#endif
