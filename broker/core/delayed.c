/* Delayed messages wait in the timer wheel of the shard that received them, and as a row in the
 * store, which goes in the commit in which the message is published.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/delayed.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"
#include "core/router.h"

enum { RETRY_MS = 1000 };

static const struct slice delayed_prefix = {(const uint8_t *)"$delayed/", 9};

/* Messages that wait for one topic: what waits for another attempt at an event subscription is
 * asked for (inspect.c), and may be one topic's of a hundred thousand. */
struct delayed_topic {
    struct map_node node; /* in shard->delayed_topics */
    uint32_t count;
    uint16_t length;
    char name[];
};

struct delayed {
    struct list link; /* in shard->delayed */
    struct delayed_topic *topic;
    struct timer timer;
    struct message *message; /* one count */
    uint64_t number;         /* of its row; 0: none */
    bool waits;              /* for the commit of its row: until then it may be refused */
    bool due;                /* and its time has come */
};

bool delayed_is_delayed_topic(struct slice topic)
{
    return slice_starts_with(topic, delayed_prefix);
}

enum reason_code delayed_parse(struct slice topic, uint32_t seconds_max, uint32_t *seconds,
                               struct slice *rest)
{
    size_t at = delayed_prefix.length;
    uint64_t value = 0;
    for (; at < topic.length && topic.data[at] >= '0' && topic.data[at] <= '9'; at++) {
        value = value * 10 + (uint64_t)(topic.data[at] - '0');
        if (value > seconds_max) {
            return REASON_TOPIC_NAME_INVALID;
        }
    }
    bool has_number = at > delayed_prefix.length;
    if (!has_number || at + 1 >= topic.length || topic.data[at] != '/') {
        return REASON_TOPIC_NAME_INVALID;
    }
    *seconds = (uint32_t)value;
    *rest = slice_from(topic, at + 1);
    return REASON_SUCCESS;
}

/* --- how many wait for a topic --- */

static struct slice topic_name(const struct map_node *node)
{
    const struct delayed_topic *topic = CONTAINER_OF(node, const struct delayed_topic, node);
    return slice_make(topic->name, topic->length);
}

static struct delayed_topic *count_topic(struct shard *shard, struct slice name)
{
    struct map_node *node = map_find(&shard->delayed_topics, name);
    struct delayed_topic *topic = node ? CONTAINER_OF(node, struct delayed_topic, node) : NULL;
    if (!topic) {
        topic = memory_allocate_zero(sizeof(*topic) + name.length);
        topic->length = (uint16_t)name.length;
        memcpy(topic->name, name.data, name.length);
        map_insert(&shard->delayed_topics, &topic->node);
    }
    topic->count++;
    return topic;
}

static void uncount_topic(struct shard *shard, struct delayed_topic *topic)
{
    if (--topic->count == 0) {
        map_remove(&shard->delayed_topics, &topic->node);
        free(topic);
    }
}

uint32_t delayed_count(const struct shard *shard, struct slice topic)
{
    const struct map_node *node = map_find(&shard->delayed_topics, topic);
    return node ? CONTAINER_OF(node, const struct delayed_topic, node)->count : 0;
}

/* --- delayed messages --- */

void delayed_init(struct shard *shard)
{
    list_init(&shard->delayed);
    map_init(&shard->delayed_topics, topic_name);
}

static void delayed_free(struct shard *shard, struct delayed *delayed)
{
    uncount_topic(shard, delayed->topic);
    list_remove(&delayed->link);
    timers_cancel(&shard->timers, &delayed->timer);
    message_release(delayed->message);
    free(delayed);
    counter_subtract(&shard->counters.messages_delayed, 1);
}

struct sealed_delayed {
    struct sealed sealed;
    struct delayed *delayed;
    bool is_out; /* published without waiting for this commit */
};

static void published(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_delayed *done = CONTAINER_OF(sealed, struct sealed_delayed, sealed);
    struct shard *shard = receiver;
    if (shard && (commit->result == STORE_OK || done->is_out)) {
        delayed_free(shard, done->delayed);
    } else if (shard) {
        timers_set(&shard->timers, &done->delayed->timer, shard->now + RETRY_MS);
    }
    free(done);
}

