/* Damaged files: cut, overwritten, of a newer version, not ours. Opening and loading either give
 * everything as it was, or fail with a sentence; they never crash, hang, or change the file.
 *
 * Each variant is tried by a child process, which may do with its memory what it wants.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/format.h"
#include "store_fixture.h"

enum { ROWS = 600, COMMITS = 120, PAGE = 4096, HANG_SECONDS = 20 };

/* What a child says by its exit status. */
enum { LOADED_RIGHT, LOADED_OTHER, REFUSED_OPEN, REFUSED_LOAD, NO_REASON };

struct damage {
    struct fixture f;
    struct buffer good; /* the file */
    uint64_t digest;    /* of what is loaded from it */
};

/* ---------------------------------------------------------------- files */

static void file_path(const struct fixture *f, char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", f->path, name);
}

static void write_file(const struct fixture *f, struct slice bytes)
{
    char path[96];

    file_path(f, path, sizeof(path), "data.mdb");
    FILE *file = fopen(path, "wb");
    CHECK(file && (bytes.length == 0 || fwrite(bytes.data, 1, bytes.length, file) == bytes.length));
    fclose(file);
    file_path(f, path, sizeof(path), "lock.mdb");
    unlink(path);
}

static void read_file(const struct fixture *f, struct buffer *bytes)
{
    char path[96];
    struct stat status;

    file_path(f, path, sizeof(path), "data.mdb");
    FILE *file = fopen(path, "rb");
    CHECK(file && fstat(fileno(file), &status) == 0);
    bytes->length = 0;
    bytes->length =
        fread(buffer_reserve(bytes, (size_t)status.st_size + 1), 1, (size_t)status.st_size, file);
    fclose(file);
    CHECK_INT_EQUAL(bytes->length, status.st_size);
}

/* ---------------------------------------------------------------- a store with everything */

static void add_many_rows(struct batch *batch, uint64_t *random)
{
    struct buffer value = {0};

    for (unsigned i = 0; i < ROWS; i++) {
        char key[32];
        /* One in fifty goes over several pages. */
        size_t length =
            1 + (i % 50 == 0 ? 20000u : 0) + test_random_below(random, i % 7 == 0 ? 1500 : 60);
        memset(buffer_reserve(&value, length), 'a' + (int)(i % 26), length);
        value.length = length;
        snprintf(key, sizeof(key), "S%05u", i);
        batch_put(batch, slice_from_string(key), buffer_slice(&value));
        value.length = 0;
    }
    buffer_release(&value);
}

static void add_many_frames(struct fixture *f, unsigned number, uint64_t *random)
{
    struct batch *batch = fixture_batch(f);
    char text[64];

    for (unsigned i = 0; i < 12; i++) {
        snprintf(text, sizeof(text), "frame %u of commit %u", i, number);
        uint32_t offset = batch_frame_begin(batch);
        for (uint32_t k = test_random_below(random, i == 0 ? 60 : 3); k > 0; k--) {
            buffer_append_string(&batch->log, text);
        }
        batch_frame_end(batch, offset);
        if (i % 4 == 0) {
            batch_pin(batch, offset, 1);
        }
    }
    snprintf(text, sizeof(text), "R%u", number);
    add_version(batch, text, number + 1, number % 3 ? "retained" : "");
    fixture_commit(f, batch);
}

/* Rows and bodies of before a round of saving, frames behind it, and free pages. The last two
 * commits are the same, so that it does not matter which of them a damaged file still knows. */
