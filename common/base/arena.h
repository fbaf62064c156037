/* Memory for what is made piece by piece and thrown away as a whole: what was read from one
 * document, and lives as long as that. Zeroed memory is a valid empty arena. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_ARENA_H
#define PUBGRID_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* owned; the newest first */
};

/* Zeroed memory for any type, until arena_release(); never NULL. */
void *arena_allocate(struct arena *arena, size_t size) __attribute__((returns_nonnull));
struct slice arena_copy(struct arena *arena, struct slice bytes);
/* Frees all of it; the arena is empty and usable again. */
void arena_release(struct arena *arena);

#endif
