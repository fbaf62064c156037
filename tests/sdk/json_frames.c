/* Writes frames of the JSON codec for parser_test.mjs: every response, made from payloads and names
 * of all kinds (corner cases, random JSON, JSON with bytes changed, random text, random bytes).
 *
 *     json_frames [PAYLOADS]    writes records to standard output
 *
 * A record is five numbers of 32 bits, big endian: the kind of frame (below), the payload's type,
 * the sequence id, the lengths of payload and frame; then payload and frame.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "wire/codec.h"

/* The order of `kinds` in parser_test.mjs. */
enum kind {
    CONNECTED,
    DISCONNECTED,
    ACK,
    PONG,
    GROUP_MESSAGE,
    SERVER_MESSAGE,
    STREAM_MESSAGE,
    INVOKE_SUCCESS,
    INVOKE_FAILURE,
    STREAM_ACK,
    STREAM_NACK,
    STREAM_CLOSED,
    STATE_SNAPSHOT,
    STATE_UPDATE,
};

static const struct codec *const codec = &codec_json_reliable;

/* ---------------------------------------------------------------- payloads */

/* xorshift64*: the same payloads in every run. */
static uint32_t random_below(uint64_t *state, uint32_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) * below >> 32);
}

static void put_utf8(struct buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_append_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        buffer_append_byte(out, (uint8_t)(0xC0 | c >> 6));
        buffer_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buffer_append_byte(out, (uint8_t)(0xE0 | c >> 12));
        buffer_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        buffer_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else {
        buffer_append_byte(out, (uint8_t)(0xF0 | c >> 18));
        buffer_append_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        buffer_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        buffer_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

/* A character of each length, control characters and U+2028 often among them. */
static uint32_t random_character(uint64_t *state)
{
    static const uint32_t limits[] = {0x20, 0x80, 0x80, 0x800, 0xD800, 0x110000};
    static const uint32_t special[] = {'"', '\\', '/', 0, 0x7F, 0x2028, 0xFEFF, 0xFFFD, 0x1F321};
    uint32_t which = random_below(state, 7);
    uint32_t c = which < 6 ? random_below(state, limits[which]) : special[random_below(state, 9)];

    return c >= 0xD800 && c < 0xE000 ? 0xFFFD : c;
}

static void put_random_text(struct buffer *out, uint64_t *state)
{
    for (uint32_t left = random_below(state, 40); left > 0; left--) {
        put_utf8(out, random_character(state));
    }
}

static void put_random_string(struct buffer *out, uint64_t *state)
{
    static const char *const pieces[] = {"\\n", "\\u0000",  "\\ud800",  "\\uD83C\\udf21",
                                         "\\/", "x",        "\xc3\xa9", "\\\"",
                                         " ",   "__proto__"};

    buffer_append_byte(out, '"');
    for (uint32_t left = random_below(state, 6); left > 0; left--) {
        buffer_append_string(out, pieces[random_below(state, 10)]);
    }
    buffer_append_byte(out, '"');
}

static void put_random_json(struct buffer *out, uint64_t *state, unsigned depth)
{
    static const char *const scalars[] = {"null",  "true", "false", "0",
                                          "-0",    "1.50", "-1e-7", "12345678901234567890",
                                          "1E400", " 7 "};
    uint32_t which = random_below(state, depth > 5 ? 2 : 4);

    if (which == 0) {
        buffer_append_string(out, scalars[random_below(state, 10)]);
        return;
    }
    if (which == 1) {
        put_random_string(out, state);
        return;
    }
    buffer_append_byte(out, which == 2 ? '[' : '{');
    for (uint32_t i = 0, count = random_below(state, 4); i < count; i++) {
        buffer_append_string(out, i > 0 ? ",\n" : "");
        if (which == 3) {
            put_random_string(out, state);
            buffer_append_string(out, " : ");
        }
        put_random_json(out, state, depth + 1);
    }
    buffer_append_byte(out, which == 2 ? ']' : '}');
}

static void put_random_bytes(struct buffer *out, uint64_t *state)
{
    for (uint32_t left = random_below(state, 40); left > 0; left--) {
        buffer_append_byte(out, (uint8_t)random_below(state, 256));
    }
}

static void put_damaged_json(struct buffer *out, uint64_t *state)
{
    put_random_json(out, state, 0);
    for (uint32_t left = 1 + random_below(state, 3); left > 0; left--) {
        out->data[random_below(state, (uint32_t)out->length)] = (uint8_t)random_below(state, 256);
    }
}

static void put_corner(struct buffer *out, uint64_t *state)
{
    static const char *const corners[] = {"",
                                          " ",
                                          "null",
                                          " null\n",
                                          "0",
                                          "false",
                                          "\"\"",
                                          "{}",
                                          "[]",
                                          "{",
                                          "nul",
                                          "NaN",
                                          "1.",
                                          "01",
                                          "\"",
                                          "\\",
                                          "\xff",
                                          "\"\xed\xa0\x80\"",
                                          "\xef\xbb\xbf{}",
                                          "{\"a\":1}x",
                                          "'a'",
                                          "1 2",
                                          "\"\t\"",
                                          "{\"a\":1,}",
                                          "\xc0\x80",
                                          "\"\\u12\"",
                                          "<script>",
                                          "\xe2\x80\xa8",
                                          "undefined",
                                          "-",
                                          "1e5"};

    buffer_append_string(out, corners[random_below(state, 31)]);
}

static void put_random_payload(struct buffer *out, uint64_t *state)
{
    static void (*const makers[])(struct buffer *, uint64_t *) = {
        put_corner, put_damaged_json, put_random_text, put_random_bytes};
    uint32_t which = random_below(state, 5);

    if (which == 4) {
        put_random_json(out, state, 0);
    } else {
        makers[which](out, state);
    }
}

/* ---------------------------------------------------------------- records */

/* What a record is made from, and the buffer that its frame is made in. */
struct maker {
    struct payload payload;
    uint32_t sequence_id;
    struct buffer frame;
};

static void write_all(struct slice bytes)
{
    if (bytes.length > 0 && fwrite(bytes.data, bytes.length, 1, stdout) != 1) {
        perror("json_frames");
        exit(1);
    }
}

static void write_record(struct maker *maker, enum kind kind, uint32_t sequence_id)
{
    struct buffer head = {0};

    buffer_append_u32(&head, kind);
    buffer_append_u32(&head, maker->payload.type);
    buffer_append_u32(&head, sequence_id);
    buffer_append_u32(&head, (uint32_t)maker->payload.bytes.length);
    buffer_append_u32(&head, (uint32_t)maker->frame.length);
    write_all(buffer_slice(&head));
    write_all(maker->payload.bytes);
    write_all(buffer_slice(&maker->frame));
    buffer_release(&head);
    maker->frame.length = 0;
}

/* The frame holds a body. */
static void write_finished(struct maker *maker, enum kind kind)
{
    struct buffer body = maker->frame;

    maker->frame = (struct buffer){0};
    maker->frame.length =
        codec->finish(buffer_slice(&body), maker->sequence_id,
                      buffer_reserve(&maker->frame, body.length + FRAME_FINISH_MAX));
    buffer_release(&body);
    write_record(maker, kind, maker->sequence_id);
}

static void write_messages(struct maker *maker)
{
    struct slice name = maker->payload.bytes;
    const struct pair pair = {name, name};
    struct message_response message = {
        .group = name, .from_user_id = name, .data = maker->payload, .metadata = {&pair, 1}};

    codec->put_message(&maker->frame, &message);
    write_finished(maker, GROUP_MESSAGE);
    message.has_stream = true;
    message.stream = (struct stream_info){name, maker->sequence_id, true, true, {name, name}, name};
    codec->put_message(&maker->frame, &message);
    write_finished(maker, STREAM_MESSAGE);
    message.from_server = true;
    codec->put_message(&maker->frame, &message);
    write_finished(maker, SERVER_MESSAGE);
}

static void write_invoke_responses(struct maker *maker)
{
    struct slice name = maker->payload.bytes;
    struct invoke_response response = {
        .invocation_id = name, .success = true, .has_data = true, .data = maker->payload};

    codec->put_invoke_response(&maker->frame, &response);
    write_record(maker, INVOKE_SUCCESS, 0);
    response = (struct invoke_response){.invocation_id = name, .error = {name, name}};
    codec->put_invoke_response(&maker->frame, &response);
    write_record(maker, INVOKE_FAILURE, 0);
}

static void write_states(struct maker *maker)
{
    struct slice name = maker->payload.bytes;
    const struct pair pair = {name, name};
    const struct group_state_item items[] = {{name, name, true, {&pair, 1}, 1795467965000},
                                             {.connection_id = name}};

    codec->put_group_state(&maker->frame, &(struct group_state_response){true, name, items, 2});
    write_finished(maker, STATE_SNAPSHOT);
    codec->put_group_state(&maker->frame, &(struct group_state_response){false, name, items, 1});
    write_finished(maker, STATE_UPDATE);
}

static void write_notices(struct maker *maker)
{
    struct slice name = maker->payload.bytes;
    uint32_t number = maker->sequence_id;
    const struct error_info error = {name, name};

    codec->put_connected(&maker->frame, &(struct connected){name, name, name});
    write_record(maker, CONNECTED, 0);
    codec->put_disconnected(&maker->frame, name);
    write_record(maker, DISCONNECTED, 0);
    codec->put_ack(&maker->frame, &(struct ack_response){number, false, error});
    write_record(maker, ACK, 0);
    codec->put_pong(&maker->frame);
    write_record(maker, PONG, 0);
    codec->put_stream_ack(&maker->frame, &(struct stream_ack){name, number});
    write_record(maker, STREAM_ACK, 0);
    codec->put_stream_nack(&maker->frame, &(struct stream_nack){name, number, error});
    write_record(maker, STREAM_NACK, 0);
    codec->put_stream_closed(&maker->frame, &(struct stream_closed){name, true, error});
    write_record(maker, STREAM_CLOSED, 0);
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    uint64_t state = 0x9E3779B97F4A7C15;
    struct maker maker = {0};
    struct buffer bytes = {0};

    for (unsigned long i = 0; i < count; i++) {
        bytes.length = 0;
        put_random_payload(&bytes, &state);
        maker.sequence_id = (uint32_t)i + 1;
        maker.payload = (struct payload){(enum data_type)(i % 4), buffer_slice(&bytes)};
        write_messages(&maker);
        write_invoke_responses(&maker);
        write_states(&maker);
        write_notices(&maker);
    }
    buffer_release(&bytes);
    buffer_release(&maker.frame);
    return fflush(stdout) != 0;
}
