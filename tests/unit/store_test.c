/* The store in a directory of its own, step by step: order, what is there after it was opened
 * again, saving and cleaning.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

TEST(sealed_objects_come_after_the_commit_in_order)
{
    struct fixture f;
    fixture_init(&f, 3);
    fixture_open(&f);
    for (unsigned i = 0; i < 4; i++) {
        struct batch *batch = fixture_batch(&f);
        char text[24];
        for (unsigned shard = 0; shard < 3; shard += 1 + i % 2) {
            snprintf(text, sizeof(text), "%u.%u", i, shard);
            add_note(&f, batch, shard, text);
            add_frame(batch, text);
            add_note(&f, batch, (shard + 1) % 3, text);
        }
        store_submit(f.store, batch);
    }
    fixture_check_heard(&f, 0, "");
    fixture_step(&f);
    fixture_check_heard(&f, 0, "0.0 0.2 1.0 1.2 2.0 2.2 3.0 3.2 ");
    fixture_check_heard(&f, 1, "0.0 0.1 1.0 2.0 2.1 3.0 ");
    fixture_check_heard(&f, 2, "0.1 0.2 1.2 2.1 2.2 3.2 ");
    CHECK(!fixture_step(&f));
    fixture_release(&f);
}

/* A sealed object without anything to write waits its turn all the same. */
TEST(nothing_overtakes)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *writes = fixture_batch(&f), *waits = fixture_batch(&f);
    add_frame(writes, "x");
    add_note(&f, writes, 0, "first");
    add_note(&f, waits, 0, "second");
    store_submit(f.store, writes);
    store_submit(f.store, waits);
    fixture_step(&f);
    fixture_check_heard(&f, 0, "first second ");
    struct batch *alone = fixture_batch(&f);
    add_note(&f, alone, 0, "alone");
    fixture_commit(&f, alone);
    fixture_check_heard(&f, 0, "alone ");
    fixture_release(&f);
}

struct position_note {
    struct sealed sealed;
    struct commit *commit;
};

static void take_commit(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct position_note *note = CONTAINER_OF(sealed, struct position_note, sealed);

    (void)receiver;
    *note->commit = *commit;
    free(note);
}

TEST(positions_count_the_bytes_of_frames_for_ever)
{
    struct fixture f;
    struct commit commits[3] = {0};
    fixture_init(&f, 1);
    fixture_open(&f);
    for (int i = 0; i < 3; i++) {
        struct position_note *note = memory_allocate_zero(sizeof(*note));
        struct batch *batch = fixture_batch(&f);
        *note = (struct position_note){{.run = take_commit}, &commits[i]};
        add_frame(batch, "12345678");
        add_frame(batch, "1");
        batch_seal(batch, 0, &note->sealed);
        store_submit(f.store, batch);
        if (i == 1) {
            fixture_step(&f);
            fixture_reopen(&f);
        }
    }
    fixture_step(&f);
    CHECK_INT_EQUAL(commits[0].base, 1);
    CHECK_INT_EQUAL(commits[0].end, 26);
    CHECK_INT_EQUAL(commits[1].base, 26);
    CHECK_INT_EQUAL(commits[2].base, 51);
    CHECK_INT_EQUAL(commits[2].result, STORE_OK);
    fixture_release(&f);
}

TEST(rows_and_frames_are_there_after_reopening)
{
    struct fixture f;
    fixture_init(&f, 2);
    fixture_open(&f);
    fixture_check_loaded(&f, "");
    struct batch *batch = fixture_batch(&f);
    add_row(batch, "b", "1");
    add_frame(batch, "one"); /* 11 bytes */
    add_row(batch, "a", "2");
    add_row(batch, "b", "3");
    add_frame(batch, "two");
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_frame(batch, "three");
    add_row(batch, "ab", "4");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "a=2@12 ab=4@36 b=3@12 one two three ");
    fixture_reopen(&f);
    fixture_check_loaded(&f, "a=2@12 ab=4@36 b=3@12 one two three ");
    fixture_release(&f);
}

/* What a newer program commits, an older one would misread. */
TEST(the_first_commit_of_a_newer_program_makes_the_file_one_of_its_version)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    f.options.core_version = 2;
    fixture_reopen(&f);
    f.options.core_version = 1;
    fixture_reopen(&f); /* it has not committed anything */
    f.options.core_version = 2;
    fixture_reopen(&f);
    struct batch *batch = fixture_batch(&f);
    add_row(batch, "a", "1");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "a=1@1 ");
    fixture_close(&f);
    f.options.core_version = 1;
    CHECK(!fixture_try_open(&f));
    CHECK(strstr(fixture_text(&f.error), "format 1.2, this program knows 1.1"));
    fixture_release(&f);
}

