/* The store with its threads: several shards submit at once, each hears what it sealed in order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <pthread.h>

#include "store/store_internal.h"
#include "store_fixture.h"

enum { THREADS = 4, BATCHES = 300, NOTES = 3 };

/* A shard's thread. */
struct submitter {
    pthread_t thread;
    struct fixture *fixture;
    struct mailbox *mailbox;
    unsigned index;
    unsigned next_seen[THREADS]; /* of the notes that each thread has sealed for this one */
    unsigned seen, wrong;
    uint64_t read_position;
    bool read_back;
};

struct threads {
    struct fixture f;
    struct mailbox mailboxes[THREADS];
    struct mailbox *pointers[THREADS];
    struct submitter submitters[THREADS];
};

struct numbered {
    struct sealed sealed;
    unsigned from, number;
};

static void numbered_run(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct numbered *numbered = CONTAINER_OF(sealed, struct numbered, sealed);
    struct submitter *submitter = receiver;

    if (submitter) {
        unsigned *next = &submitter->next_seen[numbered->from];
        submitter->wrong += numbered->number != (*next)++ || commit->result != STORE_OK;
        submitter->seen++;
        submitter->read_position = commit->base;
    }
    free(numbered);
}

static void seal_number(struct batch *batch, unsigned shard, unsigned from, unsigned number)
{
    struct numbered *numbered = memory_allocate_zero(sizeof(*numbered));

    numbered->sealed.run = numbered_run;
    numbered->from = from;
    numbered->number = number;
    batch_seal(batch, shard, &numbered->sealed);
}

static void run_mail(struct submitter *submitter, int timeout_ms)
{
    struct pollfd fd = {.fd = submitter->mailbox->wake_fd, .events = POLLIN};

    poll(&fd, 1, timeout_ms);
    struct mail_list mail = mailbox_take(submitter->mailbox);
    mail_list_run(&mail, submitter);
}

static void answered(struct mail *mail, void *receiver)
{
    struct store_read *read = CONTAINER_OF(mail, struct store_read, mail);
    struct submitter *submitter = receiver;

    if (submitter) {
        submitter->read_back = true;
        submitter->wrong += !slice_equal(read->frames[0], SLICE_LITERAL("a frame"));
    }
    store_read_release(read);
    free(read);
}

static void *submitter_main(void *context)
{
    struct submitter *submitter = context;
    struct fixture *f = submitter->fixture;

    for (unsigned i = 0; i < BATCHES; i++) {
        struct batch *batch = batch_new(THREADS);
        add_frame(batch, "a frame");
        add_row(batch, "row", "value");
        for (unsigned shard = 0; shard < THREADS; shard++) {
            for (unsigned k = 0; k < NOTES; k++) {
                seal_number(batch, shard, submitter->index, i * NOTES + k);
            }
        }
        store_submit(f->store, batch);
        if (i % 16 == submitter->index) {
            run_mail(submitter, 0);
        }
    }
    while (submitter->seen < THREADS * BATCHES * NOTES) {
        run_mail(submitter, 1000);
    }
    struct store_read *read = memory_allocate_zero(sizeof(*read));
    store_read_init(read, submitter->index, 1);
    read->positions[0] = submitter->read_position;
    read->mail.run = answered;
    store_read(f->store, read);
    while (!submitter->read_back) {
        run_mail(submitter, 1000);
    }
    return NULL;
}

/* Open, without threads of its own. */
static void threads_prepare(struct threads *threads, uint32_t relaxed_ms)
{
    struct fixture *f = &threads->f;

    fixture_init(f, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_INT_EQUAL(mailbox_init(&threads->mailboxes[i]), 0);
        threads->pointers[i] = &threads->mailboxes[i];
        threads->submitters[i] =
            (struct submitter){.fixture = f, .mailbox = &threads->mailboxes[i], .index = i};
    }
    f->options.mailboxes = threads->pointers;
    f->options.relaxed_ms = relaxed_ms;
    fixture_open(f);
}

static void threads_open(struct threads *threads, uint32_t relaxed_ms)
{
    threads_prepare(threads, relaxed_ms);
    CHECK(store_start(threads->f.store, &threads->f.error));
}

static void threads_release(struct threads *threads)
{
    fixture_close(&threads->f);
    for (unsigned i = 0; i < THREADS; i++) {
        mailbox_release(&threads->mailboxes[i]);
    }
    fixture_release(&threads->f);
}

