/* A real store in a directory of its own, stepped by the test: what the tests of the store share.
 *
 * Frames, rows and sealed objects are texts. What a shard hears and what is loaded is a text too,
 * so that a test compares lines.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_STORE_FIXTURE_H
#define PUBGRID_TESTS_STORE_FIXTURE_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/store.h"
#include "test.h"

enum { FIXTURE_SHARDS_MAX = 4 };

struct fixture {
    char path[64];
    struct store_options options;
    struct store *store;
    struct mail_list inboxes[FIXTURE_SHARDS_MAX];
    struct buffer heard[FIXTURE_SHARDS_MAX];
    struct buffer loaded, error;
    int fault;                /* what commits come to; 0: they are made */
    uint32_t asked;           /* round of saving that the shards were asked for; 0: none */
    unsigned asked_count;     /* by so many mails */
    uint64_t replay_position; /* of the first frame that was loaded */
};

/* Its sealed objects name it. */
struct fixture_note {
    struct sealed sealed;
    struct buffer *heard;
    char text[24];
};

struct fixture_save {
    struct mail mail;
    uint32_t round;
};

static inline int fixture_remove(const char *path, const struct stat *status, int type,
                                 struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline void fixture_asked(struct mail *mail, void *receiver)
{
    struct fixture_save *save = CONTAINER_OF(mail, struct fixture_save, mail);
    struct fixture *fixture = receiver;

    if (fixture) {
        fixture->asked = save->round;
        fixture->asked_count++;
    }
    free(save);
}

static inline struct mail *fixture_save_mail(uint32_t round)
{
    struct fixture_save *save = memory_allocate_zero(sizeof(*save));

    save->mail.run = fixture_asked;
    save->round = round;
    return &save->mail;
}

static inline int fixture_fault(void *context, bool syncing)
{
    (void)syncing;
    return ((struct fixture *)context)->fault;
}

/* Options may be changed until it is opened. */
static inline void fixture_init(struct fixture *fixture, unsigned shards)
{
    *fixture = (struct fixture){.path = "/dev/shm/pubgrid-XXXXXX"};
    if (access("/dev/shm", W_OK) != 0) {
        strcpy(fixture->path, "/tmp/pubgrid-XXXXXX");
    }
    CHECK(mkdtemp(fixture->path) != NULL);
    log_set_level(LOG_ERROR);
    fixture->options = (struct store_options){
        .path = fixture->path,
        .size_maximum = 64 << 20,
        .save_bytes = 1 << 30,
        .core_version = 1,
        .shard_count = shards,
        .save = fixture_save_mail,
        .fault = fixture_fault,
        .fault_context = fixture,
        .unsafe = true,
    };
}

static inline bool fixture_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                               struct buffer *error)
{
    struct fixture *fixture = context;

    (void)error;
    buffer_append_format(&fixture->loaded, "%.*s=%.*s@%llu ", SLICE_PRINT(key), SLICE_PRINT(value),
                         (unsigned long long)stamp);
    return true;
}

static inline bool fixture_frame(void *context, uint64_t position, struct slice payload,
                                 struct buffer *error)
{
    struct fixture *fixture = context;

    (void)error;
    if (fixture->replay_position == 0) {
        fixture->replay_position = position;
    }
    buffer_append_format(&fixture->loaded, "%.*s ", SLICE_PRINT(payload));
    return true;
}

static inline const char *fixture_text(struct buffer *buffer)
{
    if (buffer->length == 0 || buffer->data[buffer->length - 1] != '\0') {
        buffer_append_byte(buffer, '\0');
    }
    buffer->length--;
    return (const char *)buffer->data;
}

/* False: the reason is in fixture->error. */
static inline bool fixture_try_open(struct fixture *fixture)
{
    struct store_loader loader = {fixture, fixture_row, fixture_frame};

    fixture->error.length = fixture->loaded.length = 0;
    fixture->replay_position = 0;
    fixture->store = store_open(&fixture->options, &fixture->error);
    return fixture->store && store_load(fixture->store, &loader, &fixture->error);
}

static inline void fixture_open(struct fixture *fixture)
{
    if (!fixture_try_open(fixture)) {
        test_fail(__FILE__, __LINE__, "%s", fixture_text(&fixture->error));
    }
}

static inline void fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
    for (unsigned i = 0; i < fixture->options.shard_count; i++) {
        mail_list_run(&fixture->inboxes[i], NULL);
    }
}

static inline void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

