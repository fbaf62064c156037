/* See http_head.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_head.h"

#include "access/characters.h"

enum {
    BAD_REQUEST = 400,
    TOO_LARGE = 431,
    NOT_IMPLEMENTED = 501,
    VERSION_NOT_SUPPORTED = 505,
    VERSION_LENGTH = 8,     /* HTTP/1.1 */
    LENGTH_DIGITS_MAX = 18, /* of Content-Length */
    SIZE_DIGITS_MAX = 15,   /* of a chunk */
    OVERHEAD_MAX = 1 << 20, /* bytes of a body in chunks that are no data */
    LINE_MAX = 8192,        /* of a chunk's extensions, and of a trailer */
};

/* --- characters --- */

/* No control characters but tabs. */
static bool is_field_value(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

/* --- lines --- */

/* Takes a line without its CR LF; false: it does not end so. */
static bool take_line(struct slice *rest, struct slice *line)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->length);
    if (!end || end == rest->data || end[-1] != '\r') {
        return false;
    }
    *line = slice_make(rest->data, (size_t)(end - rest->data) - 1);
    *rest = slice_from(*rest, line->length + 2);
    return true;
}

static bool is_target(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] == 0x7F) {
            return false;
        }
    }
    return text.length > 0;
}

static int parse_request_line(struct http_head *head, struct slice line)
{
    const uint8_t *first = memchr(line.data, ' ', line.length);
    if (!first || line.length < VERSION_LENGTH + 3) {
        return BAD_REQUEST;
    }
    struct slice version = slice_from(line, line.length - VERSION_LENGTH);
    head->method = slice_make(line.data, (size_t)(first - line.data));
    size_t begin = head->method.length + 1, end = line.length - VERSION_LENGTH - 1;
    if (end < begin || line.data[end] != ' ' || !is_token(head->method)) {
        return BAD_REQUEST;
    }
    head->target = slice_make(line.data + begin, end - begin);
    if (!is_target(head->target) || !slice_starts_with(version, SLICE_LITERAL("HTTP/"))) {
        return BAD_REQUEST;
    }
    if (slice_equal(version, SLICE_LITERAL("HTTP/1.1"))) {
        head->keeps_alive = true;
        return 0;
    }
    return slice_equal(version, SLICE_LITERAL("HTTP/1.0")) ? 0 : VERSION_NOT_SUPPORTED;
}

/* --- headers that say how to read on --- */

static int take_length(struct http_head *head, struct slice value)
{
    uint64_t sum = 0;
    bool is_second = http_head_find(head, SLICE_LITERAL("content-length")).data != NULL;
    if (value.length == 0 || value.length > LENGTH_DIGITS_MAX) {
        return BAD_REQUEST;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return BAD_REQUEST;
        }
        sum = sum * 10 + (value.data[i] - '0');
    }
    if (is_second && sum != head->body_length) {
        return BAD_REQUEST;
    }
    head->body_length = sum;
    return 0;
}

static int take_encoding(struct http_head *head, struct slice value)
{
    if (head->is_chunked || !equal_ignoring_case(value, SLICE_LITERAL("chunked"))) {
        return NOT_IMPLEMENTED;
    }
    head->is_chunked = true;
    return 0;
}

static int take_connection(struct http_head *head, struct slice value)
{
    if (list_has(value, SLICE_LITERAL("close"))) {
        head->keeps_alive = false;
    } else if (list_has(value, SLICE_LITERAL("keep-alive"))) {
        head->keeps_alive = true;
    }
    return 0;
}

static int take_expect(struct http_head *head, struct slice value)
{
    head->expects_continue = equal_ignoring_case(value, SLICE_LITERAL("100-continue"));
    return 0;
}

static int take_upgrade(struct http_head *head, struct slice value)
{
    head->wants_upgrade = equal_ignoring_case(SLICE_LITERAL("websocket"), value);
    return 0;
}

static const struct framing {
    struct slice name;
    int (*take)(struct http_head *head, struct slice value);
} framings[] = {
    {SLICE_LITERAL("content-length"), take_length},
    {SLICE_LITERAL("transfer-encoding"), take_encoding},
    {SLICE_LITERAL("connection"), take_connection},
    {SLICE_LITERAL("expect"), take_expect},
    {SLICE_LITERAL("upgrade"), take_upgrade},
};

static int take_framing(struct http_head *head, const struct pair *header)
{
    for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
        if (equal_ignoring_case(framings[i].name, header->key)) {
            return framings[i].take(head, header->value);
        }
    }
    return 0;
}

static int parse_header(struct http_head *head, struct slice line)
{
    const uint8_t *colon = memchr(line.data, ':', line.length);
    if (!colon) {
        return BAD_REQUEST;
    }
    size_t length = (size_t)(colon - line.data);
    struct pair header = {slice_make(line.data, length), trim_blanks(slice_from(line, length + 1))};
    if (!is_token(header.key) || !is_field_value(header.value)) {
        return BAD_REQUEST;
    }
    if (head->header_count == HTTP_HEADERS_MAX) {
        return TOO_LARGE;
    }
    int status = take_framing(head, &header);
    head->headers[head->header_count++] = header;
    return status;
}

