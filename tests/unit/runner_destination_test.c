/* bridge/dispatch/destination_*, runner_dead_letter, runner_consent: where events go besides
 * webhooks, where dead ones end, and webhooks that have not consented yet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/runner_world.h"
#include "test.h"

#define CLOUD "\"eventDeliverySchema\":\"CloudEventSchemaV1_0\""
#define HOOK_AND(more)                                                                             \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"              \
    "\"http://hook/x\"}}," CLOUD "," more "}"
#define TO(type, properties)                                                                       \
    "{\"destination\":{\"endpointType\":\"" type "\",\"properties\":{" properties "}}," CLOUD "}"

/* --- messages --- */

/* A client that hears a topic, as a session of the broker's. */
static void listen_at(struct world *world, const char *filter)
{
    broker_listen(world->broker, filter);
}

static const char *heard(struct world *world)
{
    return broker_heard(world->broker);
}

TEST(browsers_of_a_hub_a_group_or_a_user_get_the_event)
{
    struct world *world = world_new();

    listen_at(world, "$wps/chat/#");
    listen_at(world, "chat/#");
    world_subscribe(world, "all", TO("WebPubSub", "\"hub\":\"chat\""));
    world_subscribe(world, "grp", TO("WebPubSub", "\"hub\":\"chat\",\"group\":\"a+b\""));
    world_subscribe(world, "usr", TO("WebPubSub", "\"hub\":\"chat\",\"user\":\"u/1\""));
    world_publish(world, "all", "e1");
    world_run(world, 0);
    CHECK_STRING_EQUAL(heard(world), "$wps/chat/all application/json e1\n");
    world_publish(world, "grp", "e2");
    world_run(world, 0);
    CHECK_STRING_EQUAL(heard(world), "chat/a%2Bb application/json e2\n");
    world_publish(world, "usr", "e3");
    world_run(world, 0);
    CHECK_STRING_EQUAL(heard(world), "$wps/chat/user/u/1 application/json e3\n");
    CHECK_INT_EQUAL(world_waiting(world, "all"), 0);
    CHECK_INT_EQUAL(world_waiting(world, "grp"), 0);
    CHECK_INT_EQUAL(world_waiting(world, "usr"), 0);
    world_free(world);
}

TEST(that_nobody_listens_is_no_failure)
{
    struct world *world = world_new();

    world_subscribe(world, "all", TO("WebPubSub", "\"hub\":\"chat\""));
    world_publish(world, "all", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "all"), 0);
    CHECK_INT_EQUAL(world_subscription(world, 0, "all")->source->statistics.delivered +
                        world_subscription(world, 1, "all")->source->statistics.delivered,
                    1);
    world_free(world);
}

TEST(placeholders_of_an_mqtt_topic_stand_for_the_event)
{
    struct world *world = world_new();

    listen_at(world, "out/#");
    world_subscribe(world, "sub",
                    TO("MqttTopic", "\"topic\":\"out/{type}/{subject}/{id}/{topic}\""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_STRING_EQUAL(heard(world), "out/t/a/b/e1/s application/cloudevents+json e1\n");
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

/* --- other event topics --- */

#define TO_TEE                                                                                     \
    TO("EventGridTopic", "\"resourceId\":\"/subscriptions/s/resourceGroups/g/providers/"           \
                         "Microsoft.EventGrid/topics/tee\"")

TEST(an_event_goes_on_to_another_topic)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", TO_TEE);
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK(strstr((char *)world->entries[0].text.data, "topics/tee 1 e1 {"));
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    world->entries[0].load->done(world->entries[0].load, true);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(the_door_is_busy_or_refuses)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", TO_TEE);
    world->door_answer = DOOR_BUSY;
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->entry_count, 0);
    world->door_answer = DOOR_WAITS;
    world_run(world, 150);
    CHECK_INT_EQUAL(world->entry_count, 1);
    world->entries[0].load->done(world->entries[0].load, false);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0); /* a copy waits */
    world->door_answer = DOOR_ACCEPTED;
    world_run(world, 12000);
    CHECK_INT_EQUAL(world->entry_count, 2);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(an_event_that_is_too_long_for_the_next_topic_holds_up_no_other)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", TO_TEE);
    world->door_answer = DOOR_TOO_LARGE;
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK_INT_EQUAL(world_subscription(world, 0, "sub")->source->statistics.dropped +
                        world_subscription(world, 1, "sub")->source->statistics.dropped,
                    1);
    world_free(world);
}

