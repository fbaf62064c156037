/* dispatch/door.h: what becomes of publish requests: on which queues events are, as what, when
 * publishers are answered, and what.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/door_state.h"
#include "door_fixture.h"
#include "eventgrid/queued.h"

#define ORDERS "/topics/orders/api/events?api-version=2018-01-01"

/* Takes the next event of the queue. */
static void expect_event(struct broker_session *queue, enum event_schema schema, const char *id,
                         const char *part)
{
    struct queued_event event;
    struct packet packet;
    struct buffer bytes = {0};

    CHECK(take_waiting(queue, &packet, &bytes));
    CHECK_SLICE_EQUAL(packet.publish.topic, buffer_slice(&queue->id));
    CHECK(queued_event_read(&event, packet.publish.payload, &packet.properties));
    CHECK_INT_EQUAL(event.schema, schema);
    CHECK_SLICE_EQUAL(event.id, slice_from_string(id));
    CHECK_INT_EQUAL(event.published_ms, broker_now);
    CHECK_INT_EQUAL(event.attempts, 0);
    CHECK_INT_EQUAL(event.hops, 1);
    CHECK(memmem(event.json.data, event.json.length, part, strlen(part)));
    buffer_release(&bytes);
}

static void start_with_orders(struct door_world *world)
{
    door_start(world);
    door_complete(world);
    door_topic(world, "topics/orders", "");
}

/* ---------------------------------------------------------------- accepted */

TEST(events_are_accepted_when_they_are_on_all_queues)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    struct broker_session *one = door_subscribe(&world, "topics/orders", "one", TO_MQTT("x"));
    struct broker_session *two =
        door_subscribe(&world, "topics/orders", "two",
                       TO_MQTT("x") ",\"eventDeliverySchema\":\"CloudEventSchemaV1_0\"");
    struct broker_session *none = door_subscribe(
        &world, "topics/orders", "none", TO_MQTT("x") ",\"filter\":{\"subjectBeginsWith\":\"z\"}");
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "," GRID_EVENT("2") "]");
    CHECK_INT_EQUAL(asker.status, 0); /* nothing is acknowledged yet */
    broker_run(world.broker);
    expect_accepted(&asker);
    expect_event(one, SCHEMA_EVENT_GRID, "1", "\"metadataVersion\":\"1\"");
    expect_event(one, SCHEMA_EVENT_GRID, "2", "\"topic\":\"/subscriptions/");
    expect_event(two, SCHEMA_CLOUD_EVENTS, "1", "\"specversion\":\"1.0\"");
    expect_event(two, SCHEMA_CLOUD_EVENTS, "2", "\"dataschema\":\"#1\"");
    CHECK(count_waiting(one) == 0 && count_waiting(two) == 0 && count_waiting(none) == 0);
    const struct topic_statistics *statistics =
        &catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"))->statistics;
    CHECK(statistics->published == 2 && statistics->matched == 2 && statistics->unmatched == 0);
    CHECK(statistics->publish_latencies[0] == 1 && statistics->refused == 0);
    door_end(&world);
}

TEST(events_that_nobody_takes_are_accepted_at_once)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    expect_accepted(&asker);
    CHECK(list_is_empty(&world.broker->events));
    CHECK_INT_EQUAL(
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"))->statistics.unmatched, 1);
    door_end(&world);
}

TEST(a_subscription_that_has_expired_gets_none)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    struct broker_session *queue =
        door_subscribe(&world, "topics/orders", "old",
                       TO_MQTT("x") ",\"expirationTimeUtc\":\"1970-01-01T00:16:40Z\"");
    broker_now = 999999;
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    broker_run(world.broker);
    expect_accepted(&asker);
    CHECK_INT_EQUAL(count_waiting(queue), 1);
    broker_now = 1000000;
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    expect_accepted(&asker);
    CHECK_INT_EQUAL(count_waiting(queue), 1);
    door_end(&world);
}

/* resource/topic.h: eventRetentionInDays; the archive is one more queue, of the events as they
 * came.
 */
