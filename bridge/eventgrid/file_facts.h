/* What a file system says of a file: as long as it is the same, the file is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FILE_FACTS_H
#define PUBGRID_EVENTGRID_FILE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct file_facts {
    uint64_t size;       /* bytes */
    int64_t modified_ns; /* since 1970 */
    uint64_t inode;
};

/* Another owner, mode or number of names makes no other file. */
static inline bool file_facts_equal(const struct file_facts *a, const struct file_facts *b)
{
    return a->size == b->size && a->modified_ns == b->modified_ns && a->inode == b->inode;
}

#endif
