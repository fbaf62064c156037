/* See the header. Of JSON it understands what the relay writes: strings without escapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_socketio.h"

#include <string.h>

#include "bench_webpubsub.h"

enum { ID_DIGITS = 10 /* of a message's identifier: so many, so that its place does not move */ };

const struct slice socketio_connect = SLICE_LITERAL("40");
const struct slice socketio_pong = SLICE_LITERAL("3");

/* ["message","ROOM","TEXT"] */
static bool message_read(struct slice *out, struct slice text)
{
    static const struct slice start = SLICE_LITERAL("[\"message\",\"");
    static const struct slice end = SLICE_LITERAL("\"]");
    if (!slice_starts_with(text, start)) {
        return false;
    }
    text = slice_from(text, start.length);
    const uint8_t *comma = memmem(text.data, text.length, "\",\"", 3);
    if (comma == NULL) {
        return false;
    }
    text = slice_from(text, (size_t)(comma - text.data) + 3);
    if (text.length < end.length ||
        memcmp(text.data + text.length - end.length, end.data, end.length) != 0) {
        return false;
    }
    *out = slice_make(text.data, text.length - end.length);
    return true;
}

/* ID[...] */
static bool ack_read(uint64_t *out, struct slice text)
{
    const uint8_t *bracket = text.length == 0 ? NULL : memchr(text.data, '[', text.length);
    return bracket != NULL &&
           webpubsub_number(slice_make(text.data, (size_t)(bracket - text.data)), out);
}

void socketio_read(struct socketio_packet *out, struct slice text)
{
    static const struct {
        struct slice start;
        enum socketio_kind kind;
    } table[] = {
        {SLICE_LITERAL("0"), SOCKETIO_OPEN},       {SLICE_LITERAL("2"), SOCKETIO_PING},
        {SLICE_LITERAL("40"), SOCKETIO_CONNECTED}, {SLICE_LITERAL("42"), SOCKETIO_MESSAGE},
        {SLICE_LITERAL("43"), SOCKETIO_ACK},
    };
    *out = (struct socketio_packet){.kind = SOCKETIO_END};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (slice_starts_with(text, table[i].start)) {
            text = slice_from(text, table[i].start.length);
            out->kind = table[i].kind;
            break;
        }
    }
    if (out->kind == SOCKETIO_MESSAGE && !message_read(&out->data, text)) {
        out->kind = SOCKETIO_OTHER;
    }
    if (out->kind == SOCKETIO_ACK && !ack_read(&out->id, text)) {
        out->kind = SOCKETIO_END;
    }
}

void socketio_join_write(struct buffer *out, struct slice room)
{
    buffer_append_format(out, "42%d[\"join\",\"%.*s\"]", SOCKETIO_JOIN_ID, SLICE_PRINT(room));
}

void socketio_template_build(struct bench_template *out, const struct bench_shape *shape)
{
    struct buffer text = {0};
    *out = (struct bench_template){0};
    buffer_append_string(&text, "42");
    if (shape->qos > 0) {
        out->id = (struct bench_field){text.length, ID_DIGITS};
        memset(buffer_reserve(&text, ID_DIGITS), '0', ID_DIGITS);
        text.length += ID_DIGITS;
    }
    buffer_append_format(&text, "[\"send\",\"%s\",\"", shape->topic);
    out->stamp = (struct bench_field){text.length, WEBPUBSUB_STAMP_SIZE};
    memset(buffer_reserve(&text, shape->payload), 'x', shape->payload);
    text.length += shape->payload;
    buffer_append_string(&text, "\"]");
    out->size = text.length;
    out->bytes = text.data;
}
