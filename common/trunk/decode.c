/* Frames from bytes. A table says what each kind is made of; what a frame alone can show to be
 * wrong never reaches anybody.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "trunk/trunk.h"
#include "trunk/values.h"

enum {
    REASON_MAX = 0xff,
    PACKET_SIZE_MIN = 2,
    MQTT_VERSION_MIN = 4,
    MQTT_VERSION_MAX = 5,
    OPEN_FLAGS = TRUNK_VERIFIED | TRUNK_IS_LOOPBACK | TRUNK_BOUNDED | TRUNK_TELLS_SUBSCRIPTIONS |
                 TRUNK_HOLDS_CREDIT | TRUNK_NAMED | TRUNK_WIDE,
    FILTER_LENGTH_SIZE = 2,
};

static uint32_t read_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint64_t read_u64(const uint8_t *in)
{
    return read_u32(in) | (uint64_t)read_u32(in + 4) << 32;
}

/* --- entries --- */

bool trunk_next_target(const struct trunk_publish *publish, struct slice *rest,
                       struct trunk_target *target)
{
    size_t size = publish->has_sequences ? TRUNK_PAIR_SIZE : TRUNK_CHANNEL_SIZE;

    if (rest->length < size) {
        return false;
    }
    target->channel = read_u32(rest->data);
    target->sequence = publish->has_sequences ? read_u32(rest->data + TRUNK_CHANNEL_SIZE) : 0;
    *rest = slice_from(*rest, size);
    return true;
}

bool trunk_next_credit(struct slice *rest, struct trunk_credit_item *item)
{
    if (rest->length < TRUNK_PAIR_SIZE) {
        return false;
    }
    item->channel = read_u32(rest->data);
    item->bytes = read_u32(rest->data + TRUNK_CHANNEL_SIZE);
    *rest = slice_from(*rest, TRUNK_PAIR_SIZE);
    return true;
}

bool trunk_next_message(struct slice *rest, struct trunk_message *message)
{
    const uint8_t *at = rest->data;
    uint32_t length;

    if (rest->length < TRUNK_MESSAGE_HEADER) {
        return false;
    }
    message->modified_at = read_u64(at);
    message->expires_at = read_u64(at + 8);
    message->size = read_u32(at + 16);
    length = read_u32(at + 20);
    if (length > rest->length - TRUNK_MESSAGE_HEADER) {
        return false;
    }
    message->packet = slice_make(at + TRUNK_MESSAGE_HEADER, length);
    *rest = slice_from(*rest, TRUNK_MESSAGE_HEADER + (size_t)length);
    return true;
}

bool trunk_next_filter(struct slice *rest, struct slice *filter)
{
    size_t length;

    if (rest->length < FILTER_LENGTH_SIZE) {
        return false;
    }
    length = (size_t)rest->data[0] << 8 | rest->data[1];
    if (rest->length - FILTER_LENGTH_SIZE < length) {
        return false;
    }
    *filter = slice_make(rest->data + FILTER_LENGTH_SIZE, length);
    *rest = slice_from(*rest, FILTER_LENGTH_SIZE + length);
    return true;
}

/* --- kinds --- */

static bool take_hello(struct trunk_frame *out, const struct value *values)
{
    out->hello = (struct trunk_hello){
        .version = (uint32_t)values[0].number,
        .worker = (uint32_t)values[1].number,
        .worker_count = (uint32_t)values[2].number,
    };
    return true;
}

static bool take_open(struct trunk_frame *out, const struct value *values)
{
    out->open = (struct trunk_open){
        .channel = (uint32_t)values[0].number,
        .flags = (uint32_t)values[1].number,
        .peer = values[2].bytes,
        .user = values[3].bytes,
        .queue_messages = (uint32_t)values[4].number,
        .queue_bytes = values[5].number,
    };
    return (out->open.flags & ~(uint32_t)OPEN_FLAGS) == 0;
}

static bool take_bytes(struct trunk_frame *out, const struct value *values)
{
    out->bytes = (struct trunk_bytes){(uint32_t)values[0].number, values[1].bytes};
    return out->bytes.packets.length >= PACKET_SIZE_MIN;
}

/* A sequence whose low half is 0 would be packet identifier 0, which there is not. */
static bool targets_are_good(const struct trunk_publish *publish)
{
    struct slice rest = publish->targets;
    struct trunk_target target;

    while (trunk_next_target(publish, &rest, &target)) {
        if (target.channel >= TRUNK_CHANNELS_MAX ||
            (publish->has_sequences && (target.sequence & 0xffff) == 0)) {
            return false;
        }
    }
    return rest.length == 0 && publish->targets.length > 0;
}

static bool take_publish(struct trunk_frame *out, const struct value *values)
{
    out->publish = (struct trunk_publish){
        .version = (uint8_t)values[0].number,
        .has_sequences = values[1].number != 0,
        .targets = values[2].bytes,
        .packets = values[3].bytes,
    };
    return out->publish.version >= MQTT_VERSION_MIN &&
           out->publish.packets.length >= PACKET_SIZE_MIN && targets_are_good(&out->publish);
}

static bool take_credit(struct trunk_frame *out, const struct value *values)
{
    struct slice rest = out->credit.items = values[0].bytes;
    struct trunk_credit_item item;

    while (trunk_next_credit(&rest, &item)) {
        if (item.channel >= TRUNK_CHANNELS_MAX) {
            return false;
        }
    }
    return rest.length == 0 && out->credit.items.length > 0;
}

static bool take_close(struct trunk_frame *out, const struct value *values)
{
    out->close = (struct trunk_close){(uint32_t)values[0].number, (uint32_t)values[1].number};
    return true;
}

