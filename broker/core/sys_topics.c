/* $SYS values: sums of the shards' counters, and load averages over 1, 5 and 15 minutes.
 *
 * A value is published only when it changed, so an idle broker is silent (except for its uptime).
 * While somebody watches (docs/metrics.md), that is once a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/sys_topics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/router.h"
#include "core/session.h"
#include "core/shard.h"

/* The counters of all shards, added up, in the order of COUNTERS. */
struct totals {
#define COUNTER(name) uint64_t name;
    COUNTERS(COUNTER)
#undef COUNTER
    uint64_t retained, internal_retained, subscriptions, shared_subscriptions, clients_maximum;
    uint64_t heap, heap_maximum, uptime;
    struct store_numbers store;
};

/* One topic with a number. */
struct sys_value {
    const char *topic;
    size_t offset; /* in struct totals */
};

#define SYS(topic, field)                                                                          \
    {                                                                                              \
        "$SYS/broker/" topic, offsetof(struct totals, field)                                       \
    }

static const struct sys_value values[] = {
    SYS("bytes/received", bytes_received),
    SYS("bytes/sent", bytes_sent),
    SYS("clients/channels", channels),
    SYS("clients/connected", clients_connected),
    SYS("clients/active", clients_connected),
    SYS("clients/disconnected", clients_disconnected),
    SYS("clients/inactive", clients_disconnected),
    SYS("clients/expired", clients_expired),
    SYS("clients/internal", internal_sessions),
    SYS("clients/maximum", clients_maximum),
    SYS("heap/current", heap),
    SYS("heap/maximum", heap_maximum),
    SYS("messages/received", packets_received),
    SYS("messages/sent", packets_sent),
    SYS("messages/stored", retained),
    SYS("messages/delayed", messages_delayed),
    SYS("publish/bytes/received", publish_bytes_received),
    SYS("publish/bytes/sent", publish_bytes_sent),
    SYS("publish/messages/dropped", publish_dropped),
    SYS("publish/messages/received", publish_received),
    SYS("publish/messages/refused", publish_refused),
    SYS("publish/messages/sent", publish_sent),
    SYS("retained messages/count", retained),
    SYS("retained messages/internal", internal_retained),
    SYS("shared_subscriptions/count", shared_subscriptions),
    SYS("session/queue/dropped", queue_dropped),
    SYS("store/bytes", store.used),
    SYS("store/commit/microseconds", store.commit_us),
    SYS("store/commit/microseconds/maximum", store.commit_us_maximum),
    SYS("store/commits", store.commits),
    SYS("store/file/bytes", store.file_size),
    SYS("store/log/bytes", store.log_size),
    SYS("store/messages/bytes", messages_queued_bytes),
    SYS("store/messages/count", messages_queued),
    SYS("subscriptions/count", subscriptions),
    SYS("subscriptions/internal", internal_subscriptions),
};

/* A rate per minute, as an exponential average like the one of the system load. */
static const struct sys_value loads[] = {
    SYS("load/bytes/received", bytes_received),
    SYS("load/bytes/sent", bytes_sent),
    SYS("load/connections", clients_total_connects),
    SYS("load/messages/received", packets_received),
    SYS("load/messages/sent", packets_sent),
    SYS("load/publish/dropped", publish_dropped),
    SYS("load/publish/received", publish_received),
    SYS("load/publish/sent", publish_sent),
    SYS("load/sockets", sockets_opened),
};

#undef SYS

enum {
    VALUE_COUNT = sizeof(values) / sizeof(values[0]),
    LOAD_COUNT = sizeof(loads) / sizeof(loads[0]),
    LOAD_SPANS = 3,
    TEXT_SIZE = 64,
    TOPIC_SIZE = 96,
    WATCHED_INTERVAL_MS = 1000,
};

/* Nothing is published there: who subscribes to it watches. */
static const struct slice watch_topic = {(const uint8_t *)"$wps//watch", 11};

static const struct {
    const char *name;
    double minutes;
} load_spans[LOAD_SPANS] = {{"1min", 1}, {"5min", 5}, {"15min", 15}};

struct sys_topics {
    msec_t published_at; /* 0: never */
    int store_state;     /* as published; -1: never */
    bool is_watched;     /* as published */
    uint64_t clients_maximum, heap_maximum;
    struct totals last;
    uint64_t last_value[VALUE_COUNT];
    double load[LOAD_COUNT][LOAD_SPANS];
    char last_load[LOAD_COUNT][LOAD_SPANS][TEXT_SIZE];
};

struct sys_topics *sys_topics_new(void)
{
    struct sys_topics *sys = memory_allocate_zero(sizeof(*sys));
    sys->store_state = -1;
    return sys;
}

void sys_topics_free(struct sys_topics *sys)
{
    free(sys);
}

static uint64_t total_at(const struct totals *totals, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)totals + offset, sizeof(value));
    return value;
}

