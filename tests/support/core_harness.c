/* See core_harness.h. One turn of every shard is what a worker's loop turn is: timers, mail,
 * input, then the outbox; turns repeat until a whole round changes nothing.
 *
 * A mailbox is a queue: mail is run in the order in which it was posted, and a thread posts to one
 * shard after the other before it does anything else. So mail lies in its sender's row of `transit`
 * until it is posted, that is moved to the receiver's inbox; a shard begins no turn and submits no
 * batch, the store takes no step and does not say that it has posted, before its row is empty.
 * Unless things go by hand, mail is posted at once.
 *
 * Enhanced authentication knows one method, "CHALLENGE": the server sends the data "question" and
 * accepts the data "answer", telling "welcome". It stands for any method that needs one exchange.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/core_harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"
#include "core/recover.h"
#include "core/session_counts.h"
#include "core/shard.h"
#include "store/store_internal.h"
#include "support/core_harness_auth.h"

enum { START_OF_TIME = 1700000000000 / 1000, VECTORS = 16, TURNS_MAX = 100000 };

struct core_link {
    struct list all; /* in harness->links */
    struct core_harness *harness;
    struct connection connection;
    struct buffer input;    /* sent by the client, not yet used by core */
    struct buffer received; /* sent by the server, not yet consumed by the test */
    bool moving;            /* on its way to another shard */
    bool closed;            /* by the server */
    bool released;          /* core holds nothing of it any more */
    bool abandoned;         /* the test is done with it: free when released */
    bool stalled;
};

struct core_harness {
    struct broker broker;
    struct settings *settings;
    struct shard shards[CORE_HARNESS_SHARDS_MAX];
    struct shard *shard_pointers[CORE_HARNESS_SHARDS_MAX];
    struct mail_list inboxes[CORE_HARNESS_SHARDS_MAX];
    /* From each shard, and behind them the store, to each shard: not posted yet. */
    struct mail_list transit[CORE_HARNESS_SHARDS_MAX + 1][CORE_HARNESS_SHARDS_MAX];
    bool in_turn[CORE_HARNESS_SHARDS_MAX];
    bool by_hand;
    struct core_harness_settings wanted;
    struct store *store;       /* NULL: in memory */
    struct buffer log;         /* in memory: all frames; a position is an offset, plus one */
    _Atomic uint64_t posted;   /* what the store has posted to all; in memory: everything */
    _Atomic int store_is_good; /* in memory: STORE_OK */
    struct batch *first_batch, *last_batch;
    size_t batch_count;
    struct batch *outgoing[CORE_HARNESS_SHARDS_MAX]; /* to be submitted when mail is posted */
    bool hold_commits;
    struct list links;
    struct connection_origin origin;
    struct harness_auth auth;
    unsigned next_shard;
    msec_t now;
    bool busy; /* something happened in this round */
};

/* The message that moves a connection to the shard that owns its session. */
struct adopt_mail {
    struct mail mail;
    struct core_link *link;
};

/* Core's source of random bytes has no context, so the state is the thread's. */
static uint64_t *random_state(void)
{
    static _Thread_local uint64_t state;

    return &state;
}

