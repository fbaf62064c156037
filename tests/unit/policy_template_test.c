/* Topic templates: every line of the grammar of spec/eventgrid.md 6.3, by tables of a template and
 * the filters that it comes to for a client; and the filters of access rules.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client_profile_fixture.h"
#include "policy/template.h"

static const struct slice device = SLICE_LITERAL(
    "{\"name\":\"client1\",\"attributes\":{\"area\":\"east\",\"floor\":-3,\"types\":[\"Fan\","
    "\"a/b\",\"Light\"],\"none\":[],\"empty\":\"\",\"plus\":\"+\",\"hash\":\"x#\",\"dollar\":"
    "\"$SYS\",\"slash\":\"a/b\"}}");

static void join(void *context, struct slice filter)
{
    struct buffer *all = context;
    buffer_append_string(all, all->length > 0 ? " " : "");
    buffer_append(all, filter);
}

static void check_filters(struct topic_template *topic_template, struct slice json,
                          const char *wanted)
{
    struct arena arena = {0};
    struct buffer all = {0};
    struct client_profile client;
    CHECK(read_profile(json, &arena, &client));
    CHECK(topic_template_expand(topic_template, &client, join, &all));
    CHECK_SLICE_EQUAL(buffer_slice(&all), slice_from_string(wanted));
    buffer_release(&all);
    arena_release(&arena);
    topic_template_free(topic_template);
}

struct row {
    const char *text, *filters; /* with a blank between */
};

static void check_rows(const struct row *rows, size_t count, struct slice client)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].text);
        struct topic_template *topic_template =
            topic_template_compile(slice_from_string(rows[i].text), &error);
        CHECK_SLICE_EQUAL(buffer_slice(&error), SLICE_LITERAL(""));
        CHECK(topic_template);
        check_filters(topic_template, client, rows[i].filters);
    }
}

#define CHECK_ROWS(client, ...)                                                                    \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, sizeof(rows) / sizeof(rows[0]), client);                                  \
    } while (0)

TEST(filters_without_variables_stand_as_they_are)
{
    CHECK_ROWS(device, {"a", "a"}, {"a/b/+", "a/b/+"}, {"#", "#"}, {"+/a/#", "+/a/#"}, {"/", "/"},
               {"a/{b}|c", "a/{b}|c"}, {"\xC3\xBC/%u", "\xC3\xBC/%u"});
}

TEST(variables_are_levels_or_parts_of_them)
{
    CHECK_ROWS(device, {"devices/${client.authenticationName}/tele/+", "devices/client1/tele/+"},
               {"areas/${client.attributes.area}/#", "areas/east/#"},
               {"${client.authenticationName}", "client1"},
               {"a/x-${client.attributes.area}-y/b", "a/x-east-y/b"},
               {"${client.attributes.area}${client.authenticationName}/", "eastclient1/"},
               {"f/${client.attributes.floor}", "f/-3"});
}

TEST(a_literal_follows_the_value)
{
    CHECK_ROWS(device, {"f/${client.authenticationName|.factory1}/x", "f/client1.factory1/x"},
               {"f/${client.attributes.area|}", "f/east"},
               {"f/${client.attributes.types|-1}", "f/Fan-1 f/Light-1"});
}

TEST(a_dollar_is_written_as_a_variable)
{
    CHECK_ROWS(device, {"${dollar}SYS/#", "$SYS/#"}, {"a${dollar}b", "a$b"},
               {"a/${dollar}/b", "a/$/b"}, {"${dollar}${client.authenticationName}", "$client1"});
}

TEST(each_text_of_an_attribute_makes_a_filter)
{
    CHECK_ROWS(device, {"t/${client.attributes.types}", "t/Fan t/Light"},
               {"${client.attributes.types}/${client.attributes.types}",
                "Fan/Fan Fan/Light Light/Fan Light/Light"},
               {"${client.attributes.none}/a", ""});
}

TEST(what_the_client_has_not_makes_no_filter)
{
    CHECK_ROWS(device, {"a/${client.attributes.room}", ""}, {"a/${client.attributes.Area}", ""},
               {"a/${client.attributes.empty}/b", ""});
    CHECK_ROWS(SLICE_LITERAL("{}"), {"a/${client.authenticationName}/b", ""}, {"a", "a"});
}

TEST(nothing_is_widened_through_a_value)
{
    CHECK_ROWS(device, {"${client.attributes.plus}", ""}, {"a/${client.attributes.plus}/b", ""},
               {"a/${client.attributes.hash}", ""}, {"a/${client.attributes.slash}", ""},
               {"${client.attributes.dollar}/x", ""}, {"a/${client.attributes.dollar}", "a/$SYS"},
               {"x${client.attributes.dollar}", "x$SYS"});
    CHECK_ROWS(SLICE_LITERAL("{\"name\":\"a/+/b\"}"), {"d/${client.authenticationName}", ""});
    CHECK_ROWS(SLICE_LITERAL("{\"name\":\"$config\"}"), {"${client.authenticationName}/#", ""});
}