static void add_up(struct shard *shard, struct totals *totals)
{
    const struct broker *broker = shard->broker;
    struct sys_topics *sys = shard->sys_topics;
    *totals = (struct totals){0};
    for (unsigned i = 0; i < broker->shard_count; i++) {
        const struct counters *counters = &broker->shards[i]->counters;
#define COUNTER(name) totals->name += counter_read(&counters->name);
        COUNTERS(COUNTER)
#undef COUNTER
    }
    totals->retained = retained_count(broker->retained);
    totals->internal_retained = retained_internal_count(broker->retained);
    totals->subscriptions = subscriptions_count(broker->subscriptions);
    totals->shared_subscriptions = subscriptions_shared_count(broker->subscriptions);
    totals->uptime = (uint64_t)(shard->now - broker->started_at) / 1000;
    totals->heap = broker->memory_used ? broker->memory_used() : 0;
    if (broker->store_status) {
        broker->store_status(broker->store_context, &totals->store);
    }
    uint64_t clients = totals->clients_connected + totals->clients_disconnected;
    sys->clients_maximum = clients > sys->clients_maximum ? clients : sys->clients_maximum;
    sys->heap_maximum = totals->heap > sys->heap_maximum ? totals->heap : sys->heap_maximum;
    totals->clients_maximum = sys->clients_maximum;
    totals->heap_maximum = sys->heap_maximum;
}

static void publish(struct shard *shard, const char *topic, const char *text)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = slice_from_string(topic),
        .payload = slice_from_string(text),
        .expires_at = MSEC_NEVER,
        .publisher = SESSION_REF_NONE,
        .qos = QOS_0,
        .retain = true,
    });
    router_publish_volatile(shard, message);
    message_release(message);
}

static void publish_number(struct shard *shard, const char *topic, uint64_t value)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    publish(shard, topic, text);
}

static void publish_values(struct shard *shard, const struct totals *totals, bool first)
{
    struct sys_topics *sys = shard->sys_topics;
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        uint64_t value = total_at(totals, values[i].offset);
        if (first || value != sys->last_value[i]) {
            publish_number(shard, values[i].topic, value);
            sys->last_value[i] = value;
        }
    }
    publish_number(shard, "$SYS/broker/clients/total",
                   totals->clients_connected + totals->clients_disconnected);
    char text[TEXT_SIZE];
    snprintf(text, sizeof(text), "%llu seconds", (unsigned long long)totals->uptime);
    publish(shard, "$SYS/broker/uptime", text);
}

static void publish_loads(struct shard *shard, const struct totals *totals, double minutes)
{
    struct sys_topics *sys = shard->sys_topics;
    for (size_t i = 0; i < LOAD_COUNT; i++) {
        uint64_t change = total_at(totals, loads[i].offset) - total_at(&sys->last, loads[i].offset);
        for (size_t span = 0; span < LOAD_SPANS; span++) {
            double keep = exp(-minutes / load_spans[span].minutes);
            double *load = &sys->load[i][span];
            *load = (double)change / minutes * (1 - keep) + *load * keep;
            char text[TEXT_SIZE], topic[TOPIC_SIZE];
            snprintf(text, sizeof(text), "%.2f", *load);
            if (strcmp(text, sys->last_load[i][span]) != 0) {
                memcpy(sys->last_load[i][span], text, sizeof(text));
                snprintf(topic, sizeof(topic), "%s/%s", loads[i].topic, load_spans[span].name);
                publish(shard, topic, text);
            }
        }
    }
}

/* Not at the next interval but now: somebody may have to act. */
static void publish_store_state(struct shard *shard)
{
    struct sys_topics *sys = shard->sys_topics;
    int state = atomic_load_explicit(shard->broker->store_state, memory_order_relaxed);
    if (state != sys->store_state) {
        publish(shard, "$SYS/broker/store/state", store_state_names[state]);
        sys->store_state = state;
    }
}

/* The bridges follow. */
static void publish_watched(struct shard *shard)
{
    struct sys_topics *sys = shard->sys_topics;
    subscriptions_match(shard->broker->subscriptions, watch_topic, &shard->recipients);
    bool is_watched = shard->recipients.count > 0;
    if (is_watched != sys->is_watched) {
        sys->is_watched = is_watched;
        publish_number(shard, "$SYS/broker/watched", is_watched);
    }
}

void sys_topics_update(struct shard *shard)
{
    struct sys_topics *sys = shard->sys_topics;
    msec_t interval = shard->settings->options.sys_interval_ms;
    if (interval > 0) {
        publish_store_state(shard);
        publish_watched(shard);
        interval = sys->is_watched ? WATCHED_INTERVAL_MS : interval;
    }
    bool first = sys->published_at == 0;
    if (interval == 0 || (!first && shard->now - sys->published_at < interval)) {
        return;
    }
    struct totals totals;
    add_up(shard, &totals);
    if (first) {
        publish(shard, "$SYS/broker/version", shard->broker->version);
    } else {
        publish_loads(shard, &totals, (double)(shard->now - sys->published_at) / 60000.0);
    }
    publish_values(shard, &totals, first);
    sys->last = totals;
    sys->published_at = shard->now;
}
