/* Tables of the packet's fields and properties, and the two walks over them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_fields.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

enum store { STORE_BOOL, STORE_U8, STORE_U16, STORE_U32, STORE_QOS, STORE_SLICE, STORE_PAIR };

#define IN(type)   (1U << PACKET_##type)
#define AT(member) offsetof(struct packet, member)

enum {
    IN_ACKS = IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP),
    IN_SUBSCRIBE = IN(SUBSCRIBE) | IN(UNSUBSCRIBE),
    IN_SUBACK = IN(SUBACK) | IN(UNSUBACK),
};

/* Fields of the packets themselves, in the order in which they are printed. */
static const struct packet_field {
    const char *name;
    unsigned types;
    enum store store;
    size_t offset;
} packet_fields[] = {
    {"clean_start", IN(CONNECT), STORE_BOOL, AT(connect.clean_start)},
    {"client_id", IN(CONNECT), STORE_SLICE, AT(connect.client_identifier)},
    {"keep_alive", IN(CONNECT), STORE_U16, AT(connect.keep_alive)},
    {"user_name", IN(CONNECT), STORE_SLICE, AT(connect.user_name)},
    {"password", IN(CONNECT), STORE_SLICE, AT(connect.password)},
    {"will_topic", IN(CONNECT), STORE_SLICE, AT(connect.will.topic)},
    {"will_payload", IN(CONNECT), STORE_SLICE, AT(connect.will.payload)},
    {"will_qos", IN(CONNECT), STORE_QOS, AT(connect.will.qos)},
    {"will_retain", IN(CONNECT), STORE_BOOL, AT(connect.will.retain)},
    {"session_present", IN(CONNACK), STORE_BOOL, AT(connack.session_present)},
    {"reason", IN(CONNACK), STORE_U8, AT(connack.reason)},
    {"", IN(PUBLISH), STORE_SLICE, AT(publish.topic)},
    {"qos", IN(PUBLISH), STORE_QOS, AT(publish.qos)},
    {"id", IN(PUBLISH), STORE_U16, AT(publish.packet_id)},
    {"dup", IN(PUBLISH), STORE_BOOL, AT(publish.dup)},
    {"retain", IN(PUBLISH), STORE_BOOL, AT(publish.retain)},
    {"payload", IN(PUBLISH), STORE_SLICE, AT(publish.payload)},
    {"id", IN_ACKS, STORE_U16, AT(ack.packet_id)},
    {"reason", IN_ACKS, STORE_U8, AT(ack.reason)},
    {"id", IN_SUBSCRIBE, STORE_U16, AT(subscribe.packet_id)},
    {"id", IN_SUBACK, STORE_U16, AT(suback.packet_id)},
    {"reason", IN(DISCONNECT), STORE_U8, AT(disconnect.reason)},
    {"reason", IN(AUTH), STORE_U8, AT(auth.reason)},
};

#define STORE_BYTE         STORE_U8
#define STORE_VARINT       STORE_U32
#define STORE_STRING       STORE_SLICE
#define STORE_BINARY       STORE_SLICE
#define OFFSET_BYTE(field) offsetof(struct properties, field)
#define OFFSET_U16         OFFSET_BYTE
#define OFFSET_U32         OFFSET_BYTE
#define OFFSET_VARINT      OFFSET_BYTE
#define OFFSET_STRING      OFFSET_BYTE
#define OFFSET_BINARY      OFFSET_BYTE
#define OFFSET_PAIR(field) 0