TEST(rows_are_deleted_one_by_one_or_by_prefix)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    const char *const keys[] = {"a", "ab", "abc", "abd", "ac", "b"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        add_row(batch, keys[i], "x");
    }
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    batch_delete_prefix(batch, SLICE_LITERAL("ab"));
    batch_delete(batch, SLICE_LITERAL("b"));
    batch_delete(batch, SLICE_LITERAL("never"));
    batch_delete_prefix(batch, SLICE_LITERAL("z"));
    add_row(batch, "abe", "y");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "a=x@1 abe=y@1 ac=x@1 ");
    fixture_release(&f);
}

TEST(long_keys_and_values)
{
    struct fixture f;
    uint8_t key[511];
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    struct buffer value = {0};
    memset(key, 'k', sizeof(key));
    memset(buffer_reserve(&value, 300000), 'v', 300000);
    value.length = 300000;
    batch_put(batch, slice_make(key, sizeof(key)), buffer_slice(&value));
    uint32_t offset = batch_frame_begin(batch);
    buffer_append(&batch->log, buffer_slice(&value));
    batch_frame_end(batch, offset);
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    CHECK_INT_EQUAL(f.loaded.length, sizeof(key) + 1 + 300000 + 3 + 300000 + 1);
    buffer_release(&value);
    fixture_release(&f);
}

TEST(a_versioned_row_keeps_the_greatest_version)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_version(batch, "R1", 5, "five");
    add_version(batch, "R1", 4, "four");
    add_version(batch, "R2", 7, "seven");
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_version(batch, "R1", 5, "five again");
    add_version(batch, "R2", 8, "eight");
    add_version(batch, "R3", 9, ""); /* deleted before it was put */
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_version(batch, "R3", 6, "six");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "R1=five@5 R2=eight@8 R3=@9 ");
    batch = fixture_batch(&f);
    add_version(batch, "R3", 6, "six"); /* nor after a restart */
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "R1=five@5 R2=eight@8 R3=@9 ");
    fixture_release(&f);
}

TEST(deleted_versions_are_forgotten_after_a_round)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.save_bytes = 100;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_version(batch, "R1", 1, "x");
    add_version(batch, "R1", 2, "");
    add_version(batch, "R2", 3, "");
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_version(batch, "R2", 4, "again");
    fixture_commit(&f, batch);
    fixture_save(&f);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "R2=again@4 ");
    fixture_release(&f);
}

/* One that was deleted while the round was under way may still be overtaken by what the shards had
 * in hand. */
TEST(a_deletion_outlives_the_round_it_came_in)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.save_bytes = 10;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "more than ten bytes");
    fixture_commit(&f, batch);
    CHECK(f.asked != 0);
    batch = fixture_batch(&f);
    add_version(batch, "R1", 2, "");
    fixture_commit(&f, batch);
    fixture_save(&f);
    batch = fixture_batch(&f);
    add_version(batch, "R1", 1, "late");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    CHECK(strstr(fixture_text(&f.loaded), "R1=@2") != NULL);
    fixture_release(&f);
}

TEST(deleted_versions_of_before_a_restart_are_forgotten_too)
{
    struct fixture f;
    fixture_init(&f, 1);
    f.options.save_bytes = 100;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_version(batch, "R1", 2, "");
    add_row(batch, "S1", "x");
    fixture_commit(&f, batch);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "R1=@2 S1=x@1 ");
    fixture_save(&f);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "S1=x@1 ");
    fixture_release(&f);
}

TEST(an_unfinished_round_changes_nothing)
{
    struct fixture f;
    fixture_init(&f, 3);
    f.options.save_bytes = 30;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "before the round, long enough to ask");
    fixture_commit(&f, batch);
    CHECK(f.asked != 0);
    CHECK_INT_EQUAL(f.asked_count, 3);
    for (unsigned shard = 0; shard < 2; shard++) {
        batch = fixture_batch(&f);
        batch->saved_round = f.asked;
        fixture_commit(&f, batch);
    }
    fixture_settle(&f);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "before the round, long enough to ask ");
    fixture_release(&f);
}

TEST(a_finished_round_moves_where_replay_begins)
{
    struct fixture f;
    struct store_status status;
    fixture_init(&f, 3);
    f.options.save_bytes = 30;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "before the round, long enough to ask");
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_frame(batch, "meanwhile");
    fixture_commit(&f, batch);
    for (unsigned shard = 0; shard < 3; shard++) {
        batch = fixture_batch(&f);
        batch->saved_round = f.asked;
        add_frame(batch, "a frame");
        store_submit(f.store, batch);
        fixture_step(&f);
    }
    f.asked = 0;
    fixture_settle(&f);
    store_get_status(f.store, &status);
    CHECK_INT_EQUAL(status.saves, 1);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "meanwhile a frame a frame a frame ");
    CHECK_INT_EQUAL(f.replay_position, 1 + 8 + 36);
    fixture_release(&f);
}

