/* inotify's watches on the folders below one, by the path that each had when it was watched; and
 * what they say, as hints where to look. Paths are within that folder; "" is the folder itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_FOLDER_HINTS_H
#define PUBGRID_NET_FOLDER_HINTS_H

#include <sys/inotify.h>

#include "base/buffer.h"
#include "base/map.h"
#include "dispatch/folder_watch.h"

struct folder_hints {
    int descriptor;     /* -1: there is none; then there are no hints */
    struct map folders; /* that are watched, by watch descriptor */
    uint8_t *bytes;     /* read and not taken, [length] from `at` on; aligned */
    size_t at, length;
    struct buffer path; /* of the last hint */
};

enum hint_kind {
    HINT_CLOSED,       /* a file was written or moved here */
    HINT_MADE,         /* a file was made, and perhaps not written yet */
    HINT_GONE,         /* a file was removed or moved away */
    HINT_FOLDER,       /* a folder was made or moved here */
    HINT_FOLDER_MOVED, /* a folder was moved away */
    HINT_FOLDER_GONE,  /* a folder was removed */
    HINT_ALL,          /* hints were lost */
    HINT_LOST,         /* the folder itself is not there any more */
};

struct folder_hint {
    enum hint_kind kind;
    struct slice path; /* valid until the next one is taken */
};

void folder_hints_open(struct folder_hints *hints);
void folder_hints_close(struct folder_hints *hints);
/* False, with errno; ENOSPC: the system has no more watches for this user. `absolute`: a folder,
 * where `path` is. Symbolic links are followed to "" only. */
bool folder_hints_watch(struct folder_hints *hints, const char *absolute, struct slice path);
/* Nothing is said of the folder and those in it any more; "": of none. */
void folder_hints_forget(struct folder_hints *hints, struct slice path);
/* Is the path the folder's, or of what is in it? */
bool folder_path_is_in(struct slice path, struct slice folder);
/* False: there is none now. */
bool folder_hints_take(struct folder_hints *hints, struct folder_hint *hint);

#endif