/* splitmix64: core wants unpredictable bytes, tests want the same ones each time. */
static void seeded_random(void *out, size_t length)
{
    uint8_t *bytes = out;

    for (size_t i = 0; i < length; i++) {
        uint64_t z = (*random_state() += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        bytes[i] = (uint8_t)(z >> 56);
    }
}

void core_harness_defaults(struct core_harness_settings *settings)
{
    *settings = (struct core_harness_settings){.shards = 1, .anonymous_allowed = true, .seed = 1};
    core_options_defaults(&settings->options);
}

static void pin_frame(void *context, uint64_t position)
{
    store_pin(context, position);
}

static void unpin_frame(void *context, uint64_t position)
{
    store_unpin(context, position);
}

static bool open_store(struct core_harness *harness, struct buffer *error)
{
    const struct core_harness_settings *wanted = &harness->wanted;
    struct store_options options = {
        .path = wanted->store_path,
        .size_maximum = UINT64_C(1) << 28,
        .save_bytes = wanted->store_save_bytes ? wanted->store_save_bytes : 1 << 26,
        .core_version = CORE_FORMAT_VERSION,
        .shard_count = wanted->shards,
        .save = shard_save_mail,
        .fault = wanted->store_fault,
        .fault_context = wanted->store_fault_context,
        .unsafe = true,
    };

    harness->store = store_open(&options, error);
    if (harness->store) {
        harness->broker.store_state = store_state(harness->store);
        atomic_store(&harness->posted, 0);
    }
    return harness->store != NULL;
}

static bool load_store(struct core_harness *harness, msec_t alive_until, struct buffer *error)
{
    struct recovery_pins pins = {harness->store, pin_frame, unpin_frame};
    struct recovery *recovery = recovery_new(&harness->broker, &pins, alive_until);
    struct store_loader loader = recovery_loader(recovery);
    bool good = store_load(harness->store, &loader, error);

    if (good) {
        recovery_finish(recovery);
    }
    recovery_free(recovery);
    return good;
}

/* The state that a process has when it starts. */
static bool begin(struct core_harness *harness, msec_t alive_until, struct buffer *error)
{
    harness->broker.shard_count = harness->wanted.shards;
    harness->broker.shards = harness->shard_pointers;
    harness->broker.subscriptions = subscriptions_new();
    harness->broker.retained = retained_new();
    harness->broker.session_counts = session_counts_new();
    harness->broker.random = seeded_random;
    harness->broker.started_at = harness->now;
    harness->broker.version = "pubgrid version test";
    harness->broker.store_state = &harness->store_is_good;
    harness->posted = UINT64_MAX;
    harness->broker.store_posted = &harness->posted;
    harness->broker.next_durable_id = 1;
    for (unsigned i = 0; i < harness->wanted.shards; i++) {
        harness->shard_pointers[i] = &harness->shards[i];
    }
    for (unsigned i = 0; i < harness->wanted.shards; i++) {
        shard_init(&harness->shards[i], &harness->broker, i, settings_hold(harness->settings),
                   harness->now);
    }
    return !harness->wanted.store_path ||
           (open_store(harness, error) && load_store(harness, alive_until, error));
}

struct core_harness *core_harness_new(const struct core_harness_settings *settings)
{
    struct core_harness *harness = memory_allocate_zero(sizeof(*harness));
    struct rule_set *access = settings->access ? settings->access : rule_set_new();
    struct buffer error = {0};

    *random_state() = settings->seed;
    harness->wanted = *settings;
    harness->now = (msec_t)START_OF_TIME * 1000;
    list_init(&harness->links);
    harness_auth_init(&harness->auth, settings->users, settings->user_count, &harness->now,
                      &harness->broker.authenticator);
    harness->origin = (struct connection_origin){.peer_address = "test",
                                                 .anonymous_allowed = settings->anonymous_allowed};
    harness->settings = settings_new(&settings->options, access);
    if (!begin(harness, 0, &error)) {
        fprintf(stderr, "%.*s\n", SLICE_PRINT(error));
        abort();
    }
    core_harness_settle(harness);
    return harness;
}

static void release_connection(struct core_link *link)
{
    if (!link->released && !link->moving) {
        connection_lost(&link->connection);
        list_remove(&link->connection.dirty);
        link->released = connection_release(&link->connection);
    }
}

static void free_link(struct core_link *link)
{
    list_remove(&link->all);
    buffer_release(&link->input);
    buffer_release(&link->received);
    free(link);
}

/* --- posting --- */

static bool has_posted(const struct core_harness *harness, unsigned from)
{
    for (unsigned to = 0; to < harness->broker.shard_count; to++) {
        if (harness->transit[from][to].first) {
            return false;
        }
    }
    return true;
}

static void submit_batch(struct core_harness *harness, unsigned index)
{
    struct batch *batch = harness->outgoing[index];

    if (!batch) {
        return;
    }
    harness->outgoing[index] = NULL;
    batch->next = NULL;
    *(harness->first_batch ? &harness->last_batch->next : &harness->first_batch) = batch;
    harness->last_batch = batch;
    harness->batch_count++;
    harness->busy = true;
}

/* What a thread does when it has posted all its mail. */
static void when_posted(struct core_harness *harness, unsigned from)
{
    if (!has_posted(harness, from)) {
        return;
    }
    if (from < harness->broker.shard_count) {
        submit_batch(harness, from);
    } else if (harness->store) {
        atomic_store(&harness->posted, atomic_load(store_posted(harness->store)));
    }
}

bool core_harness_pass_mail(struct core_harness *harness, unsigned from, unsigned to)
{
    bool any = harness->transit[from][to].first != NULL;

    harness->busy |= any;
    mail_list_move(&harness->inboxes[to], &harness->transit[from][to]);
    if (any) {
        when_posted(harness, from);
    }
    return any;
}

static void post_rest(struct core_harness *harness, unsigned from)
{
    for (unsigned to = 0; to < harness->broker.shard_count; to++) {
        core_harness_pass_mail(harness, from, to);
    }
}

static void pass_all_mail(struct core_harness *harness)
{
    for (unsigned from = 0; from <= harness->broker.shard_count; from++) {
        post_rest(harness, from);
    }
}

/* --- the store --- */

static struct mail_list *store_mail(struct core_harness *harness)
{
    return harness->transit[harness->broker.shard_count];
}

static void commit_in_memory(struct core_harness *harness, struct batch *batch)
{
    batch->base = harness->log.length + 1;
    buffer_append(&harness->log, buffer_slice(&batch->log));
    batch_post(batch, STORE_OK, store_mail(harness));
    batch_free(batch);
}

static struct batch *take_batch(struct core_harness *harness)
{
    struct batch *batch = harness->first_batch;

    harness->first_batch = batch->next;
    harness->batch_count--;
    return batch;
}

void core_harness_store_step(struct core_harness *harness)
{
    if (harness->store) {
        post_rest(harness, harness->broker.shard_count);
        store_step(harness->store, store_mail(harness));
        when_posted(harness, harness->broker.shard_count);
    }
}

/* As one group. */
static void post_batches(struct core_harness *harness, size_t count)
{
    while (count-- > 0 && harness->first_batch) {
        struct batch *batch = take_batch(harness);

        harness->busy = true;
        if (harness->store) {
            store_submit(harness->store, batch);
        } else {
            commit_in_memory(harness, batch);
        }
    }
    core_harness_store_step(harness);
}

static void read_in_memory(struct core_harness *harness, struct store_read *read)
{
    /* Room for all first: the frames point into it. */
    buffer_reserve(&read->bytes, harness->log.length);
    for (size_t i = 0; i < read->count; i++) {
        struct slice rest = slice_from(buffer_slice(&harness->log), read->positions[i] - 1);
        uint32_t length;

        memcpy(&length, rest.data, sizeof(length));
        read->frames[i] = slice_make(read->bytes.data + read->bytes.length, length);
        buffer_append(&read->bytes, slice_make(rest.data + 8, length)); /* behind the header */
    }
    mail_list_add(&store_mail(harness)[read->shard], &read->mail);
}

static void answer_reads(struct core_harness *harness, struct shard *shard)
{
    struct mail *mail = shard->outbox.reads.first;

    shard->outbox.reads = (struct mail_list){0};
    while (mail) {
        struct mail *next = mail->next;
        struct store_read *read = CONTAINER_OF(mail, struct store_read, mail);

        harness->busy = true;
        if (harness->store) {
            store_read(harness->store, read);
        } else {
            read_in_memory(harness, read);
        }
        mail = next;
    }
}

static void run_adopt(struct mail *mail, void *receiver)
{
    struct adopt_mail *adopt = CONTAINER_OF(mail, struct adopt_mail, mail);
    struct core_link *link = adopt->link;

    link->moving = false;
    if (receiver) {
        connection_adopt(&link->connection, receiver);
        if (link->abandoned) {
            release_connection(link);
        }
    }
    free(adopt);
}

static void move_link(struct core_link *link)
{
    struct adopt_mail *adopt = memory_allocate_zero(sizeof(*adopt));

    adopt->mail.run = run_adopt;
    adopt->link = link;
    link->moving = true;
    mail_list_add(&link->harness->inboxes[link->connection.target], &adopt->mail);
}

/* Moves all output to the test's side; false if the client does not read. */
static bool write_output(struct core_link *link)
{
    struct output *output = &link->connection.output;
    struct output_pool *pool = &link->connection.shard->pool;
    struct iovec vectors[VECTORS];

    if (link->stalled || link->connection.output_waits) {
        return false;
    }
    while (output->pending > 0) {
        int count = output_vectors(output, vectors, VECTORS);
        size_t written = 0;

        for (int i = 0; i < count; i++) {
            buffer_append(&link->received, slice_make(vectors[i].iov_base, vectors[i].iov_len));
            written += vectors[i].iov_len;
        }
        output_consume(output, pool, written);
    }
    return true;
}

/* A connection that core put into the dirty list. */
static void serve_dirty(struct core_link *link)
{
    struct connection *connection = &link->connection;
    bool written = write_output(link);

    if (connection->state == CONNECTION_MOVING) {
        move_link(link);
    } else if (connection->state == CONNECTION_CLOSING ? written
                                                       : connection->state == CONNECTION_CLOSED) {
        link->closed = true;
        release_connection(link);
    } else if (written) {
        connection_writable(connection);
    }
}

static void flush_link(struct connection *connection)
{
    serve_dirty(CONTAINER_OF(connection, struct core_link, connection));
}

static struct connection_origin origin_of_link(const struct connection *connection)
{
    return CONTAINER_OF(connection, const struct core_link, connection)->harness->origin;
}

static const struct connection_carrier carrier = {.origin = origin_of_link, .flush = flush_link};

static void flush_outbox(struct core_harness *harness, struct shard *shard)
{
    struct outbox *outbox = &shard->outbox;

    while (!list_is_empty(&outbox->dirty)) {
        struct list *first = outbox->dirty.next;
        struct connection *connection = CONTAINER_OF(first, struct connection, dirty);

        list_remove(first);
        connection->carrier->flush(connection);
        harness->busy = true;
    }
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        harness->busy |= outbox->mail[i].first != NULL;
        mail_list_move(&harness->transit[shard->index][i], &outbox->mail[i]);
    }
    shard_finish(shard);
    harness->outgoing[shard->index] = shard_take_batch(shard);
    when_posted(harness, shard->index);
    answer_reads(harness, shard);
}

