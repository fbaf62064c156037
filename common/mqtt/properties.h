/* MQTT 5 properties (section 2.2.2): one table (properties.def), one struct, one reader.
 *
 * The reader checks everything the specification asks of a property list: identifier allowed in
 * this packet, no duplicates (except user properties, and subscription identifiers in a PUBLISH),
 * value ranges (booleans 0 or 1, Receive Maximum, Topic Alias, Maximum Packet Size and
 * Subscription Identifier not 0, ...), UTF-8, Response Topic without wildcards.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_PROPERTIES_H
#define PUBGRID_MQTT_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "mqtt/reason.h"

/* The property lists there are, one bit each. */
enum property_list {
    P_CONNECT = 1 << 0,
    P_CONNACK = 1 << 1,
    P_PUBLISH = 1 << 2,
    P_WILL = 1 << 3,
    P_ACKS = 1 << 4, /* PUBACK, PUBREC, PUBREL, PUBCOMP */
    P_SUBSCRIBE = 1 << 5,
    P_SUBACK = 1 << 6,
    P_UNSUBSCRIBE = 1 << 7,
    P_UNSUBACK = 1 << 8,
    P_DISCONNECT = 1 << 9,
    P_AUTH = 1 << 10,
    P_EVERY = (1 << 11) - 1,
};

enum property {
#define PROPERTY(name, field, identifier, type, packets) PROPERTY_##name = (identifier),
#include "mqtt/properties.def"
#undef PROPERTY
};

#define PROPERTY_BIT(name) (UINT64_C(1) << PROPERTY_##name)

/* What a server forwards of a PUBLISH or will unaltered (MQTT-3.3.2-4 and -15 to -20). */
#define PROPERTIES_FORWARDED                                                                       \
    (PROPERTY_BIT(PAYLOAD_FORMAT_INDICATOR) | PROPERTY_BIT(CONTENT_TYPE) |                         \
     PROPERTY_BIT(RESPONSE_TOPIC) | PROPERTY_BIT(CORRELATION_DATA) | PROPERTY_BIT(USER_PROPERTY))

/* One decoded property list. A field is meaningful only if its bit is set in `present`; slices
 * borrow the packet. The first of several subscription identifiers stands in its field; all of
 * them, and the user properties, are read from `raw` with properties_next(). */
struct properties {
    uint64_t present;
    struct slice raw; /* the whole list, without its length prefix, in the sender's order */
    uint32_t message_expiry_interval; /* seconds */
    uint32_t session_expiry_interval; /* seconds; UINT32_MAX: never */
    uint32_t will_delay_interval;     /* seconds */
    uint32_t maximum_packet_size;     /* bytes */
    uint32_t subscription_identifier;
    uint16_t server_keep_alive; /* seconds */
    uint16_t receive_maximum;
    uint16_t topic_alias_maximum;
    uint16_t topic_alias;
    uint8_t payload_format_indicator;
    uint8_t request_problem_information;
    uint8_t request_response_information;
    uint8_t maximum_qos;
    uint8_t retain_available;
    uint8_t wildcard_subscription_available;
    uint8_t subscription_identifier_available;
    uint8_t shared_subscription_available;
    struct slice content_type;
    struct slice response_topic;
    struct slice correlation_data;
    struct slice assigned_client_identifier;
    struct slice authentication_method;
    struct slice authentication_data;
    struct slice response_information;
    struct slice server_reference;
    struct slice reason_string;
};

static inline bool properties_have(const struct properties *p, enum property property)
{
    return (p->present >> property) & 1;
}

/* Reads a list (`in` is exactly its bytes, without the length prefix) that stands in `list`.
 * Sets only `present`, `raw` and the fields that are present.
 * REASON_SUCCESS, REASON_MALFORMED_PACKET, REASON_PROTOCOL_ERROR or, for a Topic Alias of 0,
 * REASON_TOPIC_ALIAS_INVALID. */
enum reason_code properties_read(struct properties *out, struct slice in, enum property_list list);

/* One property of a raw list that properties_read() accepted. `value` of a PAIR is the value and
 * `name` its name; of a STRING or BINARY the bytes; numbers are in `number`. */
struct property_item {
    enum property property;
    uint32_t number;
    struct slice name, value;
    struct slice encoded; /* identifier and value as they stand in the list */
};
/* Takes the next property off the front of `*raw`; false at the end. */
bool properties_next(struct slice *raw, struct property_item *item);

/* Is there a user property whose name begins so? */
bool properties_have_user_prefix(const struct properties *properties, struct slice prefix);

/* Those properties of a raw PUBLISH or Will list that are PROPERTIES_FORWARDED, in their order.
 * `out` has room for raw.length bytes; returns the bytes written. */
size_t properties_copy_forwarded(uint8_t *out, struct slice raw);

/* Appends length prefix and properties: those in `present`, then, if USER_PROPERTY is present,
 * the user properties of `raw`; additional subscription identifiers are taken from `raw` as well
 * if SUBSCRIPTION_IDENTIFIER is present and raw has any (else the field is written). */
void properties_write(struct buffer *out, const struct properties *p);

/* Name as in the specification ("Topic Alias"), without spaces ("TopicAlias") for tests and logs.
 */
const char *property_name(enum property property);

#endif
