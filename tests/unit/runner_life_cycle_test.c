/* bridge/dispatch/life_cycle: what happens to MQTT clients goes in at the door of the namespace's
 * system topic.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/life_cycle.h"
#include "mqtt/publisher.h"
#include "mqtt/user_property.h"
#include "support/runner_world.h"
#include "test.h"

#define NAMESPACE          "namespaces/plant"
#define ENABLED            "{\"properties\":{\"topicSpacesConfiguration\":{\"state\":\"Enabled\"}}}"
#define ID                 "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/namespaces/Plant"
#define SYSTEM_TOPIC(type) "{\"properties\":{\"source\":\"" ID "\",\"topicType\":\"" type "\"}}"
#define NAMESPACES         "Microsoft.EventGrid.Namespaces"

/* The broker tells of a connection; how many hear it. */
static size_t tell(struct world *world, const char *number, const char *reason)
{
    struct publish publish = {
        .topic = SLICE_LITERAL(LIFE_CYCLE_TOPIC), .qos = QOS_1, .packet_id = 1};
    struct buffer raw = {0};

    write_user_property(&raw, PUBLISHER_NAME, SLICE_LITERAL("dev-1"));
    write_user_property(&raw, PUBLISHER_RECEIVED, SLICE_LITERAL("1000"));
    write_user_property(&raw, LIFE_CYCLE_SESSION, SLICE_LITERAL("phone"));
    write_user_property(&raw, LIFE_CYCLE_NUMBER, slice_from_string(number));
    if (reason) {
        write_user_property(&raw, LIFE_CYCLE_REASON, slice_from_string(reason));
    }
    size_t count = world_publish_with(world, publish, &raw);
    world_run(world, 0);
    return count;
}

static struct world *world_that_listens(void)
{
    struct world *world = world_new();

    world_set_topic(world, NAMESPACE, ENABLED);
    world_set_topic(world, "systemtopics/clients", SYSTEM_TOPIC(NAMESPACES));
    world_run(world, 100);
    return world;
}

TEST(connections_are_events_of_the_system_topic)
{
    struct world *world = world_that_listens();

    CHECK_INT_EQUAL(tell(world, "3", NULL), 1);
    CHECK(strncmp(world_entry(world, 0), "systemtopics/clients 1 ", 23) == 0);
    CHECK(strstr(world_entry(world, 0),
                 "\"eventType\":\"Microsoft.EventGrid.MQTTClientSessionConnected\","
                 "\"subject\":\"clients/dev-1/sessions/phone\","
                 "\"eventTime\":\"1970-01-01T00:00:01.000Z\",\"dataVersion\":\"1\","
                 "\"data\":{\"namespaceName\":\"plant\",\"clientAuthenticationName\":\"dev-1\","
                 "\"clientSessionName\":\"phone\",\"sequenceNumber\":3}}"));
    CHECK_INT_EQUAL(broker_find_session(LIFE_CYCLE_LISTENER)->kept_count, 1);
    world_answer_entry(world, 0, true);
    world_run(world, 10); /* until acknowledgements go out */
    CHECK_INT_EQUAL(broker_find_session(LIFE_CYCLE_LISTENER)->kept_count, 0);
    tell(world, "3", "ConnectionLost");
    CHECK(strstr(world_entry(world, 1),
                 "\"eventType\":\"Microsoft.EventGrid.MQTTClientSessionDisconnected\""));
    CHECK(strstr(world_entry(world, 1),
                 "\"sequenceNumber\":3,\"disconnectionReason\":\"ConnectionLost\"}}"));
    world_answer_entry(world, 1, false); /* not now */
    world_run(world, 1000);
    CHECK(strcmp(world_entry(world, 2), world_entry(world, 1)) == 0);
    world_free(world);
}

TEST(only_with_such_a_system_topic_anything_is_told)
{
    struct world *world = world_new();

    world_set_topic(world, NAMESPACE, ENABLED);
    world_set_topic(world, "systemtopics/clients",
                    SYSTEM_TOPIC("Microsoft.Storage.StorageAccounts"));
    world_run(world, 100);
    CHECK(!broker_find_session(LIFE_CYCLE_LISTENER));
    CHECK(runner_hears(world->grids[0].runner) && runner_hears(world->grids[1].runner));
    world_set_topic(world, "systemtopics/clients", SYSTEM_TOPIC(NAMESPACES));
    world_run(world, 100);
    CHECK(broker_find_session(LIFE_CYCLE_LISTENER));
    world_set_topic(world, NAMESPACE, "{\"properties\":{}}"); /* without MQTT */
    world_run(world, 100);
    CHECK(!broker_find_session(LIFE_CYCLE_LISTENER));
    world_set_topic(world, NAMESPACE, ENABLED);
    world_run(world, 100);
    CHECK(broker_find_session(LIFE_CYCLE_LISTENER));
    world_free(world);
}

TEST(changes_of_clients_are_events)
{
    struct world *world = world_that_listens();

    world_set(world, NAMESPACE "/clients/pump",
              "{\"name\":\"pump\",\"properties\":{\"authenticationName\":\"Pump-1\","
              "\"attributes\":{\"floor\":3}}}");
    CHECK_INT_EQUAL(world->entry_count, 1); /* by one process */
    CHECK(strstr(world_entry(world, 0), "MQTTClientCreatedOrUpdated"));
    CHECK(strstr(world_entry(world, 0), "\"clientName\":\"pump\",\"clientAuthenticationName\":"
                                        "\"Pump-1\""));
    CHECK(strstr(world_entry(world, 0), "\"state\":\"Enabled\",\"attributes\":{\"floor\":3}}"));
    world_answer_entry(world, 0, false);
    world_run(world, 1000);
    CHECK_INT_EQUAL(world->entry_count, 2);
    world_answer_entry(world, 1, true);
    world_set(world, NAMESPACE "/clientgroups/any",
              "{\"name\":\"any\",\"properties\":{"
              "\"query\":\"authenticationName = 'x'\"}}");
    CHECK_INT_EQUAL(world->entry_count, 2);
    world_set(world, NAMESPACE "/clients/pump", "");
    CHECK_INT_EQUAL(world->entry_count, 3);
    CHECK(strstr(world_entry(world, 2), "MQTTClientDeleted"));
    world_free(world);
}

TEST(another_process_listens_when_one_dies)
{
    struct world *world = world_that_listens();
    int owner = (int)broker_find_session(LIFE_CYCLE_LISTENER)->gateway;

    tell(world, "1", NULL);
    world_kill(world, owner);
    world_run(world, 3000);
    CHECK_INT_EQUAL(broker_find_session(LIFE_CYCLE_LISTENER)->gateway, 1 - owner);
    CHECK_INT_EQUAL(world->entry_count, 2);
    CHECK(strcmp(world_entry(world, 0), world_entry(world, 1)) == 0);
    world_free(world);
}
