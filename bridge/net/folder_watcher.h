/* Folders that are watched: dispatch/folder_watch.h by the loop and its threads. The loop waits for
 * inotify; each step (folder_walk.h) is done by another thread, for it waits for the disk, and what
 * it has seen is told by the loop before the next one begins. Single-threaded but for that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_FOLDER_WATCHER_H
#define PUBGRID_NET_FOLDER_WATCHER_H

#include <uv.h>

#include "base/list.h"
#include "dispatch/folder_watch.h"

struct folder_watcher {
    uv_loop_t *loop;
    struct list folders; /* struct watched_folder, also those that nobody wants any more */
    void (*closed)(void *context);
    void *context;
};

void folder_watcher_open(struct folder_watcher *watcher, uv_loop_t *loop);
void folder_watcher_watch(struct folder_watcher *watcher, struct folder_watch *watch);
/* Harmless if it is not watched. */
void folder_watcher_unwatch(struct folder_watch *watch);
/* Nothing is told any more; `closed` is called from the loop when nothing is left, perhaps at once.
 */
void folder_watcher_close(struct folder_watcher *watcher, void (*closed)(void *context),
                          void *context);

#endif
