/* Delayed messages wait in the timer wheel of the shard that received them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/delayed.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/router.h"

static const struct slice delayed_prefix = {(const uint8_t *)"$delayed/", 9};

struct delayed {
    struct list link; /* in shard->delayed */
    struct timer timer;
    struct message *message; /* one count */
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

static void delayed_free(struct shard *shard, struct delayed *delayed)
{
    list_remove(&delayed->link);
    timers_cancel(&shard->timers, &delayed->timer);
    message_release(delayed->message);
    free(delayed);
    counter_subtract(&shard->counters.messages_delayed, 1);
}

static void delayed_fire(struct timer *timer, void *context)
{
    struct shard *shard = context;
    struct delayed *delayed = CONTAINER_OF(timer, struct delayed, timer);
    router_publish(shard, delayed->message, NULL, 0);
    delayed_free(shard, delayed);
}

enum reason_code delayed_add(struct shard *shard, struct message *message, uint32_t seconds)
{
    if (counter_read(&shard->counters.messages_delayed) >=
        shard->settings->options.delayed_messages_maximum) {
        return REASON_QUOTA_EXCEEDED;
    }
    struct delayed *delayed = memory_allocate(sizeof(*delayed));
    delayed->message = message_hold(message);
    timer_init(&delayed->timer, delayed_fire);
    list_init(&delayed->link);
    list_add_last(&shard->delayed, &delayed->link);
    timers_set(&shard->timers, &delayed->timer, shard->now + (msec_t)seconds * 1000);
    counter_add(&shard->counters.messages_delayed, 1);
    return REASON_SUCCESS;
}

void delayed_release(struct shard *shard)
{
    LIST_FOREACH_SAFE (link, &shard->delayed) {
        delayed_free(shard, CONTAINER_OF(link, struct delayed, link));
    }
}
