/* Bytes to struct packet: the fixed header, the table of packet types, and all types but CONNECT
 * (decode_connect.c) and the payloads of SUBSCRIBE and UNSUBSCRIBE (decode_filters.c).
 *
 * What the header alone tells (type, flags, direction, size) is refused before the rest of the
 * packet has arrived, so that a peer cannot make us wait for 256 MB of something forbidden. A
 * decoder function reads its fields and returns its own verdict; that all bytes were there, and
 * none too many, is checked once behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/decode.h"

#include "mqtt/topic.h"

enum reason_code decode_properties(struct decoder *d, struct properties *out,
                                   enum property_list list)
{
    struct slice bytes;

    if (d->version != MQTT_5) {
        out->present = 0;
        out->raw = SLICE_EMPTY;
        return REASON_SUCCESS;
    }
    bytes = reader_take(&d->reader, reader_varint(&d->reader));
    return properties_read(out, bytes, list);
}

enum reason_code decode_topic_verdict(struct slice topic, enum reason_code if_not_topic)
{
    return utf8_is_valid_string(topic) ? if_not_topic : REASON_MALFORMED_PACKET;
}

/* The properties of packets that may end before them. */
static enum reason_code decode_optional_properties(struct decoder *d, struct properties *out,
                                                   enum property_list list)
{
    out->present = 0;
    out->raw = SLICE_EMPTY;
    return reader_left(&d->reader) > 0 ? decode_properties(d, out, list) : REASON_SUCCESS;
}

static inline uint16_t decode_packet_id(struct decoder *d, enum reason_code *reason)
{
    uint16_t packet_id = reader_u16(&d->reader);

    *reason = packet_id == 0 ? REASON_PROTOCOL_ERROR : REASON_SUCCESS; /* MQTT-2.2.1-3 */
    return packet_id;
}

static enum reason_code decode_connack(struct decoder *d, struct packet *out)
{
    enum { SESSION_PRESENT = 1, RETURN_CODE_MAX = 5 };
    struct connack *connack = &out->connack;
    uint8_t flags = reader_u8(&d->reader);
    bool reason_known;

    if ((flags & ~SESSION_PRESENT) != 0) {
        return REASON_MALFORMED_PACKET; /* MQTT-3.2.2-1 */
    }
    connack->session_present = flags != 0;
    connack->reason = reader_u8(&d->reader);
    reason_known = d->version == MQTT_5 ? reason_allowed_from(true, PACKET_CONNACK, connack->reason)
                                        : connack->reason <= RETURN_CODE_MAX;
    if (!reason_known || (connack->session_present && connack->reason != 0)) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.2.2-6 */
    }
    return decode_properties(d, &out->properties, P_CONNACK);
}

/* A topic that is no valid name: with an alias it may be empty in MQTT 5. */
static enum reason_code decode_publish_odd_topic(const struct decoder *d, const struct packet *out)
{
    if (out->publish.topic.length > 0) {
        return decode_topic_verdict(out->publish.topic, REASON_TOPIC_NAME_INVALID);
    }
    if (d->version != MQTT_5) {
        return REASON_TOPIC_NAME_INVALID;
    }
    return properties_have(&out->properties, PROPERTY_TOPIC_ALIAS) ? REASON_SUCCESS
                                                                   : REASON_PROTOCOL_ERROR;
}

static enum reason_code decode_publish(struct decoder *d, struct packet *out)
{
    struct publish *publish = &out->publish;
    enum reason_code reason = REASON_SUCCESS;

    publish->dup = (d->flags & 8) != 0;
    publish->retain = (d->flags & 1) != 0;
    publish->qos = (enum qos)(d->flags >> 1 & 3);
    publish->packet_id = 0;
    publish->topic = reader_binary(&d->reader);
    if (publish->qos != QOS_0) {
        publish->packet_id = decode_packet_id(d, &reason);
        if (reason != REASON_SUCCESS) {
            return reason;
        }
    }
    reason = decode_properties(d, &out->properties, P_PUBLISH);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    publish->payload = reader_rest(&d->reader);
    if (!topic_name_is_valid(publish->topic)) {
        reason = decode_publish_odd_topic(d, out);
    }
    if (!d->from_server && properties_have(&out->properties, PROPERTY_SUBSCRIPTION_IDENTIFIER)) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.3.4-6 */
    }
    return reason;
}

static enum reason_code decode_ack(struct decoder *d, struct packet *out)
{
    enum reason_code reason;

    out->ack.packet_id = decode_packet_id(d, &reason);
    out->ack.reason = REASON_SUCCESS;
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    if (d->version == MQTT_5 && reader_left(&d->reader) > 0) {
        out->ack.reason = reader_u8(&d->reader);
        if (!reason_allowed_from(d->from_server, out->type, out->ack.reason)) {
            return REASON_PROTOCOL_ERROR;
        }
    }
    return decode_optional_properties(d, &out->properties, P_ACKS);
}

