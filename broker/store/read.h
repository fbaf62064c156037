/* Frames to read back from the log: the question and, when its mail comes back, the answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_READ_H
#define PUBGRID_STORE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/mailbox.h"

/* `count` positions in ascending order. The store fills in `frames` and `bytes` and posts the mail
 * to `shard`. */
struct store_read {
    struct mail mail;
    unsigned shard;
    size_t count;
    uint64_t *positions;  /* owned */
    struct slice *frames; /* [count], of `bytes`: payloads; length 0: could not be read */
    struct buffer bytes;
};

/* With room for so many positions. */
void store_read_init(struct store_read *read, unsigned shard, size_t count);
void store_read_release(struct store_read *read);

#endif
