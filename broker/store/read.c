/* See read.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/read.h"

#include <stdlib.h>

#include "base/memory.h"

void store_read_init(struct store_read *read, unsigned shard, size_t count)
{
    *read = (struct store_read){
        .shard = shard,
        .count = count,
        .positions = memory_allocate_zero((count + 1) * sizeof(*read->positions)),
        .frames = memory_allocate_zero((count + 1) * sizeof(*read->frames)),
    };
}

void store_read_release(struct store_read *read)
{
    free(read->positions);
    free(read->frames);
    buffer_release(&read->bytes);
}