static enum reason_code decode_subscribe(struct decoder *d, struct packet *out)
{
    bool subscribes = out->type == PACKET_SUBSCRIBE;
    struct subscribe *subscribe = &out->subscribe;
    enum reason_code reason;

    subscribe->packet_id = decode_packet_id(d, &reason);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    reason = decode_properties(d, &out->properties, subscribes ? P_SUBSCRIBE : P_UNSUBSCRIBE);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    subscribe->filters = reader_rest(&d->reader);
    return subscribes ? decode_subscribe_filters(subscribe, d->version)
                      : decode_unsubscribe_filters(subscribe);
}

/* In a 3.1.1 SUBACK: the granted QoS or 0x80. */
static bool suback_code_is_known(const struct decoder *d, enum packet_type type, uint8_t code)
{
    if (d->version == MQTT_5) {
        return reason_allowed_from(true, type, code);
    }
    return code <= QOS_2 || code == REASON_UNSPECIFIED_ERROR;
}

static enum reason_code decode_suback(struct decoder *d, struct packet *out)
{
    struct suback *suback = &out->suback;
    bool has_codes = d->version == MQTT_5 || out->type == PACKET_SUBACK;
    enum reason_code reason;

    suback->packet_id = decode_packet_id(d, &reason);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    reason =
        decode_properties(d, &out->properties, out->type == PACKET_SUBACK ? P_SUBACK : P_UNSUBACK);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    suback->codes = reader_rest(&d->reader);
    if (has_codes != (suback->codes.length > 0)) {
        return REASON_MALFORMED_PACKET;
    }
    for (size_t i = 0; i < suback->codes.length; i++) {
        if (!suback_code_is_known(d, out->type, suback->codes.data[i])) {
            return REASON_PROTOCOL_ERROR;
        }
    }
    return REASON_SUCCESS;
}

static enum reason_code decode_ping(struct decoder *d, struct packet *out)
{
    (void)d;
    out->properties.present = 0;
    out->properties.raw = SLICE_EMPTY;
    return REASON_SUCCESS;
}

static enum reason_code decode_disconnect(struct decoder *d, struct packet *out)
{
    enum reason_code reason;

    out->disconnect.reason = REASON_NORMAL_DISCONNECTION;
    if (d->version != MQTT_5 && d->from_server) {
        return REASON_PROTOCOL_ERROR; /* 3.1.1: only clients send it */
    }
    if (d->version == MQTT_5 && reader_left(&d->reader) > 0) {
        out->disconnect.reason = reader_u8(&d->reader);
        if (!reason_allowed_from(d->from_server, PACKET_DISCONNECT, out->disconnect.reason)) {
            return REASON_PROTOCOL_ERROR;
        }
    }
    reason = decode_optional_properties(d, &out->properties, P_DISCONNECT);
    if (reason == REASON_SUCCESS && d->from_server &&
        properties_have(&out->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.14.2-2 */
    }
    return reason;
}

static enum reason_code decode_auth(struct decoder *d, struct packet *out)
{
    enum reason_code reason;

    out->auth.reason = REASON_SUCCESS;
    if (reader_left(&d->reader) > 0) {
        out->auth.reason = reader_u8(&d->reader);
    }
    if (!reason_allowed_from(d->from_server, PACKET_AUTH, out->auth.reason)) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.15.2-1 */
    }
    reason = decode_optional_properties(d, &out->properties, P_AUTH);
    if (reason == REASON_SUCCESS && out->auth.reason != REASON_SUCCESS &&
        !properties_have(&out->properties, PROPERTY_AUTHENTICATION_METHOD)) {
        return REASON_PROTOCOL_ERROR;
    }
    return reason;
}

/* Who sends a type, and the flags it must have (MQTT-2.1.3-1). */
struct packet_rule {
    enum reason_code (*decode)(struct decoder *d, struct packet *out);
    bool by_client, by_server;
    uint8_t flags; /* PUBLISH: see publish_flags_are_valid() */
};

static const struct packet_rule packet_rules[16] = {
    [PACKET_CONNECT] = {decode_connect, true, false, 0},
    [PACKET_CONNACK] = {decode_connack, false, true, 0},
    [PACKET_PUBLISH] = {decode_publish, true, true, 0},
    [PACKET_PUBACK] = {decode_ack, true, true, 0},
    [PACKET_PUBREC] = {decode_ack, true, true, 0},
    [PACKET_PUBREL] = {decode_ack, true, true, 2},
    [PACKET_PUBCOMP] = {decode_ack, true, true, 0},
    [PACKET_SUBSCRIBE] = {decode_subscribe, true, false, 2},
    [PACKET_SUBACK] = {decode_suback, false, true, 0},
    [PACKET_UNSUBSCRIBE] = {decode_subscribe, true, false, 2},
    [PACKET_UNSUBACK] = {decode_suback, false, true, 0},
    [PACKET_PINGREQ] = {decode_ping, true, false, 0},
    [PACKET_PINGRESP] = {decode_ping, false, true, 0},
    [PACKET_DISCONNECT] = {decode_disconnect, true, true, 0},
    [PACKET_AUTH] = {decode_auth, true, true, 0},
};

