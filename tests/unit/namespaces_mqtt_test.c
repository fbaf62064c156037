/* What the broker knows of namespaces: what is declared, what is set at run time and goes before,
 * and which of them has the MQTT clients.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "quoted.h"
#include "test.h"

#include "base/buffer.h"
#include "core/options.h"
#include "namespaces.h"

static void declare(struct namespaces *namespaces, const char *text)
{
    struct buffer json = quoted(text);
    namespaces_set_declared(namespaces, buffer_slice(&json));
    buffer_release(&json);
}

static bool store(struct namespaces *namespaces, const char *place, const char *text)
{
    struct buffer json = quoted(text);
    bool known = namespaces_set_stored(namespaces, slice_from_string(place), buffer_slice(&json));
    buffer_release(&json);
    return known;
}

struct seen {
    struct buffer names; /* sorted by nothing: each is looked for */
    size_t count;
};

static void see(void *context, const struct namespace_child *child)
{
    struct seen *seen = context;
    buffer_append_byte(&seen->names, '<');
    buffer_append(&seen->names, child->name);
    buffer_append_byte(&seen->names, '>');
    seen->count++;
}

/* `names`: "<a><b>", in any order. */
static void check_children(const struct namespaces *namespaces, enum child_kind kind, size_t count,
                           const char *name)
{
    struct seen seen = {0};
    namespaces_each_child(namespaces, kind, see, &seen);
    test_note("%.*s", SLICE_PRINT(seen.names));
    CHECK_INT_EQUAL(seen.count, count);
    CHECK(!name || memmem(seen.names.data, seen.names.length, name, strlen(name)));
    buffer_release(&seen.names);
}

static const char *mqtt(const struct namespaces *namespaces)
{
    static char text[64];
    struct slice name = SLICE_EMPTY;
    if (!namespaces_mqtt(namespaces, &name)) {
        return NULL;
    }
    snprintf(text, sizeof(text), "%.*s", SLICE_PRINT(name));
    return text;
}

#define ON  "{'topicSpacesConfiguration':{'state':'Enabled'}}"
#define OFF "{'topicSpacesConfiguration':{'state':'Disabled'}}"
#define TWO                                                                                        \
    "{'topics':[],'namespaces':[{'name':'Plant','properties':" ON ",'clients':[{'name':'a'},"      \
    "{'name':'A'}],'clientGroups':[{'name':'All','properties':{'query':"                           \
    "'authenticationName = \\'a\\''}}]},{'name':'other','clients':[{'name':'b'}]}]}"

TEST(what_is_declared)
{
    struct namespaces *namespaces = namespaces_new();
    CHECK(!mqtt(namespaces));
    check_children(namespaces, CHILD_CLIENT, 0, NULL);
    declare(namespaces, TWO);
    CHECK_STRING_EQUAL(mqtt(namespaces), "plant");
    check_children(namespaces, CHILD_CLIENT, 2, "<A>");
    check_children(namespaces, CHILD_CLIENT_GROUP, 1, "<all>");
    check_children(namespaces, CHILD_TOPIC_SPACE, 0, NULL);
    declare(namespaces, "{'namespaces':[{'name':'plant','properties':" OFF "}]}");
    CHECK(!mqtt(namespaces));
    check_children(namespaces, CHILD_CLIENT, 0, NULL);
    namespaces_free(namespaces);
}

