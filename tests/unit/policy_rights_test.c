/* Rights of clients in a namespace: groups, templates and permission bindings together, beside
 * access rules (spec/eventgrid.md 6.3). What access rules alone mean is in core_access_test.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client_profile_fixture.h"
#include "mqtt/topic.h"
#include "policy/rights.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- a namespace --- */

static struct slice only(const char *text)
{
    return slice_from_string(text);
}

static void bind(struct rule_set *set, const char *query, const char *topic_template,
                 enum access_action action)
{
    struct slice templates[] = {only(topic_template), SLICE_LITERAL("common/#")};
    rule_set_add_binding(set, &(struct access_binding){only(query), templates, 2, action});
}

static void add_client(struct rule_set *set, const char *json, bool is_enabled)
{
    struct arena arena = {0};
    struct client_profile client;
    CHECK(read_profile(only(json), &arena, &client));
    rule_set_add_client(set, &(struct registered_client){client.authentication_name, is_enabled,
                                                         client.attributes});
    arena_release(&arena);
}

/* Sensors publish below their area, all read what is for them by name, those of floor 2 read all
 * areas; Off is disabled. */
static struct rule_set *plant(void)
{
    struct rule_set *set = rule_set_new();
    rule_set_begin_namespace(set);
    bind(set, "attributes.type = 'sensor'",
         "areas/${client.attributes.area}/${client.authenticationName}/+", ACCESS_PUBLISH);
    bind(set, "", "commands/${client.authenticationName}/#", ACCESS_SUBSCRIBE);
    bind(set, "attributes.floor >= 2", "areas/#", ACCESS_SUBSCRIBE);
    add_client(set,
               "{\"name\":\"Sensor1\",\"attributes\":{\"type\":\"sensor\",\"area\":[\"east\","
               "\"west\"],\"floor\":1}}",
               true);
    add_client(set, "{\"name\":\"boss\",\"attributes\":{\"floor\":2}}", true);
    add_client(set, "{\"name\":\"off\",\"attributes\":{\"floor\":2,\"type\":\"sensor\"}}", false);
    return set;
}

/* --- questions --- */

/* The answer: y or n; of filters r(efused), m (per message), g(ranted). */
struct question {
    const char *what; /* "publish", "receive", "filter" */
    const char *topic;
    char answer;
};

static char ask(const struct rights *rights, const struct question *question)
{
    static const char filters[] = {
        [ACCESS_FILTER_REFUSED] = 'r',
        [ACCESS_FILTER_PER_MESSAGE] = 'm',
        [ACCESS_FILTER_GRANTED] = 'g',
    };
    struct slice topic = only(question->topic);
    switch (question->what[0]) {
    case 'p':
        return rights_may_publish(rights, topic) ? 'y' : 'n';
    case 'r':
        return rights_may_receive(rights, topic) ? 'y' : 'n';
    default:
        return filters[rights_check_filter(rights, topic)];
    }
}

/* `json` is who has signed in. */
static void check(const struct rule_set *set, const char *json, const struct question *questions,
                  size_t count)
{
    struct arena arena = {0};
    struct client_profile client;
    CHECK(read_profile(only(json), &arena, &client));
    struct rights *rights = rights_prepare(set, &client);
    arena_release(&arena); /* the rights keep nothing of it */
    for (size_t i = 0; i < count; i++) {
        test_note("%s %s %s", json, questions[i].what, questions[i].topic);
        CHECK_INT_EQUAL(ask(rights, &questions[i]), questions[i].answer);
    }
    rights_free(rights);
}

#define CHECK_RIGHTS(set, json, ...)                                                               \
    do {                                                                                           \
        static const struct question questions[] = {__VA_ARGS__};                                  \
        check(set, json, questions, COUNT(questions));                                             \
    } while (0)

