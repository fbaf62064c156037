/* -D command name value: reads MQTT 5 properties into Paho's lists.
 *
 * The names are those of the specification with '-' between the words, made from the one table
 * mqtt/properties.def that the broker uses as well, so that both always know the same properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "property_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mqtt/properties.h"
#include "mqtt/utf8.h"

enum property_type { BYTE, U16, U32, VARINT, STRING, BINARY, PAIR };

static const struct property_row {
    const char *name; /* with '_' between the words */
    enum MQTTPropertyCodes identifier;
    enum property_type type;
    unsigned packets; /* enum property_list bits */
} property_rows[] = {
#define PROPERTY(name, field, identifier, type, packets)                                           \
    {#field, (enum MQTTPropertyCodes)(identifier), type, packets},
#include "mqtt/properties.def"
#undef PROPERTY
};

enum { UNSUPPORTED = -1 };

static const struct command_row {
    const char *name;
    unsigned packets;
    int target; /* enum property_target or UNSUPPORTED */
} command_rows[] = {
    {"connect", P_CONNECT, FOR_CONNECT},
    {"publish", P_PUBLISH, FOR_PUBLISH},
    {"subscribe", P_SUBSCRIBE, FOR_SUBSCRIBE},
    {"unsubscribe", P_UNSUBSCRIBE, FOR_UNSUBSCRIBE},
    {"disconnect", P_DISCONNECT, FOR_DISCONNECT},
    {"will", P_WILL, FOR_WILL},
    {"auth", P_AUTH, UNSUPPORTED},
    {"connack", P_CONNACK, UNSUPPORTED},
    {"puback", P_ACKS, UNSUPPORTED},
    {"pubrec", P_ACKS, UNSUPPORTED},
    {"pubrel", P_ACKS, UNSUPPORTED},
    {"pubcomp", P_ACKS, UNSUPPORTED},
    {"suback", P_SUBACK, UNSUPPORTED},
    {"unsuback", P_UNSUBACK, UNSUPPORTED},
};

static const struct command_row *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++) {
        if (strcasecmp(name, command_rows[i].name) == 0) {
            return &command_rows[i];
        }
    }
    return NULL;
}

/* "topic-alias" names the field topic_alias. */
static bool same_name(const char *given, const char *field)
{
    for (; *given != '\0' && *field != '\0'; given++, field++) {
        if (*given != (*field == '_' ? '-' : *field)) {
            return false;
        }
    }
    return *given == *field;
}

static const struct property_row *find_property(const char *name)
{
    for (size_t i = 0; i < sizeof(property_rows) / sizeof(property_rows[0]); i++) {
        if (same_name(name, property_rows[i].name)) {
            return &property_rows[i];
        }
    }
    return NULL;
}

static bool complain(const char *message)
{
    fprintf(stderr, "Error: %s in --property argument.\n", message);
    return false;
}

static bool set_number(MQTTProperty *property, enum property_type type, const char *name,
                       const char *text)
{
    static const long long maxima[] = {
        [BYTE] = UINT8_MAX, [U16] = UINT16_MAX, [U32] = UINT32_MAX, [VARINT] = 268435455};
    char *end;
    long long value = strtoll(text, &end, 10);

    if (end == text || *end != '\0' || value < 0 || value > maxima[type]) {
        fprintf(stderr, "Error: Property value (%s) out of range for property %s.\n", text, name);
        return false;
    }
    if (type == BYTE) {
        property->value.byte = (unsigned char)value;
    } else if (type == U16) {
        property->value.integer2 = (unsigned short)value;
    } else {
        property->value.integer4 = (unsigned)value;
    }
    return true;
}

static bool set_text(MQTTLenString *out, enum property_type type, const char *name,
                     const char *text)
{
    struct slice bytes = slice_from_string(text);

    if (bytes.length > UINT16_MAX) {
        fprintf(stderr, "Error: Property value too long for property %s.\n", name);
        return false;
    }
    if (type != BINARY && !utf8_is_valid_string(bytes)) {
        fprintf(stderr, "Error: Malformed UTF-8 in property %s.\n", name);
        return false;
    }
    /* MQTTProperties_add() copies; it only takes a pointer to char that is not const. */
    *out = (MQTTLenString){(int)bytes.length, (char *)(uintptr_t)text};
    return true;
}

