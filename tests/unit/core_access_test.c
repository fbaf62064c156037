/* Access rules: who may publish, subscribe and receive, with %u and %c, deny rules, groups, and the
 * reserved topics.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/access.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* One question, asked as the user of the table's test; the answer is a letter:
 * publish and receive: y or n; filters: r(efused), m (per message), g(ranted). */
struct question {
    const char *what; /* "publish", "receive", "filter" */
    const char *topic;
    char answer;
};

static char ask(const struct asker *asker, const struct question *question)
{
    struct slice topic = slice_from_string(question->topic);
    switch (question->what[0]) {
    case 'p':
        return access_may_publish(asker, topic) ? 'y' : 'n';
    case 'r':
        return access_may_receive(asker, topic) ? 'y' : 'n';
    default:
        switch (access_check_filter(asker, topic)) {
        case ACCESS_FILTER_REFUSED:
            return 'r';
        case ACCESS_FILTER_PER_MESSAGE:
            return 'm';
        case ACCESS_FILTER_GRANTED:
            return 'g';
        }
        return '?';
    }
}

/* The user, in the groups a and b; empty: anonymous. Client identifier is c1. */
static void check(const char *user, const struct access_rule *rules, size_t rule_count,
                  const struct question *questions, size_t question_count)
{
    const struct slice groups[] = {SLICE_LITERAL("a"), SLICE_LITERAL("b")};
    struct identity *identity = identity_new(slice_from_string(user), groups, user[0] ? 2 : 0);
    struct rule_set *compiled = rule_set_new_of_rules(rules, rule_count);
    struct rights *rights = NULL;
    struct asker asker = {compiled, identity, SLICE_LITERAL("c1"), &rights};
    for (size_t i = 0; i < question_count; i++) {
        test_note("%s %s %s", user, questions[i].what, questions[i].topic);
        CHECK_INT_EQUAL(ask(&asker, &questions[i]), questions[i].answer);
    }
    rights_free(rights);
    rule_set_free(compiled);
    identity_release(identity);
}

#define CHECK_RIGHTS(user, rules, ...)                                                             \
    do {                                                                                           \
        static const struct question questions[] = {__VA_ARGS__};                                  \
        check(user, rules, COUNT(rules), questions, COUNT(questions));                             \
    } while (0)

TEST(without_rules_all_but_the_reserved_topics_is_open)
{
    static const struct question questions[] = {
        {"publish", "a/b", 'y'},          {"receive", "a/b", 'y'},
        {"filter", "a/b", 'g'},           {"filter", "#", 'g'},
        {"publish", "$SYS/x", 'n'},       {"receive", "$SYS/x", 'y'},
        {"filter", "$SYS/#", 'g'},        {"filter", "$SYSX/#", 'r'},
        {"filter", "$other/#", 'r'},      {"publish", "$other", 'n'},
        {"publish", "$delayed/5/a", 'y'}, {"publish", "$delayed/5/$SYS/a", 'n'},
        {"filter", "$delayed/#", 'r'},    {"publish", "$delayed/5/$delayed/5/a", 'n'},
    };
    check("u", NULL, 0, questions, COUNT(questions));
    check("", NULL, 0, questions, COUNT(questions));
}

TEST(with_a_rule_what_no_rule_allows_is_closed)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH, .filter = TEXT("up/+")},
        {.actions = ACCESS_SUBSCRIBE, .filter = TEXT("down/#")},
    };
    CHECK_RIGHTS("u", rules, {"publish", "up/1", 'y'}, {"publish", "up/1/2", 'n'},
                 {"publish", "down/1", 'n'}, {"receive", "up/1", 'n'}, {"receive", "down", 'y'},
                 {"filter", "down/+/x", 'g'}, {"filter", "#", 'm'}, {"filter", "+/x", 'm'},
                 {"filter", "up/#", 'r'}, {"filter", "$SYS/#", 'g'}, {"publish", "$SYS/x", 'n'});
}

TEST(deny_wins_wherever_it_stands)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .deny = true, .filter = TEXT("x/secret/#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("x/#")},
        {.actions = ACCESS_SUBSCRIBE, .deny = true, .filter = TEXT("$SYS/broker/#")},
    };
    CHECK_RIGHTS("u", rules, {"publish", "x/a", 'y'}, {"publish", "x/secret", 'n'},
                 {"receive", "x/secret/a", 'n'}, {"filter", "x/#", 'm'}, {"filter", "x/a/#", 'g'},
                 {"filter", "x/secret/+", 'r'}, {"filter", "x/+/a", 'm'},
                 {"receive", "$SYS/broker/uptime", 'n'}, {"filter", "$SYS/#", 'm'},
                 {"filter", "$SYS/broker/uptime", 'r'});
}

