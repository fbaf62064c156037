/* MQTT 5 properties, driven by properties.def: the rules table says where each may stand, how it is
 * coded and where its value lives in struct properties; four short checks cover what a table of
 * types cannot say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/properties.h"

#include <assert.h>
#include <stdlib.h>

#include "mqtt/packet.h"
#include "mqtt/reader.h"
#include "mqtt/topic.h"

enum property_type {
    TYPE_NONE,
    TYPE_BYTE,
    TYPE_U16,
    TYPE_U32,
    TYPE_VARINT,
    TYPE_STRING,
    TYPE_BINARY,
    TYPE_PAIR
};

struct property_rule {
    uint8_t type;   /* enum property_type; TYPE_NONE for an identifier that does not exist */
    uint8_t offset; /* of the field in struct properties; pairs have none */
    uint16_t lists; /* enum property_list bits */
};

#define OFFSET_BYTE(field)   offsetof(struct properties, field)
#define OFFSET_U16(field)    offsetof(struct properties, field)
#define OFFSET_U32(field)    offsetof(struct properties, field)
#define OFFSET_VARINT(field) offsetof(struct properties, field)
#define OFFSET_STRING(field) offsetof(struct properties, field)
#define OFFSET_BINARY(field) offsetof(struct properties, field)
#define OFFSET_PAIR(field)   0

enum { RULES = 64 };