TEST(a_topic_that_keeps_its_events_has_a_queue_for_them)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_topic(&world, "topics/kept", "\"eventRetentionInDays\":1");
    struct broker_session *queue = door_subscribe(&world, "topics/orders", "any", TO_MQTT("x"));
    queue->id.length = queue->filters.length = 0;
    queue_name_append(&queue->id, SLICE_LITERAL("topics/kept"), SLICE_LITERAL(ARCHIVE_NAME));
    buffer_append_u16(&queue->filters, (uint16_t)queue->id.length);
    buffer_append(&queue->filters, buffer_slice(&queue->id));
    door_post(&world, &asker, "/topics/kept/api/events", "[" GRID_EVENT("1") "]");
    broker_run(world.broker);
    expect_accepted(&asker);
    expect_event(queue, SCHEMA_EVENT_GRID, "1", GRID_EVENT("1"));
    door_end(&world);
}

/* ---------------------------------------------------------------- refused */

TEST(without_all_queues_they_are_to_come_again)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_subscribe(&world, "topics/orders", "one", TO_MQTT("x"));
    struct broker_session *two = door_subscribe(&world, "topics/orders", "two", TO_MQTT("x"));
    two->filters.length = 0; /* no session has the queue */
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    broker_run(world.broker);
    expect_status(&asker, 503, "retry-after: 1\r\n", "\"ServiceUnavailable\"");
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    broker_run(world.broker);
    expect_status(&asker, 503, "retry-after: 1\r\n", "");
    CHECK_INT_EQUAL(
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"))->statistics.refused, 2);
    door_end(&world);
}

TEST(the_broker_is_lost_and_comes_back)
{
    struct door_world world;
    struct asker asker;
    struct channel *channel = NULL;

    start_with_orders(&world);
    door_subscribe(&world, "topics/orders", "one", TO_MQTT("x"));
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        if (slice_starts_with(buffer_slice(&world.broker->sessions[i].id),
                              SLICE_LITERAL("$wps//events/door-0"))) {
            channel = world.broker->sessions[i].channel;
        }
    }
    struct link *link = world.grid.gateway->link;
    link->ops->close(link, channel); /* and nothing comes any more */
    channel->events->lost(channel);
    expect_status(&asker, 503, "retry-after: 1\r\n", "");
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    expect_status(&asker, 503, "retry-after: 1\r\n", "");
    door_connect(world.grid.door);
    broker_run(world.broker);
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    broker_run(world.broker);
    expect_accepted(&asker);
    door_end(&world);
}

TEST(before_the_catalog_is_complete_nothing_is_accepted)
{
    struct door_world world;
    struct asker asker;

    door_start(&world);
    door_post(&world, &asker, ORDERS, "[" GRID_EVENT("1") "]");
    expect_status(&asker, 503, "retry-after: 1\r\n", "");
    door_end(&world);
}

static const struct {
    struct grid_request request;
    int status;
    const char *header, *part;
} refusals[] = {
    {{.target = SLICE_LITERAL("/topics/nobody/api/events")}, 404, "", "\"ResourceNotFound\""},
    {{.target = SLICE_LITERAL("/topics/orders/nonsense")}, 404, "", "\"ResourceNotFound\""},
    {{.target = SLICE_LITERAL("/topics/orders")}, 404, "", "\"ResourceNotFound\""},
    {{.target = SLICE_LITERAL("/domains/orders/api/events")}, 404, "", ""},
    {{.target = SLICE_LITERAL("/api/events")}, 404, "", ""},
    {{.target = SLICE_LITERAL(ORDERS), .method = SLICE_LITERAL("GET")},
     405,
     "allow: OPTIONS, POST\r\n",
     "\"MethodNotAllowed\""},
    {{.target = SLICE_LITERAL(ORDERS), .is_too_long = true},
     413,
     "",
     "The maximum size (1536000) has been exceeded."},
    {{.target = SLICE_LITERAL(ORDERS), .body = SLICE_LITERAL("{")}, 400, "", "InputJsonInvalid"},
    {{.target = SLICE_LITERAL(ORDERS), .body = SLICE_LITERAL("[]")}, 400, "", "EventGridEvent"},
    {{.target = SLICE_LITERAL("/topics/inside/api/events"), .peer = {1}}, 403, "", "Forbidden"},
    {{.target = SLICE_LITERAL("/systemTopics/store/api/events")}, 401, "", "Unauthorized"},
};

