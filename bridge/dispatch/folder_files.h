/* What is known of the files of a folder: of each what was told of it last, and what was seen last.
 * Where these differ an event is due. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FOLDER_FILES_H
#define PUBGRID_DISPATCH_FOLDER_FILES_H

#include "base/list.h"
#include "base/map.h"
#include "dispatch/folder_watch.h"
#include "eventgrid/folder_journal.h"

enum {
    FOLDER_FILES_MAX = 250000,
    FOLDER_FRESH_NS = 20 * 1000 * 1000, /* clocks of file systems go by ticks; within one of them a
                                         * file may change without another time of change */
};

struct folder_file {
    struct map_node node;
    struct list link; /* in files->due, or of who has taken it; else alone */
    struct file_facts told, seen;
    bool was_told, is_there; /* an event said that it is there; it was seen there */
    bool is_repeated;        /* it was closed, and looks as before, but so soon that it may have
                              * changed */
    bool is_uncertain;       /* something was about to be told when a process died */
    bool is_taken;           /* an event is on its way */
    bool was_fresh;          /* it had only just changed when it was seen */
    uint32_t round;          /* in which it was seen */
    size_t path_length;
    uint8_t path[];
};

struct folder_files {
    struct map by_path;
    struct list due; /* files of which an event is due, in turn */
    uint32_t round;
    bool is_full; /* there were more than FOLDER_FILES_MAX; of the others nothing is told */
};

void folder_files_init(struct folder_files *files);
void folder_files_release(struct folder_files *files);

static inline struct slice folder_file_path(const struct folder_file *file)
{
    return slice_make(file->path, file->path_length);
}

/* That was written before this process was there. */
void folder_files_restore(struct folder_files *files, const struct journal_line *line);
/* Takes in what was seen. */
void folder_files_see(struct folder_files *files, const struct folder_sights *sights,
                      const struct folder_report *report);
/* All that is there counts as told. */
void folder_files_take_for_told(struct folder_files *files);

/* --- events --- */

/* What the event is to say. */
struct folder_change {
    struct folder_file *file;
    struct file_facts facts; /* of one that is gone: what was told */
    bool is_gone, is_repeated;
};

/* The next one that is due; false: none is. Until told() or put_back() it is on its way. */
bool folder_files_take(struct folder_files *files, struct folder_change *change);
/* The file may be gone then. */
void folder_files_told(struct folder_files *files, const struct folder_change *change);
void folder_files_put_back(struct folder_files *files, const struct folder_change *change);

#endif