/* What the client did last: it went away. */
static void notice_loss(struct core_link *link, const struct shard *shard)
{
    if (link->abandoned && !link->moving && !link->released && link->connection.shard == shard &&
        link->connection.state != CONNECTION_MOVING) {
        release_connection(link);
    }
}

static bool may_use_input(const struct core_link *link, const struct shard *shard)
{
    return link->input.length > 0 && !link->moving && !link->released &&
           link->connection.shard == shard && connection_wants_input(&link->connection);
}

static void feed_input(struct core_harness *harness, struct shard *shard)
{
    LIST_FOREACH (item, &harness->links) {
        struct core_link *link = CONTAINER_OF(item, struct core_link, all);

        if (may_use_input(link, shard)) {
            size_t used = connection_receive(&link->connection, buffer_slice(&link->input));

            buffer_consume(&link->input, used);
            harness->busy |= used > 0;
        }
        notice_loss(link, shard);
    }
}

static void free_abandoned(struct core_harness *harness)
{
    LIST_FOREACH_SAFE (item, &harness->links) {
        struct core_link *link = CONTAINER_OF(item, struct core_link, all);

        if (link->abandoned && link->released) {
            free_link(link);
        }
    }
}

void core_harness_turn_begin(struct core_harness *harness, unsigned index)
{
    struct shard *shard = &harness->shards[index];
    post_rest(harness, index);
    struct mail_list mail = harness->inboxes[index];

    harness->in_turn[index] = true;
    harness->inboxes[index] = (struct mail_list){0};
    harness->busy |= mail.first != NULL;
    shard_advance(shard, harness->now);
    mail_list_run(&mail, shard);
    feed_input(harness, shard);
}

