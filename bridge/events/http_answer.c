/* See http_answer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/http_answer.h"

#include "access/characters.h"
#include "access/head.h"
#include "events/answer.h"

enum { LINE_MAX_BYTES = 1024 /* of a chunk's size */, TRAILER_MAX = 16384 };

static size_t fail(struct http_answer *answer, enum http_answer_error error)
{
    answer->error = error;
    return 0;
}

/* Bytes of the line at the front with its line break; 0: it is not whole. */
static size_t line_length(struct slice in)
{
    const uint8_t *end = in.length > 0 ? memchr(in.data, '\n', in.length) : NULL;

    return end ? (size_t)(end - in.data) + 1 : 0;
}

static bool is_empty_line(struct slice line)
{
    return line.length == 1 || (line.length == 2 && line.data[0] == '\r');
}

/* ---------------------------------------------------------------- the head */

/* Bytes up to the empty line, and with it; 0: it is not whole. */
static size_t head_length(struct slice in)
{
    size_t at = 0, length;

    while ((length = line_length(slice_from(in, at))) > 0) {
        bool is_end = is_empty_line(slice_make(in.data + at, length));
        at += length;
        if (is_end) {
            return at;
        }
    }
    return 0;
}

static bool take_status(struct http_answer *answer, struct slice head)
{
    static const char form[] = "HTTP/1.x ###";
    bool is_good = head.length > sizeof(form) - 1;

    for (size_t i = 0; is_good && i < sizeof(form) - 1; i++) {
        uint8_t byte = head.data[i];
        is_good = form[i] == '#'   ? byte >= '0' && byte <= '9'
                  : form[i] == 'x' ? byte == '0' || byte == '1'
                                   : byte == (uint8_t)form[i];
    }
    if (!is_good || head.data[9] == '0' || head.data[sizeof(form) - 1] > ' ') {
        return false;
    }
    answer->status =
        (head.data[9] - '0') * 100 + (head.data[10] - '0') * 10 + (head.data[11] - '0');
    answer->keeps_alive = head.data[7] == '1';
    return true;
}

/* Up to 15 digits. */
static bool to_number(struct slice text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.length > 0 && text.length <= 15;
}

struct framing {
    bool has_length, is_chunked;
    uint64_t length;
};

static bool take_header(struct http_answer *answer, struct framing *framing,
                        const struct header *header)
{
    uint64_t length;

    if (head_name_is(header, "content-length")) {
        bool is_good = to_number(header->value, &length) &&
                       (!framing->has_length || framing->length == length);
        framing->has_length = true;
        framing->length = length;
        return is_good;
    }
    if (head_name_is(header, "transfer-encoding")) {
        framing->is_chunked = true;
        return equal_ignoring_case(header->value, SLICE_LITERAL("chunked"));
    }
    if (head_name_is(header, "connection")) {
        answer->keeps_alive =
            !list_has(header->value, SLICE_LITERAL("close")) &&
            (answer->keeps_alive || list_has(header->value, SLICE_LITERAL("keep-alive")));
    }
    return true;
}

/* Where the body is (RFC 9112, 6.3). */
static void begin_body(struct http_answer *answer, const struct framing *framing)
{
    bool has_none = answer->status == 204 || answer->status == 304;

    if (has_none || (!framing->is_chunked && framing->has_length && framing->length == 0)) {
        answer->place = HTTP_ANSWER_DONE;
    } else if (framing->is_chunked) {
        answer->place = HTTP_ANSWER_CHUNK_SIZE;
        answer->keeps_alive = answer->keeps_alive && !framing->has_length;
    } else if (framing->has_length) {
        answer->place = HTTP_ANSWER_BODY;
        answer->left = framing->length;
    } else {
        answer->place = HTTP_ANSWER_TO_END;
        answer->keeps_alive = false;
    }
}

static size_t take_head(struct http_answer *answer, struct slice in, struct buffer *head)
{
    size_t length = head_length(in);
    struct slice rest = slice_make(in.data, length);
    struct framing framing = {0};
    struct header header;

    if (length > ANSWER_HEAD_MAX || (length == 0 && in.length > ANSWER_HEAD_MAX)) {
        return fail(answer, HTTP_ANSWER_TOO_LONG);
    }
    if (length == 0) {
        return 0;
    }
    if (!take_status(answer, rest) || answer->status == 101) {
        return fail(answer, HTTP_ANSWER_MALFORMED);
    }
    if (answer->status < 200) {
        return length; /* the real one follows */
    }
    while (head_next(&rest, &header)) {
        if (!take_header(answer, &framing, &header)) {
            return fail(answer, HTTP_ANSWER_MALFORMED);
        }
    }
    buffer_append(head, slice_make(in.data, length));
    if (framing.length > answer->body_max) {
        return fail(answer, HTTP_ANSWER_TOO_LONG);
    }
    begin_body(answer, &framing);
    return length;
}

