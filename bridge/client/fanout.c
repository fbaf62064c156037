/* A PUBLISH becomes what each kind of receiver gets: see fanout.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "access/hub.h"
#include "base/memory.h"
#include "client/group_state.h"
#include "client/internal_topic.h"
#include "client/mqtt_topics.h"
#include "mqtt/utf8.h"

/* Marks of the encodings that no codec makes. */
static const char mqtt_whole, mqtt_stripped;

/* ---------------------------------------------------------------- decoding */

static bool starts_with(struct slice text, const char *prefix)
{
    return slice_starts_with(text, slice_from_string(prefix));
}

/* What the payload is (spec/webpubsub.md 3.3 and, for messages of devices, which often say nothing,
 * beyond): what Content Type says; else text if it is UTF-8. Whether JSON is JSON, the codec looks.
 */
static enum data_type data_type_of(const struct properties *properties, struct slice payload)
{
    struct slice type =
        properties_have(properties, PROPERTY_CONTENT_TYPE) ? properties->content_type : SLICE_EMPTY;

    if (starts_with(type, "application/json")) {
        return DATA_JSON;
    }
    if (starts_with(type, "application/x-protobuf")) {
        return DATA_PROTOBUF;
    }
    if (starts_with(type, "application/octet-stream")) {
        return DATA_BINARY;
    }
    return utf8_is_well_formed(payload) ? DATA_TEXT : DATA_BINARY;
}

static uint64_t decimal(struct slice digits)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits.length && digits.data[i] >= '0' && digits.data[i] <= '9'; i++) {
        value = value * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return value;
}

static void take_from(struct fanout *fanout, struct slice value)
{
    fanout->message.from_user_id = value;
}

static void take_exclude(struct fanout *fanout, struct slice value)
{
    struct fanout_scratch *scratch = fanout->scratch;

    if (fanout->excluded_count == scratch->excluded_capacity) {
        scratch->excluded_capacity = 2 * scratch->excluded_capacity + 4;
        scratch->excluded = memory_resize(scratch->excluded,
                                          scratch->excluded_capacity * sizeof(*scratch->excluded));
    }
    scratch->excluded[fanout->excluded_count++] = value;
}

static void take_command(struct fanout *fanout, struct slice value)
{
    (void)value;
    fanout->is_command = true;
}

/* Compiled once for all receivers of this process. */
static void take_filter(struct fanout *fanout, struct slice value)
{
    struct buffer error = {0};

    if (!fanout->has_filter) {
        fanout->has_filter = true;
        fanout->filter = filter_compile(value, &error);
        buffer_release(&error);
    }
}

static void take_stream(struct fanout *fanout, struct slice value)
{
    fanout->message.has_stream = true;
    fanout->message.stream.id = value;
}

static void take_stream_at(struct fanout *fanout, struct slice value)
{
    fanout->message.stream.sequence = decimal(value);
}

static void take_stream_end(struct fanout *fanout, struct slice value)
{
    fanout->message.stream.end = true;
    fanout->message.stream.has_error = value.length > 0;
    fanout->message.stream.error.name = value;
}

static void take_stream_error(struct fanout *fanout, struct slice value)
{
    fanout->message.stream.error.message = value;
}

static void take_stream_code(struct fanout *fanout, struct slice value)
{
    fanout->message.stream.user_error_code = value;
}

static void take_at(struct fanout *fanout, struct slice value)
{
    fanout->at = decimal(value);
}