/* ---------------------------------------------------------------- pins and cleaning */

/* A commit of 10 frames of which every `every`-th is pinned; their positions. */
static void commit_pinned(struct fixture *f, unsigned number, unsigned every, uint64_t *positions)
{
    struct batch *batch = fixture_batch(f);
    struct commit commit;
    struct position_note *note = memory_allocate_zero(sizeof(*note));
    uint32_t offsets[10];

    *note = (struct position_note){{.run = take_commit}, &commit};
    for (unsigned i = 0; i < 10; i++) {
        char text[128];
        snprintf(text, sizeof(text), "%u.%u", number, i);
        offsets[i] = add_frame(batch, text);
        if (i % every == 0) {
            batch_pin(batch, offsets[i], 2);
        }
    }
    batch_seal(batch, 0, &note->sealed);
    fixture_commit(f, batch);
    for (unsigned i = 0; i < 10; i++) {
        positions[i] = commit.base + offsets[i];
    }
}

static void unpin(struct fixture *f, uint64_t position)
{
    struct batch *batch = fixture_batch(f);

    batch_unpin(batch, position);
    fixture_commit(f, batch);
}

static void check_read(struct fixture *f, const uint64_t *positions, size_t count,
                       const char *expected)
{
    fixture_read(f, 0, positions, count);
    fixture_settle(f);
    fixture_check_heard(f, 0, expected);
}

TEST(pinned_frames_can_be_read_back_after_cleaning)
{
    enum { COMMITS = 40 };
    struct fixture f;
    uint64_t positions[COMMITS][10];
    struct store_status status;
    fixture_init(&f, 1);
    f.options.save_bytes = 6000;
    fixture_open(&f);
    for (unsigned i = 0; i < COMMITS; i++) {
        commit_pinned(&f, i, 5, positions[i]);
    }
    check_read(&f, positions[7], 10,
               "<7.0> <7.1> <7.2> <7.3> <7.4> <7.5> <7.6> <7.7> <7.8> <7.9> ");
    unpin(&f, positions[7][5]);
    fixture_save(&f);
    store_get_status(f.store, &status);
    CHECK(status.blocks < 5); /* small ones are written together */
    uint64_t mine[] = {positions[0][0], positions[7][0], positions[7][5], positions[39][5]};
    check_read(&f, mine, 4, "<0.0> <7.0> <7.5> <39.5> ");
    check_read(&f, &positions[7][1], 1, "<> ");
    /* The last of two users lets go. */
    unpin(&f, positions[7][5]);
    for (unsigned i = 10; i < COMMITS; i++) {
        for (unsigned k = 0; k < 20; k++) {
            unpin(&f, positions[i][k % 2 * 5]);
        }
    }
    fixture_save(&f);
    check_read(&f, mine, 4, "<0.0> <7.0> <> <> ");
    fixture_release(&f);
}

TEST(pins_of_a_loaded_store_are_those_that_core_says)
{
    struct fixture f;
    uint64_t positions[3][10];
    fixture_init(&f, 1);
    f.options.save_bytes = 500;
    fixture_open(&f);
    for (unsigned i = 0; i < 3; i++) {
        commit_pinned(&f, i, 1, positions[i]);
    }
    fixture_close(&f);
    fixture_open(&f);
    store_pin(f.store, positions[1][3]);
    store_pin(f.store, positions[1][4]);
    store_unpin(f.store, positions[1][4]);
    store_pin(f.store, positions[2][9]);
    fixture_save(&f);
    check_read(&f, &positions[0][0], 1, "<> ");
    uint64_t mine[] = {positions[1][3], positions[1][4], positions[2][9]};
    check_read(&f, mine, 3, "<1.3> <> <2.9> ");
    fixture_reopen(&f); /* bodies of before are not replayed */
    CHECK(strstr(fixture_text(&f.loaded), "1.3") == NULL);
    store_pin(f.store, positions[1][3]);
    check_read(&f, mine, 3, "<1.3> <> <2.9> ");
    fixture_save(&f);
    check_read(&f, mine, 3, "<1.3> <> <> ");
    fixture_release(&f);
}

static uint64_t file_size(const struct fixture *f)
{
    char path[96];
    struct stat status;

    snprintf(path, sizeof(path), "%s/data.mdb", f->path);
    CHECK(stat(path, &status) == 0);
    return (uint64_t)status.st_size;
}