static void damage_init(struct damage *damage)
{
    struct fixture *f = &damage->f;
    uint64_t random = 17;

    *damage = (struct damage){0};
    fixture_init(f, 1);
    f->options.save_bytes = 60000;
    fixture_open(f);
    struct batch *batch = fixture_batch(f);
    add_many_rows(batch, &random);
    fixture_commit(f, batch);
    for (unsigned i = 0; i < COMMITS; i++) {
        add_many_frames(f, i, &random);
    }
    CHECK(f->asked != 0);
    fixture_save(f);
    for (unsigned i = 0; i < COMMITS / 3; i++) {
        add_many_frames(f, i, &random);
    }
    for (unsigned i = 0; i < 2; i++) {
        batch = fixture_batch(f);
        add_row(batch, "Z", "the last");
        fixture_commit(f, batch);
    }
    fixture_settle(f);
    fixture_close(f);
    read_file(f, &damage->good);
    CHECK(damage->good.length > 50 * PAGE);
}

static void damage_release(struct damage *damage)
{
    fixture_release(&damage->f);
    buffer_release(&damage->good);
}

/* ---------------------------------------------------------------- a child's work */

static void digest_bytes(uint64_t *digest, struct slice bytes)
{
    *digest = XXH3_64bits_withSeed(bytes.data, bytes.length, *digest + bytes.length);
}

static bool digest_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                       struct buffer *error)
{
    (void)error;
    digest_bytes(context, key);
    digest_bytes(context, slice_make(&stamp, sizeof(stamp)));
    digest_bytes(context, value);
    return true;
}

static bool digest_frame(void *context, uint64_t position, struct slice payload,
                         struct buffer *error)
{
    (void)error;
    digest_bytes(context, slice_make(&position, sizeof(position)));
    digest_bytes(context, payload);
    return true;
}

static int try_load(struct damage *damage, uint64_t *digest)
{
    struct fixture *f = &damage->f;
    struct store_loader loader = {digest, digest_row, digest_frame};

    *digest = 0;
    f->error.length = 0;
    f->store = store_open(&f->options, &f->error);
    if (!f->store || !store_load(f->store, &loader, &f->error)) {
        return f->error.length == 0 ? NO_REASON : f->store ? REFUSED_LOAD : REFUSED_OPEN;
    }
    return *digest == damage->digest ? LOADED_RIGHT : LOADED_OTHER;
}