static void take_reply(struct fanout *fanout, struct slice value)
{
    fanout->reply = (uint16_t)decimal(value);
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const struct {
    struct slice name;
    void (*take)(struct fanout *fanout, struct slice value);
} own_properties[] = {
    {NAME(PROPERTY_FROM), take_from},
    {NAME(PROPERTY_EXCLUDE), take_exclude},
    {NAME(PROPERTY_FILTER), take_filter},
    {NAME(PROPERTY_DO), take_command},
    {NAME(PROPERTY_STREAM), take_stream},
    {NAME(PROPERTY_STREAM_AT), take_stream_at},
    {NAME(PROPERTY_STREAM_END), take_stream_end},
    {NAME(PROPERTY_STREAM_ERROR), take_stream_error},
    {NAME(PROPERTY_STREAM_CODE), take_stream_code},
    {NAME(PROPERTY_AT), take_at},
    {NAME(PROPERTY_REPLY), take_reply},
};

static void take_own(struct fanout *fanout, const struct property_item *item)
{
    for (size_t i = 0; i < sizeof(own_properties) / sizeof(own_properties[0]); i++) {
        if (slice_equal(item->name, own_properties[i].name)) {
            own_properties[i].take(fanout, item->value);
            return;
        }
    }
}

static void add_metadata(struct fanout *fanout, const struct property_item *item)
{
    struct fanout_scratch *scratch = fanout->scratch;
    struct pairs *metadata = &fanout->message.metadata;

    if (metadata->count == scratch->metadata_capacity) {
        scratch->metadata_capacity =
            scratch->metadata_capacity > 0 ? 2 * scratch->metadata_capacity : 8;
        scratch->metadata = memory_resize(scratch->metadata,
                                          scratch->metadata_capacity * sizeof(*scratch->metadata));
    }
    scratch->metadata[metadata->count++] = (struct pair){item->name, item->value};
    metadata->items = scratch->metadata;
}

/* User properties: our own, and the others as metadata. */
static void take_user_properties(struct fanout *fanout)
{
    struct slice raw = fanout->publish.properties.raw;
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.property != PROPERTY_USER_PROPERTY) {
            continue;
        }
        if (starts_with(item.name, "$wps.")) {
            take_own(fanout, &item);
        } else {
            add_metadata(fanout, &item);
        }
    }
}

/* What stands behind the hub, the first level. */
static struct slice behind_hub(struct slice topic)
{
    const uint8_t *slash = topic.length > 0 ? memchr(topic.data, '/', topic.length) : NULL;

    return slash ? slice_from(topic, (size_t)(slash + 1 - topic.data)) : SLICE_EMPTY;
}

static void take_group(struct fanout *fanout)
{
    struct slice group = behind_hub(fanout->publish.publish.topic);

    if (group.length > 0 && memchr(group.data, '%', group.length)) {
        struct buffer *names = &fanout->scratch->names;
        names->length = 0;
        topic_append_unescaped(names, group);
        group = buffer_slice(names);
    }
    fanout->message.group = group;
}

static void take_topic(struct fanout *fanout)
{
    struct slice topic = fanout->publish.publish.topic;
    struct internal_topic internal;

    if (!topic_is_internal(topic)) {
        take_group(fanout);
    } else if (internal_topic_parse(topic, &internal)) {
        fanout->message.from_server = internal_topic_is_from_server(internal.kind);
    }
}

void fanout_init(struct fanout *fanout, struct fanout_scratch *scratch, uint8_t version,
                 struct slice packet)
{
    struct packet_limits limits = {
        .version = version,
        .packet_size_max = PACKET_SIZE_MAX,
        .from_server = true,
    };

    memset(fanout, 0, sizeof(*fanout));
    fanout->scratch = scratch;
    fanout->packet = packet;
    fanout->version = version;
    fanout->is_valid = packet_decode(&fanout->publish, packet, &limits) == (ssize_t)packet.length &&
                       fanout->publish.type == PACKET_PUBLISH;
}

void fanout_read(struct fanout *fanout)
{
    struct message_response *message = &fanout->message;

    if (!fanout->is_valid || fanout->is_read) {
        return;
    }
    fanout->is_read = true;
    message->data.bytes = fanout->publish.publish.payload;
    message->data.type = data_type_of(&fanout->publish.properties, message->data.bytes);
    take_topic(fanout);
    take_user_properties(fanout);
}

void fanout_release(struct fanout *fanout)
{
    for (size_t i = 0; i < FANOUT_ENCODINGS && fanout->encodings[i].key; i++) {
        outgoing_release(fanout->encodings[i].outgoing);
    }
    filter_free(fanout->filter);
}

bool fanout_takes(const struct fanout *fanout, const struct filter_subject *subject)
{
    for (size_t i = 0; i < fanout->excluded_count; i++) {
        if (slice_equal(fanout->scratch->excluded[i], subject->connection_id)) {
            return false;
        }
    }
    return !fanout->has_filter || (fanout->filter && filter_matches(fanout->filter, subject));
}

void fanout_scratch_release(struct fanout_scratch *scratch)
{
    buffer_release(&scratch->names);
    buffer_release(&scratch->body);
    free(scratch->metadata);
    free(scratch->excluded);
}

/* ---------------------------------------------------------------- encoding */

typedef struct outgoing *make_outgoing(struct fanout *fanout, const void *key);

