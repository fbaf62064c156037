/* Fuzzes what bridge processes ask and answer each other for the REST API. Input: a byte (0: a
 * question, of the REST API or about settings, or a message with an answer; else the kind of the
 * operation, less one, that an answer is for), then the bytes.
 *
 * Oracles: what was read and is written again reads the same; the body that comes of answers is one
 * JSON value if the names are UTF-8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "client/rest_answer.h"
#include "client/rest_question.h"
#include "client/settings_heard.h"
#include "client/staff_answer.h"
#include "mqtt/utf8.h"
#include "json/json.h"

static void check_question(struct slice bytes)
{
    struct rest_operation first, second;
    struct buffer lists = {0}, again = {0}, written = {0}, other = {0};

    if (rest_question_parse(bytes, &first, &lists)) {
        rest_question_append(&written, &first);
        FUZZ_CHECK(slice_equal(buffer_slice(&written), bytes));
        FUZZ_CHECK(rest_question_parse(buffer_slice(&written), &second, &again));
        FUZZ_CHECK(second.kind == first.kind && second.group_count == first.group_count &&
                   second.excluded_count == first.excluded_count);
        rest_question_append(&other, &second);
        FUZZ_CHECK(slice_equal(buffer_slice(&written), buffer_slice(&other)));
    }
    buffer_release(&lists);
    buffer_release(&again);
    buffer_release(&written);
    buffer_release(&other);
}

static void check_settings_question(struct slice bytes)
{
    struct settings_mark mark;
    struct slice prefix;
    struct buffer written = {0};

    if (settings_question_parse(bytes, &mark, &prefix)) {
        settings_question_append(&written, &mark, prefix);
        FUZZ_CHECK(slice_equal(buffer_slice(&written), bytes));
    }
    buffer_release(&written);
}

static void check_message(struct slice bytes)
{
    struct staff_answer answer;
    struct buffer written = {0};
    size_t at = 0;

    if (staff_answer_parse(bytes, &answer)) {
        FUZZ_CHECK(!answer.is_piece || answer.whole - answer.begins >= answer.bytes.length);
        if (!answer.is_piece) {
            staff_answer_append(&written, &answer, answer.bytes.length, &at);
            FUZZ_CHECK(slice_equal(buffer_slice(&written), bytes));
        }
    }
    buffer_release(&written);
}

/* The same answer from two processes. */
static void check_answer(enum rest_kind kind, struct slice bytes)
{
    struct rest_operation operation = {.kind = kind, .hub = SLICE_LITERAL("h"), .page_size = 2};
    struct rest_merge merge;
    struct rest_answer answer;
    struct json_value value;
    struct buffer body = {0};

    rest_merge_init(&merge, &operation);
    rest_merge_add(&merge, bytes);
    rest_merge_add(&merge, bytes);
    rest_merge_is_away(&merge);
    FUZZ_CHECK(rest_merge_finish(&merge, &body)->status >= 200);
    if (body.length > 0 && rest_answer_parse(bytes, &answer) &&
        utf8_is_well_formed(buffer_slice(&body))) {
        FUZZ_CHECK(json_parse(buffer_slice(&body), &value));
    }
    rest_merge_release(&merge);
    buffer_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum rest_kind kinds[] = {REST_EXISTS,     REST_LIST,  REST_LIST_GROUPS,
                                           REST_LIST_USERS, REST_COUNT, REST_HAS_PERMISSION};
    struct slice copy = fuzz_copy(slice_make(data, size));

    if (copy.length > 0 && copy.data[0] == 0) {
        check_question(slice_from(copy, 1));
        check_settings_question(slice_from(copy, 1));
        check_message(slice_from(copy, 1));
    } else if (copy.length > 0) {
        check_answer(kinds[copy.data[0] % (sizeof(kinds) / sizeof(kinds[0]))], slice_from(copy, 1));
    }
    fuzz_free(copy);
    return 0;
}