static void check_order(uint32_t relaxed_ms)
{
    struct threads *threads = memory_allocate_zero(sizeof(*threads));
    struct store_status status;
    struct store_loader loader = {&threads->f, fixture_row, fixture_frame};

    threads_open(threads, relaxed_ms);
    for (unsigned i = 0; i < THREADS; i++) {
        struct submitter *submitter = &threads->submitters[i];
        CHECK_INT_EQUAL(pthread_create(&submitter->thread, NULL, submitter_main, submitter), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads->submitters[i].thread, NULL);
        CHECK_INT_EQUAL(threads->submitters[i].wrong, 0);
        CHECK_INT_EQUAL(threads->submitters[i].seen, THREADS * BATCHES * NOTES);
    }
    store_get_status(threads->f.store, &status);
    CHECK(status.commits <= THREADS * BATCHES);
    fixture_close(&threads->f);
    threads->f.loaded.length = 0;
    threads->f.store = store_open(&threads->f.options, &threads->f.error);
    CHECK(threads->f.store && store_load(threads->f.store, &loader, &threads->f.error));
    size_t frames = 0;
    for (const char *at = fixture_text(&threads->f.loaded); (at = strstr(at, "a frame ")); at++) {
        frames++;
    }
    CHECK_INT_EQUAL(frames, THREADS * BATCHES);
    threads_release(threads);
    free(threads);
}

TEST(each_thread_hears_all_in_order)
{
    check_order(0);
}

TEST(so_it_does_when_relaxed)
{
    check_order(20);
}

/* A lone batch is committed at once: a hundred after each other would take long if each waited for
 * a timer. */
TEST(a_lone_batch_waits_for_no_timer)
{
    struct threads *threads = memory_allocate_zero(sizeof(*threads));
    struct submitter *submitter = &threads->submitters[0];
    threads_open(threads, 0);
    int64_t started_ns = clock_monotonic_ns();
    for (unsigned i = 0; i < 100; i++) {
        struct batch *batch = batch_new(THREADS);
        add_frame(batch, "a frame");
        seal_number(batch, 0, 0, i);
        store_submit(threads->f.store, batch);
        while (submitter->seen <= i) {
            run_mail(submitter, 1000);
        }
    }
    CHECK(clock_monotonic_ns() - started_ns < INT64_C(20000000000)); /* timers fire once a second */
    CHECK_INT_EQUAL(submitter->wrong, 0);
    threads_release(threads);
    free(threads);
}

/* What was submitted before the end is committed, also if its commit would wait. */
TEST(closing_commits_what_is_left)
{
    for (uint32_t relaxed_ms = 0; relaxed_ms <= 60000; relaxed_ms += 60000) {
        struct threads *threads = memory_allocate_zero(sizeof(*threads));
        struct store_loader loader = {&threads->f, fixture_row, fixture_frame};
        threads_open(threads, relaxed_ms);
        for (unsigned i = 0; i < 50; i++) {
            struct batch *batch = batch_new(THREADS);
            add_frame(batch, "left");
            seal_number(batch, 1, 0, i);
            store_submit(threads->f.store, batch);
        }
        fixture_close(&threads->f);
        threads->f.store = store_open(&threads->f.options, &threads->f.error);
        CHECK(threads->f.store && store_load(threads->f.store, &loader, &threads->f.error));
        CHECK_INT_EQUAL(threads->f.loaded.length, 50 * 5);
        threads_release(threads);
        free(threads);
    }
}

/* Relaxed, with a cleaner that has work: the writer sleeps until its next commit is due. */
TEST(a_cleaner_that_must_wait_does_not_spin)
{
    struct threads *threads = memory_allocate_zero(sizeof(*threads));
    struct store_status status = {0};
    struct store *store;

    threads_prepare(threads, 200);
    store = threads->f.store;
    store->committed_at_ns = clock_monotonic_ns();
    cleaner_begin(&store->cleaner, 1);
    CHECK(store_start(store, &threads->f.error));
    for (unsigned i = 0; status.commits == 0; i++) {
        CHECK(i < 60 * 100);
        poll(NULL, 0, 10);
        store_get_status(store, &status);
    }
    CHECK(atomic_load(store_posted(store)) < 100); /* turns: some in an interval, not thousands */
    threads_release(threads);
    free(threads);
}