TEST(what_is_wrong_is_said_as_azure_does)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_topic(&world, "topics/inside",
               "\"inboundIpRules\":[{\"ipMask\":\"10.0.0.0/8\",\"action\":\"Allow\"}]");
    door_topic(
        &world, "systemtopics/store",
        "\"source\":\"/subscriptions/s\",\"topicType\":\"Microsoft.Storage.StorageAccounts\"");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        test_note("%.*s", SLICE_PRINT(refusals[i].request.target));
        door_ask(&world, &asker, refusals[i].request);
        CHECK_STRING_EQUAL(asker.content_type, "application/json; charset=utf-8");
        expect_status(&asker, refusals[i].status, refusals[i].header, refusals[i].part);
    }
    door_end(&world);
}

/* A broker would end the connection of all. */
TEST(what_is_longer_than_the_broker_takes_is_refused)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_topic(&world, "topics/mapped",
               "\"inputSchema\":\"CustomEventSchema\",\"inputSchemaMapping\":{"
               "\"inputSchemaMappingType\":\"Json\",\"properties\":{\"eventType\":"
               "{\"sourceField\":\"x\"},\"subject\":{\"sourceField\":\"x\"},"
               "\"dataVersion\":{\"defaultValue\":\"1\"}}}");
    world.grid.door->packet_max = DOOR_EVENT_MARGIN + 500;
    door_post(&world, &asker, ORDERS, GRID_EVENT("1"));
    expect_accepted(&asker);
    door_post(&world, &asker, "/topics/mapped/api/events", "{\"x\":\"abc\"}");
    expect_accepted(&asker);
    /* Thirty letters, which are in a message three times. */
    door_post(&world, &asker, "/topics/mapped/api/events",
              "{\"x\":\"abcdefghijabcdefghijabcdefghij\"}");
    expect_status(&asker, 413, "", "mqtt.maximum_packet_size");
    world.grid.door->packet_max = DOOR_EVENT_MARGIN;
    door_post(&world, &asker, ORDERS, GRID_EVENT("1"));
    expect_status(&asker, 413, "", "mqtt.maximum_packet_size");
    door_end(&world);
}

TEST(keys_are_looked_at)
{
    static const struct pair wrong[] = {{SLICE_LITERAL("aeg-sas-key"), SLICE_LITERAL("bm8=")}};
    static const struct pair second[] = {{SLICE_LITERAL("AEG-SAS-KEY"), SLICE_LITERAL("eHg=")}};
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_ask(&world, &asker,
             (struct grid_request){.target = SLICE_LITERAL(ORDERS), .headers = {wrong, 1}});
    expect_status(&asker, 401, "", "\"Unauthorized\"");
    door_ask(&world, &asker,
             (struct grid_request){.target = SLICE_LITERAL(ORDERS),
                                   .headers = {second, 1},
                                   .body = SLICE_LITERAL("[" GRID_EVENT("1") "]")});
    expect_accepted(&asker);
    door_ask(&world, &asker,
             (struct grid_request){.target = SLICE_LITERAL("/topics/orders/events?aeg-sas-key="
                                                           "a2V5"),
                                   .headers = {wrong, 0},
                                   .body = SLICE_LITERAL("[" GRID_EVENT("1") "]")});
    expect_accepted(&asker);
    door_end(&world);
}

/* ---------------------------------------------------------------- addresses */

TEST(options_tell_the_schema)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_topic(&world, "topics/clouds", "\"inputSchema\":\"CloudEventSchemaV1_0\"");
    door_ask(
        &world, &asker,
        (struct grid_request){.target = SLICE_LITERAL(ORDERS), .method = SLICE_LITERAL("OPTIONS")});
    expect_status(&asker, 200, "allow: POST, OPTIONS\r\naeg-input-event-schema: EventGridEvent\r\n",
                  "");
    door_ask(&world, &asker,
             (struct grid_request){.target = SLICE_LITERAL("/topics/clouds/api/events"),
                                   .method = SLICE_LITERAL("HEAD")});
    expect_status(&asker, 200, "aeg-input-event-schema: CloudEventV10\r\n", "");
    door_end(&world);
}

