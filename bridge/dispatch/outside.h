/* What Event Grid wants of the world outside: HTTP requests, files, folders that are watched. The
 * seam between bridge/dispatch, which is pure, and bridge/net; tests have their own.
 * Single-threaded; nothing is called back from inside a call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_OUTSIDE_H
#define PUBGRID_DISPATCH_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "eventgrid/outcome.h"

struct folder_watch; /* folder_watch.h */

/* --- HTTP --- */

struct outside_answer {
    int status; /* 0: none came */
    enum delivery_failure failure;
    const char *reason;      /* without one; static */
    struct slice head, body; /* borrowed */
};

/* Embedded by who asks. */
struct outside_request {
    const char *method;     /* "POST", "OPTIONS", "GET" */
    struct slice url, body; /* stay until it is done */
    struct slice lines;     /* "Name: value" with a NUL behind each (eventgrid/delivery.h); needed
                             * only at once */
    uint32_t timeout_ms;
    void (*done)(struct outside_request *request, const struct outside_answer *answer);
    void *under_way; /* the implementation's */
};

/* --- files; work is done by another thread --- */

/* The folders that they are below; the configuration says where these are. */
enum file_root { ROOT_DEAD_LETTERS, ROOT_ARCHIVE, ROOT_SOURCES, FILE_ROOTS };

enum file_task_kind {
    FILE_WRITE,  /* a new file, whole or not at all, synced with its folder; missing folders are
                  * made */
    FILE_APPEND, /* lines, to a file that is made if need be, synced. A line that a crash has cut
                  * off before is ended first */
    FILE_READ,   /* `text` gets it, from `offset`, at most `length_max` bytes; nothing behind the
                  * end of the file */
    FILE_LIST,   /* `text` gets the paths of the files below the folder `path` (empty: all), one a
                  * line, folder by folder, numbers in names by their value, at most `length_max`
                  * bytes of whole lines. Those behind the path `bytes`, if it is given: so one goes
                  * on where the last list has ended. Empty for a folder that is not there */
    FILE_REMOVE,
};

enum { FILE_TEXT_MAX = 16 << 20 }; /* bytes that are read or listed, if `length_max` is 0 */

struct file_task {
    enum file_task_kind kind;
    enum file_root root;
    struct slice path;  /* relative to the root; one that leads out is refused */
    struct slice bytes; /* to write; path and bytes are needed only at once */
    uint64_t offset;
    uint64_t length_max; /* 0: FILE_TEXT_MAX */
    struct buffer text;  /* what was read is appended; the owner's */
    const char *error;   /* NULL: good; static or strerror's */
    bool is_missing;     /* then: there is no such file */
    void (*done)(struct file_task *task);
    void *under_way;
};

struct outside_ops {
    void (*request)(void *context, struct outside_request *request);
    void (*cancel_request)(void *context, struct outside_request *request);
    void (*file)(void *context, struct file_task *task);
    /* It is not done any more; a write may still happen. Harmless if it is not under way. */
    void (*cancel_file)(void *context, struct file_task *task);
    /* Begins to tell what is in a folder, and what becomes of it; until it is unwatched. */
    void (*watch)(void *context, struct folder_watch *watch);
    void (*unwatch)(void *context, struct folder_watch *watch);
};

struct outside {
    const struct outside_ops *ops;
    void *context;
};

#endif
