/* One process uses a store at a time, and the other is told which one that is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "store/directory_lock.h"
#include "store_fixture.h"

static struct buffer read_file(const struct fixture *f, const char *name)
{
    char path[96];
    struct buffer bytes = {0};

    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    for (int c; (c = getc(file)) != EOF;) {
        buffer_append_byte(&bytes, (uint8_t)c);
    }
    fclose(file);
    return bytes;
}

TEST(a_second_one_is_told_who_has_it)
{
    struct fixture f;
    struct directory_lock lock;
    struct buffer error = {0};
    char expected[160];

    fixture_init(&f, 1);
    fixture_open(&f);
    CHECK(!directory_lock(&lock, f.path, false, &error));
    CHECK_INT_EQUAL(lock.reason, EWOULDBLOCK);
    snprintf(expected, sizeof(expected),
             "the store %s is in use by process %d: stop that one, or set store.path to another "
             "directory",
             f.path, getpid());
    CHECK_STRING_EQUAL(fixture_text(&error), expected);
    buffer_release(&error);
    fixture_release(&f);
}

TEST(a_second_one_waits_and_touches_nothing)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    struct batch *batch = fixture_batch(&f);
    add_frame(batch, "x");
    fixture_commit(&f, batch);
    struct buffer lock = read_file(&f, "lock"), data = read_file(&f, "data.mdb");
    struct fixture other = f;
    other.error = other.loaded = (struct buffer){0};
    CHECK(fixture_try_open(&other));
    CHECK_INT_EQUAL(atomic_load(store_state(other.store)), STORE_UNAVAILABLE);
    CHECK_SLICE_EQUAL(buffer_slice(&other.loaded), SLICE_EMPTY);
    store_step(other.store, other.inboxes);
    CHECK(!store_has_returned(other.store));
    struct buffer lock_after = read_file(&f, "lock"), data_after = read_file(&f, "data.mdb");
    CHECK_SLICE_EQUAL(buffer_slice(&lock_after), buffer_slice(&lock));
    CHECK(slice_equal(buffer_slice(&data_after), buffer_slice(&data)));
    batch = fixture_batch(&f); /* the first goes on */
    add_frame(batch, "y");
    fixture_commit(&f, batch);
    store_close(f.store);
    f.store = NULL;
    while (!store_has_returned(other.store)) { /* it looks once a second */
        store_step(other.store, other.inboxes);
    }
    store_close(other.store);
    fixture_open(&f);
    fixture_check_loaded(&f, "x y ");
    buffer_release(&lock);
    buffer_release(&data);
    buffer_release(&lock_after);
    buffer_release(&data_after);
    buffer_release(&other.loaded);
    fixture_release(&f);
}

TEST(the_lock_goes_with_its_process)
{
    struct fixture f;
    fixture_init(&f, 1);
    pid_t child = fork();
    if (child == 0) {
        _exit(fixture_try_open(&f) ? 0 : 1); /* without closing it */
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    fixture_open(&f);
    CHECK(store_last_alive(f.store) > 1600000000000);
    fixture_release(&f);
}

TEST(nobody_had_a_new_one)
{
    struct fixture f;
    fixture_init(&f, 1);
    fixture_open(&f);
    CHECK_INT_EQUAL(store_last_alive(f.store), 0);
    fixture_release(&f);
}

TEST(a_directory_that_cannot_be_made)
{
    struct directory_lock lock;
    struct buffer error = {0};

    CHECK(!directory_lock(&lock, "/nowhere/pubgrid/store", true, &error));
    CHECK_STRING_EQUAL(fixture_text(&error),
                       "cannot create the store /nowhere/pubgrid/store: No such file or directory; "
                       "create its parent directory, or set store.path");
    error.length = 0;
    CHECK(!directory_lock(&lock, "/dev/null", true, &error));
    CHECK_STRING_EQUAL(fixture_text(&error), "cannot open the store /dev/null: Not a directory");
    buffer_release(&error);
}