/* Passes 40 MB through a store that keeps little of it. */
TEST(space_of_what_nobody_needs_is_used_again)
{
    struct fixture f;
    struct store_status status;
    uint64_t first = 0;
    fixture_init(&f, 1);
    f.options.save_bytes = 1 << 20;
    fixture_open(&f);
    for (unsigned i = 0; i < 40; i++) {
        fixture_save(&f);
        first = i == 5 ? file_size(&f) : first;
    }
    CHECK(file_size(&f) < first + (2 << 20));
    store_get_status(f.store, &status);
    CHECK(status.frames_bytes >= 40 << 20);
    CHECK(status.log_size < 4 << 20);
    CHECK(status.saves >= 40);
    CHECK(status.commit_us <= status.commit_us_maximum);
    fixture_release(&f);
}

/* Random commits, pins, rounds and reopenings; what is pinned is always there. */
TEST(random_pins_against_an_array)
{
    enum { COMMITS = 400 };
    struct fixture f;
    uint64_t(*positions)[10] = memory_allocate_zero(COMMITS * sizeof(*positions));
    uint8_t *users = memory_allocate_zero((size_t)COMMITS * 10);
    uint64_t random = 5;
    fixture_init(&f, 1);
    f.options.save_bytes = 3000;
    fixture_open(&f);
    for (unsigned i = 0; i < COMMITS; i++) {
        unsigned every = 1 + test_random_below(&random, 6);
        test_note("commit %u", i);
        commit_pinned(&f, i, every, positions[i]);
        for (unsigned k = 0; k < 10; k += every) {
            users[i * 10 + k] = 2;
        }
        for (unsigned k = 0; k < 12; k++) {
            unsigned which = test_random_below(&random, i * 10 + 10);
            if (users[which] > 0) {
                users[which]--;
                unpin(&f, positions[which / 10][which % 10]);
            }
        }
        if (f.asked) {
            fixture_save(&f);
        }
        if (i % 97 == 96) {
            fixture_reopen(&f);
            for (unsigned k = 0; k < i * 10 + 10; k++) {
                for (unsigned u = 0; u < users[k]; u++) {
                    store_pin(f.store, positions[k / 10][k % 10]);
                }
            }
        }
        for (unsigned k = 0; i % 10 == 0 && k < i * 10 + 10; k++) {
            char text[32];
            snprintf(text, sizeof(text), "<%u.%u> ", k / 10, k % 10);
            if (users[k] > 0) {
                check_read(&f, &positions[k / 10][k % 10], 1, text);
            }
        }
    }
    struct store_status status;
    store_get_status(f.store, &status);
    CHECK(status.blocks < COMMITS / 2);
    fixture_release(&f);
    free(positions);
    free(users);
}

/* ---------------------------------------------------------------- reading */

TEST(reads_wait_for_the_commit)
{
    struct fixture f;
    uint64_t position = 1;
    fixture_init(&f, 2);
    fixture_open(&f);
    fixture_read(&f, 1, &position, 1);
    fixture_step(&f);
    fixture_check_heard(&f, 1, "");
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "here");
    fixture_commit(&f, batch);
    fixture_check_heard(&f, 1, "<here> ");
    fixture_read(&f, 1, &position, 1); /* never answered: freed at the end */
    position = 1000;
    fixture_read(&f, 0, &position, 1);
    fixture_step(&f);
    fixture_check_heard(&f, 1, "<here> ");
    fixture_check_heard(&f, 0, "");
    fixture_release(&f);
}

TEST(relaxed_acknowledges_before_the_commit)
{
    struct fixture f;
    uint64_t position = 1 + 8 + 5;
    fixture_init(&f, 1);
    f.options.relaxed_ms = 200;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "first");
    fixture_commit(&f, batch); /* long after the last commit: at once */
    batch = fixture_batch(&f);
    add_frame(batch, "second");
    add_note(&f, batch, 0, "heard");
    fixture_commit(&f, batch);
    fixture_check_heard(&f, 0, "heard ");
    fixture_read(&f, 0, &position, 1);
    struct store_status status;
    store_get_status(f.store, &status);
    unsigned steps = 0;
    for (; status.commits < 2; steps++) {
        fixture_check_heard(&f, 0, ""); /* the read waits */
        usleep(1000);
        fixture_step(&f);
        store_get_status(f.store, &status);
    }
    CHECK(steps > 1);
    fixture_check_heard(&f, 0, "<second> ");
    fixture_reopen(&f);
    fixture_check_loaded(&f, "first second ");
    fixture_release(&f);
}
