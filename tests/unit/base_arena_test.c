/* Memory that is thrown away as a whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdalign.h>
#include <stddef.h>

#include "base/arena.h"

TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct arena arena = {0};
    uint8_t *pieces[300];

    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_allocate(&arena, i * 7);
        CHECK_INT_EQUAL((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t at = 0; at < i * 7; at++) {
            CHECK_INT_EQUAL(pieces[i][at], 0);
        }
        memset(pieces[i], (int)(i & 0xFF), i * 7);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t at = 0; at < i * 7; at++) {
            CHECK_INT_EQUAL(pieces[i][at], i & 0xFF);
        }
    }
    arena_release(&arena);
}

TEST(copies_outlive_what_was_copied)
{
    struct arena arena = {0};
    char text[] = "text";
    struct slice copy = arena_copy(&arena, slice_from_string(text));

    text[0] = 'x';
    CHECK_SLICE_EQUAL(copy, SLICE_LITERAL("text"));
    CHECK_INT_EQUAL(arena_copy(&arena, SLICE_EMPTY).length, 0);
    arena_release(&arena);
    CHECK(!arena.blocks);
    CHECK_SLICE_EQUAL(arena_copy(&arena, SLICE_LITERAL("again")), SLICE_LITERAL("again"));
    arena_release(&arena);
}