TEST(what_is_set_goes_before)
{
    struct namespaces *namespaces = namespaces_new();
    declare(namespaces, TWO);
    CHECK(store(namespaces, "namespaces/plant/clients/c:1", "{'name':'c:1','properties':{}}"));
    check_children(namespaces, CHILD_CLIENT, 3, "<c:1>");
    CHECK(store(namespaces, "namespaces/plant/clients/c:1", ""));
    check_children(namespaces, CHILD_CLIENT, 2, NULL);
    CHECK(store(namespaces, "namespaces/plant",
                "{'name':'plant','resource':{'properties':" OFF "}}"));
    CHECK(!mqtt(namespaces));
    CHECK(store(namespaces, "namespaces/plant", "{'name':'plant','key1':'x'}")); /* only its keys */
    CHECK_STRING_EQUAL(mqtt(namespaces), "plant");
    CHECK(
        store(namespaces, "namespaces/other", "{'name':'other','resource':{'properties':" ON "}}"));
    CHECK_STRING_EQUAL(mqtt(namespaces), "plant"); /* of two, the one of before */
    check_children(namespaces, CHILD_CLIENT, 2, "<A>");
    declare(namespaces, "{'namespaces':[]}"); /* what was set stays */
    CHECK_STRING_EQUAL(mqtt(namespaces), "other");
    check_children(namespaces, CHILD_CLIENT, 0, NULL);
    namespaces_free(namespaces);
}

TEST(what_is_something_else_or_wrong)
{
    struct namespaces *namespaces = namespaces_new();
    declare(namespaces, TWO);
    CHECK(!store(namespaces, "topics/orders", "{}"));
    CHECK(!store(namespaces, "namespaces/plant/topics/t", "{}"));
    CHECK(!store(namespaces, "namespaces/plant/topics/t/eventsubscriptions/s", "{}"));
    CHECK(!store(namespaces, "namespaces/Plant", "{}")); /* places are in lower case */
    CHECK(!store(namespaces, "namespaces/plant/clients/a/b", "{}"));
    log_set_level(LOG_ERROR);
    CHECK(store(namespaces, "namespaces/plant/clients/d", "{'properties':{'attributes':7}}"));
    check_children(namespaces, CHILD_CLIENT, 2, NULL);
    CHECK(store(namespaces, "namespaces/plant/clients/d", "{'properties':{}}"));
    check_children(namespaces, CHILD_CLIENT, 3, "<d>");
    namespaces_free(namespaces);
}

TEST(bounds_of_sessions)
{
    struct namespaces *namespaces = namespaces_new();
    struct core_options options;
    core_options_defaults(&options);
    namespaces_limit(namespaces, &options);
    CHECK(options.session_expiry_maximum == UINT32_MAX && !options.identifiers_are_owned);
    declare(namespaces, "{'namespaces':[{'name':'plant','properties':{'topicSpacesConfiguration':"
                        "{'state':'Enabled','maximumSessionExpiryInHours':8,"
                        "'maximumClientSessionsPerAuthenticationName':7}}}]}");
    namespaces_limit(namespaces, &options);
    CHECK_INT_EQUAL(options.session_expiry_maximum, 8 * 3600);
    CHECK_INT_EQUAL(options.user_sessions_maximum, 7);
    CHECK(options.identifiers_are_owned);
    options.session_expiry_maximum = 60; /* the configuration's own bound is tighter */
    namespaces_limit(namespaces, &options);
    CHECK_INT_EQUAL(options.session_expiry_maximum, 60);
    namespaces_free(namespaces);
}

/* Two processes may enable two at the same moment; one of them is taken back then. */
TEST(the_one_with_mqtt_stays_it_while_there_are_two)
{
    struct namespaces *namespaces = namespaces_new();

    store(namespaces, "namespaces/zeta", "{'name':'zeta','resource':{'properties':" ON "}}");
    store(namespaces, "namespaces/alpha", "{'name':'alpha','resource':{'properties':" ON "}}");
    CHECK_STRING_EQUAL(mqtt(namespaces), "zeta");
    store(namespaces, "namespaces/zeta", "{'name':'zeta','resource':{'properties':" OFF "}}");
    CHECK_STRING_EQUAL(mqtt(namespaces), "alpha");
    store(namespaces, "namespaces/zeta", "{'name':'zeta','resource':{'properties':" ON "}}");
    CHECK_STRING_EQUAL(mqtt(namespaces), "alpha");
    store(namespaces, "namespaces/alpha", "");
    CHECK_STRING_EQUAL(mqtt(namespaces), "zeta");
    store(namespaces, "namespaces/zeta", "");
    CHECK(!mqtt(namespaces));
    namespaces_free(namespaces);
}
