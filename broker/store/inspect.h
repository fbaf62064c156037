/* Looking at a store from outside, also while a broker uses it: nothing is changed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_INSPECT_H
#define PUBGRID_STORE_INSPECT_H

#include "store/format.h"
#include "store/loader.h"

struct store_inspection {
    struct store_head head;
    uint64_t rows, frames, blocks;
    uint64_t log_size;        /* bytes of the blocks */
    uint64_t used, file_size; /* bytes */
};

/* Reads all rows, then all frames, those that are kept as bodies only (before head.replay_from)
 * too; the head is there before the first is handed out. False: the reason is in `error`. */
bool store_inspect(const char *path, uint32_t core_version, const struct store_loader *loader,
                   struct store_inspection *inspection, struct buffer *error);

/* Rewrites the file without its free space; no broker may use it. False: the reason is in `error`,
 * and the file is as it was. */
bool store_compact(const char *path, uint32_t core_version, uint64_t *before, uint64_t *after,
                   struct buffer *error);

#endif
