/* Fuzzes what is read of HTTP/1.1 requests: heads, and bodies in chunks. The input is what comes on
 * a connection; its first byte says in what pieces the chunks come.
 *
 * Oracles: a head is incomplete as long as its end has not come, and more bytes behind it change
 * nothing; its parts lie in it and have no line ends in them; chunks make the same body in whatever
 * pieces they come, which is what a plain reading of them gives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/buffer.h"
#include "net/http_head.h"

/* --- heads --- */

static void check_inside(struct slice part, struct slice text)
{
    FUZZ_CHECK(part.data >= text.data && part.data + part.length <= text.data + text.length);
    FUZZ_CHECK(!memchr(part.data, '\n', part.length) && !memchr(part.data, '\0', part.length));
}

static void check_same(const struct http_head *head, struct slice text)
{
    static struct http_head again;
    struct slice copy = fuzz_copy(slice_make(text.data, head->length));
    FUZZ_CHECK(http_head_parse(&again, copy) == HTTP_HEAD_COMPLETE);
    FUZZ_CHECK(again.length == head->length && again.header_count == head->header_count);
    FUZZ_CHECK(again.body_length == head->body_length && again.is_chunked == head->is_chunked);
    copy.length--;
    FUZZ_CHECK(http_head_parse(&again, copy) == HTTP_HEAD_INCOMPLETE);
    copy.length++;
    fuzz_free(copy);
}

static bool check_head(struct slice text, struct http_head *head)
{
    int status = http_head_parse(head, text);
    FUZZ_CHECK(status <= HTTP_HEAD_COMPLETE || (status >= 400 && status <= 505));
    if (status != HTTP_HEAD_COMPLETE) {
        return false;
    }
    FUZZ_CHECK(head->length <= text.length && head->header_count <= HTTP_HEADERS_MAX);
    FUZZ_CHECK(head->method.length > 0 && head->target.length > 0);
    check_inside(head->method, text);
    check_inside(head->target, text);
    for (size_t i = 0; i < head->header_count; i++) {
        check_inside(head->headers[i].key, text);
        check_inside(head->headers[i].value, text);
    }
    FUZZ_CHECK(!head->is_chunked || head->body_length == 0);
    check_same(head, text);
    return true;
}

/* --- chunks --- */

/* Reads them in pieces of `size` bytes. */
static struct http_chunks read_pieces(struct slice text, size_t size, struct buffer *body)
{
    struct http_chunks chunks = {0};
    while (text.length > 0 && chunks.state != CHUNKS_DONE && chunks.state != CHUNKS_BAD) {
        size_t length = size < text.length ? size : text.length, taken = 0;
        struct slice piece = fuzz_copy(slice_make(text.data, length));
        size_t data = http_chunks_read(&chunks, (uint8_t *)(uintptr_t)piece.data, length, &taken);
        FUZZ_CHECK(data <= taken && taken <= length);
        FUZZ_CHECK(taken == length || chunks.state >= CHUNKS_DONE);
        buffer_append(body, slice_make(piece.data, data));
        fuzz_free(piece);
        text = slice_from(text, taken);
    }
    return chunks;
}

/* A body that was found whole, read with the means of the C library. */
static void check_body(struct slice text, struct slice body)
{
    char *copy = memory_copy_string(text), *at = copy;
    for (;;) {
        size_t size = strtoul(at, &at, 16);
        if (size == 0) {
            break;
        }
        at = (char *)memchr(at, '\n', text.length - (size_t)(at - copy)) + 1;
        FUZZ_CHECK(size <= body.length && memcmp(at, body.data, size) == 0);
        body = slice_from(body, size);
        at += size;
    }
    FUZZ_CHECK(body.length == 0);
    free(copy);
}

static void check_chunks(struct slice text, size_t size)
{
    struct buffer whole = {0}, body = {0};
    struct http_chunks one = read_pieces(text, SIZE_MAX, &whole);
    struct http_chunks many = read_pieces(text, size, &body);
    FUZZ_CHECK(one.state == many.state);
    if (one.state == CHUNKS_DONE) {
        FUZZ_CHECK(slice_equal(buffer_slice(&whole), buffer_slice(&body)));
        check_body(text, buffer_slice(&whole));
    }
    buffer_release(&whole);
    buffer_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    if (size == 0) {
        return 0;
    }
    struct slice text = fuzz_copy(slice_make(data + 1, size - 1));
    if (check_head(text, &head) && head.is_chunked) {
        check_chunks(slice_from(text, head.length), data[0] == 0 ? 1 : data[0]);
    }
    fuzz_free(text);
    return 0;
}
