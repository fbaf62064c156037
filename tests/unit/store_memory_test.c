/* Records with sealed mail, and the store in memory: every mail arrives at its shard, in the order
 * of submission, and what is not posted is freed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "store/record.h"
#include "store/store.h"

enum { SHARDS = 3 };

struct note {
    struct mail mail;
    unsigned number;
};

struct inbox {
    unsigned numbers[64];
    size_t count;
};

static unsigned orphans; /* notes run without a receiver */

static void note_run(struct mail *mail, void *context)
{
    struct note *note = CONTAINER_OF(mail, struct note, mail);
    struct inbox *inbox = context;

    if (inbox) {
        inbox->numbers[inbox->count++] = note->number;
    } else {
        orphans++;
    }
    free(note);
}

static void seal(struct record *record, unsigned shard, unsigned number)
{
    struct note *note = memory_allocate(sizeof(*note));

    *note = (struct note){.mail.run = note_run, .number = number};
    record_seal(record, shard, &note->mail);
}

struct fixture {
    struct mailbox boxes[SHARDS];
    struct mailbox *pointers[SHARDS];
    struct store *store;
};

static void fixture_open(struct fixture *fixture)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        CHECK_INT_EQUAL(mailbox_init(&fixture->boxes[i]), 0);
        fixture->pointers[i] = &fixture->boxes[i];
    }
    fixture->store = store_open_memory(fixture->pointers, SHARDS);
}

static struct inbox fixture_take(struct fixture *fixture, unsigned shard)
{
    struct inbox inbox = {.count = 0};
    struct mail_list mail = mailbox_take(&fixture->boxes[shard]);

    mail_list_run(&mail, &inbox);
    return inbox;
}

static void fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    for (unsigned i = 0; i < SHARDS; i++) {
        mailbox_release(&fixture->boxes[i]);
    }
}

TEST(sealed_mail_is_posted_in_order)
{
    struct record_list records = {0};
    struct fixture fixture;
    unsigned number = 0;

    fixture_open(&fixture);
    for (unsigned i = 0; i < 10; i++) {
        struct record *record = record_new();
        if (i % 2) {
            buffer_append_string(&record->bytes, "fact"); /* the others are tickets */
        }
        seal(record, 0, number++);
        seal(record, 2, number++);
        seal(record, 0, number++);
        record_list_add(&records, record);
    }
    store_submit(fixture.store, &records);
    CHECK(!records.first && !records.last);
    struct inbox first = fixture_take(&fixture, 0);
    struct inbox second = fixture_take(&fixture, 1);
    struct inbox third = fixture_take(&fixture, 2);
    CHECK_INT_EQUAL(first.count, 20);
    CHECK_INT_EQUAL(second.count, 0);
    CHECK_INT_EQUAL(third.count, 10);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_INT_EQUAL(first.numbers[2 * i], 3 * i);
        CHECK_INT_EQUAL(first.numbers[2 * i + 1], 3 * i + 2);
        CHECK_INT_EQUAL(third.numbers[i], 3 * i + 1);
    }
    fixture_close(&fixture);
}

TEST(an_empty_submission_does_nothing)
{
    struct record_list records = {0};
    struct fixture fixture;

    fixture_open(&fixture);
    store_submit(fixture.store, &records);
    record_list_add(&records, record_new()); /* a ticket without mail */
    store_submit(fixture.store, &records);
    for (unsigned i = 0; i < SHARDS; i++) {
        CHECK_INT_EQUAL(fixture_take(&fixture, i).count, 0);
    }
    fixture_close(&fixture);
}

TEST(a_record_that_is_not_submitted_frees_its_mail)
{
    struct record *record = record_new();

    orphans = 0;
    buffer_append_string(&record->bytes, "fact");
    seal(record, 0, 1);
    seal(record, 1, 2);
    record_free(record);
    CHECK_INT_EQUAL(orphans, 2);
    record_free(NULL);
}
