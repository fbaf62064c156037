/* See core_harness.h. One turn of every shard is what a worker's loop turn is: timers, mail,
 * input, then the outbox; turns repeat until a whole round changes nothing.
 *
 * Enhanced authentication knows one method, "CHALLENGE": the server sends the data "question" and
 * accepts the data "answer", telling "welcome". It stands for any method that needs one exchange.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/core_harness.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/shard.h"
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
    struct record_list records;
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

struct core_harness *core_harness_new(const struct core_harness_settings *settings)
{
    struct core_harness *harness = memory_allocate_zero(sizeof(*harness));
    struct access_rules *access = settings->access ? settings->access : access_rules_new(NULL, 0);

    *random_state() = settings->seed;
    harness->now = (msec_t)START_OF_TIME * 1000;
    list_init(&harness->links);
    harness_auth_init(&harness->auth, settings->users, settings->user_count,
                      &harness->broker.authenticator);
    harness->origin = (struct connection_origin){.peer_address = "test",
                                                 .anonymous_allowed = settings->anonymous_allowed};
    harness->settings = settings_new(&settings->options, access);
    harness->broker.shard_count = settings->shards;
    harness->broker.shards = harness->shard_pointers;
    harness->broker.subscriptions = subscriptions_new();
    harness->broker.retained = retained_new();
    harness->broker.random = seeded_random;
    harness->broker.started_at = harness->now;
    harness->broker.version = "pubgrid version test";
    for (unsigned i = 0; i < settings->shards; i++) {
        harness->shard_pointers[i] = &harness->shards[i];
    }
    for (unsigned i = 0; i < settings->shards; i++) {
        shard_init(&harness->shards[i], &harness->broker, i, settings_hold(harness->settings),
                   harness->now);
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

static void post_records(struct core_harness *harness, size_t count)
{
    while (count-- > 0 && harness->records.first) {
        struct record *record = harness->records.first;

        harness->records.first = record->next;
        if (!record->next) {
            harness->records.last = NULL;
        }
        for (struct sealed_mail *sealed = record->sealed; sealed; sealed = sealed->next) {
            mail_list_move(&harness->inboxes[sealed->shard], &sealed->mail);
        }
        record_free(record);
        harness->busy = true;
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

    if (link->stalled) {
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

static void flush_outbox(struct core_harness *harness, struct shard *shard)
{
    struct outbox *outbox = &shard->outbox;

    while (!list_is_empty(&outbox->dirty)) {
        struct list *first = outbox->dirty.next;
        struct connection *connection = CONTAINER_OF(first, struct connection, dirty);

        list_remove(first);
        serve_dirty(CONTAINER_OF(connection, struct core_link, connection));
        harness->busy = true;
    }
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        harness->busy |= outbox->mail[i].first != NULL;
        mail_list_move(&harness->inboxes[i], &outbox->mail[i]);
    }
    while (outbox->records.first) {
        struct record *record = outbox->records.first;

        outbox->records.first = record->next;
        record_list_add(&harness->records, record);
        harness->busy = true;
    }
    outbox->records.last = NULL;
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
    }
}

static void run_turn(struct core_harness *harness, struct shard *shard)
{
    struct mail_list mail = harness->inboxes[shard->index];

    harness->inboxes[shard->index] = (struct mail_list){0};
    harness->busy |= mail.first != NULL;
    shard_advance(shard, harness->now);
    mail_list_run(&mail, shard);
    feed_input(harness, shard);
    flush_outbox(harness, shard);
    if (!harness->hold_commits) {
        post_records(harness, SIZE_MAX);
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

void core_harness_settle(struct core_harness *harness)
{
    unsigned turns = 0;

    do {
        harness->busy = false;
        for (unsigned i = 0; i < harness->broker.shard_count; i++) {
            run_turn(harness, &harness->shards[i]);
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
    connection_init(&link->connection, shard, &harness->origin);
    core_harness_settle(harness);
    return link;
}

void core_link_send(struct core_link *link, struct slice bytes)
{
    if (!link->closed) {
        buffer_append(&link->input, bytes);
        core_harness_settle(link->harness);
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
    release_connection(link);
    core_harness_settle(harness);
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
    core_harness_settle(harness);
}

size_t core_harness_commit(struct core_harness *harness, size_t count)
{
    size_t committed = 0;

    while (committed < count && harness->records.first) {
        post_records(harness, 1);
        committed++;
    }
    core_harness_settle(harness);
    return committed;
}

void core_harness_stop(struct core_harness *harness)
{
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        shard_stop(&harness->shards[i]);
    }
    core_harness_settle(harness);
}

void core_harness_free(struct core_harness *harness)
{
    LIST_FOREACH_SAFE (item, &harness->links) {
        struct core_link *link = CONTAINER_OF(item, struct core_link, all);

        link->abandoned = true;
        release_connection(link);
    }
    core_harness_hold_commits(harness, false);
    for (unsigned i = 0; i < harness->broker.shard_count; i++) {
        mail_list_run(&harness->inboxes[i], NULL);
        shard_release(&harness->shards[i]);
    }
    subscriptions_free(harness->broker.subscriptions);
    retained_free(harness->broker.retained);
    settings_release(harness->settings);
    free(harness);
}
