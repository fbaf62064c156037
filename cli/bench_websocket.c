/* See the header. The reader keeps at most a header and a control frame between two reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_websocket.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 6455, 1.3: the example's key, and what a server answers to it. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
    FINAL = 0x80,    /* first byte of a frame */
    RESERVED = 0x70, /* ... bits of extensions; none was agreed on */
    OPCODE = 0x0f,
    CONTROL = 0x08, /* bit of the opcodes of control frames */
    MASKED = 0x80,  /* second byte */
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    SWITCHING_PROTOCOLS = 101,
};

/* ---------------------------------------------------------------- the upgrade */

void websocket_request_write(struct buffer *out, const struct websocket_request *request)
{
    buffer_append_format(out,
                         "GET /%s HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Key: " KEY "\r\n"
                         "Sec-WebSocket-Version: 13\r\n",
                         request->path, request->host);
    if (request->subprotocol[0] != '\0') {
        buffer_append_format(out, "Sec-WebSocket-Protocol: %s\r\n", request->subprotocol);
    }
    buffer_append_string(out, "\r\n");
}

/* Is there a header line with that name and value? Both as a server writes them, with any case in
 * the name and any blanks around the value. */
static bool header_has(struct slice head, const char *name, const char *value)
{
    const char *at = (const char *)head.data;
    const char *end = at + head.length;
    size_t name_length = strlen(name), value_length = strlen(value);
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if ((size_t)(end - at) <= name_length || strncasecmp(at, name, name_length) != 0 ||
            at[name_length] != ':') {
            continue;
        }
        const char *text = at + name_length + 1;
        text += strspn(text, " \t");
        if ((size_t)(end - text) > value_length && memcmp(text, value, value_length) == 0) {
            text += value_length;
            text += strspn(text, " \t");
            return *text == '\r';
        }
    }
    return false;
}

enum websocket_answer websocket_answer_read(struct slice in, const char *subprotocol, size_t *size,
                                            int *status)
{
    static const char version[] = "HTTP/1.1 ";
    const char *text = (const char *)in.data;
    const char *end = in.length == 0 ? NULL : memmem(text, in.length, "\r\n\r\n", 4);
    *status = 0;
    if (end == NULL) {
        return WEBSOCKET_INCOMPLETE;
    }
    *size = (size_t)(end - text) + 4;
    struct slice head = slice_make(text, *size);
    if (!slice_starts_with(head, SLICE_LITERAL(version))) {
        return WEBSOCKET_REFUSED;
    }
    *status = (int)strtol(text + sizeof(version) - 1, NULL, 10);
    if (*status != SWITCHING_PROTOCOLS) {
        return WEBSOCKET_REFUSED;
    }
    if (!header_has(head, "Sec-WebSocket-Accept", ACCEPT) ||
        (subprotocol[0] != '\0' && !header_has(head, "Sec-WebSocket-Protocol", subprotocol))) {
        *status = 0;
        return WEBSOCKET_REFUSED;
    }
    return WEBSOCKET_ACCEPTED;
}

/* ---------------------------------------------------------------- reading */

