/* Allocation that ends the program when memory is gone.
 *
 * Small allocations of our own making have no useful way to fail. Sizes that a peer chooses are
 * checked against a budget before they come here (invariant 6), so a peer cannot end us.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_MEMORY_H
#define PUBGRID_BASE_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

/* All return memory that the caller frees with free(). */
void *memory_allocate(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_allocate_zero(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_resize(void *old, size_t size) __attribute__((returns_nonnull));
/* Copy of the bytes with a NUL behind them (not counted in the slice's length). */
char *memory_copy_string(struct slice text) __attribute__((malloc, returns_nonnull));

/* The struct that holds `member` at address `pointer` (which may point to const). */
#define CONTAINER_OF(pointer, type, member) ((type *)((uintptr_t)(pointer)-offsetof(type, member)))

#endif
