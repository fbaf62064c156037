/* bridge/events: answers of HTTP servers, as a whole and byte by byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/http_answer.h"

#include "test.h"

#include "events/answer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OK           "HTTP/1.1 200 OK\r\n"
#define CHUNKED      OK "Transfer-Encoding: chunked\r\n\r\n"

/* Feeds it in pieces of `piece` bytes. */
static struct http_answer feed(struct slice in, size_t piece, struct buffer *body, size_t *left)
{
    struct http_answer answer = {.body_max = ANSWER_BODY_MAX};
    struct buffer kept = {0}, head = {0};

    body->length = 0;
    while (in.length > 0 && answer.error == HTTP_ANSWER_OK) {
        size_t length = in.length < piece ? in.length : piece;
        buffer_append(&kept, slice_make(in.data, length));
        in = slice_from(in, length);
        buffer_consume(&kept, http_answer_take(&answer, buffer_slice(&kept), &head, body));
    }
    *left = kept.length;
    buffer_release(&kept);
    buffer_release(&head);
    return answer;
}

static const struct {
    const char *text;
    int status;
    enum http_answer_place place;
    bool keeps_alive;
    const char *body;
} answers[] = {
    {OK "Content-Length: 2\r\n\r\nab", 200, HTTP_ANSWER_DONE, true, "ab"},
    {OK "content-length:0\r\n\r\n", 200, HTTP_ANSWER_DONE, true, ""},
    {OK "Content-Length: 3\r\n\r\nab", 200, HTTP_ANSWER_BODY, true, "ab"},
    {"HTTP/1.1 204\r\n\r\n", 204, HTTP_ANSWER_DONE, true, ""},
    {"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", 304, HTTP_ANSWER_DONE, true, ""},
    {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", 200, HTTP_ANSWER_DONE, true, "a"},
    {OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 200, HTTP_ANSWER_DONE, true, "a"},
    {OK "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", 200, HTTP_ANSWER_DONE, false, "a"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, HTTP_ANSWER_DONE, false, "a"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200,
     HTTP_ANSWER_DONE, true, "a"},
    {OK "\r\nabc", 200, HTTP_ANSWER_TO_END, false, "abc"},
    {CHUNKED "2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", 200, HTTP_ANSWER_DONE, true, "abc"},
    {CHUNKED "A\r\n0123456789\r\n00\r\nX: y\r\nZ: a\r\n\r\n", 200, HTTP_ANSWER_DONE, true,
     "0123456789"},
    {CHUNKED "2\r\nab\r\n", 200, HTTP_ANSWER_CHUNK_SIZE, true, "ab"},
    {OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 200, HTTP_ANSWER_DONE,
     false, ""},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n" OK "Content-Length: 1\r\n\r\na",
     200, HTTP_ANSWER_DONE, true, "a"},
};

TEST(good_answers)
{
    struct buffer body = {0};
    size_t left;

    for (size_t i = 0; i < COUNT(answers); i++) {
        for (size_t piece = 1; piece < 200; piece = piece == 1 ? 2 : piece * 10) {
            struct http_answer answer =
                feed(slice_from_string(answers[i].text), piece, &body, &left);
            test_note("%s in pieces of %zu", answers[i].text, piece);
            CHECK_INT_EQUAL(answer.error, HTTP_ANSWER_OK);
            CHECK_INT_EQUAL(answer.status, answers[i].status);
            CHECK_INT_EQUAL(answer.place, answers[i].place);
            CHECK_INT_EQUAL(answer.keeps_alive, answers[i].keeps_alive);
            CHECK_SLICE_EQUAL(buffer_slice(&body), slice_from_string(answers[i].body));
            CHECK_INT_EQUAL(http_answer_is_whole(&answer),
                            answers[i].place == HTTP_ANSWER_DONE ||
                                answers[i].place == HTTP_ANSWER_TO_END);
            CHECK_INT_EQUAL(left, 0);
        }
    }
    buffer_release(&body);
}

static const char *const malformed[] = {
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 099 X\r\n\r\n",
    "HTTP/1.1 2000 X\r\n\r\n",
    "HTTP/1.1 20\r\n\r\n",
    "HTTP/1.1 101 Switching\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "\r\n\r\n",
    OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    OK "Content-Length: -1\r\n\r\n",
    OK "Content-Length: 1, 1\r\n\r\n",
    OK "Content-Length:\r\n\r\n",
    OK "Content-Length: 9999999999999999\r\n\r\n",
    OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
    CHUNKED "x\r\n",
    CHUNKED "\r\n",
    CHUNKED "-1\r\n",
    CHUNKED "123456789\r\n",
    CHUNKED "1\r\nabc\r\n",
    CHUNKED "1\r\na\rb",
};

TEST(what_is_not_http)
{
    struct buffer body = {0};
    size_t left;

    for (size_t i = 0; i < COUNT(malformed); i++) {
        for (size_t piece = 1; piece < 200; piece = piece == 1 ? 2 : piece * 10) {
            struct http_answer answer = feed(slice_from_string(malformed[i]), piece, &body, &left);
            test_note("%s in pieces of %zu", malformed[i], piece);
            CHECK_INT_EQUAL(answer.error, HTTP_ANSWER_MALFORMED);
            CHECK(!http_answer_is_whole(&answer));
        }
    }
    buffer_release(&body);
}

static void check_too_long(const char *begin, const char *repeated, size_t times)
{
    struct buffer text = {0}, body = {0};
    size_t left;
    struct http_answer answer;

    buffer_append_string(&text, begin);
    for (size_t i = 0; i < times; i++) {
        buffer_append_string(&text, repeated);
    }
    answer = feed(buffer_slice(&text), 65536, &body, &left);
    CHECK_INT_EQUAL(answer.error, HTTP_ANSWER_TOO_LONG);
    CHECK(body.length <= ANSWER_BODY_MAX);
    buffer_release(&text);
    buffer_release(&body);
}

TEST(what_is_too_long)
{
    check_too_long(OK "X: ", "x", ANSWER_HEAD_MAX);
    check_too_long(OK, "X: yyyyyyyyyyyyyyyyyyy\r\n", ANSWER_HEAD_MAX / 20);
    check_too_long(OK "Content-Length: 1048577\r\n\r\n", "x", 1);
    check_too_long(OK "\r\n", "0123456789abcdef", ANSWER_BODY_MAX / 16 + 1);
    check_too_long(CHUNKED, "4\r\nabcd\r\n", ANSWER_BODY_MAX / 4 + 1);
    check_too_long(CHUNKED "0\r\n", "X: y\r\n", 5000);
}