/* QoS 3 does not exist (MQTT-3.3.1-4); DUP needs a QoS (MQTT-3.3.1-2). */
static inline bool publish_flags_are_valid(uint8_t flags)
{
    static const uint16_t valid = 1 << 0 | 1 << 1 |                     /* QoS 0 */
                                  1 << 2 | 1 << 3 | 1 << 10 | 1 << 11 | /* QoS 1 */
                                  1 << 4 | 1 << 5 | 1 << 12 | 1 << 13;  /* QoS 2 */

    return (valid >> flags & 1) != 0;
}

/* What the first byte alone can be refused for. */
static inline enum reason_code header_check(uint8_t first, const struct packet_limits *limits)
{
    const struct packet_rule *rule = &packet_rules[first >> 4];
    uint8_t flags = first & 15;
    bool flags_ok =
        first >> 4 == PACKET_PUBLISH ? publish_flags_are_valid(flags) : flags == rule->flags;

    if (!rule->decode || !flags_ok) {
        return REASON_MALFORMED_PACKET;
    }
    if (first >> 4 == PACKET_AUTH && limits->version == MQTT_3_1_1) {
        return REASON_MALFORMED_PACKET; /* a reserved type there */
    }
    if (!(limits->from_server ? rule->by_server : rule->by_client)) {
        return REASON_PROTOCOL_ERROR;
    }
    if (limits->version == MQTT_UNKNOWN && first >> 4 != PACKET_CONNECT) {
        return REASON_PROTOCOL_ERROR; /* MQTT-3.1.0-1 */
    }
    return REASON_SUCCESS;
}

static ssize_t decode_body(struct packet *out, struct slice body, uint8_t flags,
                           const struct packet_limits *limits)
{
    struct decoder d = {
        .reader = reader_make(body),
        .version = limits->version,
        .from_server = limits->from_server,
        .flags = flags,
    };
    enum reason_code reason = packet_rules[out->type].decode(&d, out);

    if (d.reader.failed) {
        return -(ssize_t)REASON_MALFORMED_PACKET;
    }
    if (reason == REASON_SUCCESS && d.reader.at != d.reader.end) {
        reason = REASON_MALFORMED_PACKET;
    }
    return -(ssize_t)reason;
}

/* Bytes of the fixed header at `in`; 0: more are needed, -1: malformed. */
static inline int header_read(struct slice in, uint32_t *remaining)
{
    int used = in.length < 2 ? 0 : varint_read(slice_from(in, 1), remaining);

    return used <= 0 ? used : 1 + used;
}

ssize_t packet_decode(struct packet *out, struct slice in, const struct packet_limits *limits)
{
    enum reason_code reason;
    uint32_t remaining = 0;
    ssize_t error;
    size_t size;
    int header;

    if (in.length == 0) {
        return 0;
    }
    out->type = (enum packet_type)(in.data[0] >> 4);
    if (out->type == PACKET_CONNECT) {
        out->connect.version = MQTT_UNKNOWN;
    }
    reason = header_check(in.data[0], limits);
    if (reason != REASON_SUCCESS) {
        return -(ssize_t)reason;
    }
    header = header_read(in, &remaining);
    if (header <= 0) {
        return header == 0 ? 0 : -(ssize_t)REASON_MALFORMED_PACKET;
    }
    size = (size_t)header + remaining;
    if (size > limits->packet_size_max) {
        return -(ssize_t)REASON_PACKET_TOO_LARGE;
    }
    if (size > in.length) {
        return 0;
    }
    error = decode_body(out, slice_make(in.data + header, remaining), in.data[0] & 15, limits);
    return error < 0 ? error : (ssize_t)size;
}

ssize_t packet_size(struct slice in)
{
    uint32_t remaining = 0;
    int header = header_read(in, &remaining);

    return header <= 0 ? header : header + (ssize_t)remaining;
}

const char *packet_type_name(unsigned type)
{
    static const char *const names[16] = {
        "?",       "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
        "PUBREL",  "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
        "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
    };

    return type < 16 ? names[type] : "?";
}

size_t packet_publish_id_at(struct slice publish)
{
    uint32_t remaining;
    int used = publish.length > 1 ? varint_read(slice_from(publish, 1), &remaining) : 0;
    size_t topic_at = 1 + (size_t)(used > 0 ? used : 0), at;

    if (used <= 0 || topic_at + 2 > publish.length || (publish.data[0] & 6) == 0) {
        return 0;
    }
    at = topic_at + 2 + ((size_t)publish.data[topic_at] << 8 | publish.data[topic_at + 1]);
    return at + 2 <= publish.length ? at : 0;
}