/* How many bytes the header has that begins with these two. */
static size_t header_size(const uint8_t *header)
{
    uint8_t length = header[1] & LENGTH;
    return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static uint64_t header_payload(const uint8_t *header)
{
    size_t size = header_size(header);
    uint64_t length = size == 2 ? header[1] & LENGTH : 0;
    for (size_t i = 2; i < size; i++) {
        length = length << 8 | header[i];
    }
    return length;
}

/* Takes bytes of a header from `raw`; true when it is whole. */
static bool header_gather(struct websocket_reader *reader, struct slice *raw)
{
    while (raw->length > 0) {
        reader->header[reader->header_length++] = raw->data[0];
        *raw = slice_from(*raw, 1);
        if (reader->header_length >= 2 && reader->header_length == header_size(reader->header)) {
            return true;
        }
    }
    return false;
}

/* The frame at hand is the one whose header is whole now; false: no server may send that. */
static bool frame_begin(struct websocket_reader *reader)
{
    const uint8_t *header = reader->header;
    reader->header_length = 0;
    reader->current = header[0] & OPCODE;
    reader->left = header_payload(header);
    bool final = (header[0] & FINAL) != 0;
    if ((header[0] & RESERVED) != 0 || (header[1] & MASKED) != 0 || reader->left > INT64_MAX) {
        return false;
    }
    if ((reader->current & CONTROL) != 0) {
        reader->control_length = 0;
        return final && reader->left <= WEBSOCKET_CONTROL_MAX && reader->current <= WEBSOCKET_PONG;
    }
    bool good = reader->current == (reader->inside ? WEBSOCKET_CONTINUATION : reader->opcode);
    reader->final = final;
    reader->inside = true;
    return good;
}

/* Takes what there is of a control frame's payload. */
static void control_gather(struct websocket_reader *reader, struct slice payload)
{
    memcpy(reader->control + reader->control_length, payload.data, payload.length);
    reader->control_length = (uint8_t)(reader->control_length + payload.length);
}

/* All of the frame has come. `end`: where the next byte of the stream goes; returns it. */
static uint8_t *frame_end(struct websocket_reader *reader, uint8_t *end, struct buffer *answers)
{
    if (reader->current == WEBSOCKET_PING) {
        websocket_frame_write(answers, WEBSOCKET_PONG, 0,
                              slice_make(reader->control, reader->control_length));
    }
    if ((reader->current & CONTROL) == 0 && reader->final) {
        reader->inside = false;
        if (reader->terminated) {
            *end++ = '\0';
        }
    }
    return end;
}

enum websocket_state websocket_unframe(struct websocket_reader *reader, struct slice raw,
                                       uint8_t *out, size_t *length, struct buffer *answers)
{
    uint8_t *end = out;
    *length = 0;
    while (raw.length > 0) {
        if (reader->left == 0) {
            if (!header_gather(reader, &raw)) {
                break;
            }
            if (!frame_begin(reader)) {
                return WEBSOCKET_BAD;
            }
        }
        size_t taken = reader->left < raw.length ? (size_t)reader->left : raw.length;
        if ((reader->current & CONTROL) != 0) {
            control_gather(reader, slice_make(raw.data, taken));
        } else {
            memmove(end, raw.data, taken);
            end += taken;
        }
        raw = slice_from(raw, taken);
        reader->left -= taken;
        if (reader->left > 0) {
            break;
        }
        end = frame_end(reader, end, answers);
        if (reader->current == WEBSOCKET_CLOSE) {
            return WEBSOCKET_CLOSED;
        }
    }
    *length = (size_t)(end - out);
    return WEBSOCKET_OPEN;
}

int websocket_close_code(const struct websocket_reader *reader)
{
    return reader->control_length < 2 ? 0 : reader->control[0] << 8 | reader->control[1];
}

struct slice websocket_close_reason(const struct websocket_reader *reader)
{
    size_t code = reader->control_length < 2 ? reader->control_length : 2;
    return slice_make(reader->control + code, reader->control_length - code);
}

/* ---------------------------------------------------------------- writing */

size_t websocket_header_write(uint8_t *at, enum websocket_opcode opcode, uint64_t length,
                              uint32_t mask)
{
    size_t count = length < LENGTH_16 ? 0 : length <= UINT16_MAX ? 2 : 8; /* of extra bytes */
    static const uint8_t marks[] = {[2] = LENGTH_16, [8] = LENGTH_64};
    at[0] = (uint8_t)(FINAL | opcode);
    at[1] = (uint8_t)(MASKED | (count == 0 ? (uint8_t)length : marks[count]));
    for (size_t i = 0; i < count; i++) {
        at[2 + i] = (uint8_t)(length >> (8 * (count - 1 - i)));
    }
    for (size_t i = 0; i < 4; i++) {
        at[2 + count + i] = (uint8_t)(mask >> (24 - 8 * i));
    }
    return 2 + count + 4;
}

void websocket_mask(uint8_t *bytes, size_t length, uint32_t mask, size_t phase)
{
    uint8_t keys[8];
    for (size_t i = 0; i < sizeof(keys); i++) {
        keys[i] = (uint8_t)(mask >> (24 - 8 * ((phase + i) & 3)));
    }
    uint64_t wide, word;
    memcpy(&wide, keys, sizeof(wide));
    size_t i = 0;
    for (; i + sizeof(word) <= length; i += sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        word ^= wide;
        memcpy(bytes + i, &word, sizeof(word));
    }
    for (; i < length; i++) {
        bytes[i] ^= keys[i & 7];
    }
}

void websocket_frame_write(struct buffer *out, enum websocket_opcode opcode, uint32_t mask,
                           struct slice payload)
{
    uint8_t *at = buffer_reserve(out, WEBSOCKET_HEADER_MAX + payload.length);
    size_t size = websocket_header_write(at, opcode, payload.length, mask);
    if (payload.length > 0) {
        memcpy(at + size, payload.data, payload.length);
    }
    websocket_mask(at + size, payload.length, mask, 0);
    out->length += size + payload.length;
}

void websocket_close_write(struct buffer *out, uint32_t mask, uint16_t code)
{
    uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};
    websocket_frame_write(out, WEBSOCKET_CLOSE, mask, slice_make(payload, sizeof(payload)));
}
