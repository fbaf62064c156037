/* See the header. The reader walks the members of one object and skips what it does not know.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_webpubsub.h"

#include <stddef.h>
#include <string.h>

enum {
    ACK_ID_DIGITS = 10, /* of a message's ackId: so many, so that its place does not move */
};

static const uint64_t ack_id_first = 1000000000;

/* ---------------------------------------------------------------- reading */

struct cursor {
    const uint8_t *at, *end;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Takes blanks and then that byte; false: another one is there. */
static bool take(struct cursor *in, uint8_t byte)
{
    while (in->at < in->end && is_blank(*in->at)) {
        in->at++;
    }
    if (in->at == in->end || *in->at != byte) {
        return false;
    }
    in->at++;
    return true;
}

/* The rest of a string whose first quote is taken. */
static bool string_take(struct cursor *in, struct slice *out)
{
    const uint8_t *start = in->at;
    while (in->at < in->end) {
        const uint8_t *quote = memchr(in->at, '"', (size_t)(in->end - in->at));
        if (quote == NULL) {
            return false;
        }
        const uint8_t *slashes = quote;
        while (slashes > start && slashes[-1] == '\\') {
            slashes--;
        }
        in->at = quote + 1;
        if ((quote - slashes) % 2 == 0) {
            *out = slice_make(start, (size_t)(quote - start));
            return true;
        }
    }
    return false;
}

/* An array or object, to the bracket that closes it. */
static bool nested_take(struct cursor *in, struct slice *out)
{
    const uint8_t *start = in->at;
    struct slice ignored;
    int depth = 0;
    while (in->at < in->end) {
        uint8_t byte = *in->at++;
        depth += byte == '{' || byte == '[' ? 1 : byte == '}' || byte == ']' ? -1 : 0;
        if (byte == '"' && !string_take(in, &ignored)) {
            return false;
        }
        if (depth == 0) {
            *out = slice_make(start, (size_t)(in->at - start));
            return true;
        }
    }
    return false;
}

/* A number, true, false or null. */
static bool word_take(struct cursor *in, struct slice *out)
{
    const uint8_t *start = in->at;
    while (in->at < in->end && *in->at != ',' && *in->at != '}' && !is_blank(*in->at)) {
        in->at++;
    }
    *out = slice_make(start, (size_t)(in->at - start));
    return out->length > 0;
}

static bool value_take(struct cursor *in, struct slice *out)
{
    if (take(in, '"')) {
        return string_take(in, out);
    }
    if (in->at < in->end && (*in->at == '{' || *in->at == '[')) {
        return nested_take(in, out);
    }
    return word_take(in, out);
}

static void member_store(struct webpubsub_frame *out, struct slice name, struct slice value)
{
    static const struct {
        struct slice name;
        size_t offset;
    } members[] = {
#define MEMBER(text, field) {SLICE_LITERAL(text), offsetof(struct webpubsub_frame, field)}
        MEMBER("type", type),          MEMBER("event", event), MEMBER("message", message),
        MEMBER("dataType", data_type), MEMBER("data", data),   MEMBER("ackId", ack_id),
        MEMBER("success", success),    MEMBER("error", error), MEMBER("sequenceId", sequence_id),
#undef MEMBER
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (slice_equal(name, members[i].name)) {
            memcpy((uint8_t *)out + members[i].offset, &value, sizeof(value));
            return;
        }
    }
}

bool webpubsub_read(struct webpubsub_frame *out, struct slice text)
{
    struct cursor in = {text.data, text.data + text.length};
    *out = (struct webpubsub_frame){0};
    if (!take(&in, '{')) {
        return false;
    }
    if (take(&in, '}')) {
        return in.at == in.end;
    }
    do {
        struct slice name, value;
        if (!take(&in, '"') || !string_take(&in, &name) || !take(&in, ':') ||
            !value_take(&in, &value)) {
            return false;
        }
        member_store(out, name, value);
    } while (take(&in, ','));
    return take(&in, '}') && in.at == in.end;
}

bool webpubsub_number(struct slice text, uint64_t *out)
{
    enum { DIGITS_MAX = 19 };
    *out = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.length > 0 && text.length <= DIGITS_MAX;
}

/* 0 to 15; more: not a lower-case hexadecimal digit. */
static uint8_t digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return (uint8_t)(digit - '0');
    }
    return digit >= 'a' && digit <= 'f' ? (uint8_t)(digit - 'a' + 10) : UINT8_MAX;
}

bool webpubsub_stamp_read(struct slice data, struct bench_stamp *out)
{
    uint8_t bytes[BENCH_STAMP_SIZE];
    if (data.length < WEBPUBSUB_STAMP_SIZE) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        uint8_t high = digit_value(data.data[2 * i]);
        uint8_t low = digit_value(data.data[2 * i + 1]);
        if (high > 15 || low > 15) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out, bytes, sizeof(bytes));
    return true;
}

/* ---------------------------------------------------------------- writing */

void webpubsub_join_write(struct buffer *out, struct slice group)
{
    buffer_append_format(out, "{\"type\":\"joinGroup\",\"group\":\"%.*s\",\"ackId\":%d}",
                         SLICE_PRINT(group), WEBPUBSUB_JOIN_ACK_ID);
}

void webpubsub_sequence_ack_write(struct buffer *out, uint64_t sequence_id)
{
    buffer_append_format(out, "{\"type\":\"sequenceAck\",\"sequenceId\":%llu}",
                         (unsigned long long)sequence_id);
}

/* Behind the request's first members. */
static void template_finish(struct bench_template *out, struct buffer text,
                            const struct bench_shape *shape)
{
    *out = (struct bench_template){0};
    if (shape->qos > 0) {
        buffer_append_string(&text, "\"ackId\":");
        out->id = (struct bench_field){text.length, ACK_ID_DIGITS};
        memset(buffer_reserve(&text, ACK_ID_DIGITS), '0', ACK_ID_DIGITS);
        text.length += ACK_ID_DIGITS;
        buffer_append_string(&text, ",");
    }
    buffer_append_string(&text, "\"dataType\":\"text\",\"data\":\"");
    out->stamp = (struct bench_field){text.length, WEBPUBSUB_STAMP_SIZE};
    memset(buffer_reserve(&text, shape->payload), 'x', shape->payload);
    text.length += shape->payload;
    buffer_append_string(&text, "\"}");
    out->size = text.length;
    out->bytes = text.data;
}

void webpubsub_template_build(struct bench_template *out, const struct bench_shape *shape)
{
    struct buffer text = {0};
    buffer_append_format(&text, "{\"type\":\"sendToGroup\",\"group\":\"%s\",", shape->topic);
    template_finish(out, text, shape);
}

void webpubsub_event_template_build(struct bench_template *out, const struct bench_shape *shape)
{
    struct buffer text = {0};
    buffer_append_string(&text, "{\"type\":\"event\",\"event\":\"echo\",");
    template_finish(out, text, shape);
}

void webpubsub_template_fill(const struct bench_template *template, uint8_t *at, uint16_t packet_id,
                             const struct bench_stamp *stamp)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[BENCH_STAMP_SIZE];
    (void)packet_id;
    memcpy(bytes, stamp, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        at[template->stamp.offset + 2 * i] = (uint8_t)digits[bytes[i] >> 4];
        at[template->stamp.offset + 2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
    uint64_t id = ack_id_first + stamp->sequence;
    for (size_t i = template->id.size; i > 0; i--, id /= 10) {
        at[template->id.offset + i - 1] = (uint8_t)('0' + id % 10);
    }
}
