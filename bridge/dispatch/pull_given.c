/* How far a queue's events have been given to receivers, so that after a crash only those count
 * whose receivers may have had them (spec/eventgrid.md 5.3, deliveryCount).
 *
 * Events are given first in the order of their deliveries' numbers, which stay the same whoever has
 * the session. So one number says it: the highest. The process that runs the queue knows it; for
 * the next one it stands in a retained message "QUEUE/given", written before the receiver has its
 * answer and at QoS 0, since only the process's end is to be outlived. It is read, for what is
 * subscribed to waits behind the events if there are many. See pull_queue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/pull_queue.h"
#include "dispatch/runner_state.h"
#include "trunk/trunk.h"
#include "json/json.h"

/* The numbers go round. `other`: 0 is before all of them. */
static bool is_behind(uint32_t number, uint32_t other)
{
    return other == 0 || (int32_t)(number - other) > 0;
}

static void append_topic(struct buffer *out, const struct feed *feed)
{
    runner_session_append_mark(out, buffer_slice(&feed->subscription->queue));
}

void pull_given_ask(struct feed *feed)
{
    struct own_channel *own = &feed->window.session.own;
    struct link *link = own->gateway->link;
    struct buffer *topic = &own->gateway->topic;

    topic->length = 0;
    append_topic(topic, feed);
    link->ops->read(
        link, &own->channel,
        &(struct link_read){.filter = buffer_slice(topic), .most = 1, .with_content = true});
}

/* False: nothing has been noted. */
static bool read_number(const struct trunk_retained *retained, uint32_t *number)
{
    static const struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    struct slice rest = retained->messages;
    struct trunk_message message;
    struct json_value digits = {.type = JSON_NUMBER};
    struct packet packet;
    uint64_t value;

    if (!trunk_next_message(&rest, &message) ||
        packet_decode(&packet, message.packet, &limits) <= 0 || packet.type != PACKET_PUBLISH) {
        return false;
    }
    digits.text = packet.publish.payload;
    *number = json_to_u64(&digits, &value) && value <= UINT32_MAX ? (uint32_t)value : 0;
    return *number != 0;
}

void pull_given_take(struct feed *feed, const struct trunk_retained *retained)
{
    struct pull_queue *queue = feed->pull;
    uint32_t number;

    if (queue && read_number(retained, &number) && is_behind(number, queue->given)) {
        queue->given = queue->given_before = queue->noted = number;
    }
}

void pull_given_note(struct feed *feed)
{
    struct gateway *gateway = feed->runner->gateway;
    uint32_t given = feed->pull->given;
    uint8_t digits[DECIMAL_MAX];

    if (given == feed->pull->noted) {
        return;
    }
    feed->pull->noted = given;
    gateway->topic.length = 0;
    append_topic(&gateway->topic, feed);
    write_publish(&gateway->packet,
                  &(struct publication){
                      .topic = buffer_slice(&gateway->topic),
                      .data.bytes = slice_make(digits, decimal_write(digits, given)),
                      .is_plain = true,
                      .retain = true,
                  });
    own_channel_send(&feed->window.session.own);
}

/* The number of deliveries never grows beyond the bound by crashes alone. */
void pull_given_count(struct feed *feed, struct window_event *event)
{
    struct pull_queue *queue = feed->pull;
    bool may_have_been_given =
        event->is_repeated && !is_behind(event->sequence, queue->given_before);

    if (may_have_been_given && event->event.attempts + 1 < feed->properties->retry.attempts_max) {
        event->event.attempts++;
    }
    event->is_repeated = false;
    if (is_behind(event->sequence, queue->given)) {
        queue->given = event->sequence;
    }
}
