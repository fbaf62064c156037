/* Fuzzes topic templates. Input: a line of template, then a client as JSON.
 *
 * Oracles: a template is compiled or has one whole sentence of UTF-8 for it; each filter that it
 * comes to has as many levels and wildcards as the template, is valid (but for a value with a NUL)
 * and begins with a `$` only if the template does; a valid filter as access rule comes to such
 * filters, too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "client_profile_fixture.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "policy/template.h"

struct expected {
    size_t levels, wildcards;
    bool may_be_reserved;
    unsigned filters;
};

static size_t count_wildcards(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += text.data[i] == '+' || text.data[i] == '#';
    }
    return count;
}

static void check_filter(void *context, struct slice filter)
{
    struct expected *expected = context;
    FUZZ_CHECK(topic_level_count(filter) == expected->levels);
    FUZZ_CHECK(count_wildcards(filter) == expected->wildcards);
    FUZZ_CHECK(expected->may_be_reserved || filter.data[0] != '$');
    FUZZ_CHECK(++expected->filters <= TEMPLATE_FILTERS_MAX);
}

static void check(struct topic_template *topic_template, struct slice text, bool may_be_reserved,
                  const struct client_profile *client)
{
    struct expected expected = {topic_level_count(text), count_wildcards(text), may_be_reserved, 0};
    bool fits = topic_template_expand(topic_template, client, check_filter, &expected);
    FUZZ_CHECK(fits || expected.filters == 0);
    topic_template_free(topic_template);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct slice text = fuzz_copy(fuzz_take_line(&in)), json = fuzz_copy(in);
    struct buffer error = {0};
    struct arena arena = {0};
    struct client_profile client;
    read_profile(json, &arena, &client);
    struct topic_template *topic_template = topic_template_compile(text, &error);
    FUZZ_CHECK((topic_template == NULL) == (error.length > 0));
    if (topic_template) {
        FUZZ_CHECK(topic_level_count(text) <= TEMPLATE_LEVELS_MAX);
        check(topic_template, text, slice_starts_with(text, SLICE_LITERAL("${dollar}")), &client);
    } else {
        FUZZ_CHECK(slice_starts_with(buffer_slice(&error), SLICE_LITERAL("position ")));
        FUZZ_CHECK(utf8_is_valid_string(buffer_slice(&error)));
    }
    if (topic_filter_is_valid(text)) {
        check(topic_template_from_rule(text), text, text.data[0] == '$', &client);
    }
    arena_release(&arena);
    buffer_release(&error);
    fuzz_free(text);
    fuzz_free(json);
    return 0;
}
