/* bridge/dispatch/route_feed: MQTT messages of a namespace go in at the door of an event topic.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/publisher.h"
#include "mqtt/user_property.h"
#include "support/runner_world.h"
#include "test.h"

#define ROUTE     "$wps//events/routes/plant/default"
#define NAMESPACE "namespaces/plant"
#define SPACES(rest)                                                                               \
    "{\"properties\":{\"topicSpacesConfiguration\":{\"state\":\"Enabled\"" rest "}}}"
#define TO_TEE ",\"routeTopicResourceId\":\"topics/tee\""
#define NAMED(filters)                                                                             \
    ",\"routes\":[{\"name\":\"Alarms\",\"topicFilters\":[" filters                                 \
    "],\"topicResourceId\":\"topics/tee\"}]"
#define ALARMS "$wps//events/routes/plant/alarms"

static struct world *world_with(const char *spaces)
{
    struct world *world = world_new();

    world_set_topic(world, NAMESPACE, spaces);
    return world;
}

/* A client publishes at QoS 1; how many get it. */
static size_t publish(struct world *world, const char *topic, const char *user)
{
    struct publish publish = {.topic = slice_from_string(topic),
                              .payload = SLICE_LITERAL("x"),
                              .qos = QOS_1,
                              .packet_id = 1};
    struct buffer raw = {0};

    write_user_property(&raw, PUBLISHER_NAME, slice_from_string(user));
    write_user_property(&raw, PUBLISHER_RECEIVED, SLICE_LITERAL("1000"));
    size_t count = world_publish_with(world, publish, &raw);
    world_run(world, 0);
    return count;
}

/* Messages that its session still has, once all acknowledgements are told. */
static size_t waiting(struct world *world, const char *id)
{
    const struct broker_session *session = broker_find_session(id);

    world_run(world, 10);

    return session ? session->kept_count : 0;
}

static bool hears(const char *id, const char *filter)
{
    const struct broker_session *session = broker_find_session(id);
    struct slice rest, one;

    if (!session) {
        return false;
    }
    rest = buffer_slice(&session->filters);
    while (unsubscribe_next(&rest, &one)) {
        if (slice_equal(one, slice_from_string(filter))) {
            return true;
        }
    }
    return false;
}

static struct catalog_source *tee(const struct world *world, int bridge)
{
    return catalog_find(world->grids[bridge].catalog, SLICE_LITERAL("topics/tee"));
}

TEST(a_message_is_an_event_of_the_topic)
{
    struct world *world =
        world_with(SPACES(TO_TEE ",\"routingEnrichments\":{\"dynamic\":[{\"key\":\"who\",\"value\":"
                                 "\"${client.authenticationName}\"}]}"));

    CHECK(hears(ROUTE, "#"));
    CHECK_INT_EQUAL(broker_find_session(ROUTE)->expiry, 7 * 24 * 60 * 60);
    CHECK(runner_hears(world->grids[0].runner) && runner_hears(world->grids[1].runner));
    CHECK_INT_EQUAL(publish(world, "a/b", "dev-1"), 1);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK(strncmp(world_entry(world, 0), "topics/tee 1 ", 13) == 0);
    CHECK(strstr(world_entry(world, 0), "\"source\":\"plant\",\"type\":\"MQTT.EventPublished\","
                                        "\"subject\":\"a/b\",\"time\":\"1970-01-01T00:00:01.000Z\","
                                        "\"who\":\"dev-1\""));
    CHECK_INT_EQUAL(waiting(world, ROUTE), 1); /* until it is accepted */
    world_answer_entry(world, 0, true);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    CHECK_INT_EQUAL(tee(world, 0)->statistics.published + tee(world, 1)->statistics.published, 1);
    world_free(world);
}

TEST(without_mqtt_there_is_no_route)
{
    struct world *world = world_with("{\"properties\":{\"topicSpacesConfiguration\":{"
                                     "\"routeTopicResourceId\":\"topics/tee\"}}}");

    CHECK(!broker_find_session(ROUTE));
    CHECK_INT_EQUAL(publish(world, "a/b", ""), 0);
    CHECK(runner_hears(world->grids[0].runner));
    world_free(world);
}

TEST(filters_may_change_and_what_waits_stays)
{
    struct world *world = world_with(SPACES(NAMED("\"plant/+/alarm\",\"x/#\"")));

    CHECK(hears(ALARMS, "plant/+/alarm") && hears(ALARMS, "x/#"));
    CHECK_INT_EQUAL(publish(world, "other", ""), 0);
    CHECK_INT_EQUAL(publish(world, "x/1", ""), 1);
    world_set_topic(world, NAMESPACE, SPACES(NAMED("\"x/#\",\"new\"")));
    world_run(world, 100);
    CHECK(!hears(ALARMS, "plant/+/alarm") && hears(ALARMS, "x/#") && hears(ALARMS, "new"));
    CHECK_INT_EQUAL(waiting(world, ALARMS), 1);
    CHECK_INT_EQUAL(world->entry_count, 2); /* it came again over the new connection */
    world_answer_entry(world, 1, true);
    CHECK_INT_EQUAL(waiting(world, ALARMS), 0);
    world_free(world);
}

TEST(a_route_that_is_gone_leaves_no_session)
{
    struct world *world = world_with(SPACES(TO_TEE NAMED("\"a\"")));

    CHECK(broker_find_session(ROUTE) && broker_find_session(ALARMS));
    world_set_topic(world, NAMESPACE, SPACES(NAMED("\"a\"")));
    world_run(world, 100);
    CHECK(!broker_find_session(ROUTE) && broker_find_session(ALARMS));
    world_set_topic(world, NAMESPACE, "{\"properties\":{}}");
    world_run(world, 100);
    CHECK(!broker_find_session(ALARMS));
    world_set_topic(world, NAMESPACE, SPACES(TO_TEE));
    world_run(world, 100);
    CHECK(hears(ROUTE, "#"));
    world_free(world);
}

