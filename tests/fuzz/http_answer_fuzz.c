/* Fuzzes the parser of answers of HTTP servers. Input: a byte that says how the rest is cut into
 * pieces, the answer.
 *
 * Oracles: what comes out does not depend on the cut, and is within its bounds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "events/answer.h"
#include "events/http_answer.h"

struct outcome {
    struct http_answer answer;
    struct buffer head, body;
};

/* A heap copy of what is not taken yet, so that nothing behind it is read. */
static void feed(struct outcome *outcome, struct slice in, size_t piece)
{
    size_t given = 0, taken = 0;

    while (given < in.length && outcome->answer.error == HTTP_ANSWER_OK) {
        struct slice part;
        size_t used;
        given = in.length - given < piece ? in.length : given + piece;
        part = fuzz_copy(slice_make(in.data + taken, given - taken));
        used = http_answer_take(&outcome->answer, part, &outcome->head, &outcome->body);
        FUZZ_CHECK(used <= part.length);
        taken += used;
        fuzz_free(part);
    }
}

static void outcome_release(struct outcome *outcome)
{
    buffer_release(&outcome->head);
    buffer_release(&outcome->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = {.answer.body_max = ANSWER_BODY_MAX}, cut = whole;

    if (size < 1) {
        return 0;
    }
    feed(&whole, slice_make(data + 1, size - 1), size);
    feed(&cut, slice_make(data + 1, size - 1), (size_t)data[0] + 1);
    FUZZ_CHECK((whole.answer.error == HTTP_ANSWER_OK) == (cut.answer.error == HTTP_ANSWER_OK));
    FUZZ_CHECK(whole.head.length <= ANSWER_HEAD_MAX && whole.body.length <= ANSWER_BODY_MAX);
    if (whole.answer.error == HTTP_ANSWER_OK) {
        FUZZ_CHECK(whole.answer.place == cut.answer.place);
        FUZZ_CHECK(whole.answer.status == cut.answer.status);
        FUZZ_CHECK(whole.answer.keeps_alive == cut.answer.keeps_alive);
        FUZZ_CHECK(slice_equal(buffer_slice(&whole.head), buffer_slice(&cut.head)));
        FUZZ_CHECK(slice_equal(buffer_slice(&whole.body), buffer_slice(&cut.body)));
    }
    outcome_release(&whole);
    outcome_release(&cut);
    return 0;
}
