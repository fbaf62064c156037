/* One process writes a store at a time: a lock on DIR/lock, which also says who has it and when
 * that process was last alive.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_DIRECTORY_LOCK_H
#define PUBGRID_STORE_DIRECTORY_LOCK_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/clock.h"

struct directory_lock {
    int fd;            /* -1: not locked */
    msec_t last_alive; /* of the process that had it before; 0: nobody had */
    int reason;        /* errno of a failure; EWOULDBLOCK: another process has it */
};

/* Makes the directory (not its parents) and locks it; `waits`: for a process that is just ending.
 * False: the reason is in `error`. */
bool directory_lock(struct directory_lock *lock, const char *path, bool waits,
                    struct buffer *error);
/* Says that this process is alive. */
void directory_lock_touch(const struct directory_lock *lock);
void directory_unlock(struct directory_lock *lock);

#endif