static const struct property_field {
    enum property property;
    enum store store;
    size_t offset;
} property_fields[] = {
#define PROPERTY(name, field, identifier, type, packets)                                           \
    {PROPERTY_##name, STORE_##type, OFFSET_##type(field)},
#include "mqtt/properties.def"
#undef PROPERTY
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Everything a packet under construction borrows. */
struct build {
    struct script *script;
    const struct variables *variables;
    struct packet packet;
    struct buffer raw, will_raw; /* user properties and subscription identifiers */
    struct buffer filters;
    size_t options_at; /* of the last filter's options byte in `filters` */
    enum protocol_version version;
    const char *error;
};

const struct value *variables_find(const struct variables *variables, struct slice name)
{
    for (size_t i = 0; i < variables->count; i++) {
        if (slice_equal(variables->list[i].name, name)) {
            return &variables->list[i].value;
        }
    }
    return NULL;
}

static void store_value(void *at, enum store store, const struct value *value)
{
    switch (store) {
    case STORE_BOOL:
        *(bool *)at = value->low != 0;
        break;
    case STORE_U8:
        *(uint8_t *)at = (uint8_t)value->low;
        break;
    case STORE_U16:
        *(uint16_t *)at = (uint16_t)value->low;
        break;
    case STORE_U32:
        *(uint32_t *)at = value->low;
        break;
    case STORE_QOS:
        *(enum qos *)at = (enum qos)value->low;
        break;
    case STORE_SLICE:
        *(struct slice *)at = value->text;
        break;
    case STORE_PAIR:
        break;
    }
}

static struct value load_value(const void *at, enum store store)
{
    struct value value = {.kind = VALUE_NUMBER};

    switch (store) {
    case STORE_BOOL:
        value.low = *(const bool *)at;
        break;
    case STORE_U8:
        value.low = *(const uint8_t *)at;
        break;
    case STORE_U16:
        value.low = *(const uint16_t *)at;
        break;
    case STORE_U32:
        value.low = *(const uint32_t *)at;
        break;
    case STORE_QOS:
        value.low = (uint32_t) * (const enum qos *)at;
        break;
    case STORE_SLICE:
    case STORE_PAIR:
        value.kind = VALUE_TEXT;
        value.text = *(const struct slice *)at;
        break;
    }
    value.high = value.low;
    return value;
}

static const struct property_field *find_property(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(property_fields); i++) {
        if (strcmp(property_name(property_fields[i].property), name) == 0) {
            return &property_fields[i];
        }
    }
    return NULL;
}

bool field_is_property(const char *name)
{
    return strcmp(name, "user") == 0 || find_property(name);
}

static void append_string(struct buffer *out, struct slice text)
{
    buffer_append_u16(out, (uint16_t)text.length);
    buffer_append(out, text);
}

static void add_user_property(struct buffer *raw, struct properties *properties,
                              const struct value *value)
{
    buffer_append_byte(raw, PROPERTY_USER_PROPERTY);
    append_string(raw, value->text);
    append_string(raw, value->second);
    properties->present |= PROPERTY_BIT(USER_PROPERTY);
}

static void add_subscription_identifier(struct buffer *raw, uint32_t number)
{
    uint8_t bytes[4];

    buffer_append_byte(raw, PROPERTY_SUBSCRIPTION_IDENTIFIER);
    buffer_append(raw, slice_make(bytes, varint_write(bytes, number)));
}

static bool set_property(struct build *b, const char *name, const struct value *value, bool will)
{
    struct properties *properties =
        will ? &b->packet.connect.will.properties : &b->packet.properties;
    struct buffer *raw = will ? &b->will_raw : &b->raw;
    const struct property_field *field;

    if (strcmp(name, "user") == 0) {
        add_user_property(raw, properties, value);
        return true;
    }
    field = find_property(name);
    if (!field) {
        return false;
    }
    if (field->property == PROPERTY_SUBSCRIPTION_IDENTIFIER) {
        add_subscription_identifier(raw, value->low);
    }
    properties->present |= UINT64_C(1) << field->property;
    store_value((char *)properties + field->offset, field->store, value);
    return true;
}

static bool set_packet_field(struct build *b, const char *name, const struct value *value)
{
    for (size_t i = 0; i < COUNT_OF(packet_fields); i++) {
        const struct packet_field *field = &packet_fields[i];

        if ((field->types & (1U << b->packet.type)) && strcmp(field->name, name) == 0) {
            store_value((char *)&b->packet + field->offset, field->store, value);
            return true;
        }
    }
    return false;
}

/* Options of the filter named last. */
static bool set_filter_option(struct build *b, const char *name, uint32_t number)
{
    static const struct {
        const char *name;
        unsigned shift;
    } options[] = {{"qos", 0},
                   {"no_local", 2},
                   {"retain_as_published", 3},
                   {"retain_handling", 4},
                   {"options", 0}};

    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (strcmp(options[i].name, name) == 0 && b->filters.length > 0) {
            b->filters.data[b->options_at] |= (uint8_t)(number << options[i].shift);
            return true;
        }
    }
    return false;
}

