/* Fuzzes what a bridge process hears under $SYS/: each line of input is a topic, a space and a
 * text.
 *
 * Oracles: a sample that is kept can be told again and is understood as the same, and whatever was
 * kept, the text for Prometheus has whole lines with quotes in pairs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "client/metrics_board.h"
#include "client/metrics_text.h"

static void check_entry(const struct board_entry *entry, struct slice topic)
{
    struct buffer again = {0}, text = {0};
    struct sample sample;

    buffer_append_format(&again, "%u/", entry->process);
    sample_append_topic(&again, &entry->sample);
    FUZZ_CHECK(topic.data[0] == '0' || slice_equal(buffer_slice(&again), topic));
    sample_append_text(&text, &entry->sample);
    again.length = 0;
    sample_append_topic(&again, &entry->sample);
    FUZZ_CHECK(sample_parse(buffer_slice(&again), buffer_slice(&text), &sample));
    FUZZ_CHECK(sample.metric == entry->sample.metric);
    FUZZ_CHECK(memcmp(sample.numbers, entry->sample.numbers, sizeof(sample.numbers)) == 0);
    buffer_release(&again);
    buffer_release(&text);
}

static void hear(struct metrics_board *board, struct metrics_text *text, struct slice line)
{
    const uint8_t *space = line.length > 0 ? memchr(line.data, ' ', line.length) : NULL;
    struct slice topic = {line.data, space ? (size_t)(space - line.data) : line.length};
    struct slice said = space ? slice_from(line, topic.length + 1) : SLICE_EMPTY;
    const struct board_entry *entry;
    bool is_new;

    broker_numbers_take(&board->broker, topic, said);
    entry = board_put(board, topic, said, &is_new);
    if (entry) {
        FUZZ_CHECK(board_find(board, topic) == entry);
        check_entry(entry, topic);
        metrics_text_add(text, entry->process, &entry->sample);
    } else if (said.length == 0) {
        board_remove(board, topic);
    }
}

/* Quotes come in pairs, and every line begins as one of ours. */
static void check_text(struct slice text)
{
    bool quoted = false, begins = true;

    for (size_t i = 0; i < text.length; i++) {
        FUZZ_CHECK(!begins || text.data[i] == '#' || text.data[i] == 'p');
        begins = text.data[i] == '\n';
        FUZZ_CHECK(!begins || !quoted);
        if (quoted && text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == '"') {
            quoted = !quoted;
        }
    }
    FUZZ_CHECK(!quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct metrics_board board;
    struct metrics_text text = {0};
    struct buffer out = {0};

    board_init(&board);
    while (rest.length > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.length);
        size_t length = end ? (size_t)(end - rest.data) : rest.length;
        struct slice line = fuzz_copy(slice_make(rest.data, length));
        hear(&board, &text, line);
        fuzz_free(line);
        rest = slice_from(rest, end ? length + 1 : length);
    }
    metrics_text_finish(&text, &out);
    metrics_text_append_broker(&out, &board.broker);
    check_text(buffer_slice(&out));
    buffer_release(&out);
    board_release(&board);
    return 0;
}