TEST(topics_that_send_to_each_other_do_so_eight_times)
{
    struct world *world = world_new();
    struct queued_event event = {.schema = SCHEMA_CLOUD_EVENTS,
                                 .json = SLICE_LITERAL("{\"specversion\":\"1.0\",\"id\":\"e1\","
                                                       "\"source\":\"/s\",\"type\":\"t\"}"),
                                 .id = SLICE_LITERAL("e1"),
                                 .published_ms = broker_now,
                                 .hops = 7};

    world_subscribe(world, "sub", TO_TEE);
    world_publish_event(world, "$wps//events/topics/tee/eventsubscriptions/sub", &event);
    world_run(world, 0);
    CHECK(strstr((char *)world->entries[0].text.data, "topics/tee 8 e1"));
    event.hops = 8;
    world_publish_event(world, "$wps//events/topics/tee/eventsubscriptions/sub", &event);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1); /* the first */
    world_free(world);
}

#define TO_GEE(schema)                                                                             \
    "{\"destination\":{\"endpointType\":\"EventGridTopic\",\"properties\":{\"resourceId\":"        \
    "\"/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/gee\"}},"            \
    "\"eventDeliverySchema\":\"" schema "\"}"

TEST(the_topic_that_an_event_comes_from_is_not_that_of_the_next)
{
    struct world *world = world_new();

    world_set_topic(world, "topics/zee", "{\"location\":\"l\",\"properties\":{}}");
    world_subscribe_to(world, "topics/zee", "sub",
                       "{\"name\":\"sub\",\"properties\":" TO_GEE("EventGridSchema") "}");
    world_publish_event(
        world, "$wps//events/topics/zee/eventsubscriptions/sub",
        &(struct queued_event){
            .schema = SCHEMA_EVENT_GRID,
            .json = SLICE_LITERAL("{\"id\":\"e1\",\"topic\":\"/of/zee\",\"subject\":\"s\","
                                  "\"eventType\":\"t\",\"eventTime\":\"2026-11-23T21:18:03Z\","
                                  "\"data\":{\"topic\":1},\"dataVersion\":\"1\","
                                  "\"metadataVersion\":\"1\"}"),
            .id = SLICE_LITERAL("e1"),
            .published_ms = broker_now,
        });
    world_run(world, 0);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK(strstr((char *)world->entries[0].text.data, "topics/gee 1 e1 {\"id\""));
    CHECK(!strstr((char *)world->entries[0].text.data, "/of/zee"));
    CHECK(strstr((char *)world->entries[0].text.data, "\"data\":{\"topic\":1}"));
    world_free(world);
}

TEST(an_event_whose_schema_does_not_fit_the_topic_is_a_dead_letter)
{
    struct world *world = world_new();
    const struct topic_statistics *zero, *one;

    world_subscribe(world, "sub", TO_GEE("CloudEventSchemaV1_0"));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->entry_count, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    zero = &world_subscription(world, 0, "sub")->source->statistics;
    one = &world_subscription(world, 1, "sub")->source->statistics;
    CHECK_INT_EQUAL(zero->dropped + one->dropped, 1);
    CHECK_INT_EQUAL(zero->attempts_failed + one->attempts_failed, 1);
    world_free(world);
}

/* --- dead letters --- */

#define TO_FILES                                                                                   \
    HOOK_AND("\"deadLetterDestination\":{\"endpointType\":\"StorageBlob\",\"properties\":{"        \
             "\"resourceId\":\"/sa\",\"blobContainerName\":\"box\"}}")

TEST(dead_letters_are_files_with_all_that_died_meanwhile)
{
    struct world *world = world_new();
    const struct world_file *file;

    world_subscribe(world, "sub", TO_FILES);
    for (int i = 0; i < 3; i++) {
        world_publish(world, "sub", i == 0 ? "e0" : i == 1 ? "e1" : "e2");
    }
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 3);
    for (int i = 0; i < 3; i++) {
        world_answer_quietly(world, 400);
    }
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 3); /* until it is written */
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK_INT_EQUAL(world->file_count, 2);
    file = world_find_file(world, "box/SUB/2026/11/23/21/");
    CHECK(file && file->root == ROOT_DEAD_LETTERS);
    CHECK(memmem(file->text.data, file->text.length, "\"deadletterreason\"", 18));
    CHECK(memmem(file->text.data, file->text.length, "UndeliverableDueToBadRequest", 28));
    world_free(world);
}