TEST(rules_are_about_users_groups_or_everybody)
{
    static const struct access_rule rules[] = {
        {.user = TEXT("u"), .actions = ACCESS_PUBLISH, .filter = TEXT("user/u")},
        {.user = TEXT("v"), .actions = ACCESS_PUBLISH, .filter = TEXT("user/v")},
        {.user = TEXT("*"), .actions = ACCESS_PUBLISH, .filter = TEXT("user/all")},
        {.group = TEXT("b"), .actions = ACCESS_PUBLISH, .filter = TEXT("group/b")},
        {.group = TEXT("c"), .actions = ACCESS_PUBLISH, .filter = TEXT("group/c")},
        {.group = TEXT("*"), .actions = ACCESS_PUBLISH, .filter = TEXT("group/all")},
        {.group = TEXT("anonymous"), .actions = ACCESS_PUBLISH, .filter = TEXT("group/anonymous")},
        {.user = TEXT("u"), .group = TEXT("c"), .actions = ACCESS_PUBLISH, .filter = TEXT("both")},
        {.actions = ACCESS_PUBLISH, .filter = TEXT("everybody")},
    };
    CHECK_RIGHTS("u", rules, {"publish", "user/u", 'y'}, {"publish", "user/v", 'n'},
                 {"publish", "user/all", 'y'}, {"publish", "group/b", 'y'},
                 {"publish", "group/c", 'n'}, {"publish", "group/all", 'y'},
                 {"publish", "group/anonymous", 'n'}, {"publish", "both", 'n'},
                 {"publish", "everybody", 'y'});
    CHECK_RIGHTS("", rules, {"publish", "user/u", 'n'}, {"publish", "user/all", 'y'},
                 {"publish", "group/b", 'n'}, {"publish", "group/all", 'y'},
                 {"publish", "group/anonymous", 'y'}, {"publish", "everybody", 'y'});
}

TEST(names_are_put_in)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("users/%u/#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("clients/%c")},
        {.actions = ACCESS_PUBLISH, .filter = TEXT("both/x-%u-%c-%x/100%")},
    };
    CHECK_RIGHTS("bob", rules, {"publish", "users/bob/x", 'y'}, {"publish", "users/eve/x", 'n'},
                 {"publish", "clients/c1", 'y'}, {"publish", "clients/c2", 'n'},
                 {"publish", "both/x-bob-c1-%x/100%", 'y'}, {"publish", "users/%u/x", 'n'},
                 {"filter", "users/+/x", 'm'}, {"filter", "users/bob/+", 'g'},
                 {"filter", "users/eve/+", 'r'}, {"filter", "clients/+", 'm'});
    CHECK_RIGHTS("", rules, {"publish", "users//x", 'n'}, {"publish", "clients/c1", 'y'});
}

TEST(names_that_would_widen_a_rule_match_nothing)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("users/%u")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("open")},
    };
    static const char *const names[] = {"#", "+", "a/b", "+x", "/"};
    for (size_t i = 0; i < COUNT(names); i++) {
        CHECK_RIGHTS(names[i], rules, {"publish", "users/bob", 'n'}, {"publish", "users/+", 'n'},
                     {"publish", "users/a/b", 'n'}, {"filter", "users/+", 'r'},
                     {"publish", "open", 'y'});
    }
}

TEST(a_deny_rule_does_not_fail_open_for_such_names)
{
    /* The rule closes one's own topic only, so a name that it cannot hold has none to close. */
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH, .filter = TEXT("#")},
        {.actions = ACCESS_PUBLISH, .deny = true, .filter = TEXT("users/%u")},
    };
    CHECK_RIGHTS("bob", rules, {"publish", "users/bob", 'n'}, {"publish", "users/eve", 'y'});
    CHECK_RIGHTS("a/b", rules, {"publish", "users/a/b", 'y'});
}

TEST(reserved_topics_are_opened_by_their_name_only)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("$app/+")},
    };
    CHECK_RIGHTS("u", rules, {"publish", "a", 'y'}, {"publish", "$app/x", 'y'},
                 {"publish", "$other/x", 'n'}, {"filter", "$app/#", 'm'}, {"filter", "$app/x", 'g'},
                 {"filter", "$other/x", 'r'}, {"filter", "#", 'g'});
}

/* A name that is put in is no name of a rule. */
TEST(no_client_opens_reserved_topics_by_its_name)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("%u/#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("%uwps/#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .filter = TEXT("$own/%u")},
    };
    CHECK_RIGHTS("$wps", rules, {"publish", "$wps/chat/gone/1", 'n'},
                 {"publish", "$delayed/5/$wps/chat/gone/1", 'n'},
                 {"receive", "$wps/chat/state/1/g", 'n'}, {"filter", "$wps/#", 'r'},
                 {"publish", "$config/hubs/chat", 'n'}, {"receive", "$config/hubs/chat", 'n'},
                 {"filter", "$config/#", 'r'}, {"publish", "$own/$wps", 'y'},
                 {"filter", "$own/$wps", 'g'});
    CHECK_RIGHTS("$", rules, {"publish", "$wps/chat/gone/1", 'n'}, {"filter", "$wps/#", 'r'});
    CHECK_RIGHTS("$SYS", rules, {"publish", "$SYS/broker/version", 'n'}, {"filter", "$SYS/#", 'g'});
    CHECK_RIGHTS("wps", rules, {"publish", "wps/x", 'y'}, {"filter", "wps/#", 'g'});
}

