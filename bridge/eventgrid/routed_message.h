/* An MQTT message that is about to become an event: what the broker has delivered to the session of
 * a route, taken apart. Borrowed. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_ROUTED_MESSAGE_H
#define PUBGRID_EVENTGRID_ROUTED_MESSAGE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "mqtt/packet.h"
#include "wire/message.h"

struct routed_message {
    struct slice topic, payload;
    struct slice content_type, response_topic, correlation_data; /* empty: none */
    bool has_payload_format;
    uint8_t payload_format;
    struct pairs user_properties; /* the publisher's own, in their order */
    /* Who published it (mqtt/publisher.h). */
    struct slice authentication_name; /* empty: nobody has said */
    struct pairs attributes;          /* of the client */
    int64_t received_ms;              /* 0: not said */
};

/* The number that the broker tells in a user property. */
uint64_t publisher_number_read(struct slice digits);

/* `room` holds the pairs, as long as the message is used. */
void routed_message_read(struct routed_message *message, const struct packet *publish,
                         struct buffer *room);

/* What stands for the session of a route in ids. */
uint64_t route_number(struct slice session);
/* Appends the id of its event: when the broker had the message, the route, and the `sequence` of
 * its delivery (trunk/trunk.h). So it is the same whenever the message is delivered again, and no
 * other message's. */
void routed_message_append_id(struct buffer *out, const struct routed_message *message,
                              uint64_t route, uint32_t sequence);

#endif
