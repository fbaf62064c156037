/* One worker's pure state: see shard.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/shard.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/delayed.h"
#include "core/facts.h"
#include "core/publisher.h"
#include "core/router.h"
#include "core/save.h"
#include "core/session.h"
#include "core/stored_message.h"
#include "core/sys_topics.h"

/* How often expired retained messages are looked for, and how many topics are looked at. */
enum { HOUSEKEEPING_MS = 1000, HOUSEKEEPING_TOPICS = 1000 };

static struct slice session_key(const struct map_node *node)
{
    return session_client_identifier(
        CONTAINER_OF((struct map_node *)(uintptr_t)node, struct session, by_client_identifier));
}

static void expire_retained(struct shard *shard)
{
    struct batch *batch = shard->outbox.batch;
    struct retained_matches dropped;
    uint64_t version =
        retained_expire(shard->broker->retained, shard->now, HOUSEKEEPING_TOPICS, &dropped);

    batch_begin(batch, false);
    for (size_t i = 0; i < dropped.count; i++) {
        fact_delete_retained(batch, message_topic(dropped.items[i]), version + i);
    }
    retained_matches_release(&dropped);
}

/* The bound for memory: beyond it, nothing that must be stored is taken. */
static void look_at_memory(struct shard *shard)
{
    struct broker *broker = shard->broker;
    uint64_t most = shard->settings->options.memory_maximum;
    bool full = most > 0 && broker->memory_used && broker->memory_used() > most;

    if (full != atomic_load_explicit(&broker->memory_full, memory_order_relaxed)) {
        atomic_store_explicit(&broker->memory_full, full, memory_order_relaxed);
        log_write(LOG_WARNING, full ? "memory full" : "memory has room again", "limit_bytes=%llu",
                  (unsigned long long)most);
    }
}

static void housekeeping_fire(struct timer *timer, void *context)
{
    struct shard *shard = context;
    if (shard->index == 0) {
        expire_retained(shard);
        look_at_memory(shard);
        sys_topics_update(shard);
    }
    timers_set(&shard->timers, timer, shard->now + HOUSEKEEPING_MS);
}

void shard_init(struct shard *shard, struct broker *broker, unsigned index,
                struct settings *settings, msec_t now)
{
    *shard = (struct shard){
        .broker = broker,
        .settings = settings,
        .index = index,
        .now = now,
        .slot_free = UINT32_MAX,
    };
    timers_init(&shard->timers, now, shard);
    list_init(&shard->outbox.dirty);
    shard->outbox.mail = memory_allocate_zero(broker->shard_count * sizeof(*shard->outbox.mail));
    map_init(&shard->sessions, session_key);
    delayed_init(shard);
    list_init(&shard->unsaved);
    list_init(&shard->reporting);
    shard->outbox.batch = batch_new(broker->shard_count);
    if (index == 0) {
        shard->sys_topics = sys_topics_new();
        timer_init(&shard->sys_timer, housekeeping_fire);
        timers_set(&shard->timers, &shard->sys_timer, now);
    }
}

static void drop_outbox(struct shard *shard)
{
    for (unsigned i = 0; i < shard->broker->shard_count; i++) {
        mail_list_run(&shard->outbox.mail[i], NULL);
    }
    free(shard->outbox.mail);
    mail_list_run(&shard->outbox.reads, NULL);
    batch_free(shard->outbox.batch);
}

void shard_release(struct shard *shard)
{
    for (uint32_t i = 0; i < shard->slot_count; i++) {
        struct session *session = shard->slots[i].session;
        if (session) {
            session_drop_subscriptions(session);
            sessions_remove(session);
        }
    }
    free(shard->slots);
    delayed_release(shard);
    drop_outbox(shard);
    map_release(&shard->sessions);
    recipients_release(&shard->recipients);
    message_groups_free(shard->groups);
    router_release(shard);
    publisher_forget(shard);
    buffer_release(&shard->told);
    buffer_release(&shard->told_name);
    buffer_release(&shard->told_value);
    output_pool_release(&shard->pool);
    sys_topics_free(shard->sys_topics);
    settings_release(shard->settings);
}

void shard_advance(struct shard *shard, msec_t now)
{
    shard->now = now;
    timers_advance(&shard->timers, now);
}

void shard_finish(struct shard *shard)
{
    shard_report(shard);
    save_some(shard);
}

struct batch *shard_take_batch(struct shard *shard)
{
    struct batch *batch = shard->outbox.batch;

    if (batch_is_empty(batch)) {
        return NULL;
    }
    shard->outbox.batch = batch_new_like(batch);
    return batch;
}

msec_t shard_next_deadline(const struct shard *shard)
{
    return timers_next(&shard->timers);
}

void shard_stop(struct shard *shard)
{
    shard->stopping = true;
    for (uint32_t i = 0; i < shard->slot_count; i++) {
        struct session *session = shard->slots[i].session;
        if (session && session->connection) {
            connection_close(session->connection, REASON_SERVER_SHUTTING_DOWN, NULL);
        }
    }
}

/* The settings have others in their place. */
static void check_anew(struct session *session, const struct rule_set *before)
{
    session_forget_rights(session);
    session_update_subscriptions(session, true);
    if (session->connection &&
        access_must_go(before, session->shard->settings->access, session->identity)) {
        connection_close(session->connection, REASON_ADMINISTRATIVE_ACTION,
                         "this client was disabled or deleted");
    } else if (session->connection && !connection_is_still_good(session->connection)) {
        connection_close(session->connection, REASON_ADMINISTRATIVE_ACTION,
                         "what this client has signed in with is no good any more");
    }
}

void shard_reload(struct shard *shard, struct settings *settings)
{
    struct settings *before = shard->settings;

    shard->settings = settings;
    publisher_forget(shard);
    for (uint32_t i = 0; i < shard->slot_count; i++) {
        struct session *session = shard->slots[i].session;
        if (session) {
            check_anew(session, before->access);
        }
    }
    settings_release(before);
}
