/* The table of blocks: finding, pins and sizes, by example and at random against a plain array.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "store/blocks.h"

TEST(an_empty_table)
{
    struct blocks blocks = {0};

    CHECK(blocks_find(&blocks, 5) == NULL);
    CHECK(!blocks_pin(&blocks, 5, 1));
    blocks_unpin(&blocks, 5);
    CHECK_INT_EQUAL(blocks_index(&blocks, 5), 0);
    blocks_trim(&blocks);
    blocks_release(&blocks);
}

TEST(a_block_covers_what_comes_before_the_next)
{
    struct blocks blocks = {0};

    blocks_add(&blocks, 100, 10, 0);
    blocks_add(&blocks, 200, 20, 0);
    blocks_add(&blocks, 300, 30, 0);
    CHECK(blocks_find(&blocks, 99) == NULL);
    CHECK_INT_EQUAL(blocks_find(&blocks, 100)->position, 100);
    CHECK_INT_EQUAL(blocks_find(&blocks, 199)->position, 100);
    CHECK_INT_EQUAL(blocks_find(&blocks, 200)->position, 200);
    CHECK_INT_EQUAL(blocks_find(&blocks, 1000)->position, 300);
    CHECK(blocks_find(&blocks, 1) == NULL);
    CHECK_INT_EQUAL(blocks_index(&blocks, 200), 1);
    CHECK_INT_EQUAL(blocks_index(&blocks, 201), 2);
    CHECK_INT_EQUAL(blocks.size, 60);
    CHECK_INT_EQUAL(blocks.dead_size, 60);
    blocks_release(&blocks);
}

TEST(a_block_lives_while_it_has_a_user)
{
    struct blocks blocks = {0};
    struct block *block = blocks_add(&blocks, 100, 10, 0);

    CHECK(blocks_pin(&blocks, 103, 2));
    CHECK(blocks_pin(&blocks, 101, 0)); /* nobody after all */
    CHECK_INT_EQUAL(block->live, 1);
    CHECK_INT_EQUAL(blocks.dead_size, 0);
    CHECK_INT_EQUAL(block_users(block, 103), 2);
    CHECK_INT_EQUAL(block_users(block, 101), 0);
    CHECK_INT_EQUAL(block_users(block, 102), 0);
    blocks_unpin(&blocks, 103);
    blocks_unpin(&blocks, 102);
    CHECK_INT_EQUAL(block->live, 1);
    blocks_unpin(&blocks, 103);
    CHECK_INT_EQUAL(block->live, 0);
    CHECK_INT_EQUAL(blocks.dead_size, 10);
    blocks_unpin(&blocks, 103); /* nobody is left */
    CHECK_INT_EQUAL(block_users(block, 103), 0);
    CHECK(blocks_pin(&blocks, 103, 1)); /* again */
    CHECK_INT_EQUAL(block->live, 1);
    CHECK_INT_EQUAL(blocks.dead_size, 0);
    blocks_release(&blocks);
}

TEST(a_position_too_far_behind_its_block_cannot_be_pinned)
{
    struct blocks blocks = {0};
    struct block *block = blocks_add(&blocks, 100, 10, 0);
    uint64_t far = UINT64_C(101) + UINT32_MAX;

    CHECK(!blocks_pin(&blocks, far, 1));
    CHECK_INT_EQUAL(block_users(block, far), 0);
    blocks_unpin(&blocks, far);
    CHECK(blocks_pin(&blocks, far - 1, 1));
    blocks_release(&blocks);
}

/* ---------------------------------------------------------------- against an array */

enum { BLOCKS_MAX = 400, FRAMES = 8, STEPS = 60000 };

struct model_block {
    uint64_t position, size;
    uint32_t users[FRAMES];
};

struct model {
    struct model_block blocks[BLOCKS_MAX];
    size_t count;
    uint64_t next;
};

static void model_add(struct model *model, struct blocks *blocks, uint64_t *random)
{
    struct model_block *block = &model->blocks[model->count];

    if (model->count == BLOCKS_MAX) {
        return;
    }
    model->next += 1 + test_random_below(random, 50);
    *block = (struct model_block){.position = model->next,
                                  .size = FRAMES + test_random_below(random, 100)};
    model->next += block->size;
    model->count++;
    blocks_add(blocks, block->position, block->size, 0);
}

/* Some neighbours become one block with what they have pinned, or go. */
static void model_replace(struct model *model, struct blocks *blocks, uint64_t *random)
{
    size_t from = test_random_below(random, (uint32_t)model->count);
    size_t to = from + test_random_below(random, 4);
    struct block made = {0};

    to = to > model->count ? model->count : to;
    size_t made_count = to > from && test_random_below(random, 2);
    if (made_count == 1) {
        /* The first stays as it is. */
        struct model_block *block = &model->blocks[from];
        made = (struct block){.position = block->position, .size = block->size, .cleaned = true};
        made.pins = memory_allocate(FRAMES * sizeof(*made.pins));
        made.pin_capacity = FRAMES;
        for (uint32_t i = 0; i < FRAMES; i++) {
            if (block->users[i] > 0) {
                made.pins[made.pin_count++] = (struct block_pin){i, block->users[i]};
                made.live++;
            }
        }
    }
    blocks_replace(blocks, from, to, &made, made_count);
    from += made_count;
    if (from < to) {
        memmove(model->blocks + from, model->blocks + to,
                (model->count - to) * sizeof(model->blocks[0]));
        model->count -= to - from;
    }
}

static void model_check(const struct model *model, struct blocks *blocks)
{
    uint64_t size = 0, dead = 0;

    CHECK_INT_EQUAL(blocks->count, model->count);
    for (size_t i = 0; i < model->count; i++) {
        const struct model_block *expected = &model->blocks[i];
        const struct block *block = &blocks->items[i];
        uint32_t live = 0;
        CHECK_INT_EQUAL(block->position, expected->position);
        for (uint32_t k = 0; k < FRAMES; k++) {
            CHECK_INT_EQUAL(block_users(block, expected->position + k), expected->users[k]);
            live += expected->users[k] > 0;
        }
        CHECK_INT_EQUAL(block->live, live);
        CHECK(blocks_find(blocks, expected->position + expected->size - 1) == block);
        size += expected->size;
        dead += live == 0 ? expected->size : 0;
    }
    CHECK_INT_EQUAL(blocks->size, size);
    CHECK_INT_EQUAL(blocks->dead_size, dead);
}

TEST(random_operations_against_an_array)
{
    struct model *model = memory_allocate_zero(sizeof(*model));
    struct blocks blocks = {0};
    uint64_t random = 9;

    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t what = test_random_below(&random, 100);
        test_note("step %u", step);
        if (what < 4 || model->count == 0) {
            model_add(model, &blocks, &random);
            continue;
        }
        struct model_block *block =
            &model->blocks[test_random_below(&random, (uint32_t)model->count)];
        uint32_t frame = test_random_below(&random, FRAMES);
        if (what < 50) {
            uint32_t users = test_random_below(&random, 3);
            CHECK(blocks_pin(&blocks, block->position + frame, users));
            block->users[frame] += users;
        } else if (what < 97) {
            blocks_unpin(&blocks, block->position + frame);
            block->users[frame] -= block->users[frame] > 0;
        } else if (what < 99) {
            model_replace(model, &blocks, &random);
        } else {
            blocks_trim(&blocks);
        }
        if (step % 64 == 0) {
            model_check(model, &blocks);
        }
    }
    model_check(model, &blocks);
    blocks_release(&blocks);
    free(model);
}