TEST(bindings_give_groups_topic_spaces)
{
    struct rule_set *set = plant();
    CHECK_RIGHTS(set, "{\"name\":\"sensor1\"}", {"publish", "areas/east/sensor1/t", 'y'},
                 {"publish", "areas/west/sensor1/t", 'y'},
                 {"publish", "areas/north/sensor1/t", 'n'}, {"publish", "areas/east/other/t", 'n'},
                 {"publish", "areas/east/sensor1", 'n'}, {"publish", "common/x", 'y'},
                 {"receive", "common", 'y'}, {"receive", "commands/sensor1", 'y'},
                 {"receive", "commands/boss/x", 'n'}, {"publish", "commands/sensor1", 'n'},
                 {"receive", "areas/east", 'n'}, {"publish", "other", 'n'},
                 {"receive", "other", 'n'});
    CHECK_RIGHTS(set, "{\"name\":\"boss\"}", {"publish", "areas/east/boss/t", 'n'},
                 {"receive", "areas/east/x/y", 'y'}, {"receive", "commands/boss/1", 'y'});
    rule_set_free(set);
}

TEST(a_filter_must_be_covered_by_a_template)
{
    struct rule_set *set = plant();
    CHECK_RIGHTS(set, "{\"name\":\"boss\"}", {"filter", "areas/#", 'g'},
                 {"filter", "areas/+/x", 'g'}, {"filter", "areas", 'g'},
                 {"filter", "commands/boss/+", 'g'}, {"filter", "#", 'r'},
                 {"filter", "+/east", 'r'}, {"filter", "commands/+", 'r'}, {"filter", "x", 'r'},
                 {"filter", "$SYS/#", 'g'}, {"filter", "$config/#", 'r'});
    rule_set_free(set);
}

TEST(everybody_is_in_all_who_is_not_registered_too)
{
    struct rule_set *set = plant();
    CHECK_RIGHTS(set, "{\"name\":\"guest\"}", {"receive", "commands/guest", 'y'},
                 {"filter", "common/#", 'g'}, {"receive", "areas/east", 'n'},
                 {"publish", "common/x", 'n'});
    CHECK_RIGHTS(set, "{}", {"filter", "common/#", 'g'}, {"receive", "commands/", 'n'});
    rule_set_free(set);
}

TEST(what_it_has_signed_in_with_goes_before_what_is_registered)
{
    struct rule_set *set = plant();
    CHECK_RIGHTS(set, "{\"name\":\"sensor1\",\"attributes\":{\"area\":\"north\"}}",
                 {"publish", "areas/north/sensor1/t", 'y'},
                 {"publish", "areas/east/sensor1/t", 'n'});
    CHECK_RIGHTS(set, "{\"name\":\"token\",\"attributes\":{\"floor\":7}}",
                 {"filter", "areas/#", 'g'});
    rule_set_free(set);
}

TEST(who_is_disabled_may_do_nothing)
{
    struct rule_set *set = plant();
    CHECK_RIGHTS(set, "{\"name\":\"OFF\"}", {"filter", "areas/#", 'r'}, {"receive", "common", 'n'},
                 {"publish", "common", 'n'}, {"filter", "$SYS/#", 'r'}, {"receive", "$SYS/x", 'n'});
    rule_set_free(set);
}

/* The client goes by the name as its resource spells it; the configuration may spell it otherwise.
 */
TEST(rules_are_about_a_client_of_the_namespace_in_any_case)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_SUBSCRIBE,
         .user = SLICE_LITERAL("sensor1"),
         .deny = true,
         .filter = SLICE_LITERAL("common/#")},
        {.actions = ACCESS_SUBSCRIBE,
         .user = SLICE_LITERAL("guest"),
         .filter = SLICE_LITERAL("log/+")},
    };
    struct rule_set *set = plant();
    for (size_t i = 0; i < COUNT(rules); i++) {
        rule_set_add_rule(set, &rules[i]);
    }
    CHECK_RIGHTS(set, "{\"name\":\"Sensor1\"}", {"receive", "common/x", 'n'},
                 {"receive", "commands/Sensor1", 'y'}, {"receive", "log/1", 'n'});
    CHECK_RIGHTS(set, "{\"name\":\"guest\"}", {"receive", "log/1", 'y'});
    CHECK_RIGHTS(set, "{\"name\":\"GUEST\"}", {"receive", "log/1", 'n'}); /* not registered */
    rule_set_free(set);
}