/* The child's exit status; the reason is in f.error, by a pipe. */
static int try_in_child(struct damage *damage)
{
    int pipe_fds[2], status;
    char text[512];
    uint64_t digest;

    CHECK(pipe(pipe_fds) == 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(HANG_SECONDS);
        int result = try_load(damage, &digest);
        ssize_t written =
            write(pipe_fds[1], damage->f.error.data, damage->f.error.length % sizeof(text));
        _exit(written < 0 ? NO_REASON : result);
    }
    close(pipe_fds[1]);
    damage->f.error.length = 0;
    for (ssize_t got; (got = read(pipe_fds[0], text, sizeof(text))) > 0;) {
        buffer_append(&damage->f.error, slice_make(text, (size_t)got));
    }
    close(pipe_fds[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        test_fail(__FILE__, __LINE__, "ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

/* Tries these bytes as data.mdb. A refused file must be as it was. */
static int try_bytes(struct damage *damage, struct slice bytes)
{
    struct buffer after = {0};

    write_file(&damage->f, bytes);
    int result = try_in_child(damage);
    if (result == REFUSED_OPEN || result == REFUSED_LOAD) {
        read_file(&damage->f, &after);
        CHECK(slice_equal(buffer_slice(&after), bytes));
        buffer_release(&after);
    } else if (result != LOADED_RIGHT && result != LOADED_OTHER) {
        test_fail(__FILE__, __LINE__, "the child ended with %d", result);
    }
    return result;
}

static void learn_digest(struct damage *damage)
{
    write_file(&damage->f, buffer_slice(&damage->good));
    CHECK(try_load(damage, &damage->digest) == LOADED_OTHER || damage->digest != 0);
    fixture_close(&damage->f);
    CHECK_INT_EQUAL(try_bytes(damage, buffer_slice(&damage->good)), LOADED_RIGHT);
}

/* ---------------------------------------------------------------- tests */

TEST(a_file_that_was_cut)
{
    struct damage damage;
    unsigned refused = 0;
    damage_init(&damage);
    learn_digest(&damage);
    size_t whole = damage.good.length;
    size_t cuts[80] = {1,        100,          PAGE - 1,     PAGE,     PAGE + 1, 2 * PAGE - 1,
                       2 * PAGE, 2 * PAGE + 1, 3 * PAGE + 7, whole - 1};
    size_t count = 10;
    for (; count < sizeof(cuts) / sizeof(cuts[0]); count++) {
        size_t pages = whole / PAGE * (count - 9) / 70;
        cuts[count] = pages * PAGE - (size_t)(count % 3 == 0) * 5;
    }
    for (size_t i = 0; i < count; i++) {
        test_note("cut to %zu of %zu bytes", cuts[i], whole);
        int result = try_bytes(&damage, slice_make(damage.good.data, cuts[i]));
        CHECK(result != LOADED_OTHER);
        CHECK(cuts[i] > whole / 2 || result != LOADED_RIGHT);
        refused += result != LOADED_RIGHT; /* else only room for later was cut off */
    }
    CHECK(refused > 60);
    damage_release(&damage);
}

/* One byte, some bytes or a page, anywhere. */
TEST(random_bytes_at_random_places)
{
    enum { VARIANTS = 400 };
    static const size_t lengths[] = {1, 1, 1, 8, 100, PAGE};
    struct damage damage;
    struct buffer bytes = {0};
    unsigned right = 0, refused = 0;
    uint64_t random = 4711;
    damage_init(&damage);
    learn_digest(&damage);
    for (unsigned i = 0; i < VARIANTS; i++) {
        size_t length = lengths[test_random_below(&random, 6)];
        size_t at = test_random_below(&random, (uint32_t)(damage.good.length - length));
        if (i % 4 == 0) { /* the head of some page, where the tree is */
            at = at / PAGE * PAGE + test_random_below(&random, 64);
            length = length > 8 ? 8 : length;
        } else if (i % 4 == 1) { /* the two pages with which all begins */
            at = test_random_below(&random, 2) * PAGE + test_random_below(&random, 160);
            length = length > 8 ? 1 : length;
        }
        bytes.length = 0;
        buffer_append(&bytes, buffer_slice(&damage.good));
        for (size_t k = 0; k < length; k++) {
            bytes.data[at + k] =
                (uint8_t)(bytes.data[at + k] + 1 + test_random_below(&random, 255));
        }
        test_note("variant %u, %zu bytes at %zu (page %zu, %zu)", i, length, at, at / PAGE,
                  at % PAGE);
        int result = try_bytes(&damage, buffer_slice(&bytes));
        CHECK(result != LOADED_OTHER);
        right += result == LOADED_RIGHT;
        refused += result != LOADED_RIGHT;
    }
    test_note(" ");
    printf("# %u files loaded, %u refused\n", right, refused);
    CHECK(right > 10 && refused > 50);
    buffer_release(&bytes);
    damage_release(&damage);
}

/* Where the row "M" with the head is in the file: it is overwritten in place. */
static size_t change_head(struct buffer *bytes, uint32_t format_version, uint32_t core_version)
{
    size_t found = 0;

    for (size_t at = 0; at + sizeof(struct store_head) < bytes->length; at++) {
        struct store_head head;
        struct row_header header = {0};
        if (memcmp(bytes->data + at, STORE_MAGIC, 8) != 0) {
            continue;
        }
        memcpy(&head, bytes->data + at, sizeof(head));
        head.format_version = format_version;
        head.core_version = core_version;
        header.checksum = row_checksum(SLICE_LITERAL("M"), 0, slice_make(&head, sizeof(head)));
        memcpy(bytes->data + at - sizeof(header), &header, sizeof(header));
        memcpy(bytes->data + at, &head, sizeof(head));
        found++;
    }
    return found;
}

TEST(a_newer_version_is_refused_and_named)
{
    struct damage damage;
    struct buffer bytes = {0};
    damage_init(&damage);
    for (unsigned i = 0; i < 2; i++) {
        bytes.length = 0;
        buffer_append(&bytes, buffer_slice(&damage.good));
        CHECK(change_head(&bytes, 1 + i, 2 - i) > 0);
        CHECK_INT_EQUAL(try_bytes(&damage, buffer_slice(&bytes)), REFUSED_OPEN);
        const char *text = fixture_text(&damage.f.error);
        CHECK(strstr(text, "cannot open the store"));
        CHECK(strstr(text, "it was written by a newer version of pubgrid"));
        CHECK(strstr(text, i ? "format 2.1, this program knows 1.1"
                             : "format 1.2, this program knows 1.1"));
    }
    damage.f.options.core_version = 3; /* older ones are known */
    learn_digest(&damage);
    buffer_release(&bytes);
    damage_release(&damage);
}

static void check_foreign(struct damage *damage, struct slice bytes, const char *reason)
{
    CHECK_INT_EQUAL(try_bytes(damage, bytes), REFUSED_OPEN);
    if (!strstr(fixture_text(&damage->f.error), reason)) {
        test_fail(__FILE__, __LINE__, "no \"%s\" in: %s", reason, fixture_text(&damage->f.error));
    }
}

TEST(files_of_others_are_refused)
{
    struct damage damage = {0};
    struct buffer bytes = {0};
    uint64_t random = 3;
    fixture_init(&damage.f, 1);
    check_foreign(&damage, SLICE_LITERAL("just a text\n"), "data.mdb is cut short");
    for (unsigned i = 0; i < 5 * PAGE; i++) {
        buffer_append_byte(&bytes, (uint8_t)test_random(&random));
    }
    check_foreign(&damage, buffer_slice(&bytes), "damaged, or not a store of pubgrid");
    memset(bytes.data, 0, bytes.length);
    check_foreign(&damage, buffer_slice(&bytes), "damaged, or not a store of pubgrid");
    buffer_release(&bytes);
    damage_release(&damage);
}

/* An LMDB file of somebody else: of one database, or of named ones; one may even be called rows. */
static void make_foreign(struct fixture *f, const char *name)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {1, (void *)(uintptr_t) "k"}, value = {5, (void *)(uintptr_t) "value"};

    CHECK(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 2) == 0);
    CHECK(mdb_env_open(env, f->path, MDB_NOSYNC, 0600) == 0);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, name, name ? MDB_CREATE : 0, &dbi) == 0);
    CHECK(mdb_put(txn, dbi, &key, &value, 0) == 0);
    CHECK(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

TEST(databases_of_others_are_refused)
{
    static const char *const names[] = {NULL, "theirs", "rows", "log"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct damage damage = {0};
        struct buffer bytes = {0};
        test_note("a database called %s", names[i] ? names[i] : "nothing");
        fixture_init(&damage.f, 1);
        make_foreign(&damage.f, names[i]);
        read_file(&damage.f, &bytes);
        check_foreign(&damage, buffer_slice(&bytes), "it is not a store of pubgrid");
        buffer_release(&bytes);
        damage_release(&damage);
    }
}

/* A crash before the first commit leaves an empty file, or one in which nothing is: both are new
 * stores. */
TEST(a_file_that_was_just_begun_is_a_new_store)
{
    struct fixture f;
    MDB_env *env;
    char path[96];
    fixture_init(&f, 1);
    write_file(&f, SLICE_EMPTY);
    fixture_open(&f);
    fixture_close(&f);
    file_path(&f, path, sizeof(path), "data.mdb");
    CHECK(unlink(path) == 0);
    CHECK(mdb_env_create(&env) == 0);
    CHECK(mdb_env_open(env, f.path, MDB_NOSYNC, 0600) == 0);
    mdb_env_close(env);
    fixture_open(&f);
    fixture_check_loaded(&f, "");
    fixture_release(&f);
}