static void check_error(struct slice text, const char *wanted)
{
    struct buffer error = {0};
    test_note("%.60s", (const char *)text.data);
    CHECK(!topic_template_compile(text, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&error), slice_from_string(wanted));
    buffer_release(&error);
}

#define UNKNOWN "is none of ${client.authenticationName}, ${client.attributes.KEY} and ${dollar}"

TEST(mistakes_are_told_with_their_position)
{
    static const struct row rows[] = {
        {"", "position 1: is no text of 1 to 256 bytes"},
        {"a/$b", "position 3: has a $ that begins no variable; write ${dollar} for it"},
        {"$", "position 1: has a $ that begins no variable; write ${dollar} for it"},
        {"a/${dollar", "position 3: begins a variable that has no } within its level"},
        {"a/${client./x}", "position 3: begins a variable that has no } within its level"},
        {"\xC3\xBC/${}", "position 3: " UNKNOWN},
        {"${client.attributes.}", "position 1: " UNKNOWN},
        {"${client.attributes.a-b}", "position 1: " UNKNOWN},
        {"${client.name}", "position 1: " UNKNOWN},
        {"${Client.authenticationName}", "position 1: " UNKNOWN},
        {"${ dollar}", "position 1: " UNKNOWN},
        {"${dollar|x}", "position 1: " UNKNOWN},
        {"a/${client.attributes.a|+}",
         "position 3: has one of / + # $ { | in the literal of a variable"},
        {"a/${client.attributes.a|${dollar}}",
         "position 3: has one of / + # $ { | in the literal of a variable"},
        {"a/${client.authenticationName|b|c}",
         "position 3: has one of / + # $ { | in the literal of a variable"},
        {"a/${client.authenticationName}+",
         "position 1: is no topic filter: + is a whole level, # the last one"},
        {"a/#/b", "position 1: is no topic filter: + is a whole level, # the last one"},
        {"a/b/c/d/e/f/g/h/i", "position 1: has more than 8 levels"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_error(slice_from_string(rows[i].text), rows[i].filters);
    }
    check_error(SLICE_LITERAL("a/\xFF"), "position 1: is no text of 1 to 256 bytes");
}

TEST(bounds)
{
    uint8_t text[TEMPLATE_BYTES_MAX + 1];
    struct buffer error = {0};
    memset(text, 'a', sizeof(text));
    check_error(slice_make(text, sizeof(text)), "position 1: is no text of 1 to 256 bytes");
    struct topic_template *topic_template =
        topic_template_compile(slice_make(text, TEMPLATE_BYTES_MAX), &error);
    CHECK(topic_template);
    topic_template_free(topic_template);
    CHECK_ROWS(device, {"a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h"});
}

TEST(too_many_filters_are_none)
{
    struct buffer json = {0}, error = {0}, all = {0};
    struct arena arena = {0};
    struct client_profile client;
    buffer_append_string(&json, "{\"attributes\":{\"k\":[\"x\"");
    for (int i = 1; i < 32; i++) {
        buffer_append_string(&json, ",\"y\"");
    }
    buffer_append_string(&json, "]}}");
    CHECK(read_profile(buffer_slice(&json), &arena, &client));
    struct topic_template *most = topic_template_compile(
        SLICE_LITERAL("${client.attributes.k}${client.attributes.k}"), &error);
    CHECK(topic_template_expand(most, &client, join, &all));
    CHECK_INT_EQUAL(all.length, TEMPLATE_FILTERS_MAX * 3 - 1);
    topic_template_free(most);
    struct topic_template *more = topic_template_compile(
        SLICE_LITERAL("${client.attributes.k}${client.attributes.k}/${client.attributes.k}"),
        &error);
    all.length = 0;
    CHECK(!topic_template_expand(more, &client, join, &all));
    CHECK_INT_EQUAL(all.length, 0);
    topic_template_free(more);
    arena_release(&arena);
    buffer_release(&json);
    buffer_release(&all);
}

TEST(filters_of_access_rules)
{
    static const struct row rows[] = {
        {"a/#", "a/#"},
        {"d/%u/x", "d/client1/x"},
        {"%c", "cid"},
        {"%u-%c", "client1-cid"},
        {"%", "%"},
        {"a/%x%%u/%", "a/%x%client1/%"},
        {"$SYS/%u", "$SYS/client1"},
        {"${dollar}/+", "${dollar}/+"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i].text);
        check_filters(topic_template_from_rule(slice_from_string(rows[i].text)), device,
                      rows[i].filters);
    }
    check_filters(topic_template_from_rule(SLICE_LITERAL("%u/#")),
                  SLICE_LITERAL("{\"name\":\"$wps\"}"), "");
    check_filters(topic_template_from_rule(SLICE_LITERAL("a/%u")), SLICE_LITERAL("{}"), "");
}