/* ---------------------------------------------------------------- the body */

static size_t take_bytes(struct http_answer *answer, struct slice in, struct buffer *body,
                         enum http_answer_place then)
{
    size_t length = in.length < answer->left ? in.length : (size_t)answer->left;

    if (body->length + length > answer->body_max) {
        return fail(answer, HTTP_ANSWER_TOO_LONG);
    }
    buffer_append(body, slice_make(in.data, length));
    answer->left -= length;
    if (answer->left == 0) {
        answer->place = then;
    }
    return length;
}

static size_t take_chunk_size(struct http_answer *answer, struct slice in)
{
    size_t length = line_length(in), digits = 0;
    uint64_t size = 0;

    if (length == 0) {
        return in.length > LINE_MAX_BYTES ? fail(answer, HTTP_ANSWER_MALFORMED) : 0;
    }
    for (; digits < 8 && hex_value(in.data[digits]) >= 0; digits++) {
        size = size * 16 + (uint64_t)hex_value(in.data[digits]);
    }
    if (digits == 0 || !strchr("\r\n; \t", in.data[digits]) || in.data[digits] == '\0') {
        return fail(answer, HTTP_ANSWER_MALFORMED);
    }
    answer->left = size;
    answer->place = size > 0 ? HTTP_ANSWER_CHUNK : HTTP_ANSWER_TRAILER;
    return length;
}

static size_t take_chunk_end(struct http_answer *answer, struct slice in)
{
    size_t length = line_length(in);

    if (length > 2 || (length == 0 && in.length > 1)) {
        return fail(answer, HTTP_ANSWER_MALFORMED);
    }
    if (length > 0 && !is_empty_line(slice_make(in.data, length))) {
        return fail(answer, HTTP_ANSWER_MALFORMED);
    }
    answer->place = length > 0 ? HTTP_ANSWER_CHUNK_SIZE : HTTP_ANSWER_CHUNK_END;
    return length;
}

static size_t take_trailer(struct http_answer *answer, struct slice in)
{
    size_t length = line_length(in);

    answer->trailer_size += length;
    if (answer->trailer_size + (length == 0 ? in.length : 0) > TRAILER_MAX) {
        return fail(answer, HTTP_ANSWER_TOO_LONG);
    }
    if (length > 0 && is_empty_line(slice_make(in.data, length))) {
        answer->place = HTTP_ANSWER_DONE;
    }
    return length;
}

/* ---------------------------------------------------------------- the whole */

static size_t take(struct http_answer *answer, struct slice in, struct buffer *head,
                   struct buffer *body)
{
    switch (answer->place) {
    case HTTP_ANSWER_HEAD:
        return take_head(answer, in, head);
    case HTTP_ANSWER_BODY:
        return take_bytes(answer, in, body, HTTP_ANSWER_DONE);
    case HTTP_ANSWER_CHUNK_SIZE:
        return take_chunk_size(answer, in);
    case HTTP_ANSWER_CHUNK:
        return take_bytes(answer, in, body, HTTP_ANSWER_CHUNK_END);
    case HTTP_ANSWER_CHUNK_END:
        return take_chunk_end(answer, in);
    case HTTP_ANSWER_TRAILER:
        return take_trailer(answer, in);
    case HTTP_ANSWER_TO_END:
        answer->left = UINT64_MAX;
        return take_bytes(answer, in, body, HTTP_ANSWER_DONE);
    case HTTP_ANSWER_DONE:
        break;
    }
    return 0;
}

size_t http_answer_take(struct http_answer *answer, struct slice in, struct buffer *head,
                        struct buffer *body)
{
    size_t taken = 0, length = 1;

    while (length > 0 && taken < in.length && answer->place != HTTP_ANSWER_DONE) {
        length = take(answer, slice_from(in, taken), head, body);
        taken += length;
    }
    return taken;
}

bool http_answer_is_whole(const struct http_answer *answer)
{
    return answer->error == HTTP_ANSWER_OK &&
           (answer->place == HTTP_ANSWER_DONE || answer->place == HTTP_ANSWER_TO_END);
}