static bool set_subscribe_field(struct build *b, const char *name, const struct value *value)
{
    if (name[0] != '\0') {
        return b->packet.type == PACKET_SUBSCRIBE && set_filter_option(b, name, value->low);
    }
    append_string(&b->filters, value->text);
    if (b->packet.type == PACKET_SUBSCRIBE) {
        b->options_at = b->filters.length;
        buffer_append_byte(&b->filters, 0);
    }
    b->packet.subscribe.count++;
    return true;
}

static bool set_connect_field(struct build *b, const char *name, const struct value *value)
{
    struct connect *connect = &b->packet.connect;

    if (strcmp(name, "v5") == 0 || strcmp(name, "v311") == 0) {
        b->version = name[1] == '5' ? MQTT_5 : MQTT_3_1_1;
        return true;
    }
    connect->has_user_name |= strcmp(name, "user_name") == 0;
    connect->has_password |= strcmp(name, "password") == 0;
    connect->will.present |= strncmp(name, "will_", 5) == 0;
    if (strcmp(name, "WillDelayInterval") == 0) {
        return set_property(b, name, value, true);
    }
    return strncmp(name, "will_", 5) == 0 && set_property(b, name + 5, value, true);
}

static bool set_publish_field(struct build *b, const char *name, const struct value *value)
{
    if (strcmp(name, "size") != 0) {
        return false;
    }
    uint8_t *payload = script_allocate(b->script, value->low + 1);

    memset(payload, 'x', value->low);
    b->packet.publish.payload = slice_make(payload, value->low);
    return true;
}

static bool set_special_field(struct build *b, const char *name, const struct value *value)
{
    if (b->packet.type == PACKET_CONNECT) {
        return set_connect_field(b, name, value);
    }
    if (b->packet.type == PACKET_PUBLISH) {
        return set_publish_field(b, name, value);
    }
    if (b->packet.type == PACKET_SUBSCRIBE || b->packet.type == PACKET_UNSUBSCRIBE) {
        return set_subscribe_field(b, name, value);
    }
    return false;
}

static void set_field(struct build *b, const struct field *field)
{
    const struct value *value = &field->value;

    if (value->kind == VALUE_VARIABLE && !(value = variables_find(b->variables, value->text))) {
        b->error = "a $variable that no earlier line has set";
        return;
    }
    bool special = set_special_field(b, field->name, value);
    bool known = set_packet_field(b, field->name, value);

    if (!special && !known && !set_property(b, field->name, value, false)) {
        b->error = "a field that this packet does not have";
    }
}

/* Defaults that keep the files short: a client identifier is the actor's name. */
static void set_defaults(struct build *b, const struct line *line)
{
    b->packet.type = line->type;
    if (line->type == PACKET_CONNECT) {
        b->version = MQTT_5;
        b->packet.connect.clean_start = true;
        b->packet.connect.keep_alive = 60;
        b->packet.connect.client_identifier = slice_from_string(line->actor);
    }
}

/* The options byte of 3.1.1 is the requested QoS: same place, so nothing to convert. */
static void finish(struct build *b)
{
    b->packet.properties.raw = buffer_slice(&b->raw);
    if (b->packet.type == PACKET_CONNECT) {
        b->packet.connect.will.properties.raw = buffer_slice(&b->will_raw);
        b->packet.connect.version = b->version;
    }
    if (b->packet.type == PACKET_SUBSCRIBE || b->packet.type == PACKET_UNSUBSCRIBE) {
        b->packet.subscribe.filters = buffer_slice(&b->filters);
    }
}

const char *fields_build(struct script *script, const struct line *line,
                         const struct variables *variables, enum protocol_version *version,
                         struct buffer *out)
{
    struct build b = {.script = script, .variables = variables, .version = *version};

