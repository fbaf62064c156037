/* bridge/dispatch/runner*: who runs a subscription, and what of its events when connections,
 * processes and the broker come and go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/queue_name.h"
#include "support/runner_world.h"
#include "test.h"
#include "trunk/trunk.h"

#define HOOK(more)                                                                                 \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"              \
    "\"http://hook/x\"" more "}},\"eventDeliverySchema\":\"CloudEventSchemaV1_0\"}"

#define QUEUE "$wps//events/topics/tee/eventsubscriptions/sub"

TEST(subscriptions_are_shared_out_among_the_processes)
{
    struct world *world = world_new();
    int owners[WORLD_BRIDGES] = {0};
    char name[16];

    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof(name), "sub%d", i);
        world_subscribe(world, name, HOOK(""));
        CHECK(world_owner(world, name) >= 0);
        owners[world_owner(world, name)]++;
        CHECK_INT_EQUAL(world_publish(world, name, "e"), 1);
    }
    CHECK(owners[0] > 3 && owners[1] > 3);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 24); /* each once */
    world_free(world);
}

TEST(another_process_takes_over_what_a_dead_one_had)
{
    struct world *world = world_new();
    int owner;

    world_subscribe(world, "sub", HOOK(""));
    owner = world_owner(world, "sub");
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_kill(world, owner);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_publish(world, "sub", "e2");
    world_run(world, 0);
    CHECK_INT_EQUAL(world_owner(world, "sub"), 1 - owner);
    CHECK_INT_EQUAL(world->request_count, 2); /* e1 comes again */
    world_answer_all(world, 200);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(what_was_not_acknowledged_comes_again_when_the_broker_is_back)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(",\"maxConcurrentRequests\":1"));
    world_publish(world, "sub", "e1");
    world_publish(world, "sub", "e2");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    broker_lose(world->broker);
    world_answer(world, 200, NULL); /* too late to say so */
    CHECK_INT_EQUAL(world->request_count, 0);
    broker_return(world->broker);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 2);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"e1\""));
    world_answer(world, 200, NULL);
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(the_broker_goes_between_a_copy_and_the_acknowledgement)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    /* The copy is published; its PUBACK is on the way when all is lost. */
    world_answer_quietly(world, 500);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    CHECK(!list_is_empty(&world->broker->delayed));
    broker_lose(world->broker);
    broker_return(world->broker);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1); /* the event itself, again */
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_run(world, 12000);
    CHECK_INT_EQUAL(world->request_count, 1); /* and its copy */
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(who_is_taken_over_waits_before_it_connects_again)
{
    struct world *world = world_new();
    struct channel thief = {0};
    struct broker_session *session;

    world_subscribe(world, "sub", HOOK(""));
    session = broker_find_session(QUEUE);
    CHECK(session && session->channel);
    broker_steal(world->broker, session, &thief);
    world_run(world, 0);
    world_run(world, 1900);
    CHECK(session->channel == &thief);
    world_run(world, 1200);
    CHECK(session->channel != &thief && session->channel);
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_free(world);
}

TEST(a_subscription_that_is_deleted_takes_its_session_along)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_unsubscribe(world, "sub");
    CHECK(!broker_find_session(QUEUE));
    CHECK_INT_EQUAL(world_publish(world, "sub", "e2"), 0);
    CHECK_INT_EQUAL(world->request_count, 0); /* CloudEvents have no farewell */
    world_free(world);
}

TEST(the_endpoint_is_told_that_its_subscription_is_gone)
{
    struct world *world = world_new();

    world_subscribe_to(world, "topics/gee", "sub",
                       "{\"name\":\"sub\",\"state\":\"Succeeded\",\"properties\":{\"destination\":{"
                       "\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"
                       "\"http://hook/x\"}}}}");
    world_subscribe_to(world, "topics/gee", "sub", "");
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_lines(world, 0), "aeg-event-type: SubscriptionDeletion"));
    CHECK(strstr(world_body(world, 0), "SubscriptionDeleted"));
    world_answer(world, 500, NULL);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_free(world);
}

TEST(a_deletion_while_the_broker_is_away_is_carried_out_later)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    broker_lose(world->broker);
    world_unsubscribe(world, "sub");
    CHECK(broker_find_session(QUEUE));
    broker_return(world->broker);
    world_run(world, 0);
    CHECK(!broker_find_session(QUEUE));
    world_free(world);
}

