/* What deliveries want of the world outside: HTTP requests, files. The seam between
 * bridge/dispatch, which is pure, and bridge/net; tests have their own. Single-threaded; nothing is
 * called back from inside a call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_OUTSIDE_H
#define PUBGRID_DISPATCH_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "eventgrid/outcome.h"

/* --- HTTP --- */

struct outside_answer {
    int status; /* 0: none came */
    enum delivery_failure failure;
    const char *reason;      /* without one; static */
    struct slice head, body; /* borrowed */
};

/* Embedded by who asks. */
struct outside_request {
    const char *method;            /* "POST", "OPTIONS" */
    struct slice url, lines, body; /* url and body stay until it is done; lines: only at once */
    uint32_t timeout_ms;
    void (*done)(struct outside_request *request, const struct outside_answer *answer);
    void *under_way; /* the implementation's */
};

/* --- files, below the folder of the store; work is done by another thread --- */

enum file_task_kind {
    FILE_WRITE,  /* a new file, whole, synced with its folder; missing folders are made */
    FILE_APPEND, /* to a file that is made if need be, synced */
    FILE_READ,   /* `text` gets it, from `offset`, at most `length_max` bytes */
    FILE_LIST,   /* `text` gets the paths of all files below, one a line, sorted */
    FILE_REMOVE,
};

struct file_task {
    enum file_task_kind kind;
    struct slice path;  /* relative; stays until it is done */
    struct slice bytes; /* to write; stays */
    uint64_t offset;
    uint64_t length_max;
    struct buffer text; /* read; the owner's */
    const char *error;  /* NULL: good; static or strerror's */
    void (*done)(struct file_task *task);
    void *under_way;
};

struct outside_ops {
    void (*request)(void *context, struct outside_request *request);
    void (*cancel_request)(void *context, struct outside_request *request);
    void (*file)(void *context, struct file_task *task);
    /* It is not done any more; a write may still happen. */
    void (*cancel_file)(void *context, struct file_task *task);
};

struct outside {
    const struct outside_ops *ops;
    void *context;
};

#endif
