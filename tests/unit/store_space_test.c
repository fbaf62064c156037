/* The store that cannot write: what is refused, what is kept, and how it comes back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <lmdb.h>

#include "store_fixture.h"

/* An item of a kind, with everything that an item may have. */
static void add_item(struct fixture *f, struct batch *batch, bool refusable, const char *text)
{
    batch_begin(batch, refusable);
    uint32_t offset = add_frame(batch, text);
    if (refusable) {
        batch_pin(batch, offset, 1);
    } else {
        add_row(batch, text, "kept");
    }
    add_note(f, batch, 0, text);
}

static int state(const struct fixture *f)
{
    return atomic_load(store_state(f->store));
}

/* The fault is gone; steps until the store says so. */
static void recover(struct fixture *f)
{
    f->fault = 0;
    for (int i = 0; state(f) != STORE_OK; i++) {
        CHECK(i < 20000);
        usleep(1000);
        fixture_step(f);
    }
}

static void check_refusal(int fault, enum store_state expected, const char *heard)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.reserve = 1 << 16;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_item(&f, batch, true, "new-0");
    fixture_commit(&f, batch);
    fixture_check_heard(&f, 0, "new-0 ");
    f.fault = fault;
    batch = fixture_batch(&f);
    add_item(&f, batch, true, "new-1");
    add_item(&f, batch, false, "end-1");
    add_item(&f, batch, false, "end-2");
    add_item(&f, batch, true, "new-2");
    add_item(&f, batch, false, "end-3");
    fixture_commit(&f, batch);
    CHECK_INT_EQUAL(state(&f), expected);
    fixture_check_heard(&f, 0, heard);
    batch = fixture_batch(&f);
    add_item(&f, batch, false, "end-4");
    fixture_commit(&f, batch); /* waits */
    fixture_check_heard(&f, 0, "");
    recover(&f);
    fixture_check_heard(&f, 0, "end-1 end-2 end-3 end-4 ");
    batch = fixture_batch(&f);
    add_item(&f, batch, true, "new-3");
    fixture_commit(&f, batch);
    fixture_check_heard(&f, 0, "new-3 ");
    fixture_reopen(&f);
    fixture_check_loaded(&f, "end-1=kept@27 end-2=kept@40 end-3=kept@53 end-4=kept@66 "
                             "new-0 end-1 end-2 end-3 end-4 new-3 ");
    fixture_release(&f);
}

TEST(a_full_disk_refuses_new_messages_and_keeps_the_rest)
{
    check_refusal(-ENOSPC, STORE_FULL, "new-1:full new-2:full ");
}

TEST(so_does_lmdb_when_its_map_is_full)
{
    check_refusal(MDB_MAP_FULL, STORE_FULL, "new-1:full new-2:full ");
}

TEST(a_file_system_without_writes_does_the_same)
{
    check_refusal(-EROFS, STORE_READ_ONLY, "new-1:read-only new-2:read-only ");
}

TEST(the_reserve_is_given_up_and_made_again)
{
    char path[96];
    struct fixture f;
    fixture_init(&f, 1);
    f.options.reserve = 1 << 16;
    fixture_open(&f);
    snprintf(path, sizeof(path), "%s/reserve", f.path);
    CHECK(access(path, F_OK) == 0);
    f.fault = -ENOSPC;
    struct batch *batch = fixture_batch(&f);
    add_item(&f, batch, false, "end");
    fixture_commit(&f, batch);
    CHECK(access(path, F_OK) != 0);
    recover(&f);
    CHECK(access(path, F_OK) == 0);
    fixture_check_heard(&f, 0, "end ");
    fixture_release(&f);
}

/* A batch that is refused whole leaves nothing, and one that pins nothing waits for nothing. */
TEST(many_batches_without_space)
{
    struct fixture f;
    struct buffer heard = {0};
    fixture_init(&f, 1);
    fixture_open(&f);
    f.fault = -ENOSPC;
    for (int i = 0; i < 300; i++) {
        struct batch *batch = fixture_batch(&f);
        char text[24];
        snprintf(text, sizeof(text), "%s-%d", i % 3 ? "new" : "end", i);
        add_item(&f, batch, i % 3, text);
        store_submit(f.store, batch);
        if (i % 7 == 0) {
            fixture_step(&f);
        }
        if (i % 3 == 0) {
            buffer_append_format(&heard, "%s ", text);
        }
    }
    fixture_step(&f);
    f.heard[0].length = 0;
    recover(&f);
    fixture_check_heard(&f, 0, fixture_text(&heard));
    buffer_release(&heard);
    fixture_release(&f);
}

TEST(an_error_that_leaves_doubt_is_for_good)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_item(&f, batch, true, "good");
    fixture_commit(&f, batch);
    f.fault = -EIO;
    batch = fixture_batch(&f);
    add_item(&f, batch, true, "new");
    add_item(&f, batch, false, "end");
    fixture_commit(&f, batch);
    CHECK_INT_EQUAL(state(&f), STORE_FAILED);
    fixture_check_heard(&f, 0, "good new:failed end:failed ");
    f.fault = 0;
    batch = fixture_batch(&f);
    add_item(&f, batch, false, "later");
    fixture_commit(&f, batch);
    batch = fixture_batch(&f);
    add_note(&f, batch, 0, "empty");
    fixture_commit(&f, batch);
    CHECK_INT_EQUAL(state(&f), STORE_FAILED);
    fixture_check_heard(&f, 0, "later:failed empty:failed ");
    fixture_reopen(&f);
    CHECK_INT_EQUAL(state(&f), STORE_OK);
    fixture_check_loaded(&f, "good ");
    fixture_release(&f);
}

/* A round of saving survives that its commit fails. */
TEST(saving_goes_on_when_there_is_space_again)
{
    struct fixture f;
    fixture_init(&f, 1);
    f.options.save_bytes = 10;
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "more than ten bytes");
    fixture_commit(&f, batch);
    CHECK(f.asked != 0);
    f.fault = -ENOSPC;
    batch = fixture_batch(&f);
    add_row(batch, "S1", "saved");
    batch->saved_round = f.asked;
    fixture_commit(&f, batch);
    recover(&f);
    fixture_settle(&f);
    fixture_reopen(&f);
    fixture_check_loaded(&f, "S1=saved@28 ");
    fixture_release(&f);
}

/* More than fits: refused, then room is made by what may be written. */
TEST(the_size_is_bounded)
{
    struct fixture f;
    struct buffer text = {0};
    fixture_init(&f, 1);
    f.options.size_maximum = 4 << 20;
    fixture_open(&f);
    memset(buffer_reserve(&text, 100000), 'x', 100000);
    text.length = 100000;
    for (int i = 0; state(&f) == STORE_OK; i++) {
        CHECK(i < 100000);
        struct batch *batch = fixture_batch(&f);
        char key[16];
        snprintf(key, sizeof(key), "k%03d", i);
        batch_put(batch, slice_from_string(key), buffer_slice(&text));
        if (i < 100) {
            fixture_commit(&f, batch);
        } else {
            batch_free(batch);
            usleep(1000); /* the size is looked at once a second */
            fixture_step(&f);
        }
    }
    CHECK_INT_EQUAL(state(&f), STORE_FULL);
    struct batch *batch = fixture_batch(&f);
    batch_delete_prefix(batch, SLICE_LITERAL("k"));
    fixture_commit(&f, batch);
    recover(&f);
    buffer_release(&text);
    fixture_release(&f);
}
