/* Namespaces in the configuration file: event_grid.namespaces, and what stands in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config_fixture.h"

static const char plant[] =
    "event_grid:\n"
    "  namespaces:\n"
    "    - name: Plant\n"
    "      key1: MDEyMzQ1Njc4OWFiY2RlZg==\n"
    "      properties:\n"
    "        topicSpacesConfiguration:\n"
    "          state: Enabled\n"
    "          routeTopicResourceId: namespaces/plant/topics/readings\n"
    "      topics:\n"
    "        - name: readings\n"
    "          key1: MDEyMzQ1Njc4OWFiY2RlZg==\n"
    "          properties: {eventRetentionInDays: 2}\n"
    "          eventSubscriptions:\n"
    "            - name: pull\n"
    "              properties:\n"
    "                deliveryConfiguration: {queue: {eventTimeToLive: P2D}}\n"
    "      clients:\n"
    "        - name: pump-1\n"
    "          properties: {attributes: {floor: 3}}\n"
    "        - {name: PUMP-1, properties: {authenticationName: other}}\n"
    "      clientGroups: [{name: pumps, properties: {query: \"attributes.floor = 3\"}}]\n"
    "      topicSpaces:\n"
    "        - name: own\n"
    "          properties: {topicTemplates: [\"d/${client.authenticationName}/+\"]}\n"
    "      permissionBindings:\n"
    "        - name: send\n"
    "          properties: {clientGroupName: Pumps, topicSpaceName: own, permission: Publisher}\n"
    "        - name: read\n"
    "          properties: {clientGroupName: $all, topicSpaceName: own, permission: Subscriber}\n"
    "    - name: other\n";

TEST(a_namespace_with_everything)
{
    struct config *config = load_good(plant);
    struct buffer *declared = &config->event_grid.declared;
    static const char *const parts[] = {
        "\"namespaces\":[{\"name\":\"Plant\",\"key1\":",
        "\"topics\":[{\"name\":\"readings\",\"key1\":",
        "\"clients\":[{\"name\":\"pump-1\",\"properties\":{\"attributes\":{\"floor\":3}}}",
        "\"permissionBindings\":[{\"name\":\"send\",",
        "{\"name\":\"other\"}]",
    };

    for (size_t i = 0; i < COUNT(parts); i++) {
        test_note("%s", parts[i]);
        CHECK(memmem(declared->data, declared->length, parts[i], strlen(parts[i])));
    }
    char *text = print(config);
    struct config *again = load_good(text);
    CHECK_SLICE_EQUAL(buffer_slice(&again->event_grid.declared), buffer_slice(declared));
    free(text);
    config_free(again);
    config_free(config);
}

#define MQTT_ON "properties: {topicSpacesConfiguration: {state: Enabled}}"
#define GROUP   "clientGroups: [{name: grp, properties: {query: \"attributes.a = 1\"}}]"
#define SPACE   "topicSpaces: [{name: spc, properties: {topicTemplates: [a]}}]"
#define BINDING(group, space)                                                                      \
    "permissionBindings: [{name: abc, properties: {clientGroupName: " group                        \
    ", topicSpaceName: " space ", permission: Publisher}}]"

TEST(mistakes)
{
    static const char *const rows[][3] = {
        {"namespaces: [{name: a.b}]", ":2: `event_grid.namespaces.0.name`: Namespace name", ""},
        {"namespaces: [{name: abc}, {name: ABC}]",
         ":2: `event_grid.namespaces.1.name`: stands here already", ""},
        {"namespaces: [{name: abc, eventSubscriptions: []}]", ":2: ", "no such property"},
        {"namespaces: [{name: abc, topics: [{name: a}]}]",
         ":2: `event_grid.namespaces.0.topics.0.name`: Topic name must be between", ""},
        {"namespaces: [{name: abc, topics: [{name: abc, properties: {inputSchema: "
         "EventGridSchema}}]}]",
         ":2: `inputSchema`: is CloudEventSchemaV1_0", ""},
        {"namespaces: [{name: abc, topics: [{name: abc, eventSubscriptions: [{name: sub, "
         "properties: {deliveryConfiguration: {queue: {eventTimeToLive: P2D}}}}]}]}]",
         ":2: `deliveryConfiguration.queue.eventTimeToLive`: is from PT1M to P1D", ""},
        {"namespaces: [{name: abc, " MQTT_ON "}, {name: abd, " MQTT_ON "}]",
         ":2: `event_grid.namespaces.1.properties.topicSpacesConfiguration.state`: is Enabled of "
         "the namespace abc already",
         ""},
        {"namespaces: [{name: abc, properties: {topicSpacesConfiguration: {state: On}}}]",
         ":2: `topicSpacesConfiguration.state`: is Enabled or Disabled", ""},
        {"namespaces: [{name: abc, clients: 5}]",
         ":2: `event_grid.namespaces.0.clients`: is an array", ""},
        {"namespaces: [{name: abc, clients: [{name: a/b}]}]",
         ":2: `event_grid.namespaces.0.clients.0.name`: A client's name", ""},
        {"namespaces: [{name: abc, clients: [{}]}]",
         ":2: `event_grid.namespaces.0.clients.0.name`: is missing", ""},
        {"namespaces: [{name: abc, clients: [{name: a}, {name: a}]}]",
         ":2: `event_grid.namespaces.0.clients.1.name`: stands here already", ""},
        {"namespaces: [{name: abc, clients: [{name: a}, {name: A}]}]",
         ":2: `authenticationName`: another client is called A already", ""},
        {"namespaces: [{name: abc, clients: [{name: a, properties: {state: x}}]}]",
         ":2: `state`: ", ""},
        {"namespaces: [{name: abc, clientGroups: [{name: abc, properties: {query: x}}]}]",
         ":2: `query`: ", ""},
        {"namespaces: [{name: abc, " SPACE ", " BINDING("grp", "spc") "}]",
         ":2: `clientGroupName`: there is no client group of that name", ""},
        {"namespaces: [{name: abc, " GROUP ", " BINDING("grp", "spc") "}]",
         ":2: `topicSpaceName`: there is no topic space of that name", ""},
        {"namespaces: [{name: abc, caCertificates: [{name: abc, properties: {"
         "encodedCertificate: x}}]}]",
         ":2: `encodedCertificate`: ", ""},
        {"namespaces: [{name: abc, topicSpaces: [1,2,3,4,5,6,7,8,9,10,11]}]",
         ":2: ", "has at most 10 topic spaces, not 11"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        buffer_append_format(&text, "event_grid:\n  %s\n", rows[i][0]);
        buffer_append_byte(&text, '\0');
        test_note("%s", rows[i][0]);
        check_bad((const char *)text.data, rows[i][1], rows[i][2]);
        buffer_release(&text);
    }
}

TEST(names_of_children_are_those_of_their_namespace)
{
    struct config *config =
        load_good("event_grid: {namespaces: [{name: abc, clients: [{name: a}], " GROUP ", " SPACE
                  ", " BINDING("GRP", "SPC") "}, {name: abd, clients: [{name: a}], " GROUP "}]}\n");
    config_free(config);
}
