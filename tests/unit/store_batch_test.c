/* Batches: what is in them, in order, and what of it is refused or kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/format.h"
#include "store_fixture.h"

enum { SHARDS = 3 };

struct world {
    struct fixture f; /* without a store: what is heard */
    struct batch *batch;
};

static void world_init(struct world *world)
{
    *world = (struct world){.batch = batch_new(SHARDS)};
    world->f.options.shard_count = SHARDS;
}

static void world_release(struct world *world)
{
    batch_free(world->batch);
    for (unsigned i = 0; i < SHARDS; i++) {
        mail_list_run(&world->f.inboxes[i], NULL);
        buffer_release(&world->f.heard[i]);
    }
}

static void run_inboxes(struct world *world)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        mail_list_run(&world->f.inboxes[i], &world->f);
    }
}

/* All frames as text. */
static void check_frames(const struct batch *batch, const char *expected)
{
    struct slice rest = buffer_slice(&batch->log), payload;
    struct buffer text = {0};

    while (rest.length > 0) {
        size_t size = frame_read(rest, &payload);
        CHECK(size > 0);
        buffer_append_format(&text, "%.*s ", SLICE_PRINT(payload));
        rest = slice_from(rest, size);
    }
    CHECK_STRING_EQUAL(fixture_text(&text), expected);
    buffer_release(&text);
}

/* All row changes as operation key=value@frames. */
static void check_rows(const struct batch *batch, const char *expected)
{
    static const char operations[] = {
        [ROW_PUT] = '+', [ROW_PUT_VERSIONED] = 'v', [ROW_DELETE] = '-', [ROW_DELETE_PREFIX] = '*'};
    struct row_change change;
    struct slice key, value;
    struct buffer text = {0};
    size_t at = 0;

    while (batch_next_row(batch, &at, &change, &key, &value)) {
        buffer_append_format(&text, "%c%.*s=%.*s@%u ", operations[change.operation],
                             SLICE_PRINT(key), SLICE_PRINT(value), change.frames);
    }
    CHECK_STRING_EQUAL(fixture_text(&text), expected);
    buffer_release(&text);
}

TEST(a_new_batch_is_empty)
{
    struct batch *batch = batch_new(SHARDS);

    CHECK(batch_is_empty(batch) && !batch_has_writes(batch));
    batch_begin(batch, true);
    batch_begin(batch, false);
    CHECK(batch_is_empty(batch));
    check_frames(batch, "");
    check_rows(batch, "");
    batch_free(batch);
    batch_free(NULL);
}

TEST(what_makes_a_batch_not_empty)
{
    struct world world;

    for (int what = 0; what < 6; what++) {
        world_init(&world);
        struct batch *batch = world.batch;
        switch (what) {
        case 0:
            add_frame(batch, "x");
            break;
        case 1:
            add_row(batch, "k", "v");
            break;
        case 2:
            batch_delete_prefix(batch, SLICE_LITERAL("k"));
            break;
        case 3:
            batch_unpin(batch, 7);
            break;
        case 4:
            batch->saved_round = 1;
            break;
        default:
            add_note(&world.f, batch, 2, "x");
        }
        CHECK(!batch_is_empty(batch));
        CHECK(batch_has_writes(batch) == (what < 3));
        world_release(&world);
    }
}

TEST(frames_and_rows_are_kept_in_order)
{
    struct batch *batch = batch_new(1);

    add_row(batch, "a", "1");
    CHECK_INT_EQUAL(add_frame(batch, "one"), 0);
    CHECK_INT_EQUAL(add_frame(batch, ""), 11);
    batch_delete(batch, SLICE_LITERAL("b"));
    CHECK_INT_EQUAL(add_frame(batch, "three"), 19);
    add_version(batch, "c", 9, "");
    batch_delete_prefix(batch, SLICE_LITERAL("d"));
    check_frames(batch, "one  three ");
    check_rows(batch, "+a=1@0 -b=@19 vc=@32 *d=@32 ");
    batch_free(batch);
}

TEST(a_damaged_frame_is_seen)
{
    struct batch *batch = batch_new(1);
    struct slice payload;

    add_frame(batch, "payload");
    for (size_t i = 0; i < batch->log.length; i++) {
        CHECK(frame_read(slice_make(batch->log.data, i), &payload) == 0);
        batch->log.data[i] ^= 1;
        CHECK(frame_read(buffer_slice(&batch->log), &payload) == 0);
        batch->log.data[i] ^= 1;
    }
    CHECK_INT_EQUAL(frame_read(buffer_slice(&batch->log), &payload), 15);
    batch_free(batch);
}

TEST(sealed_objects_are_posted_in_order_with_the_commit)
{
    struct world world;

    world_init(&world);
    add_note(&world.f, world.batch, 0, "a");
    batch_begin(world.batch, true);
    add_note(&world.f, world.batch, 2, "b");
    add_note(&world.f, world.batch, 0, "c");
    batch_begin(world.batch, false);
    add_note(&world.f, world.batch, 0, "d");
    batch_post(world.batch, STORE_OK, world.f.inboxes);
    CHECK(batch_is_empty(world.batch));
    CHECK(world.f.inboxes[0].first == world.f.inboxes[0].last); /* one mail a shard */
    run_inboxes(&world);
    fixture_check_heard(&world.f, 0, "a c d ");
    fixture_check_heard(&world.f, 1, "");
    fixture_check_heard(&world.f, 2, "b ");
    world_release(&world);
}