bool core_harness_turn_end(struct core_harness *harness, unsigned index)
{
    if (!harness->in_turn[index]) {
        return false;
    }
    harness->in_turn[index] = false;
    flush_outbox(harness, &harness->shards[index]);
    if (harness->by_hand) {
        free_abandoned(harness);
    }
    return true;
}

static void run_turn(struct core_harness *harness, unsigned index)
{
    core_harness_turn_end(harness, index); /* one that was begun by hand */
    core_harness_turn_begin(harness, index);
    core_harness_turn_end(harness, index);
    post_rest(harness, index);
    if (!harness->hold_commits) {
        post_batches(harness, SIZE_MAX);
    } else {
        core_harness_store_step(harness); /* reads are answered all the same */
    }
    pass_all_mail(harness);
}

/* After a call: all that follows from it, unless that goes by hand. */
static void go_on(struct core_harness *harness)
{
    if (!harness->by_hand) {
        core_harness_settle(harness);
    }
}

void core_harness_settle(struct core_harness *harness)
{
    unsigned turns = 0;

    pass_all_mail(harness);

    do {
        harness->busy = false;
        for (unsigned i = 0; i < harness->broker.shard_count; i++) {
            run_turn(harness, i);
        }
        if (++turns > TURNS_MAX) {
            abort(); /* shards keep each other busy for ever: a bug that no test survives */
        }
    } while (harness->busy);
    free_abandoned(harness);
}