TEST(a_deletion_that_its_process_did_not_live_to_hear_is_carried_out_by_the_heir)
{
    struct world *world = world_new();
    struct buffer error = {0};
    int owner;

    world_subscribe(world, "sub", HOOK(""));
    owner = world_owner(world, "sub");
    CHECK(catalog_set_stored(world->grids[1 - owner].catalog,
                             SLICE_LITERAL("topics/tee/eventsubscriptions/sub"), SLICE_EMPTY,
                             &error));
    world_run(world, 0);
    CHECK(broker_find_session(QUEUE)); /* its owner is to end it */
    world_kill(world, owner);
    world_run(world, 11000);
    CHECK(!broker_find_session(QUEUE));
    buffer_release(&error);
    world_free(world);
}

TEST(a_deletion_that_is_carried_out_later_spares_who_subscribes_again)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    broker_lose(world->broker);
    world_unsubscribe(world, "sub");
    world_subscribe(world, "sub", HOOK(""));
    CHECK_INT_EQUAL(world_publish(world, "sub", "e1"), 1);
    broker_return(world->broker);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_free(world);
}

#define DECLARED(schema)                                                                           \
    "{\"topics\":[{\"name\":\"dec\",\"properties\":{\"inputSchema\":\"" schema "\"},"              \
    "\"key1\":\"a2V5\",\"key2\":\"a2V5\",\"eventSubscriptions\":[{\"name\":\"hook\","              \
    "\"properties\":{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{"               \
    "\"endpointUrl\":\"http://hook/x\",\"skipValidation\":true}},"                                 \
    "\"eventDeliverySchema\":\"EventGridSchema\"}}]}]}"

struct waiter {
    struct runner_wait wait;
    int is_there; /* -1: not known */
};

static void made(struct runner_wait *wait, bool is_there)
{
    CONTAINER_OF(wait, struct waiter, wait)->is_there = is_there;
}

/* A declared webhook has consented; then the server was stopped, and the file changed. */
TEST(a_subscription_that_is_declared_no_more_leaves_no_session)
{
    struct world *world = world_new();
    struct waiter waiter = {{.done = made}, -1};

    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &waiter.wait);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_publish(world, "sub", "e1"), 1);
    world_subscribe_to(world, "topics/tee", "sub",
                       "{\"name\":\"sub\",\"state\":\"Succeeded\",\"stateUrl\":\"http://h/x\"}");
    world_subscribe(world, "other", HOOK("")); /* so that all are looked at */
    CHECK(!broker_find_session(QUEUE));
    CHECK(memmem(world->stored.data, world->stored.length, "topics/tee/eventsubscriptions/sub=\n",
                 35));
    world_free(world);
}

TEST(what_waits_for_a_subscription_that_is_wrong_is_there_when_it_is_mended)
{
    static const char queue[] = "$wps//events/topics/dec/eventsubscriptions/hook";
    const struct queued_event event = {.json = SLICE_LITERAL("{\"id\":\"e1\"}"),
                                       .id = SLICE_LITERAL("e1"),
                                       .published_ms = broker_now};
    struct world *world = world_new();

    world_declare(world, DECLARED("EventGridSchema"));
    world_run(world, 0);
    world_declare(world, DECLARED("CloudEventSchemaV1_0"));
    world_run(world, 0);
    CHECK_INT_EQUAL(world_publish_event(world, queue, &event), 1);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_declare(world, DECLARED("EventGridSchema"));
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_declare(world, "{}");
    world_run(world, 0);
    CHECK(!broker_find_session(queue));
    world_free(world);
}

/* --- sessions to be --- */

TEST(a_session_is_there_before_its_subscription)
{
    struct world *world = world_new();
    struct waiter waiter = {{.done = made}, -1};

    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &waiter.wait);
    CHECK_INT_EQUAL(waiter.is_there, -1);
    world_run(world, 0);
    CHECK_INT_EQUAL(waiter.is_there, 1);
    CHECK_INT_EQUAL(world_publish(world, "sub", "early"), 1);
    world_subscribe(world, "sub", HOOK(""));
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"early\""));
    runner_drop_session(world->grids[0].runner, SLICE_LITERAL(QUEUE)); /* it is somebody's now */
    world_run(world, 0);
    CHECK(broker_find_session(QUEUE));
    world_free(world);
}

TEST(a_session_that_was_made_for_nothing_is_dropped)
{
    struct world *world = world_new();
    struct waiter waiter = {{.done = made}, -1};

    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &waiter.wait);
    world_run(world, 0);
    runner_drop_session(world->grids[0].runner, SLICE_LITERAL(QUEUE));
    world_run(world, 0);
    CHECK(!broker_find_session(QUEUE));
    world_free(world);
}

