/* Making and freeing application messages: the one copy between a publisher's bytes and all its
 * recipients.
 *
 * The room for the properties is reckoned from the unfiltered list, so that one allocation and one
 * pass are enough; what the filter leaves out is slack at the end of the block.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/message.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "mqtt/properties.h"
#include "mqtt/reader.h"

static uint8_t *copy_slice(uint8_t *out, struct slice bytes)
{
    if (bytes.length > 0) {
        memcpy(out, bytes.data, bytes.length);
    }
    return out + bytes.length;
}

/* Length prefix and forwarded properties at `out`; returns where they end. */
static uint8_t *copy_properties(uint8_t *out, struct slice raw, bool forwards_all)
{
    if (raw.length == 0 || forwards_all) {
        return copy_slice(out + varint_write(out, (uint32_t)raw.length), raw);
    }
    size_t room = varint_size((uint32_t)raw.length);
    size_t length = properties_copy_forwarded(out + room, raw);
    size_t prefix = varint_write(out, (uint32_t)length);
    if (prefix < room) {
        memmove(out + prefix, out + room, length);
    }
    return out + prefix + length;
}

struct message *message_new(const struct message_parts *parts)
{
    size_t length = 2 + parts->topic.length + varint_size((uint32_t)parts->properties.length) +
                    parts->properties.length + parts->payload.length + parts->told.length;
    assert(parts->topic.length <= UINT16_MAX && length <= UINT32_MAX);
    struct message *message = memory_allocate(sizeof(*message) + length);

    atomic_init(&message->references, 1);
    message->expires_at = parts->expires_at;
    message->publisher = parts->publisher;
    message->qos = (uint8_t)parts->qos;
    message->retain = parts->retain;

    uint8_t *end = message->bytes;
    *end++ = (uint8_t)(parts->topic.length >> 8);
    *end++ = (uint8_t)parts->topic.length;
    end = copy_slice(end, parts->topic);
    message->properties_start = (uint32_t)(end - message->bytes);
    end = copy_properties(end, parts->properties, parts->forwards_all);
    message->payload_start = (uint32_t)(end - message->bytes);
    end = copy_slice(end, parts->payload);
    message->told_start = (uint32_t)(end - message->bytes);
    if (__builtin_expect(parts->told.length > 0, 0)) {
        end = copy_slice(end, parts->told);
    }
    message->length = (uint32_t)(end - message->bytes);
    return message;
}

struct message *message_from_bytes(struct slice bytes, size_t told_length, msec_t expires_at,
                                   unsigned qos, bool retain)
{
    struct reader reader = reader_make(bytes);
    size_t topic_length = reader_u16(&reader);
    size_t properties_start = 2 + topic_length;

    if (bytes.length <= properties_start || qos > QOS_2) {
        return NULL;
    }
    reader.at = bytes.data + properties_start;
    uint32_t properties_length = reader_varint(&reader);
    if (reader.failed || told_length > reader_left(&reader) ||
        properties_length > reader_left(&reader) - told_length) {
        return NULL;
    }
    struct message *message = memory_allocate(sizeof(*message) + bytes.length);
    atomic_init(&message->references, 1);
    message->properties_start = (uint32_t)properties_start;
    message->payload_start = (uint32_t)(reader.at - bytes.data) + properties_length;
    message->length = (uint32_t)bytes.length;
    message->told_start = message->length - (uint32_t)told_length;
    message->expires_at = expires_at;
    message->publisher = SESSION_REF_NONE;
    message->qos = (uint8_t)qos;
    message->retain = retain;
    memcpy(message->bytes, bytes.data, bytes.length);
    return message;
}

void message_release(struct message *message)
{
    if (!message) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        free(message);
    }
}

struct slice message_properties(const struct message *message)
{
    size_t length = message->payload_start - message->properties_start;
    uint32_t properties_length;
    int prefix = varint_read(slice_make(message->bytes + message->properties_start, length),
                             &properties_length);

    assert(prefix > 0 && (size_t)prefix + properties_length == length);
    return slice_make(message->bytes + message->properties_start + prefix, properties_length);
}