struct core_link *core_harness_open(struct core_harness *harness)
{
    struct core_link *link = memory_allocate_zero(sizeof(*link));
    struct shard *shard = &harness->shards[harness->next_shard++ % harness->broker.shard_count];

    link->harness = harness;
    list_add_last(&harness->links, &link->all);
    connection_init(&link->connection, shard, &carrier);
    go_on(harness);
    return link;
}

void core_link_send(struct core_link *link, struct slice bytes)
{
    if (!link->closed) {
        buffer_append(&link->input, bytes);
        go_on(link->harness);
    }
}

struct buffer *core_link_received(struct core_link *link)
{
    return &link->received;
}

bool core_link_is_closed(const struct core_link *link)
{
    return link->closed;
}

void core_link_stall(struct core_link *link, bool stalled)
{
    link->stalled = stalled;
    if (!stalled && !link->released && !link->moving) {
        serve_dirty(link);
        core_harness_settle(link->harness);
    }
}

void core_link_close(struct core_link *link)
{
    struct core_harness *harness = link->harness;

    link->abandoned = true;
    if (!harness->by_hand) {
        release_connection(link);
        core_harness_settle(harness);
    } else if (link->released) {
        free_link(link);
    }
}

msec_t core_harness_now(const struct core_harness *harness)
{
    return harness->now;
}

static msec_t next_deadline(const struct core_harness *harness)
{
    msec_t next = MSEC_NEVER;

    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        msec_t deadline = shard_next_deadline(&harness->shards[i]);

        next = deadline < next ? deadline : next;
    }
    return next;
}

