/* CONNECT (MQTT 5 section 3.1): the packet that says which protocol the others are in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/decode.h"
#include "mqtt/topic.h"

/* Connect Flags, section 3.1.2.3. */
enum {
    FLAG_RESERVED = 0x01,
    FLAG_CLEAN_START = 0x02,
    FLAG_WILL = 0x04,
    FLAG_WILL_QOS = 0x18,
    FLAG_WILL_QOS_SHIFT = 3,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USER_NAME = 0x80,
};

/* Name and level. A client of another version gets its answer in the nearest one that we speak:
 * older ones know the 3.1.1 CONNACK, newer ones hopefully that of 5. */
static enum reason_code connect_version(struct reader *r, enum protocol_version *version)
{
    struct slice name = reader_string(r);
    uint8_t level = reader_u8(r);

    if (r->failed) {
        return REASON_MALFORMED_PACKET;
    }
    if (slice_equal(name, SLICE_LITERAL("MQTT"))) {
        *version = level < MQTT_5 ? MQTT_3_1_1 : MQTT_5;
        return level == MQTT_3_1_1 || level == MQTT_5 ? REASON_SUCCESS
                                                      : REASON_UNSUPPORTED_PROTOCOL_VERSION;
    }
    *version = MQTT_3_1_1; /* MQIsdp is the name in MQTT 3.1 (MQTT-3.1.2-1) */
    return REASON_UNSUPPORTED_PROTOCOL_VERSION;
}

static bool connect_flags_are_valid(uint8_t flags, enum protocol_version version)
{
    if ((flags & FLAG_RESERVED) != 0) {
        return false; /* MQTT-3.1.2-3 */
    }
    if ((flags & FLAG_WILL) == 0 && (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN)) != 0) {
        return false; /* MQTT-3.1.2-11, MQTT-3.1.2-13 */
    }
    if ((flags & FLAG_WILL_QOS) == FLAG_WILL_QOS) {
        return false; /* MQTT-3.1.2-12 */
    }
    /* 3.1.1: no password without a user name (MQTT-3.1.2-22). */
    return version == MQTT_5 || (flags & FLAG_PASSWORD) == 0 || (flags & FLAG_USER_NAME) != 0;
}

static enum reason_code connect_will(struct decoder *d, struct will *will, uint8_t flags)
{
    enum reason_code reason;

    will->present = (flags & FLAG_WILL) != 0;
    if (!will->present) {
        return REASON_SUCCESS;
    }
    will->retain = (flags & FLAG_WILL_RETAIN) != 0;
    will->qos = (enum qos)((flags & FLAG_WILL_QOS) >> FLAG_WILL_QOS_SHIFT);
    reason = decode_properties(d, &will->properties, P_WILL);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    will->topic = reader_string(&d->reader);
    will->payload = reader_binary(&d->reader);
    return topic_name_is_valid(will->topic) ? REASON_SUCCESS : REASON_TOPIC_NAME_INVALID;
}

static enum reason_code connect_payload(struct decoder *d, struct packet *out, uint8_t flags)
{
    struct connect *connect = &out->connect;
    enum reason_code reason = decode_properties(d, &out->properties, P_CONNECT);

    if (reason != REASON_SUCCESS) {
        return reason;
    }
    connect->client_identifier = reader_string(&d->reader);
    reason = connect_will(d, &connect->will, flags);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    if (connect->has_user_name) {
        connect->user_name = reader_string(&d->reader);
    }
    if (connect->has_password) {
        connect->password = reader_binary(&d->reader);
    }
    return connect->version == MQTT_3_1_1 && connect->client_identifier.length == 0 &&
                   !connect->clean_start
               ? REASON_CLIENT_IDENTIFIER_NOT_VALID /* MQTT-3.1.3-8 of 3.1.1 */
               : REASON_SUCCESS;
}

enum reason_code decode_connect(struct decoder *d, struct packet *out)
{
    struct connect *connect = &out->connect;
    enum reason_code reason;
    uint8_t flags;

    *connect = (struct connect){.version = MQTT_UNKNOWN};
    reason = connect_version(&d->reader, &connect->version);
    if (reason == REASON_UNSUPPORTED_PROTOCOL_VERSION) {
        return reason; /* the rest is in a format that we do not know */
    }
    d->version = connect->version;
    flags = reader_u8(&d->reader);
    if (!connect_flags_are_valid(flags, connect->version)) {
        return REASON_MALFORMED_PACKET;
    }
    connect->clean_start = (flags & FLAG_CLEAN_START) != 0;
    connect->has_user_name = (flags & FLAG_USER_NAME) != 0;
    connect->has_password = (flags & FLAG_PASSWORD) != 0;
    connect->keep_alive = reader_u16(&d->reader);
    return connect_payload(d, out, flags);
}
