/* Fuzzes queries of client groups. Input: a line of query, then a client as JSON.
 *
 * Oracles: a query is compiled or has one whole sentence of UTF-8 for it; parentheses around it
 * change nothing; `OR` with what nobody is in changes nothing, `AND` with it takes nobody.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "client_profile_fixture.h"
#include "mqtt/utf8.h"
#include "policy/query.h"

static void check_error(const struct buffer *error)
{
    FUZZ_CHECK(slice_starts_with(buffer_slice(error), SLICE_LITERAL("position ")));
    FUZZ_CHECK(utf8_is_valid_string(buffer_slice(error)));
}

/* The query in other words, which may be beyond a bound: then nothing can be said. */
static void check_varied(struct slice text, const char *behind, const struct client_profile *client,
                         bool wanted)
{
    struct buffer varied = {0}, error = {0};
    buffer_append_string(&varied, "(");
    buffer_append(&varied, text);
    buffer_append_string(&varied, behind);
    struct query *query = query_compile(buffer_slice(&varied), &error);
    if (query) {
        FUZZ_CHECK(query_matches(query, client) == wanted);
    } else {
        check_error(&error);
    }
    query_free(query);
    buffer_release(&varied);
    buffer_release(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct slice text = fuzz_copy(fuzz_take_line(&in)), json = fuzz_copy(in);
    struct buffer error = {0};
    struct arena arena = {0};
    struct client_profile client;
    read_profile(json, &arena, &client);
    struct query *query = query_compile(text, &error);
    FUZZ_CHECK((query == NULL) == (error.length > 0));
    if (query) {
        bool taken = query_matches(query, &client);
        check_varied(text, ")", &client, taken);
        check_varied(text, ") OR authenticationName IN ['\t']", &client, taken);
        check_varied(text, ") and attributes.NOBODY_HAS_IT <> 1", &client, false);
    } else {
        check_error(&error);
    }
    query_free(query);
    arena_release(&arena);
    buffer_release(&error);
    fuzz_free(text);
    fuzz_free(json);
    return 0;
}