TEST(unposted_objects_are_freed_unheard)
{
    struct world world;

    world_init(&world);
    add_note(&world.f, world.batch, 1, "a");
    add_note(&world.f, world.batch, 1, "b");
    world_release(&world); /* the leak check sees it */
}

TEST(refusable_items_are_split_from_the_others)
{
    struct world world;
    struct batch *batch;

    world_init(&world);
    batch = world.batch;
    batch_begin(batch, true);
    batch_pin(batch, add_frame(batch, "new1"), 1); /* 12 bytes */
    add_row(batch, "n", "1");
    add_note(&world.f, batch, 0, "new1");
    batch_begin(batch, false);
    add_row(batch, "e", "0");
    add_frame(batch, "end1"); /* 12 bytes */
    add_row(batch, "e", "1");
    add_note(&world.f, batch, 0, "end1");
    add_note(&world.f, batch, 1, "end1");
    batch_begin(batch, true);
    batch_pin(batch, add_frame(batch, "new2"), 3);
    add_note(&world.f, batch, 0, "new2");
    batch_begin(batch, true); /* the same kind goes on */
    add_frame(batch, "new3");
    batch_begin(batch, false);
    batch_unpin(batch, 99);
    add_row(batch, "e", "2");
    add_frame(batch, "end2");
    batch_delete(batch, SLICE_LITERAL("f"));
    add_note(&world.f, batch, 0, "end2");
    batch->saved_round = 5;
    batch_refuse(batch, STORE_FULL, world.f.inboxes);
    run_inboxes(&world);
    fixture_check_heard(&world.f, 0, "new1:full new2:full ");
    fixture_check_heard(&world.f, 1, "");
    check_frames(batch, "end1 end2 ");
    check_rows(batch, "+e=0@0 +e=1@12 +e=2@12 -f=@24 ");
    CHECK_INT_EQUAL(batch->pins.length, 0);
    CHECK_INT_EQUAL(batch->unpins.length, 8);
    CHECK_INT_EQUAL(batch->saved_round, 5);
    /* The rest is refused no more. */
    batch_refuse(batch, STORE_FULL, world.f.inboxes);
    batch_refuse(batch, STORE_READ_ONLY, world.f.inboxes);
    run_inboxes(&world);
    fixture_check_heard(&world.f, 0, "");
    check_frames(batch, "end1 end2 ");
    check_rows(batch, "+e=0@0 +e=1@12 +e=2@12 -f=@24 ");
    batch_post(batch, STORE_OK, world.f.inboxes);
    run_inboxes(&world);
    fixture_check_heard(&world.f, 0, "end1 end2 ");
    fixture_check_heard(&world.f, 1, "end1 ");
    world_release(&world);
}

TEST(refusing_all_leaves_nothing)
{
    struct world world;

    world_init(&world);
    batch_begin(world.batch, true);
    add_frame(world.batch, "new");
    add_row(world.batch, "k", "v");
    add_note(&world.f, world.batch, 1, "new");
    batch_refuse(world.batch, STORE_FULL, world.f.inboxes);
    CHECK(batch_is_empty(world.batch));
    run_inboxes(&world);
    fixture_check_heard(&world.f, 1, "new:full ");
    world_release(&world);
}

/* Random items of both kinds against the text of those that are kept. */
TEST(random_items_are_split_right)
{
    uint64_t random = 3;

    for (int round = 0; round < 300; round++) {
        struct world world;
        struct buffer frames = {0}, rows = {0}, kept = {0}, refused = {0};
        uint32_t bytes = 0;
        test_note("round %d", round);
        world_init(&world);
        for (uint32_t i = 0, count = test_random_below(&random, 12); i < count; i++) {
            bool refusable = test_random_below(&random, 2);
            char text[24];
            snprintf(text, sizeof(text), "%u",
                     test_random(&random) >> test_random_below(&random, 30));
            batch_begin(world.batch, refusable);
            for (uint32_t k = test_random_below(&random, 3); k > 0; k--) {
                add_row(world.batch, "k", text);
                if (!refusable) {
                    buffer_append_format(&rows, "+k=%s@%u ", text, bytes);
                }
            }
            if (test_random_below(&random, 2)) {
                add_frame(world.batch, text);
                if (!refusable) {
                    buffer_append_format(&frames, "%s ", text);
                    bytes += 8 + (uint32_t)strlen(text);
                }
            }
            if (test_random_below(&random, 2)) {
                add_note(&world.f, world.batch, 0, text);
                buffer_append_format(refusable ? &refused : &kept, refusable ? "%s:full " : "%s ",
                                     text);
            }
        }
        batch_refuse(world.batch, STORE_FULL, world.f.inboxes);
        run_inboxes(&world);
        fixture_check_heard(&world.f, 0, fixture_text(&refused));
        check_frames(world.batch, fixture_text(&frames));
        check_rows(world.batch, fixture_text(&rows));
        batch_post(world.batch, STORE_OK, world.f.inboxes);
        run_inboxes(&world);
        fixture_check_heard(&world.f, 0, fixture_text(&kept));
        world_release(&world);
        buffer_release(&frames);
        buffer_release(&rows);
        buffer_release(&kept);
        buffer_release(&refused);
    }
}