TEST(access_rules_stand_beside_bindings)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_SUBSCRIBE,
         .user = SLICE_LITERAL("boss"),
         .filter = SLICE_LITERAL("log/+")},
        {.actions = ACCESS_SUBSCRIBE, .deny = true, .filter = SLICE_LITERAL("areas/secret/#")},
    };
    struct rule_set *set = plant();
    for (size_t i = 0; i < COUNT(rules); i++) {
        rule_set_add_rule(set, &rules[i]);
    }
    CHECK_RIGHTS(set, "{\"name\":\"boss\"}", {"receive", "log/1", 'y'}, {"filter", "log/+", 'g'},
                 {"filter", "log/#", 'm'}, {"filter", "#", 'm'}, {"filter", "areas/#", 'm'},
                 {"filter", "areas/secret/x", 'r'}, {"receive", "areas/secret/x", 'n'},
                 {"receive", "areas/east/x", 'y'}, {"filter", "areas/east/#", 'g'});
    CHECK_RIGHTS(set, "{\"name\":\"sensor1\"}", {"filter", "#", 'r'}, {"filter", "log/1", 'r'});
    rule_set_free(set);
}

TEST(a_namespace_without_bindings_opens_nothing)
{
    struct rule_set *set = rule_set_new();
    CHECK(rule_set_is_empty(set) && !rule_set_has_namespace(set));
    CHECK_RIGHTS(set, "{\"name\":\"a\"}", {"publish", "x", 'y'}, {"filter", "#", 'g'});
    rule_set_begin_namespace(set);
    CHECK(!rule_set_is_empty(set) && rule_set_has_namespace(set));
    CHECK_RIGHTS(set, "{\"name\":\"a\"}", {"publish", "x", 'n'}, {"filter", "#", 'r'},
                 {"filter", "$SYS/#", 'g'}, {"publish", "$delayed/5/x", 'n'},
                 {"publish", "$delayed/5", 'y'} /* to be answered as malformed */);
    rule_set_free(set);
}

TEST(reserved_topics_are_opened_by_a_literal_only)
{
    struct rule_set *set = rule_set_new();
    bind(set, "", "${dollar}events/#", ACCESS_SUBSCRIBE);
    bind(set, "", "${client.authenticationName}/#", ACCESS_PUBLISH);
    bind(set, "", "#", ACCESS_PUBLISH);
    CHECK_RIGHTS(set, "{\"name\":\"$config\"}", {"filter", "$events/a", 'g'},
                 {"publish", "$config/x", 'n'}, {"publish", "a/b", 'y'},
                 {"publish", "$events/a", 'n'});
    rule_set_free(set);
}

TEST(of_two_clients_of_one_name_the_first_counts)
{
    struct rule_set *set = rule_set_new();
    add_client(set, "{\"name\":\"A\",\"attributes\":{\"k\":1}}", true);
    add_client(set, "{\"name\":\"a\",\"attributes\":{\"k\":2}}", false);
    const struct registered_client *client = rule_set_client(set, SLICE_LITERAL("a"));
    CHECK(client && client->is_enabled);
    CHECK_SLICE_EQUAL(client->name, SLICE_LITERAL("A"));
    CHECK_INT_EQUAL(client->attributes->integer, 1);
    CHECK(!rule_set_client(set, SLICE_LITERAL("b")));
    rule_set_free(set);
}

/* What `prefix` saves must not change an answer: against the plain comparison, for filters and
 * topics of all shapes. */
TEST(comparing_is_what_the_specification_says)
{
    static const char *const filters[] = {"a",     "a/b", "a/#",   "a/+",  "+", "#",  "/#",
                                          "a/b/#", "+/b", "a/+/c", "ab/#", "/", "/+", "a/+/#"};
    static const char *const topics[] = {"a", "a/b", "a/b/c", "ab", "ab/c", "/",    "/a",
                                         "b", "a/",  "a/b/",  "$a", "b/b",  "a/x/c"};
    for (size_t i = 0; i < COUNT(filters); i++) {
        struct access_rule rule = {.actions = ACCESS_PUBLISH, .filter = only(filters[i])};
        struct rule_set *set = rule_set_new_of_rules(&rule, 1);
        struct rights *rights = rights_prepare(set, &(struct client_profile){0});
        for (size_t j = 0; j < COUNT(topics); j++) {
            test_note("%s %s", filters[i], topics[j]);
            CHECK_INT_EQUAL(rights_may_publish(rights, only(topics[j])),
                            topic_matches(only(filters[i]), only(topics[j])));
        }
        rights_free(rights);
        rule_set_free(set);
    }
}