TEST(a_session_that_somebody_takes_over_is_not_erased_later)
{
    struct world *world = world_new();
    struct waiter waiter = {{.done = made}, -1}, other = {{.done = made}, -1};

    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &waiter.wait);
    world_run(world, 0);
    runner_drop_session(world->grids[0].runner, SLICE_LITERAL(QUEUE));
    runner_make_session(world->grids[1].runner, SLICE_LITERAL(QUEUE), &other.wait);
    world_run(world, 0);
    CHECK_INT_EQUAL(other.is_there, 1);
    broker_lose(world->broker);
    broker_return(world->broker);
    world_run(world, 0);
    CHECK(broker_find_session(QUEUE));
    world_free(world);
}

TEST(a_session_cannot_be_made_while_the_broker_is_away_for_long)
{
    struct world *world = world_new();
    struct waiter waiter = {{.done = made}, -1}, forgotten = {{.done = made}, -1};

    broker_lose(world->broker);
    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &waiter.wait);
    runner_make_session(world->grids[0].runner, SLICE_LITERAL(QUEUE), &forgotten.wait);
    runner_forget_wait(&forgotten.wait);
    world_run(world, 9000);
    CHECK_INT_EQUAL(waiter.is_there, -1);
    world_run(world, 2000);
    CHECK_INT_EQUAL(waiter.is_there, 0);
    CHECK_INT_EQUAL(forgotten.is_there, -1);
    world_free(world);
}

/* --- expiration --- */

TEST(a_subscription_expires)
{
    struct world *world = world_new();

    world_subscribe(
        world, "sub",
        "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"
        "\"http://hook/x\"}},\"eventDeliverySchema\":\"CloudEventSchemaV1_0\","
        "\"expirationTimeUtc\":\"2026-11-23T21:20:03Z\"}"); /* two minutes */
    world_publish(world, "sub", "e1");
    world_run(world, 100000);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_answer(world, 200, NULL);
    world_run(world, 30000);
    CHECK_INT_EQUAL(world_owner(world, "sub"), -1);
    CHECK(!broker_find_session(QUEUE));
    CHECK(memmem(world->stored.data, world->stored.length, "topics/tee/eventsubscriptions/sub=\n",
                 35));
    world_free(world);
}

/* --- 1,000,000 events that wait for nobody --- */

TEST(a_million_events_that_wait_cost_no_memory_here)
{
    struct world *world = world_new();
    struct broker_session *session;
    struct packet packet = {.type = PACKET_PUBLISH};
    struct buffer bytes = {0}, properties = {0};
    static char json[1000];

    world_subscribe(world, "sub",
                    HOOK(",\"maxEventsPerBatch\":5000,\"maxConcurrentRequests\":100"));
    world_run(world, 0);
    memset(json, ' ', sizeof(json));
    json[0] = '{', json[sizeof(json) - 1] = '}';
    queued_event_append_properties(&properties,
                                   &(struct queued_event){.schema = SCHEMA_CLOUD_EVENTS,
                                                          .id = SLICE_LITERAL("e"),
                                                          .published_ms = broker_now});
    packet.properties.present = PROPERTY_BIT(USER_PROPERTY);
    packet.properties.raw = buffer_slice(&properties);
    packet.publish = (struct publish){.qos = QOS_1,
                                      .packet_id = 1,
                                      .topic = SLICE_LITERAL(QUEUE),
                                      .payload = slice_make(json, sizeof(json))};
    packet_encode(&bytes, &packet, MQTT_5);
    session = broker_find_session(QUEUE);
    session->flood = 1000000;
    session->flood_packet = buffer_slice(&bytes);
    for (int i = 0; i < 20; i++) {
        world_publish(world, "sub", "first");
        world_run(world, 0);
        while (world->request_count > 0) {
            world_fail(world, FAILURE_SOCKET);
        }
        world_run(world, 100);
    }
    CHECK(world_waiting(world, "sub") > 900000);
    CHECK(session->in_flight > 1000 && session->in_flight <= 4096);
    /* 2 MiB of them, and what had credit by then. */
    CHECK(session->in_flight * bytes.length < (2 << 20) + TRUNK_CREDIT + 4096);
    buffer_release(&properties);
    world_free(world);
    buffer_release(&bytes);
}