static bool take_subscriptions(struct trunk_frame *out, const struct value *values)
{
    struct slice rest = values[1].bytes, filter;

    out->subscriptions = (struct trunk_subscriptions){(uint32_t)values[0].number, values[1].bytes};
    while (trunk_next_filter(&rest, &filter)) {
        if (filter.length == 0) {
            return false;
        }
    }
    return rest.length == 0;
}

static bool take_read(struct trunk_frame *out, const struct value *values)
{
    out->read = (struct trunk_read){
        .channel = (uint32_t)values[0].number,
        .with_content = values[1].number != 0,
        .most = (uint32_t)values[2].number,
        .filter = values[3].bytes,
        .behind = values[4].bytes,
    };
    return out->read.most > 0 && out->read.filter.length > 0;
}

static bool take_retained(struct trunk_frame *out, const struct value *values)
{
    struct slice rest = values[3].bytes;
    struct trunk_message message;

    out->retained = (struct trunk_retained){
        .channel = (uint32_t)values[0].number,
        .reason = (uint32_t)values[1].number,
        .next = values[2].bytes,
        .messages = values[3].bytes,
    };
    while (trunk_next_message(&rest, &message)) {
        if (message.packet.length < PACKET_SIZE_MIN) {
            return false;
        }
    }
    return rest.length == 0;
}

/* --- frames --- */

struct field_rule {
    enum value_type type;
    uint64_t max; /* of a number; of bytes: their length */
};

enum { FIELDS_MAX = 6 };

#define NUMBER(max)                                                                                \
    {                                                                                              \
        VALUE_NUMBER, (max)                                                                        \
    }
#define CHANNEL NUMBER(TRUNK_CHANNELS_MAX - 1)

static const struct kind_rule {
    bool (*take)(struct trunk_frame *out, const struct value *values);
    uint8_t field_count;
    struct field_rule fields[FIELDS_MAX];
} kinds[] = {
    [TRUNK_HELLO] = {take_hello, 3, {NUMBER(UINT32_MAX), NUMBER(UINT32_MAX), NUMBER(UINT32_MAX)}},
    [TRUNK_OPEN] = {take_open,
                    6,
                    {CHANNEL,
                     NUMBER(UINT32_MAX),
                     {VALUE_TEXT, TRUNK_PEER_MAX},
                     {VALUE_TEXT, TRUNK_USER_MAX},
                     NUMBER(UINT32_MAX),
                     NUMBER(UINT64_MAX)}},
    [TRUNK_BYTES] = {take_bytes, 2, {CHANNEL, {VALUE_BYTES, TRUNK_FRAME_MAX}}},
    [TRUNK_PUBLISH] = {take_publish,
                       4,
                       {NUMBER(MQTT_VERSION_MAX),
                        {VALUE_BOOLEAN, true},
                        {VALUE_BYTES, TRUNK_FRAME_MAX},
                        {VALUE_BYTES, TRUNK_FRAME_MAX}}},
    [TRUNK_CREDIT_BACK] = {take_credit, 1, {{VALUE_BYTES, TRUNK_FRAME_MAX}}},
    [TRUNK_CLOSE] = {take_close, 2, {CHANNEL, NUMBER(REASON_MAX)}},
    [TRUNK_SUBSCRIPTIONS] = {take_subscriptions, 2, {CHANNEL, {VALUE_BYTES, TRUNK_FRAME_MAX}}},
    [TRUNK_READ] = {take_read,
                    5,
                    {CHANNEL,
                     {VALUE_BOOLEAN, true},
                     NUMBER(TRUNK_READ_MAX),
                     {VALUE_TEXT, TRUNK_TOPIC_MAX},
                     {VALUE_TEXT, TRUNK_TOPIC_MAX}}},
    [TRUNK_RETAINED] = {take_retained,
                        4,
                        {CHANNEL,
                         NUMBER(REASON_MAX),
                         {VALUE_TEXT, TRUNK_TOPIC_MAX},
                         {VALUE_BYTES, TRUNK_FRAME_MAX}}},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

static bool keeps_rules(const struct kind_rule *kind, const struct value *values, size_t count)
{
    if (count != kind->field_count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct field_rule *field = &kind->fields[i];
        bool is_number = field->type == VALUE_NUMBER || field->type == VALUE_BOOLEAN;
        uint64_t size = is_number ? values[i].number : values[i].bytes.length;
        if (values[i].type != field->type || size > field->max) {
            return false;
        }
    }
    return true;
}

ssize_t trunk_frame_size(struct slice in)
{
    if (in.length < TRUNK_LENGTH_SIZE) {
        return 0;
    }
    uint32_t length = (uint32_t)in.data[0] << 24 | (uint32_t)in.data[1] << 16 |
                      (uint32_t)in.data[2] << 8 | in.data[3];
    return length > TRUNK_FRAME_MAX - TRUNK_LENGTH_SIZE ? -1 : (ssize_t)length + TRUNK_LENGTH_SIZE;
}

ssize_t trunk_decode(struct trunk_frame *out, struct slice in)
{
    ssize_t size = trunk_frame_size(in);
    struct values values;

    if (size <= 0 || in.length < (size_t)size) {
        return size < 0 ? -1 : 0;
    }
    if (!values_read(&values,
                     slice_make(in.data + TRUNK_LENGTH_SIZE, (size_t)size - TRUNK_LENGTH_SIZE)) ||
        values.items[0].type != VALUE_NUMBER || values.items[0].number >= KIND_COUNT) {
        return -1;
    }
    const struct kind_rule *kind = &kinds[values.items[0].number];
    out->kind = (enum trunk_kind)values.items[0].number;
    bool good =
        keeps_rules(kind, values.items + 1, values.count - 1) && kind->take(out, values.items + 1);
    return good ? size : -1;
}