static bool is_path(const struct door_world *world, const char *method, const char *target,
                    const char *host)
{
    return door_is_path(world->grid.door, slice_from_string(method), slice_from_string(target),
                        slice_from_string(host));
}

TEST(topics_are_found_by_path_and_by_host)
{
    static const char *const hosts[] = {"orders.localhost:8080", "Orders",
                                        "ORDERS.westus-1.eventgrid.azure.net", "orders:80"};
    static const char *const targets[] = {"/api/events", "/", "/?api-version=2018-01-01"};
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    CHECK(is_path(&world, "POST", "/Topics/x", "h") && is_path(&world, "GET", "/domains/", "h"));
    CHECK(is_path(&world, "POST", "/systemtopics/x/api/events", "h"));
    CHECK(is_path(&world, "GET", "/API/events?x", "h") && !is_path(&world, "GET", "/api/", "h"));
    CHECK(!is_path(&world, "POST", "/", "localhost:8080") && !is_path(&world, "POST", "/", ""));
    CHECK(!is_path(&world, "GET", "/", "orders.localhost"));
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        for (size_t k = 0; k < sizeof(targets) / sizeof(targets[0]); k++) {
            struct pair headers[] = {{SLICE_LITERAL("host"), slice_from_string(hosts[i])},
                                     {SLICE_LITERAL("aeg-sas-key"), SLICE_LITERAL(TEST_KEY)}};
            CHECK(is_path(&world, "POST", targets[k], hosts[i]));
            door_ask(&world, &asker,
                     (struct grid_request){.target = slice_from_string(targets[k]),
                                           .headers = {headers, 2},
                                           .body = SLICE_LITERAL(GRID_EVENT("1"))});
            expect_accepted(&asker);
        }
    }
    door_end(&world);
}

/* spec/eventgrid.md 2.1 */
TEST(events_of_a_domain_go_to_its_topics)
{
    static const char event[] = "[{\"topic\":\"Sales\",\"id\":\"1\",\"subject\":\"s\","
                                "\"eventType\":\"t\",\"eventTime\":\"2025-01-05T14:07:09Z\"},"
                                "{\"topic\":\"other\",\"id\":\"2\",\"subject\":\"s\","
                                "\"eventType\":\"t\",\"eventTime\":\"2025-01-05T14:07:09Z\"}]";
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    door_topic(&world, "domains/shop", "");
    struct broker_session *all = door_subscribe(&world, "domains/shop", "all", TO_MQTT("x"));
    struct broker_session *sales =
        door_subscribe(&world, "domains/shop/topics/sales", "sub", TO_MQTT("x"));
    door_post(&world, &asker, "/domains/shop/api/events", event);
    broker_run(world.broker);
    expect_accepted(&asker);
    expect_event(all, SCHEMA_EVENT_GRID, "1", "domains/shop/topics/Sales\"");
    expect_event(all, SCHEMA_EVENT_GRID, "2", "domains/shop/topics/other\"");
    expect_event(sales, SCHEMA_EVENT_GRID, "1", "domains/shop/topics/Sales\"");
    CHECK(count_waiting(all) == 0 && count_waiting(sales) == 0);
    door_end(&world);
}

TEST(system_topics_take_events_of_whoever_manages)
{
    struct door_world world;
    struct asker asker;

    start_with_orders(&world);
    world.grid.options.opens_management = true;
    door_topic(
        &world, "systemtopics/store",
        "\"source\":\"/subscriptions/s\",\"topicType\":\"Microsoft.Storage.StorageAccounts\"");
    struct broker_session *queue =
        door_subscribe(&world, "systemtopics/store", "sub", TO_MQTT("x"));
    door_post(&world, &asker, "/systemTopics/store/api/events", GRID_EVENT("1"));
    broker_run(world.broker);
    expect_accepted(&asker);
    expect_event(queue, SCHEMA_EVENT_GRID, "1", "\"topic\":\"/subscriptions/s\"");
    door_end(&world);
}

/* ---------------------------------------------------------------- the window */

enum { FAN_OUT = 13, BATCH = 5000 };