static const struct property_rule rules[RULES] = {
#define PROPERTY(name, field, identifier, type, packets)                                           \
    [identifier] = {TYPE_##type, OFFSET_##type(field), (packets)},
#include "mqtt/properties.def"
#undef PROPERTY
};

static_assert(sizeof(struct properties) <= UINT8_MAX + 1, "offsets fit a byte");

/* NULL for an identifier that does not exist. All identifiers are below 128, so the shortest form
 * of their variable byte integer is the byte itself. */
static inline const struct property_rule *property_rule(uint8_t identifier)
{
    return identifier < RULES && rules[identifier].type != TYPE_NONE ? &rules[identifier] : NULL;
}

/* Reads the value behind an identifier into the item's number, or name and value. */
static void item_read_value(struct property_item *item, struct reader *r, enum property_type type)
{
    switch (type) {
    case TYPE_BYTE:
        item->number = reader_u8(r);
        break;
    case TYPE_U16:
        item->number = reader_u16(r);
        break;
    case TYPE_U32:
        item->number = reader_u32(r);
        break;
    case TYPE_VARINT:
        item->number = reader_varint(r);
        break;
    case TYPE_PAIR:
        item->name = reader_binary(r);
        item->value = reader_binary(r);
        break;
    case TYPE_STRING:
    case TYPE_BINARY:
        item->value = reader_binary(r);
        break;
    case TYPE_NONE:
    default:
        reader_fail(r);
    }
}

/* A value's own limits: REASON_SUCCESS if it keeps them. */
static enum reason_code item_check_number(const struct property_item *item)
{
    switch ((unsigned)item->property) {
    case PROPERTY_TOPIC_ALIAS: /* MQTT-3.3.2-8 */
        return item->number == 0 ? REASON_TOPIC_ALIAS_INVALID : REASON_SUCCESS;
    case PROPERTY_SUBSCRIPTION_IDENTIFIER:
    case PROPERTY_RECEIVE_MAXIMUM:
    case PROPERTY_MAXIMUM_PACKET_SIZE:
        return item->number == 0 ? REASON_PROTOCOL_ERROR : REASON_SUCCESS;
    default:
        return REASON_SUCCESS;
    }
}

static enum reason_code item_check(const struct property_item *item, enum property_type type)
{
    switch (type) {
    case TYPE_BYTE: /* every byte property is a yes or no, or one of two QoS levels */
        return item->number > 1 ? REASON_PROTOCOL_ERROR : REASON_SUCCESS;
    case TYPE_PAIR:
        return utf8_is_valid_string(item->name) && utf8_is_valid_string(item->value)
                   ? REASON_SUCCESS
                   : REASON_MALFORMED_PACKET;
    case TYPE_STRING:
        if (!utf8_is_valid_string(item->value)) {
            return REASON_MALFORMED_PACKET;
        }
        return item->property == PROPERTY_RESPONSE_TOPIC && !topic_name_is_valid(item->value)
                   ? REASON_PROTOCOL_ERROR /* MQTT-3.3.2-14 */
                   : REASON_SUCCESS;
    case TYPE_U16:
    case TYPE_U32:
    case TYPE_VARINT:
        return item_check_number(item);
    case TYPE_NONE:
    case TYPE_BINARY:
    default:
        return REASON_SUCCESS;
    }
}

static void *properties_field(struct properties *p, const struct property_rule *rule)
{
    return (uint8_t *)p + rule->offset;
}

static const void *properties_const_field(const struct properties *p,
                                          const struct property_rule *rule)
{
    return (const uint8_t *)p + rule->offset;
}

static void properties_store(struct properties *out, const struct property_rule *rule,
                             const struct property_item *item)
{
    void *field = properties_field(out, rule);

    switch ((enum property_type)rule->type) {
    case TYPE_BYTE:
        *(uint8_t *)field = (uint8_t)item->number;
        break;
    case TYPE_U16:
        *(uint16_t *)field = (uint16_t)item->number;
        break;
    case TYPE_U32:
    case TYPE_VARINT:
        *(uint32_t *)field = item->number;
        break;
    case TYPE_STRING:
    case TYPE_BINARY:
        *(struct slice *)field = item->value;
        break;
    case TYPE_PAIR: /* stays in raw */
    case TYPE_NONE:
    default:
        break;
    }
}

/* May the property stand in the list more than once? */
static bool property_repeats(enum property property, enum property_list list)
{
    return property == PROPERTY_USER_PROPERTY ||
           (property == PROPERTY_SUBSCRIPTION_IDENTIFIER && list == P_PUBLISH);
}

static enum reason_code properties_read_one(struct properties *out, struct reader *r,
                                            enum property_list list)
{
    struct property_item item = {0};
    uint8_t identifier = reader_u8(r);
    const struct property_rule *rule = property_rule(identifier);
    uint64_t bit = UINT64_C(1) << (identifier % 64);
    enum reason_code reason;

    if (!rule || (rule->lists & list) == 0) {
        return REASON_MALFORMED_PACKET; /* section 2.2.2.2 */
    }
    item.property = (enum property)identifier;
    item_read_value(&item, r, (enum property_type)rule->type);
    if (r->failed) {
        return REASON_MALFORMED_PACKET;
    }
    reason = item_check(&item, (enum property_type)rule->type);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    if ((out->present & bit) == 0) {
        out->present |= bit;
        properties_store(out, rule, &item);
        return REASON_SUCCESS;
    }
    return property_repeats(item.property, list) ? REASON_SUCCESS : REASON_PROTOCOL_ERROR;
}

enum reason_code properties_read(struct properties *out, struct slice in, enum property_list list)
{
    struct reader reader = reader_make(in);

    out->present = 0;
    out->raw = in;
    while (reader.at != reader.end) {
        enum reason_code reason = properties_read_one(out, &reader, list);
        if (reason != REASON_SUCCESS) {
            return reason;
        }
    }
    if (properties_have(out, PROPERTY_AUTHENTICATION_DATA) &&
        !properties_have(out, PROPERTY_AUTHENTICATION_METHOD)) {
        return REASON_PROTOCOL_ERROR;
    }
    return REASON_SUCCESS;
}

bool properties_next(struct slice *raw, struct property_item *item)
{
    struct reader reader = reader_make(*raw);
    const struct property_rule *rule;
    uint8_t identifier;

    if (raw->length == 0) {
        return false;
    }
    identifier = reader_u8(&reader);
    rule = property_rule(identifier);
    if (!rule) {
        return false;
    }
    *item = (struct property_item){.property = (enum property)identifier};
    item_read_value(item, &reader, (enum property_type)rule->type);
    if (reader.failed) {
        return false;
    }
    item->encoded = slice_make(raw->data, (size_t)(reader.at - raw->data));
    *raw = slice_from(*raw, item->encoded.length);
    return true;
}

bool properties_have_user_prefix(const struct properties *properties, struct slice prefix)
{
    struct slice raw = properties->raw;
    struct property_item item;

    if (!properties_have(properties, PROPERTY_USER_PROPERTY)) {
        return false;
    }
    while (properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY && slice_starts_with(item.name, prefix)) {
            return true;
        }
    }
    return false;
}

size_t properties_copy_forwarded(uint8_t *out, struct slice raw)
{
    struct property_item item;
    size_t length = 0;

    while (properties_next(&raw, &item)) {
        if ((PROPERTIES_FORWARDED >> item.property & 1) != 0) {
            memcpy(out + length, item.encoded.data, item.encoded.length);
            length += item.encoded.length;
        }
    }
    return length;
}

static void write_binary(struct buffer *out, struct slice bytes)
{
    assert(bytes.length <= UINT16_MAX);
    buffer_append_u16(out, (uint16_t)bytes.length);
    buffer_append(out, bytes);
}