void core_harness_advance(struct core_harness *harness, msec_t duration)
{
    msec_t end = harness->now + duration;

    if (harness->by_hand) {
        harness->now = end;
        return;
    }
    while (harness->now < end) {
        msec_t next = next_deadline(harness);

        /* A deadline that is already due would stop the clock; it fires with the next step. */
        if (next <= harness->now) {
            next = harness->now + 1;
        }
        harness->now = next < end ? next : end;
        core_harness_settle(harness);
    }
}

void core_harness_hold_commits(struct core_harness *harness, bool hold)
{
    harness->hold_commits = hold;
    go_on(harness);
}

size_t core_harness_commit(struct core_harness *harness, size_t count)
{
    size_t before = harness->batch_count;

    post_batches(harness, count);
    size_t committed = before - harness->batch_count;
    go_on(harness);
    return committed;
}

size_t core_harness_waiting(const struct core_harness *harness)
{
    return harness->batch_count;
}

void core_harness_by_hand(struct core_harness *harness, bool by_hand)
{
    harness->by_hand = by_hand;
    harness->hold_commits = by_hand;
    go_on(harness);
}

unsigned core_harness_shards(const struct core_harness *harness)
{
    return harness->broker.shard_count;
}

uint64_t core_harness_pinned(const struct core_harness *harness)
{
    const struct blocks *blocks = &harness->store->blocks;
    uint64_t users = 0;

    for (size_t i = 0; i < blocks->count; i++) {
        for (uint32_t k = 0; k < blocks->items[i].pin_count; k++) {
            users += blocks->items[i].pins[k].users;
        }
    }
    return users;
}

uint64_t core_harness_log_end(const struct core_harness *harness)
{
    return harness->store->next;
}

size_t core_harness_blocks_before(const struct core_harness *harness, uint64_t position)
{
    return blocks_index(&harness->store->blocks, position);
}

uint64_t core_harness_saves(const struct core_harness *harness)
{
    return harness->store->status.saves;
}

int core_harness_store_state(const struct core_harness *harness)
{
    return atomic_load(harness->broker.store_state);
}

void core_harness_change_rules(struct core_harness *harness, struct rule_set *rules)
{
    struct settings *settings = settings_new(&harness->settings->options, rules);

    settings_release(harness->settings);
    harness->settings = settings;
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        shard_reload(&harness->shards[i], settings_hold(settings));
    }
    core_harness_settle(harness);
}

void core_harness_stop(struct core_harness *harness)
{
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        shard_stop(&harness->shards[i]);
    }
    core_harness_settle(harness);
}

/* Everything but the settings and the links themselves goes. */
static void end(struct core_harness *harness)
{
    LIST_FOREACH (item, &harness->links) {
        struct core_link *link = CONTAINER_OF(item, struct core_link, all);

        link->moving = false;
        link->closed = true;
        release_connection(link);
    }
    store_close(harness->store);
    harness->store = NULL;
    pass_all_mail(harness);
    while (harness->first_batch) {
        batch_free(take_batch(harness));
    }
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        harness->in_turn[i] = false;
        mail_list_run(&harness->inboxes[i], NULL);
        shard_release(&harness->shards[i]);
    }
    subscriptions_free(harness->broker.subscriptions);
    retained_free(harness->broker.retained);
    session_counts_free(harness->broker.session_counts);
}

bool core_harness_crash(struct core_harness *harness, size_t count, unsigned shards, msec_t down_ms,
                        struct buffer *error)
{
    msec_t crashed_at = harness->now;

    if (count > 0) {
        post_batches(harness, count);
    }
    end(harness);
    harness->wanted.shards = shards;
    harness->now += down_ms;
    bool good = begin(harness, crashed_at, error);
    if (good) {
        go_on(harness);
    }
    return good;
}

void core_harness_free(struct core_harness *harness)
{
    end(harness);
    LIST_FOREACH_SAFE (item, &harness->links) {
        free_link(CONTAINER_OF(item, struct core_link, all));
    }
    buffer_release(&harness->log);
    settings_release(harness->settings);
    free(harness);
}
