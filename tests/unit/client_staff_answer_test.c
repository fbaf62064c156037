/* client/staff_answer.h: answers as one message and as pieces, also when some are missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/staff_answer.h"

#include "test.h"

enum { MOST = 4 };

/* The n-th message of an answer "0123456789", of at most MOST bytes. */
static struct staff_answer message(struct buffer *bytes, uint32_t number, size_t n)
{
    struct staff_answer whole = {
        .number = number, .name = SLICE_LITERAL("one"), .bytes = SLICE_LITERAL("0123456789")};
    struct staff_answer read;
    size_t at = n * MOST;

    bytes->length = 0;
    staff_answer_append(bytes, &whole, MOST, &at);
    CHECK(staff_answer_parse(buffer_slice(bytes), &read));
    CHECK_INT_EQUAL(read.number, number);
    CHECK_SLICE_EQUAL(read.name, SLICE_LITERAL("one"));
    CHECK(read.is_piece);
    return read;
}

static bool take(struct staff_pieces *pieces, uint32_t number, size_t n, struct slice *whole)
{
    struct buffer bytes = {0};
    struct staff_answer read = message(&bytes, number, n);
    bool is_whole = staff_pieces_take(pieces, &read, whole);

    buffer_release(&bytes);
    return is_whole;
}

TEST(a_short_answer_is_one_message)
{
    struct staff_answer whole = {
        .number = 7, .name = SLICE_LITERAL("one"), .bytes = SLICE_LITERAL("0123")};
    struct staff_pieces pieces = {0};
    struct staff_answer read;
    struct buffer bytes = {0};
    struct slice got;
    size_t at = 0;

    staff_answer_append(&bytes, &whole, MOST, &at);
    CHECK_INT_EQUAL(at, 4);
    CHECK(staff_answer_parse(buffer_slice(&bytes), &read) && !read.is_piece);
    CHECK(staff_pieces_take(&pieces, &read, &got));
    CHECK_SLICE_EQUAL(got, whole.bytes);
    buffer_release(&bytes);
}

TEST(pieces_become_the_whole)
{
    struct staff_pieces pieces = {0};
    struct slice got;

    CHECK(!take(&pieces, 7, 0, &got) && !take(&pieces, 7, 1, &got));
    CHECK(take(&pieces, 7, 2, &got));
    CHECK_SLICE_EQUAL(got, SLICE_LITERAL("0123456789"));
    staff_pieces_release(&pieces);
}

TEST(what_lacks_a_piece_is_nothing)
{
    struct staff_pieces pieces = {0};
    struct slice got;

    CHECK(!take(&pieces, 7, 0, &got) && !take(&pieces, 7, 2, &got));
    CHECK(!take(&pieces, 7, 2, &got) && !take(&pieces, 7, 1, &got)); /* behind another start */
    CHECK(!take(&pieces, 8, 0, &got) && !take(&pieces, 9, 1, &got) && !take(&pieces, 9, 2, &got));
    CHECK(!take(&pieces, 9, 0, &got) && !take(&pieces, 9, 1, &got) && take(&pieces, 9, 2, &got));
    staff_pieces_release(&pieces);
}

TEST(what_is_no_answer)
{
    static const struct slice rows[] = {
        SLICE_LITERAL(""),
        SLICE_LITERAL("\0\0\0\1"),
        SLICE_LITERAL("\0\0\0\1\0bytes"),                          /* nobody's */
        SLICE_LITERAL("\0\0\0\1\4one"),                            /* a name that ends early */
        SLICE_LITERAL("\0\0\0\1\x83one\0\0\0\0"),                  /* a piece of what? */
        SLICE_LITERAL("\0\0\0\1\x83one\0\0\0\0\0\0\0\1"),          /* of no bytes */
        SLICE_LITERAL("\0\0\0\1\x83one\0\0\0\0\0\0\0\1xx"),        /* longer than the whole */
        SLICE_LITERAL("\0\0\0\1\x83one\0\0\0\2\0\0\0\1x"),         /* behind it */
        SLICE_LITERAL("\0\0\0\1\x83one\0\0\0\0\xff\xff\xff\xffx"), /* of too many bytes */
    };
    struct staff_answer read;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        CHECK(!staff_answer_parse(rows[i], &read));
    }
}