static inline void fixture_release(struct fixture *fixture)
{
    fixture_close(fixture);
    nftw(fixture->path, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    for (unsigned i = 0; i < FIXTURE_SHARDS_MAX; i++) {
        buffer_release(&fixture->heard[i]);
    }
    buffer_release(&fixture->loaded);
    buffer_release(&fixture->error);
}

/* What was loaded: rows as key=value@stamp, then frames. */
static inline void fixture_check_loaded(struct fixture *fixture, const char *expected)
{
    CHECK_STRING_EQUAL(fixture_text(&fixture->loaded), expected);
}

/* ---------------------------------------------------------------- batches */

static inline void fixture_note_run(struct sealed *sealed, void *receiver,
                                    const struct commit *commit)
{
    struct fixture_note *note = CONTAINER_OF(sealed, struct fixture_note, sealed);

    if (receiver) {
        buffer_append_format(note->heard, "%s%s%s ", note->text,
                             commit->result == STORE_OK ? "" : ":",
                             commit->result == STORE_OK ? "" : store_state_names[commit->result]);
    }
    free(note);
}

static inline struct batch *fixture_batch(const struct fixture *fixture)
{
    return batch_new(fixture->options.shard_count);
}

static inline uint32_t add_frame(struct batch *batch, const char *text)
{
    uint32_t offset = batch_frame_begin(batch);

    buffer_append_string(&batch->log, text);
    batch_frame_end(batch, offset);
    return offset;
}

static inline void add_row(struct batch *batch, const char *key, const char *value)
{
    batch_put(batch, slice_from_string(key), slice_from_string(value));
}

static inline void add_version(struct batch *batch, const char *key, uint64_t version,
                               const char *value)
{
    batch_put_versioned(batch, slice_from_string(key), version, slice_from_string(value));
}

static inline void add_note(struct fixture *fixture, struct batch *batch, unsigned shard,
                            const char *text)
{
    struct fixture_note *note = memory_allocate_zero(sizeof(*note));

    note->sealed.run = fixture_note_run;
    note->heard = &fixture->heard[shard];
    snprintf(note->text, sizeof(note->text), "%s", text);
    batch_seal(batch, shard, &note->sealed);
}

/* One step; everything that was posted is run. */
static inline bool fixture_step(struct fixture *fixture)
{
    bool any = store_step(fixture->store, fixture->inboxes);

    for (unsigned i = 0; i < fixture->options.shard_count; i++) {
        mail_list_run(&fixture->inboxes[i], fixture);
    }
    return any;
}

static inline void fixture_commit(struct fixture *fixture, struct batch *batch)
{
    store_submit(fixture->store, batch);
    fixture_step(fixture);
}

/* Until it has cleaned up. */
static inline void fixture_settle(struct fixture *fixture)
{
    while (fixture_step(fixture)) {
    }
}

/* What the shard has heard since the last time. */
static inline void fixture_check_heard(struct fixture *fixture, unsigned shard,
                                       const char *expected)
{
    CHECK_STRING_EQUAL(fixture_text(&fixture->heard[shard]), expected);
    fixture->heard[shard].length = 0;
}

/* A whole round of saving, in which every shard says that all is in rows. */
static inline void fixture_save(struct fixture *fixture)
{
    uint64_t save_bytes = fixture->options.save_bytes;

    CHECK(save_bytes > 0);
    while (fixture->asked == 0) { /* more of the log makes the store ask */
        struct batch *batch = fixture_batch(fixture);
        uint32_t offset = batch_frame_begin(batch);
        size_t length = (size_t)(save_bytes < 100000 ? save_bytes : 100000);
        memset(buffer_reserve(&batch->log, length), '.', length);
        batch->log.length += length;
        batch_frame_end(batch, offset);
        fixture_commit(fixture, batch);
    }
    CHECK_INT_EQUAL(fixture->asked_count, fixture->options.shard_count);
    for (unsigned i = 0; i < fixture->options.shard_count; i++) {
        struct batch *batch = fixture_batch(fixture);
        batch->saved_round = fixture->asked;
        store_submit(fixture->store, batch);
    }
    fixture->asked = fixture->asked_count = 0;
    fixture_settle(fixture);
}

/* ---------------------------------------------------------------- reading back */

struct fixture_read {
    struct store_read read;
    struct buffer *heard;
};

static inline void fixture_read_run(struct mail *mail, void *receiver)
{
    struct store_read *read = CONTAINER_OF(mail, struct store_read, mail);
    struct fixture_read *answer = CONTAINER_OF(read, struct fixture_read, read);

    for (size_t i = 0; receiver && i < read->count; i++) {
        buffer_append_format(answer->heard, "<%.*s> ", SLICE_PRINT(read->frames[i]));
    }
    store_read_release(read);
    free(answer);
}

/* The answer is heard as <payload> each, <> for what is gone. */
static inline void fixture_read(struct fixture *fixture, unsigned shard, const uint64_t *positions,
                                size_t count)
{
    struct fixture_read *answer = memory_allocate_zero(sizeof(*answer));

    store_read_init(&answer->read, shard, count);
    memcpy(answer->read.positions, positions, count * sizeof(*positions));
    answer->read.mail.run = fixture_read_run;
    answer->heard = &fixture->heard[shard];
    store_read(fixture->store, &answer->read);
}

#endif