static bool set_value(MQTTProperty *property, const struct property_row *row, const char *name,
                      char *const *values)
{
    property->identifier = row->identifier;
    if (row->type <= VARINT) {
        return set_number(property, row->type, name, values[0]);
    }
    return set_text(&property->value.data, row->type, name, values[0]) &&
           (row->type != PAIR || set_text(&property->value.value, row->type, name, values[1]));
}

static bool is_supported(const struct command_row *command, const struct property_row *row)
{
    bool subscription_identifier = row->identifier == MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER;

    return command->target != UNSUPPORTED &&
           !(command->target == FOR_PUBLISH && subscription_identifier);
}

bool property_option_read(struct options *options, struct arguments *arguments)
{
    char *const *words = arguments->words + arguments->at + 1;
    int left = arguments->count - arguments->at - 1;
    const struct command_row *command;
    const struct property_row *row;
    MQTTProperty property;
    int values;

    if (left < 3) {
        fprintf(stderr, "Error: --property argument given but not enough arguments specified.\n");
        return false;
    }
    command = find_command(words[0]);
    row = find_property(words[1]);
    if (command == NULL || row == NULL) {
        return complain(command == NULL ? "Invalid command given" : "Invalid property name given");
    }
    if ((row->packets & command->packets) == 0 || !is_supported(command, row)) {
        fprintf(stderr, "Error: %s property not %s for %s in --property argument.\n", words[1],
                (row->packets & command->packets) == 0 ? "allowed" : "supported", words[0]);
        return false;
    }
    values = row->type == PAIR ? 2 : 1;
    if (left < 2 + values) {
        fprintf(stderr, "Error: --property argument given but not enough arguments specified.\n");
        return false;
    }
    memset(&property, 0, sizeof(property));
    if (!set_value(&property, row, words[1], words + 2)) {
        return false;
    }
    MQTTProperties_add(&options->properties[command->target], &property);
    options->connection.version = MQTTVERSION_5;
    options->has_topic_alias |=
        command->target == FOR_PUBLISH && row->identifier == MQTTPROPERTY_CODE_TOPIC_ALIAS;
    arguments->at += 2 + values;
    return true;
}

/* The value ranges of MQTT 5 section 3 that are narrower than the type. */
static bool value_is_allowed(const MQTTProperty *property)
{
    switch ((int)property->identifier) {
    case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
    case MQTTPROPERTY_CODE_REQUEST_PROBLEM_INFORMATION:
    case MQTTPROPERTY_CODE_REQUEST_RESPONSE_INFORMATION:
        return property->value.byte <= 1;
    case MQTTPROPERTY_CODE_RECEIVE_MAXIMUM:
    case MQTTPROPERTY_CODE_TOPIC_ALIAS:
        return property->value.integer2 != 0;
    case MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE:
    case MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER:
        return property->value.integer4 != 0;
    default:
        return true;
    }
}

static const char *find_fault(const MQTTProperties *list)
{
    uint64_t seen = 0;

    for (int i = 0; i < list->count; i++) {
        const MQTTProperty *property = &list->array[i];
        uint64_t bit = UINT64_C(1) << property->identifier;

        if ((seen & bit) != 0 && property->identifier != MQTTPROPERTY_CODE_USER_PROPERTY) {
            return "Duplicate property in property list";
        }
        if (!value_is_allowed(property)) {
            return "A network protocol error occurred when communicating with the broker.";
        }
        seen |= bit;
    }
    return NULL;
}

bool property_options_check(const struct options *options)
{
    static const char *const names[PROPERTY_TARGETS] = {"CONNECT",     "PUBLISH",    "SUBSCRIBE",
                                                        "UNSUBSCRIBE", "DISCONNECT", "Will"};

    for (size_t i = 0; i < PROPERTY_TARGETS; i++) {
        const char *fault = find_fault(&options->properties[i]);

        if (fault != NULL) {
            fprintf(stderr, "Error in %s properties: %s\n", names[i], fault);
            return false;
        }
    }
    return true;
}