static void append_batch(struct buffer *body, size_t count)
{
    buffer_append_byte(body, '[');
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(body,
                             "%s{\"id\":\"%zu\",\"subject\":\"s\",\"eventType\":\"t\","
                             "\"eventTime\":\"2025-01-05T14:07:09Z\"}",
                             i > 0 ? "," : "", i);
    }
    buffer_append_string(body, "]");
}

/* 65,000 messages are more than there are packet identifiers for: they go in turns, and who comes
 * later waits behind them. */
TEST(what_does_not_fit_into_the_window_waits)
{
    struct door_world world;
    struct asker large, small, abandoned;
    struct broker_session *queues[FAN_OUT];
    struct buffer body = {0};

    start_with_orders(&world);
    for (int i = 0; i < FAN_OUT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "sub-%02d", i);
        queues[i] = door_subscribe(&world, "topics/orders", name, TO_MQTT("x"));
    }
    append_batch(&body, BATCH);
    door_ask(&world, &large,
             (struct grid_request){.target = SLICE_LITERAL(ORDERS), .body = buffer_slice(&body)});
    memset(body.data, ' ', body.length); /* it was borrowed */
    door_post(&world, &small, ORDERS, "[" GRID_EVENT("last") "]");
    door_post(&world, &abandoned, ORDERS, "[" GRID_EVENT("never") "]");
    grid_abandon(&abandoned.reply);
    CHECK(!abandoned.reply.call);
    CHECK(count_waiting(queues[0]) < BATCH);
    CHECK(large.status == 0 && small.status == 0);
    broker_run(world.broker);
    expect_accepted(&large);
    expect_accepted(&small);
    for (int i = 0; i < FAN_OUT; i++) {
        CHECK_INT_EQUAL(count_waiting(queues[i]), BATCH + 1);
    }
    buffer_release(&body);
    door_end(&world);
}

TEST(who_does_not_wait_any_more_is_not_answered)
{
    struct door_world world;
    struct asker first, second;

    start_with_orders(&world);
    struct broker_session *queue = door_subscribe(&world, "topics/orders", "one", TO_MQTT("x"));
    door_post(&world, &first, ORDERS, "[" GRID_EVENT("1") "]");
    door_post(&world, &second, ORDERS, "[" GRID_EVENT("2") "]");
    grid_abandon(&first.reply);
    broker_run(world.broker);
    CHECK_INT_EQUAL(first.status, 0);
    expect_accepted(&second);
    CHECK_INT_EQUAL(count_waiting(queue), 2);
    /* And who still waits at the end. */
    door_post(&world, &first, ORDERS, "[" GRID_EVENT("3") "]");
    door_end(&world);
    CHECK_INT_EQUAL(first.status, 0);
}

TEST(requests_that_wait_are_bounded)
{
    enum { MANY = 100, LENGTH = 1 << 20 };
    static struct asker askers[MANY];
    struct door_world world;
    struct buffer body = {0}, large = {0};
    size_t refused = 0, accepted = 0;

    start_with_orders(&world);
    for (int i = 0; i < FAN_OUT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "sub-%02d", i);
        door_subscribe(&world, "topics/orders", name, TO_MQTT("x"));
    }
    append_batch(&body, BATCH);
    door_ask(&world, &askers[0],
             (struct grid_request){.target = SLICE_LITERAL(ORDERS), .body = buffer_slice(&body)});
    buffer_append_string(&large, "[" GRID_EVENT("1") "]");
    memset(buffer_reserve(&large, LENGTH), ' ', LENGTH);
    large.length += LENGTH;
    for (size_t i = 1; i < MANY; i++) {
        door_ask(
            &world, &askers[i],
            (struct grid_request){.target = SLICE_LITERAL(ORDERS), .body = buffer_slice(&large)});
        refused += askers[i].status == 503;
    }
    CHECK(refused > MANY / 2 && refused < MANY - 10);
    broker_run(world.broker);
    for (size_t i = 0; i < MANY; i++) {
        accepted += askers[i].status == 200;
        asker_release(&askers[i]);
    }
    CHECK_INT_EQUAL(accepted + refused, MANY);
    buffer_release(&body);
    buffer_release(&large);
    door_end(&world);
}