    set_defaults(&b, line);
    for (size_t i = 0; i < line->field_count && !b.error; i++) {
        set_field(&b, &line->fields[i]);
    }
    if (!b.error) {
        finish(&b);
        *version = b.version;
        packet_encode(out, &b.packet, b.version);
    }
    buffer_release(&b.raw);
    buffer_release(&b.will_raw);
    buffer_release(&b.filters);
    return b.error;
}

static void describe(struct description *out, const char *name, struct value value)
{
    if (out->count < DESCRIPTION_MAX) {
        out->fields[out->count++] = (struct field){name, value};
    }
}

static void describe_properties(struct description *out, const struct properties *properties)
{
    struct slice raw = properties->raw;
    struct property_item item;

    for (size_t i = 0; i < COUNT_OF(property_fields); i++) {
        const struct property_field *field = &property_fields[i];

        if (properties_have(properties, field->property) && field->store != STORE_PAIR &&
            field->property != PROPERTY_SUBSCRIPTION_IDENTIFIER) {
            describe(out, property_name(field->property),
                     load_value((const char *)properties + field->offset, field->store));
        }
    }
    while (raw.length > 0 && properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY) {
            describe(out, "user", (struct value){VALUE_PAIR, 0, 0, item.name, item.value});
        } else if (item.property == PROPERTY_SUBSCRIPTION_IDENTIFIER) {
            struct value value = {.kind = VALUE_NUMBER, .low = item.number, .high = item.number};

            describe(out, property_name(item.property), value);
        }
    }
}

void fields_describe(const struct packet *packet, struct description *out)
{
    out->count = 0;
    for (size_t i = 0; i < COUNT_OF(packet_fields); i++) {
        const struct packet_field *field = &packet_fields[i];

        if (field->types & (1U << packet->type)) {
            describe(out, field->name,
                     load_value((const char *)packet + field->offset, field->store));
        }
    }
    if (packet->type == PACKET_SUBACK || packet->type == PACKET_UNSUBACK) {
        struct value codes = {.kind = VALUE_LIST, .text = packet->suback.codes};

        describe(out, "codes", codes);
    }
    describe_properties(out, &packet->properties);
}

static void print_text(struct buffer *out, struct slice text)
{
    enum { SHOWN_MAX = 80 };

    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length && i < SHOWN_MAX; i++) {
        uint8_t byte = text.data[i];

        if (byte == '"' || byte == '\\') {
            buffer_append_format(out, "\\%c", byte);
        } else if (isprint(byte)) {
            buffer_append_byte(out, byte);
        } else {
            buffer_append_format(out, "\\x%02x", byte);
        }
    }
    buffer_append_string(out, "\"");
    if (text.length > SHOWN_MAX) {
        buffer_append_format(out, "... (size=%zu)", text.length);
    }
}

static void print_list(struct buffer *out, struct slice codes)
{
    for (size_t i = 0; i < codes.length; i++) {
        buffer_append_format(out, codes.data[i] < 0x80 ? "%s%u" : "%s0x%02x", i ? "," : "",
                             codes.data[i]);
    }
}

void value_print(struct buffer *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NONE:
        break;
    case VALUE_NUMBER:
        buffer_append_format(out, "%u", value->low);
        break;
    case VALUE_TEXT:
        print_text(out, value->text);
        break;
    case VALUE_PAIR:
        print_text(out, value->text);
        buffer_append_byte(out, ':');
        print_text(out, value->second);
        break;
    case VALUE_LIST:
        print_list(out, value->text);
        break;
    case VALUE_VARIABLE:
        buffer_append_format(out, "$%.*s", SLICE_PRINT(value->text));
        break;
    }
}

void fields_print(struct buffer *out, enum packet_type type, const struct description *fields)
{
    buffer_append_string(out, packet_type_name(type));
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->fields[i];

        buffer_append_byte(out, ' ');
        if (strcmp(field->name, "reason") == 0) {
            buffer_append_format(out, "reason=0x%02x", field->value.low);
            continue;
        }
        if (field->name[0] != '\0') {
            buffer_append_format(out, "%s=", field->name);
        }
        value_print(out, &field->value);
    }
}