TEST(a_file_that_cannot_be_written_is_tried_for_hours)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", TO_FILES);
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world->file_error = "No space left on device";
    world_answer(world, 400, NULL);
    CHECK_INT_EQUAL(world->tasks_ever, 1);
    world_run(world, 9000);
    CHECK_INT_EQUAL(world->tasks_ever, 1);
    world_run(world, 1100);
    CHECK_INT_EQUAL(world->tasks_ever, 2);
    world_run(world, 60100);
    CHECK_INT_EQUAL(world->tasks_ever, 3);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    world->file_error = NULL;
    world_run(world, 300100);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK_INT_EQUAL(world->file_count, 1);

    world_publish(world, "sub", "e2");
    world_run(world, 0);
    world->file_error = "Input/output error";
    world_answer(world, 400, NULL);
    for (int i = 0; i < 47; i++) {
        world_run(world, 300100);
    }
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    for (int i = 0; i < 4; i++) {
        world_run(world, 300100);
    }
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0); /* given up */
    CHECK_INT_EQUAL(world->file_count, 1);
    world_free(world);
}

TEST(dead_letters_go_to_an_event_topic)
{
    struct world *world = world_new();

    world_subscribe(world, "sub",
                    HOOK_AND("\"deadLetterDestination\":{\"endpointType\":\"EventGridTopic\","
                             "\"properties\":{\"resourceId\":\"/subscriptions/s/resourceGroups/g/"
                             "providers/Microsoft.EventGrid/topics/tee\"}}"));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world->door_answer = DOOR_BUSY;
    world_answer(world, 400, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    world->door_answer = DOOR_WAITS;
    world_run(world, 10100);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK(strstr((char *)world->entries[0].text.data, "topics/tee 1 e1"));
    CHECK(strstr((char *)world->entries[0].text.data, "\"deadletterreason\""));
    world->entries[0].load->done(world->entries[0].load, true);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

/* --- consent --- */

#define DECLARED                                                                                   \
    "{\"topics\":[{\"name\":\"dec\",\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\"},"    \
    "\"key1\":\"a2V5\",\"key2\":\"a2V5\",\"eventSubscriptions\":[{\"name\":\"hook\","              \
    "\"properties\":{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{"               \
    "\"endpointUrl\":\"http://hook/x\"}}," CLOUD "}}]}]}"

static void publish_declared(struct world *world)
{
    world_publish_event(world, "$wps//events/topics/dec/eventsubscriptions/hook",
                        &(struct queued_event){
                            .schema = SCHEMA_CLOUD_EVENTS,
                            .json = SLICE_LITERAL("{\"id\":\"e1\"}"),
                            .id = SLICE_LITERAL("e1"),
                            .published_ms = broker_now,
                        });
    world_run(world, 0);
}

TEST(a_declared_webhook_is_asked_until_it_consents)
{
    struct world *world = world_new();

    world_declare(world, DECLARED);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_request(world, 0), "OPTIONS http://hook/x"));
    publish_declared(world);
    world_fail(world, FAILURE_SOCKET);
    CHECK_INT_EQUAL(world->request_count, 0); /* the event waits */
    world_run(world, 5100);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_answer(world, 404, NULL);
    world_run(world, 29000);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 1100);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_answer(world, 200, "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\n");
    CHECK(memmem(world->stored.data, world->stored.length, "\"state\":\"Succeeded\"", 19));
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_request(world, 0), "POST http://hook/x {\"id\":\"e1\"}"));
    world_answer(world, 200, NULL);
    world_run(world, 3600000);
    CHECK_INT_EQUAL(world->requests_ever, 4); /* it is not asked again */
    world_free(world);
}

TEST(a_webhook_that_may_consent_by_hand_is_asked_again_too)
{
    struct world *world = world_new();

    world_declare(world, DECLARED);
    world_answer(world, 200, NULL);
    CHECK(memmem(world->stored.data, world->stored.length, "AwaitingManualAction", 20));
    publish_declared(world);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 5100);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_request(world, 0), "OPTIONS"));
    world_subscribe_to(world, "topics/dec", "hook", "{\"name\":\"hook\",\"state\":\"Succeeded\"}");
    CHECK_INT_EQUAL(world->request_count, 1); /* the event, and no question */
    CHECK(strstr(world_request(world, 0), "POST"));
    world_free(world);
}