/* --- the head --- */

struct slice http_head_find(const struct http_head *head, struct slice name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (equal_ignoring_case(head->headers[i].key, name)) {
            return head->headers[i].value;
        }
    }
    return SLICE_EMPTY;
}

/* Both a length and chunks is how requests are smuggled past a proxy (RFC 9112, 6.1). */
static int check_framing(const struct http_head *head)
{
    bool has_length = http_head_find(head, SLICE_LITERAL("content-length")).data != NULL;
    return head->is_chunked && has_length ? BAD_REQUEST : HTTP_HEAD_COMPLETE;
}

static void clear(struct http_head *head)
{
    head->length = head->header_count = 0;
    head->method = head->target = SLICE_EMPTY;
    head->body_length = 0;
    head->is_chunked = head->keeps_alive = head->expects_continue = head->wants_upgrade = false;
}

int http_head_parse(struct http_head *head, struct slice text)
{
    struct slice rest = text, line;
    clear(head);
    while (slice_starts_with(rest, SLICE_LITERAL("\r\n"))) { /* as it is said to servers to do */
        rest = slice_from(rest, 2);
    }
    if (rest.length == 0 || !memmem(rest.data, rest.length, "\r\n\r\n", 4)) {
        return HTTP_HEAD_INCOMPLETE;
    }
    int status = take_line(&rest, &line) ? parse_request_line(head, line) : BAD_REQUEST;
    while (status == 0) {
        if (!take_line(&rest, &line)) {
            return BAD_REQUEST;
        }
        if (line.length == 0) {
            head->length = text.length - rest.length;
            return check_framing(head);
        }
        status = parse_header(head, line);
    }
    return status;
}

/* --- chunks --- */

static enum http_chunks_state read_size(struct http_chunks *chunks, uint8_t byte)
{
    int digit = hex_value(byte);
    if (digit >= 0 && chunks->in_line < SIZE_DIGITS_MAX) {
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        chunks->in_line++;
        return CHUNKS_SIZE;
    }
    bool ends = byte == '\r' || byte == ';' || byte == ' ' || byte == '\t';
    chunks->seen_cr = byte == '\r';
    return chunks->in_line > 0 && digit < 0 && ends ? CHUNKS_LINE : CHUNKS_BAD;
}

/* One more byte of a line; false while it goes on. */
static bool ends_line(struct http_chunks *chunks, uint8_t byte, bool *is_bad)
{
    *is_bad = (chunks->seen_cr && byte != '\n') || (!chunks->seen_cr && byte == '\n') ||
              ++chunks->in_line > LINE_MAX;
    bool ends = chunks->seen_cr && byte == '\n';
    chunks->seen_cr = byte == '\r';
    return ends;
}

/* Extensions mean nothing to us. */
static enum http_chunks_state read_line(struct http_chunks *chunks, uint8_t byte)
{
    bool is_bad;
    if (!ends_line(chunks, byte, &is_bad)) {
        return is_bad ? CHUNKS_BAD : CHUNKS_LINE;
    }
    chunks->in_line = 0;
    return chunks->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
}

static enum http_chunks_state read_end(struct http_chunks *chunks, uint8_t byte)
{
    bool is_bad;
    if (!ends_line(chunks, byte, &is_bad)) {
        return is_bad || byte != '\r' ? CHUNKS_BAD : CHUNKS_END;
    }
    chunks->in_line = 0;
    return CHUNKS_SIZE;
}

static enum http_chunks_state read_trailer(struct http_chunks *chunks, uint8_t byte)
{
    bool is_bad;
    if (!ends_line(chunks, byte, &is_bad)) {
        return is_bad ? CHUNKS_BAD : CHUNKS_TRAILER;
    }
    bool is_empty = chunks->in_line == 2;
    chunks->in_line = 0;
    return is_empty ? CHUNKS_DONE : CHUNKS_TRAILER;
}

static void read_byte(struct http_chunks *chunks, uint8_t byte)
{
    static enum http_chunks_state (*const readers[])(struct http_chunks *, uint8_t) = {
        [CHUNKS_SIZE] = read_size,
        [CHUNKS_LINE] = read_line,
        [CHUNKS_END] = read_end,
        [CHUNKS_TRAILER] = read_trailer,
    };
    chunks->state = readers[chunks->state](chunks, byte);
    if (++chunks->overhead > OVERHEAD_MAX) {
        chunks->state = CHUNKS_BAD;
    }
}

size_t http_chunks_read(struct http_chunks *chunks, uint8_t *bytes, size_t length, size_t *taken)
{
    size_t at = 0, data = 0;
    while (at < length && chunks->state != CHUNKS_DONE && chunks->state != CHUNKS_BAD) {
        if (chunks->state != CHUNKS_DATA) {
            read_byte(chunks, bytes[at++]);
            continue;
        }
        size_t piece = length - at < chunks->left ? length - at : (size_t)chunks->left;
        memmove(bytes + data, bytes + at, piece);
        data += piece;
        at += piece;
        chunks->left -= piece;
        if (chunks->left == 0) {
            chunks->state = CHUNKS_END;
        }
    }
    *taken = at;
    return data;
}
