/* The children of a namespace as a set of rules: what belongs together by name, and what is left
 * out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "policy/rights.h"
#include "resource/namespace_rules.h"

enum { CHILDREN_MAX = 16 };

struct plant {
    const struct namespace_child *children[CHILDREN_MAX];
    size_t count;
    struct rule_set *set;
};

static void add(struct plant *plant, enum child_kind kind, const char *name, const char *text)
{
    struct buffer json = {0}, error = {0};
    append_quoted(&json, text);
    plant->children[plant->count] =
        namespace_child_read(kind, slice_from_string(name), buffer_slice(&json), &error);
    CHECK(plant->children[plant->count]);
    plant->count++;
    buffer_release(&json);
}

static void bind(struct plant *plant, const char *group, const char *space, const char *permission)
{
    struct buffer text = {0};
    buffer_append_format(&text,
                         "{'clientGroupName':'%s','topicSpaceName':'%s','permission':'%s'}%c",
                         group, space, permission, 0);
    add(plant, CHILD_PERMISSION_BINDING, "binding", (const char *)text.data);
    buffer_release(&text);
}

static void begin(struct plant *plant)
{
    *plant = (struct plant){.set = rule_set_new()};
    log_set_level(LOG_ERROR);
    add(plant, CHILD_CLIENT, "one", "{'authenticationName':'Sensor','attributes':{'floor':1}}");
    add(plant, CHILD_CLIENT, "two", "{'state':'Disabled'}");
    add(plant, CHILD_CLIENT_GROUP, "ground", "{'query':'attributes.floor = 1'}");
    add(plant, CHILD_TOPIC_SPACE, "up-space",
        "{'topicTemplates':['up/${client.authenticationName}','also/+']}");
    add(plant, CHILD_TOPIC_SPACE, "news", "{'topicTemplates':['news/#']}");
}

static void end(struct plant *plant)
{
    for (size_t i = 0; i < plant->count; i++) {
        namespace_child_free((void *)(uintptr_t)plant->children[i]);
    }
    rule_set_free(plant->set);
}

static bool may(const struct plant *plant, const char *name, enum access_action action,
                const char *topic)
{
    struct rights *rights = rights_prepare(
        plant->set, &(struct client_profile){.authentication_name = slice_from_string(name)});
    test_note("%s %s", name, topic);
    bool may = action == ACCESS_PUBLISH ? rights_may_publish(rights, slice_from_string(topic))
                                        : rights_may_receive(rights, slice_from_string(topic));
    rights_free(rights);
    return may;
}

TEST(bindings_find_their_group_and_space_by_name)
{
    struct plant plant;
    begin(&plant);
    bind(&plant, "Ground", "UP-space", "Publisher");
    bind(&plant, "$all", "news", "Subscriber");
    namespace_rules_add(plant.set, plant.children, plant.count);
    CHECK(may(&plant, "sensor", ACCESS_PUBLISH, "up/sensor"));
    CHECK(may(&plant, "sensor", ACCESS_PUBLISH, "also/x"));
    CHECK(!may(&plant, "sensor", ACCESS_SUBSCRIBE, "up/sensor"));
    CHECK(may(&plant, "sensor", ACCESS_SUBSCRIBE, "news/1"));
    CHECK(!may(&plant, "sensor", ACCESS_PUBLISH, "news/1"));
    CHECK(!may(&plant, "guest", ACCESS_PUBLISH, "up/guest"));
    CHECK(may(&plant, "guest", ACCESS_SUBSCRIBE, "news/1"));
    CHECK(!may(&plant, "two", ACCESS_SUBSCRIBE, "news/1"));
    end(&plant);
}

TEST(bindings_of_what_is_not_there_allow_nothing)
{
    struct plant plant;
    begin(&plant);
    bind(&plant, "nobody", "news", "Subscriber");
    bind(&plant, "$all", "nowhere", "Publisher");
    namespace_rules_add(plant.set, plant.children, plant.count);
    CHECK(!may(&plant, "sensor", ACCESS_SUBSCRIBE, "news/1"));
    CHECK(!may(&plant, "sensor", ACCESS_PUBLISH, "news/1"));
    end(&plant);
}

TEST(a_namespace_with_nothing_is_closed)
{
    struct plant plant = {.set = rule_set_new()};
    namespace_rules_add(plant.set, plant.children, 0);
    CHECK(rule_set_has_namespace(plant.set));
    CHECK(!may(&plant, "sensor", ACCESS_PUBLISH, "x"));
    end(&plant);
}