static void write_field(struct buffer *out, const struct property_rule *rule, const void *field)
{
    switch ((enum property_type)rule->type) {
    case TYPE_BYTE:
        buffer_append_byte(out, *(const uint8_t *)field);
        break;
    case TYPE_U16:
        buffer_append_u16(out, *(const uint16_t *)field);
        break;
    case TYPE_U32:
        buffer_append_u32(out, *(const uint32_t *)field);
        break;
    case TYPE_VARINT:
        out->length += varint_write(buffer_reserve(out, 4), *(const uint32_t *)field);
        break;
    case TYPE_STRING:
    case TYPE_BINARY:
        write_binary(out, *(const struct slice *)field);
        break;
    case TYPE_PAIR:
    case TYPE_NONE:
    default:
        abort(); /* the table says so: a pair is never written from a field */
    }
}

/* All items of this property, as they stand in `raw`; false if there are none. */
static bool write_from_raw(struct buffer *out, struct slice raw, enum property property)
{
    struct property_item item;
    bool any = false;

    while (properties_next(&raw, &item)) {
        if (item.property == property) {
            buffer_append(out, item.encoded);
            any = true;
        }
    }
    return any;
}

void properties_write(struct buffer *out, const struct properties *p)
{
    size_t start = out->length;
    uint64_t left = p->present & ~PROPERTY_BIT(USER_PROPERTY);

    for (; left != 0; left &= left - 1) {
        uint8_t identifier = (uint8_t)__builtin_ctzll(left);
        const struct property_rule *rule = property_rule(identifier);
        assert(rule);
        if (identifier == PROPERTY_SUBSCRIPTION_IDENTIFIER &&
            write_from_raw(out, p->raw, PROPERTY_SUBSCRIPTION_IDENTIFIER)) {
            continue;
        }
        buffer_append_byte(out, identifier);
        write_field(out, rule, properties_const_field(p, rule));
    }
    if (properties_have(p, PROPERTY_USER_PROPERTY)) {
        write_from_raw(out, p->raw, PROPERTY_USER_PROPERTY);
    }
    varint_insert_length(out, start);
}

const char *property_name(enum property property)
{
    static const char *const names[RULES] = {
        [PROPERTY_PAYLOAD_FORMAT_INDICATOR] = "PayloadFormatIndicator",
        [PROPERTY_MESSAGE_EXPIRY_INTERVAL] = "MessageExpiryInterval",
        [PROPERTY_CONTENT_TYPE] = "ContentType",
        [PROPERTY_RESPONSE_TOPIC] = "ResponseTopic",
        [PROPERTY_CORRELATION_DATA] = "CorrelationData",
        [PROPERTY_SUBSCRIPTION_IDENTIFIER] = "SubscriptionIdentifier",
        [PROPERTY_SESSION_EXPIRY_INTERVAL] = "SessionExpiryInterval",
        [PROPERTY_ASSIGNED_CLIENT_IDENTIFIER] = "AssignedClientIdentifier",
        [PROPERTY_SERVER_KEEP_ALIVE] = "ServerKeepAlive",
        [PROPERTY_AUTHENTICATION_METHOD] = "AuthenticationMethod",
        [PROPERTY_AUTHENTICATION_DATA] = "AuthenticationData",
        [PROPERTY_REQUEST_PROBLEM_INFORMATION] = "RequestProblemInformation",
        [PROPERTY_WILL_DELAY_INTERVAL] = "WillDelayInterval",
        [PROPERTY_REQUEST_RESPONSE_INFORMATION] = "RequestResponseInformation",
        [PROPERTY_RESPONSE_INFORMATION] = "ResponseInformation",
        [PROPERTY_SERVER_REFERENCE] = "ServerReference",
        [PROPERTY_REASON_STRING] = "ReasonString",
        [PROPERTY_RECEIVE_MAXIMUM] = "ReceiveMaximum",
        [PROPERTY_TOPIC_ALIAS_MAXIMUM] = "TopicAliasMaximum",
        [PROPERTY_TOPIC_ALIAS] = "TopicAlias",
        [PROPERTY_MAXIMUM_QOS] = "MaximumQoS",
        [PROPERTY_RETAIN_AVAILABLE] = "RetainAvailable",
        [PROPERTY_USER_PROPERTY] = "UserProperty",
        [PROPERTY_MAXIMUM_PACKET_SIZE] = "MaximumPacketSize",
        [PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE] = "WildcardSubscriptionAvailable",
        [PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE] = "SubscriptionIdentifierAvailable",
        [PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE] = "SharedSubscriptionAvailable",
    };
    const char *name = (unsigned)property < RULES ? names[property] : NULL;

    return name ? name : "?";
}
