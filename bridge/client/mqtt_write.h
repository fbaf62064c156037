/* The MQTT 5 packets that a Web PubSub client sends to the broker. Pure: each appends one packet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_WRITE_H
#define PUBGRID_CLIENT_MQTT_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "mqtt/user_property.h"
#include "wire/message.h"

struct connect_request {
    struct slice client_identifier;
    bool clean_start;
    uint32_t session_expiry_s;
    bool window_is_default; /* the broker says how many PUBLISHes may wait for PUBACK */
    uint16_t window;        /* how many, otherwise; 0: the most */
    bool will_is_retained;
    struct slice will_topic; /* QoS 1, published when the session ends; empty: no will */
    struct slice will_payload;
};

/* A message; what is empty or 0 is left out. */
struct publication {
    struct slice topic;
    struct payload data;
    bool is_plain; /* no Content Type, whatever data.type, but this one: */
    struct slice content_type;
    bool retain;
    enum qos qos;
    uint16_t packet_id;
    uint32_t expiry_s;
    struct slice user_properties; /* mqtt/user_property.h; or others, of write_property() */
};

void write_connect(struct buffer *out, const struct connect_request *connect);
void write_publish(struct buffer *out, const struct publication *publication);
/* Appends a property of text or bytes. */
void write_property(struct buffer *list, enum property property, struct slice value);
void write_user_pairs(struct buffer *list, struct pairs pairs);
/* One filter of a SUBSCRIBE: appended to `filters`, which write_subscribe() wraps. */
void write_filter(struct buffer *filters, struct slice filter,
                  const struct subscription_options *options);
void write_subscribe(struct buffer *out, uint16_t packet_id, struct slice filters);
void write_unsubscribe(struct buffer *out, uint16_t packet_id, struct slice filter);
void write_ack(struct buffer *out, enum packet_type type, uint16_t packet_id);
/* Ends the connection, and the session with it; the will is published or not. */
void write_disconnect_for_good(struct buffer *out, bool with_will);

#endif
