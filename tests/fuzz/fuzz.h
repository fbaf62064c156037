/* What fuzz targets share: a check that stays in release builds, a heap copy of exactly the input's
 * bytes, so that AddressSanitizer sees the first byte read too far, and inputs that are lines.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_FUZZ_H
#define PUBGRID_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The caller frees its data. */
static inline struct slice fuzz_copy(struct slice bytes)
{
    uint8_t *copy = memory_allocate(bytes.length);

    if (bytes.length > 0) {
        memcpy(copy, bytes.data, bytes.length);
    }
    return slice_make(copy, bytes.length);
}

static inline void fuzz_free(struct slice copy)
{
    free((void *)(uintptr_t)copy.data);
}

/* Takes the first line, without its end, from the front of `rest`. */
static inline struct slice fuzz_take_line(struct slice *rest)
{
    const uint8_t *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;
    size_t length = end ? (size_t)(end - rest->data) : rest->length;
    struct slice line = slice_make(rest->data, length);
    *rest = slice_from(*rest, end ? length + 1 : length);
    return line;
}

#endif
