/* What is told of a store's contents while it is read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_LOADER_H
#define PUBGRID_STORE_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* False ends it: the reason is in `error`. */
struct store_loader {
    void *context;
    bool (*row)(void *context, struct slice key, uint64_t stamp, struct slice value,
                struct buffer *error);
    bool (*frame)(void *context, uint64_t position, struct slice payload, struct buffer *error);
};

#endif