/* The encoding for `key`, made once. There are fewer kinds of receivers than places. */
static struct outgoing *encoding_for(struct fanout *fanout, const void *key, make_outgoing *make)
{
    size_t i = 0;

    while (i < FANOUT_ENCODINGS - 1 && fanout->encodings[i].key &&
           fanout->encodings[i].key != key) {
        i++;
    }
    if (fanout->encodings[i].key != key) {
        if (fanout->encodings[i].key) {
            outgoing_release(fanout->encodings[i].outgoing);
        }
        fanout->encodings[i].key = key;
        fanout->encodings[i].outgoing = make(fanout, key);
        fanout->encodings[i].outgoing->credit = (uint32_t)fanout->packet.length;
    }
    return fanout->encodings[i].outgoing;
}

struct outgoing *message_encode(const struct message_response *message, const struct codec *codec,
                                struct buffer *scratch)
{
    bool is_text = codec->subprotocol ? !codec->is_binary : raw_is_text(&message->data);
    struct outgoing *outgoing;

    scratch->length = 0;
    codec->put_message(scratch, message);
    outgoing = outgoing_new(buffer_slice(scratch), is_text);
    outgoing->codec = codec;
    return outgoing;
}

static struct outgoing *make_message(struct fanout *fanout, const void *key)
{
    return message_encode(&fanout->message, key, &fanout->scratch->body);
}

struct outgoing *fanout_encode(struct fanout *fanout, const struct codec *codec)
{
    return encoding_for(fanout, codec, make_message);
}

static struct outgoing *make_group_state(struct fanout *fanout, const void *key)
{
    const struct codec *codec = CONTAINER_OF(key, struct codec, put_group_state);
    struct buffer *body = &fanout->scratch->body;
    struct outgoing *outgoing;

    body->length = 0;
    group_state_put_update(body, codec, fanout);
    outgoing = outgoing_new(buffer_slice(body), !codec->is_binary);
    outgoing->codec = codec;
    return outgoing;
}

struct outgoing *fanout_encode_group_state(struct fanout *fanout, const struct codec *codec)
{
    return encoding_for(fanout, &codec->put_group_state, make_group_state);
}

/* --- MQTT --- */

/* Who else does or does not get it is nobody's business. */
static void strip_receivers(struct properties *properties, struct buffer *kept)
{
    struct slice raw = properties->raw;
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.property != PROPERTY_USER_PROPERTY ||
            !(slice_equal(item.name, SLICE_LITERAL(PROPERTY_EXCLUDE)) ||
              slice_equal(item.name, SLICE_LITERAL(PROPERTY_FILTER)))) {
            buffer_append(kept, item.encoded);
        }
    }
    properties->raw = buffer_slice(kept);
}

static void strip_hub(struct packet *packet, bool is_from_server)
{
    struct properties *properties = &packet->properties;

    packet->publish.topic =
        is_from_server ? SLICE_LITERAL(MQTT_TOPIC_OF_SERVER) : behind_hub(packet->publish.topic);
    if (properties_have(properties, PROPERTY_RESPONSE_TOPIC)) {
        properties->response_topic = behind_hub(properties->response_topic);
        if (properties->response_topic.length == 0) {
            properties->present &= ~PROPERTY_BIT(RESPONSE_TOPIC);
        }
    }
}

static struct outgoing *make_mqtt(struct fanout *fanout, const void *key)
{
    struct buffer *stripped = &fanout->scratch->body;
    struct slice bytes = fanout->packet;
    struct buffer kept = {0};
    struct outgoing *outgoing;

    if (key == &mqtt_stripped && fanout->is_valid) {
        struct packet packet = fanout->publish;
        strip_hub(&packet, fanout->message.from_server);
        if (!fanout_is_for_all(fanout)) {
            strip_receivers(&packet.properties, &kept);
        }
        stripped->length = 0;
        packet_encode(stripped, &packet, fanout->version);
        bytes = buffer_slice(stripped);
    }
    outgoing = outgoing_new(bytes, false);
    outgoing->packet_id_at = (uint32_t)packet_publish_id_at(bytes);
    buffer_release(&kept);
    return outgoing;
}

struct outgoing *fanout_mqtt(struct fanout *fanout, bool strips_hub)
{
    return encoding_for(fanout, strips_hub ? &mqtt_stripped : &mqtt_whole, make_mqtt);
}
