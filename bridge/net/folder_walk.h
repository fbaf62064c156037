/* Looks at a folder and all that is in it, step by step, and after that at what inotify says has
 * changed: what the implementation of dispatch/folder_watch.h does on another thread, for each of
 * its calls waits for the disk. inotify only says where to look; what is told is what is there.
 *
 * Not told are symbolic links and what is behind them, anything else that is no file, and what has
 * an ignored name, or is in a folder that has one. A file that is found (and not just closed, or
 * moved here) is told when it has not changed for a second: somebody may be writing it.
 *
 * All calls from one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_FOLDER_WALK_H
#define PUBGRID_NET_FOLDER_WALK_H

#include <stdbool.h>

#include "dispatch/folder_watch.h"

struct folder_walk;

/* Copies what it needs. */
struct folder_walk *folder_walk_new(const struct folder_watch *watch);
void folder_walk_free(struct folder_walk *walk);
/* Readable when there is something to do; -1: inotify has none for us, so it looks again and again.
 */
int folder_walk_descriptor(const struct folder_walk *walk);

enum walk_state {
    WALK_MORE, /* there is more to do now */
    WALK_IDLE, /* until the descriptor is readable, or folder_walk_wait_ms() have gone by */
};

/* Does some of the work; what is seen is added to `sights`. */
enum walk_state folder_walk_step(struct folder_walk *walk, struct folder_sights *sights);
/* MSEC_NEVER: the descriptor says when. */
msec_t folder_walk_wait_ms(const struct folder_walk *walk);

#endif