TEST(delayed_messages_are_judged_by_their_topic)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH, .filter = TEXT("up/#")},
    };
    CHECK_RIGHTS("u", rules, {"publish", "$delayed/5/up/x", 'y'},
                 {"publish", "$delayed/5/down", 'n'}, {"publish", "$delayed/up/x", 'n'},
                 {"publish", "$delayed/5", 'y'}, {"publish", "$delayed/", 'y'});
}

TEST(a_trusted_identity_may_do_everything)
{
    static const struct access_rule rules[] = {
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .deny = true, .filter = TEXT("#")},
        {.actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE, .deny = true, .filter = TEXT("$wps/#")},
    };
    static const struct question questions[] = {
        {"publish", "a", 'y'},      {"receive", "a", 'y'},      {"filter", "#", 'g'},
        {"publish", "$wps/x", 'y'}, {"receive", "$wps/x", 'y'}, {"filter", "$wps/#", 'g'},
        {"publish", "$SYS/x", 'y'}, {"filter", "$other", 'g'},
    };
    struct rule_set *compiled = rule_set_new_of_rules(rules, COUNT(rules));
    struct identity *identity = identity_new_trusted(SLICE_LITERAL("u"));
    struct rights *rights = NULL;
    struct asker asker = {compiled, identity, SLICE_LITERAL("c1"), &rights};

    CHECK(identity->trusted && !identity->anonymous);
    for (size_t i = 0; i < COUNT(questions); i++) {
        test_note("%s %s", questions[i].what, questions[i].topic);
        CHECK_INT_EQUAL(ask(&asker, &questions[i]), questions[i].answer);
    }
    CHECK(!rights); /* nothing was even looked up */
    identity_release(identity);
    rule_set_free(compiled);
}

TEST(who_is_disabled_or_deleted_must_go)
{
    struct rule_set *none = rule_set_new(), *both = rule_set_new(), *one = rule_set_new();
    struct identity *bob = identity_new(SLICE_LITERAL("BOB"), NULL, 0);
    struct identity *nobody = identity_new(SLICE_EMPTY, NULL, 0);
    struct identity *bridge = identity_new_trusted(SLICE_LITERAL("bob"));
    struct registered_client client = {.name = SLICE_LITERAL("bob"), .is_enabled = true};
    rule_set_add_client(both, &client);
    client.is_enabled = false;
    rule_set_add_client(one, &client);
    CHECK(access_may_connect(none, bob) && access_may_connect(both, bob));
    CHECK(!access_may_connect(one, bob));
    CHECK(access_may_connect(one, nobody) && access_may_connect(one, bridge));
    CHECK(access_must_go(both, one, bob) && access_must_go(none, one, bob));
    CHECK(!access_must_go(both, none, bob));
    rule_set_begin_namespace(none);
    CHECK(access_must_go(both, none, bob));
    CHECK(!access_must_go(none, none, bob) && !access_must_go(none, both, bob));
    CHECK(!access_must_go(both, one, bridge) && !access_must_go(both, none, nobody));
    identity_release(bob);
    identity_release(nobody);
    identity_release(bridge);
    rule_set_free(none);
    rule_set_free(both);
    rule_set_free(one);
}

TEST(names_of_the_bridge)
{
    static const struct {
        const char *name;
        bool reserved;
    } rows[] = {{"$wps.from", true},
                {"$wps.", true},
                {"$wps", false},
                {"wps.from", false},
                {"a$wps.", false}};
    struct identity *trusted = identity_new_trusted(SLICE_EMPTY);
    struct identity *other = identity_new(SLICE_EMPTY, NULL, 0);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer raw = {0};
        struct properties properties = {.present = PROPERTY_BIT(USER_PROPERTY)};
        test_note("%s", rows[i].name);
        buffer_append(&raw, SLICE_LITERAL("\x26\0\1k\0\5$wps."));
        buffer_append_byte(&raw, PROPERTY_USER_PROPERTY);
        buffer_append_u16(&raw, (uint16_t)strlen(rows[i].name));
        buffer_append_string(&raw, rows[i].name);
        buffer_append_u16(&raw, 0);
        properties.raw = buffer_slice(&raw);
        CHECK(access_may_carry(trusted, &properties));
        CHECK_INT_EQUAL(access_may_carry(other, &properties), !rows[i].reserved);
        buffer_release(&raw);
    }
    CHECK(access_may_carry(other, &(struct properties){0}));
    CHECK(access_is_reserved_identifier(SLICE_LITERAL("$wps/")));
    CHECK(!access_is_reserved_identifier(SLICE_LITERAL("$wps")));
    CHECK(!access_is_reserved_identifier(SLICE_LITERAL("x$wps/")));
    identity_release(trusted);
    identity_release(other);
}
