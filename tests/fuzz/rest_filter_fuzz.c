/* Fuzzes filters of REST calls. Input: lines of filter, user id, connection id, protocol, and each
 * group; an empty user id is none.
 *
 * Oracles: a filter is compiled or has one whole sentence of UTF-8 for it; its negation, written in
 * the language itself, takes exactly who it does not take; `false or` in front and `and true`
 * behind change nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/utf8.h"
#include "rest/filter.h"

enum { GROUPS_MAX = 8 };

static void check_error(const struct buffer *error)
{
    static const struct slice end = SLICE_LITERAL("(Parameter 'filter')");
    FUZZ_CHECK(error->length > end.length && utf8_is_valid_string(buffer_slice(error)));
    FUZZ_CHECK(slice_equal(slice_from(buffer_slice(error), error->length - end.length), end));
    FUZZ_CHECK(slice_starts_with(buffer_slice(error), SLICE_LITERAL("Invalid syntax for '")));
}

/* The filter in other words, which may be beyond a bound: then nothing can be said. */
static void check_varied(const char *before, struct slice text, const char *behind,
                         const struct filter_subject *subject, bool wanted)
{
    struct buffer varied = {0}, error = {0};
    buffer_append_string(&varied, before);
    buffer_append(&varied, text);
    buffer_append_string(&varied, behind);
    struct filter *filter = filter_compile(buffer_slice(&varied), &error);
    if (filter) {
        FUZZ_CHECK(filter_matches(filter, subject) == wanted);
    } else {
        check_error(&error);
    }
    filter_free(filter);
    buffer_release(&varied);
    buffer_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size), groups[GROUPS_MAX];
    struct slice text = fuzz_copy(fuzz_take_line(&in)), user = fuzz_copy(fuzz_take_line(&in));
    struct filter_subject subject = {.user_id = user.length > 0 ? user : SLICE_EMPTY,
                                     .connection_id = fuzz_take_line(&in),
                                     .protocol = fuzz_take_line(&in),
                                     .groups = groups};
    struct buffer error = {0};
    while (in.length > 0 && subject.group_count < GROUPS_MAX) {
        groups[subject.group_count++] = fuzz_take_line(&in);
    }
    struct filter *filter = filter_compile(text, &error);
    FUZZ_CHECK((filter == NULL) == (error.length > 0));
    if (filter) {
        bool taken = filter_matches(filter, &subject);
        FUZZ_CHECK(filter_matches(filter, &subject) == taken);
        check_varied("not (", text, ")", &subject, !taken);
        check_varied("FALSE or (", text, ") AND true", &subject, taken);
    } else {
        check_error(&error);
    }
    filter_free(filter);
    buffer_release(&error);
    fuzz_free(text);
    fuzz_free(user);
    return 0;
}