TEST(what_is_refused_waits_for_its_turn)
{
    struct world *world = world_with(SPACES(TO_TEE));

    world->door_answer = DOOR_BUSY;
    publish(world, "a", "");
    publish(world, "b", "");
    CHECK_INT_EQUAL(world->entry_count, 0);
    world->door_answer = DOOR_WAITS;
    world_run(world, 1000);
    CHECK_INT_EQUAL(world->entry_count, 1); /* one, to try */
    world_answer_entry(world, 0, false);    /* a queue is full */
    world_run(world, 1000);
    CHECK_INT_EQUAL(world->entry_count, 2);
    world_answer_entry(world, 1, true);
    CHECK_INT_EQUAL(world->entry_count, 3);
    world_answer_entry(world, 2, true);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    world_free(world);
}

/* Those at QoS 0 are bounded by credit alone, which is given for bytes of packets; what is held for
 * a tiny one is several times that. */
TEST(tiny_messages_are_held_as_what_they_take)
{
    enum { COUNT_OF_TINY = 40000 };
    struct world *world = world_with(SPACES(TO_TEE));
    const struct broker_session *session = broker_find_session(ROUTE);
    int64_t before = session->credit, after;

    world->door_answer = DOOR_BUSY;
    for (int i = 0; i < COUNT_OF_TINY; i++) {
        struct buffer none = {0};
        world_publish_with(world, (struct publish){.topic = SLICE_LITERAL("a"), .qos = QOS_0},
                           &none);
    }
    world_run(world, 0);
    after = session->credit - before;
    CHECK(after > 0);
    world->door_answer = DOOR_TOO_LARGE; /* nothing is done with them */
    world_run(world, 1000);
    CHECK(session->credit - before > after); /* of those that were held back */
    world_free(world);
}

TEST(without_its_topic_messages_wait)
{
    struct world *world = world_with(SPACES(",\"routeTopicResourceId\":\"topics/later\""));

    publish(world, "a", "");
    CHECK_INT_EQUAL(world->entry_count, 0);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 1);
    world_set_topic(world, "topics/later", "{\"properties\":{}}"); /* of the wrong schema */
    world_run(world, 1000);
    CHECK_INT_EQUAL(world->entry_count, 0);
    world_set_topic(world, "topics/later",
                    "{\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\"}}");
    world_run(world, 1000);
    CHECK_INT_EQUAL(world->entry_count, 1);
    world_free(world);
}

/* As at a topic that nobody subscribes to: there is no answer that the others could wait for. */
TEST(what_waits_goes_on_when_the_first_is_done_at_once)
{
    struct world *world = world_with(SPACES(TO_TEE));

    world->door_answer = DOOR_BUSY;
    publish(world, "a", "");
    publish(world, "b", "");
    CHECK_INT_EQUAL(waiting(world, ROUTE), 2);
    world->door_answer = DOOR_ACCEPTED;
    world_run(world, 1000);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    publish(world, "c", "");
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    world_free(world);
}

TEST(what_is_too_large_is_passed_over)
{
    struct world *world = world_with(SPACES(TO_TEE));

    world->door_answer = DOOR_TOO_LARGE;
    publish(world, "a", "");
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    CHECK_INT_EQUAL(tee(world, 0)->statistics.refused + tee(world, 1)->statistics.refused, 1);
    world_free(world);
}

/* They go out with what the next message makes. */
TEST(acknowledgements_wait_for_the_next_message)
{
    struct world *world = world_with(SPACES(TO_TEE));
    const struct broker_session *session = broker_find_session(ROUTE);

    publish(world, "a", "");
    publish(world, "b", "");
    world_answer_entry(world, 0, true);
    world_answer_entry(world, 1, true);
    CHECK_INT_EQUAL(session->kept_count, 2);
    publish(world, "c", "");
    CHECK_INT_EQUAL(session->kept_count, 1);
    world_answer_entry(world, 2, true);
    CHECK_INT_EQUAL(session->kept_count, 1);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    world_free(world);
}

/* Whoever has the route next does not get them again. */
TEST(acknowledgements_are_told_before_a_route_is_let_go_of)
{
    struct world *world = world_with(SPACES(NAMED("\"a\"")));

    publish(world, "a", "");
    world_answer_entry(world, 0, true);
    world_set_topic(world, NAMESPACE, SPACES(NAMED("\"a\",\"b\"")));
    world_run(world, 100);
    CHECK(hears(ALARMS, "b"));
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK_INT_EQUAL(waiting(world, ALARMS), 0);
    world_free(world);
}

/* Nothing is lost, and what comes twice is known by its id. */
TEST(another_process_goes_on_when_one_dies)
{
    struct world *world = world_with(SPACES(TO_TEE));
    struct buffer first = {0};
    int owner = (int)broker_find_session(ROUTE)->gateway;

    publish(world, "a", "dev");
    buffer_append_string(&first, world_entry(world, 0));
    buffer_append_byte(&first, '\0');
    world_kill(world, owner);
    world_run(world, 3000);
    CHECK_INT_EQUAL(broker_find_session(ROUTE)->gateway, 1 - owner);
    CHECK_INT_EQUAL(world->entry_count, 2);
    CHECK(strcmp(world_entry(world, 1), (const char *)first.data) == 0);
    world_answer_entry(world, 1, true);
    CHECK_INT_EQUAL(waiting(world, ROUTE), 0);
    buffer_release(&first);
    world_free(world);
}
