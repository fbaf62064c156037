/* The state file of a folder's source: lines of eventgrid/folder_journal.h, read once, then added
 * to, and written anew when most of them do not count any more. Written means: on the disk.
 * Single-threaded; nothing is called back from inside a call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FOLDER_STATE_H
#define PUBGRID_DISPATCH_FOLDER_STATE_H

#include "base/timers.h"
#include "dispatch/outside.h"
#include "eventgrid/folder_journal.h"

struct folder_state;
struct grid;

struct folder_state_events {
    /* While it is read. */
    void (*line)(void *context, const struct journal_line *line);
    /* All was. `is_new`: there is none, or one of another folder. */
    void (*read)(void *context, bool is_new);
    /* It is written anew: folder_state_add() for each file of which something was told, or is about
     * to be. */
    void (*append_known)(void *context, struct folder_state *state);
    /* What was added is on the disk. */
    void (*written)(void *context);
};

struct folder_state {
    struct grid *grid;
    const struct folder_state_events *events;
    void *context;
    struct slice directory;
    struct buffer path;  /* of the file, within its root */
    struct buffer lines; /* to be written */
    struct buffer name;  /* scratch */
    struct file_task task;
    struct timer timer; /* tries again */
    size_t line_count;  /* that are in the file, and those to be written */
    size_t known_count; /* of these, when it was written anew last */
    size_t begun;       /* bytes of a line that has not been read to its end */
    bool is_open;
    bool has_head, is_foreign; /* while it is read */
    bool is_writing, is_whole; /* also while it waits for the next try; the file anew */
};

/* Zeroed before; `directory` must stay. */
void folder_state_open(struct folder_state *state, struct grid *grid, struct slice name,
                       struct slice directory, const struct folder_state_events *events,
                       void *context);
/* Harmless if it was not opened. What is being written may still be. */
void folder_state_close(struct folder_state *state);

void folder_state_add(struct folder_state *state, const struct journal_line *line);
/* Writes what was added, if anything was; not while it is writing. */
void folder_state_write(struct folder_state *state);
/* Writes all that is known, in place of what is there. */
void folder_state_write_whole(struct folder_state *state);
static inline bool folder_state_is_writing(const struct folder_state *state)
{
    return state->is_writing;
}

#endif
