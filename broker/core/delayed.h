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
/* Takes a count of `message` (whose topic is <topic>) and publishes it in `seconds`.
 * REASON_QUOTA_EXCEEDED when the shard holds delayed_messages_maximum already. */
enum reason_code delayed_add(struct shard *shard, struct message *message, uint32_t seconds);
/* Drops all of a shard's. */
void delayed_release(struct shard *shard);

#endif