static void delayed_fire(struct timer *timer, void *context)
{
    struct shard *shard = context;
    struct delayed *delayed = CONTAINER_OF(timer, struct delayed, timer);
    struct batch *batch = shard->outbox.batch;
    if (delayed->waits) {
        delayed->due = true;
        return;
    }
    size_t log = batch->log.length, rows = batch->rows.length;
    batch_begin(batch, true);
    if (router_publish(shard, delayed->message, NULL, 0) != REASON_SUCCESS) {
        timers_set(&shard->timers, timer, shard->now + RETRY_MS);
        return;
    }
    /* If nothing of it had to be stored, it is on its way, and must not be published again. */
    bool is_stored = batch->log.length > log || batch->rows.length > rows;
    batch_begin(batch, is_stored);
    if (delayed->number != 0) {
        struct fact_key key = fact_delayed_key(delayed->number);
        batch_delete(batch, fact_key_slice(&key));
    } else if (delayed->message->qos == QOS_0 || !is_stored) {
        delayed_free(shard, delayed);
        return;
    }
    struct sealed_delayed *done = memory_allocate(sizeof(*done));
    *done = (struct sealed_delayed){
        .sealed = {.run = published}, .delayed = delayed, .is_out = !is_stored};
    batch_seal(batch, shard->index, &done->sealed);
}

static struct delayed *delayed_new(struct shard *shard, struct message *message)
{
    struct delayed *delayed = memory_allocate_zero(sizeof(*delayed));
    delayed->message = message_hold(message);
    delayed->topic = count_topic(shard, message_topic(message));
    timer_init(&delayed->timer, delayed_fire);
    list_init(&delayed->link);
    list_add_last(&shard->delayed, &delayed->link);
    counter_add(&shard->counters.messages_delayed, 1);
    return delayed;
}

/* What was refused is not published either. */
static void stored(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_delayed *done = CONTAINER_OF(sealed, struct sealed_delayed, sealed);
    struct shard *shard = receiver;
    if (shard && commit->result == STORE_OK) {
        done->delayed->waits = false;
        if (done->delayed->due) {
            delayed_fire(&done->delayed->timer, shard);
        }
    } else if (shard) {
        delayed_free(shard, done->delayed);
    }
    free(done);
}

/* Gives it its row. */
static void store_delayed(struct shard *shard, struct delayed *delayed, msec_t due)
{
    struct batch *batch = shard->outbox.batch;
    struct sealed_delayed *done = memory_allocate(sizeof(*done));
    *done = (struct sealed_delayed){.sealed = {.run = stored}, .delayed = delayed};
    delayed->number =
        atomic_fetch_add_explicit(&shard->broker->next_durable_id, 1, memory_order_relaxed);
    delayed->waits = true;
    batch_begin(batch, true);
    fact_put_delayed(batch, delayed->number, due, delayed->message);
    batch_seal(batch, shard->index, &done->sealed);
}

enum reason_code delayed_add(struct shard *shard, struct message *message, uint32_t seconds)
{
    enum reason_code refusal = message->qos > QOS_0 ? shard_store_refusal(shard) : REASON_SUCCESS;
    if (refusal != REASON_SUCCESS || counter_read(&shard->counters.messages_delayed) >=
                                         shard->settings->options.delayed_messages_maximum) {
        return refusal != REASON_SUCCESS ? refusal : REASON_QUOTA_EXCEEDED;
    }
    struct delayed *delayed = delayed_new(shard, message);
    msec_t due = shard->now + (msec_t)seconds * 1000;
    timers_set(&shard->timers, &delayed->timer, due);
    if (message->qos > QOS_0) {
        store_delayed(shard, delayed, due);
    }
    return REASON_SUCCESS;
}

void delayed_publish_now(struct shard *shard, struct message *message)
{
    struct delayed *delayed = delayed_new(shard, message);
    delayed_fire(&delayed->timer, shard);
}

void delayed_restore(struct shard *shard, struct message *message, uint64_t number, msec_t due)
{
    struct delayed *delayed = delayed_new(shard, message);
    delayed->number = number;
    timers_set(&shard->timers, &delayed->timer, due);
}

void delayed_release(struct shard *shard)
{
    LIST_FOREACH_SAFE (link, &shard->delayed) {
        delayed_free(shard, CONTAINER_OF(link, struct delayed, link));
    }
    map_release(&shard->delayed_topics);
}
