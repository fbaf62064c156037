/* Delayed publish: a PUBLISH to `$delayed/<seconds>/<topic>` is published to <topic> after that
 * many seconds. The Message Expiry Interval counts from then.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_DELAYED_H
#define PUBGRID_CORE_DELAYED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/message.h"
#include "core/shard.h"
#include "mqtt/reason.h"

bool delayed_is_delayed_topic(struct slice topic);
/* REASON_SUCCESS and the parts, or REASON_TOPIC_NAME_INVALID (no number of seconds up to
 * `seconds_max`, or no topic behind it). */
enum reason_code delayed_parse(struct slice topic, uint32_t seconds_max, uint32_t *seconds,
                               struct slice *rest);
/* Before all others. */
void delayed_init(struct shard *shard);
/* Takes a count of `message` (whose topic is <topic>) and publishes it in `seconds`; at QoS > 0 its
 * row is in the batch. REASON_QUOTA_EXCEEDED when the shard holds delayed_messages_maximum already,
 * or why the store cannot keep it. */
enum reason_code delayed_add(struct shard *shard, struct message *message, uint32_t seconds);
/* Publishes a message that nobody waits for an answer about: now, or as soon as the store, if it
 * must keep it, can. Takes a count. */
void delayed_publish_now(struct shard *shard, struct message *message);
/* A message that was stored under `number`. */
void delayed_restore(struct shard *shard, struct message *message, uint64_t number, msec_t due);
/* How many messages wait here until they are published to this topic. */
uint32_t delayed_count(const struct shard *shard, struct slice topic);
/* Drops all of a shard's. */
void delayed_release(struct shard *shard);

#endif
