/* The line reader of `pubgrid pub -l`: any bytes, any division into reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/lines.c"

/* Writes `text` into a pipe in pieces and appends each line and a bar to `out`. */
static void read_lines(struct slice text, size_t piece, struct buffer *out)
{
    struct lines lines = {0};
    struct slice line;
    int fds[2];

    CHECK_INT_EQUAL(pipe(fds), 0);
    lines.fd = fds[0];
    while (!lines.ended || lines_next(&lines, &line)) {
        size_t count = text.length < piece ? text.length : piece;

        if (count > 0) {
            CHECK(write(fds[1], text.data, count) == (ssize_t)count);
            text = slice_from(text, count);
        } else if (fds[1] >= 0) {
            close(fds[1]);
            fds[1] = -1;
        }
        if (!lines.ended) {
            lines_fill(&lines);
        } else {
            buffer_append(out, line);
            buffer_append_byte(out, '|');
        }
        while (lines_next(&lines, &line)) {
            buffer_append(out, line);
            buffer_append_byte(out, '|');
        }
    }
    close(fds[0]);
    lines_release(&lines);
}

static void lines_check(struct slice text, struct slice wanted)
{
    for (size_t piece = 1; piece <= text.length + 1; piece++) {
        struct buffer out = {0};

        read_lines(text, piece, &out);
        CHECK_SLICE_EQUAL(buffer_slice(&out), wanted);
        buffer_release(&out);
    }
}

TEST(lines_end_with_a_line_feed_or_the_input)
{
    lines_check(SLICE_LITERAL(""), SLICE_LITERAL(""));
    lines_check(SLICE_LITERAL("a"), SLICE_LITERAL("a|"));
    lines_check(SLICE_LITERAL("a\n"), SLICE_LITERAL("a|"));
    lines_check(SLICE_LITERAL("\n"), SLICE_LITERAL("|"));
    lines_check(SLICE_LITERAL("one\ntwo\n\nfour"), SLICE_LITERAL("one|two||four|"));
}

TEST(lines_hold_any_bytes)
{
    lines_check(SLICE_LITERAL("a\0b\xff\r\n\0\nc"), SLICE_LITERAL("a\0b\xff\r|\0|c|"));
}

TEST(a_line_may_be_longer_than_a_read)
{
    struct buffer text = {0}, wanted = {0}, out = {0};

    for (int i = 0; i < 3; i++) {
        for (int n = 0; n < 3 * READ_BYTES / 2; n++) {
            buffer_append_byte(&text, (uint8_t)('a' + i));
            buffer_append_byte(&wanted, (uint8_t)('a' + i));
        }
        buffer_append_byte(&text, '\n');
        buffer_append_byte(&wanted, '|');
    }
    read_lines(buffer_slice(&text), 50000, &out);
    CHECK(slice_equal(buffer_slice(&out), buffer_slice(&wanted)));
    buffer_release(&text);
    buffer_release(&wanted);
    buffer_release(&out);
}
