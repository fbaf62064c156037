/* dispatch/door.h: events as MQTT clients see them, those that they publish, and events of this
 * process's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_write.h"
#include "client/staff.h"
#include "dispatch/catalog_entries.h"
#include "dispatch/door_state.h"
#include "dispatch/ownership.h"
#include "door_fixture.h"
#include "eventgrid/queued.h"

#define ORDERS   "/topics/orders/api/events"
#define DISPATCH "$wps//events/dispatch"

/* A client's session on the broker, which is not connected. */
static struct broker_session *listen_to(struct door_world *world, const char *filter)
{
    struct broker_session *session = door_subscribe(world, "topics/orders", "dummy", TO_MQTT("x"));

    door_set(world, "topics/orders/eventsubscriptions/dummy", "");
    session->id.length = session->filters.length = 0;
    buffer_append_string(&session->id, filter);
    buffer_append_u16(&session->filters, (uint16_t)strlen(filter));
    buffer_append_string(&session->filters, filter);
    return session;
}

static struct broker_session *find_session(struct door_world *world, const char *id)
{
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        if (slice_equal(buffer_slice(&world->broker->sessions[i].id), slice_from_string(id))) {
            return &world->broker->sessions[i];
        }
    }
    return NULL;
}

static void start_with_orders(struct door_world *world)
{
    door_start(world);
    door_complete(world);
    door_topic(world, "topics/orders", "\"inputSchema\":\"CloudEventSchemaV1_0\"");
}

/* The next second, in which who is to hear events looks whether it does. */
static void wait_a_second(struct door_world *world)
{
    broker_now += 1000;
    for (unsigned i = 0; i < 2; i++) {
        gateway_advance(&world->broker->bridges[i].gateway);
    }
    broker_run(world->broker);
}

/* A client publishes, at QoS 1. */
static void publish(struct door_world *world, const char *topic, const char *id,
                    const char *content_type, const char *payload)
{
    struct channel *channel = find_session(world, DISPATCH)->channel;
    struct fanout_scratch scratch = {0};
    struct buffer bytes = {0}, properties = {0};
    struct fanout fanout;

    if (id) {
        write_user_property(&properties, "specversion", SLICE_LITERAL("1.0"));
        write_user_property(&properties, "id", slice_from_string(id));
        write_user_property(&properties, "source", SLICE_LITERAL("/s"));
        write_user_property(&properties, "type", SLICE_LITERAL("t"));
    }
    write_publish(&bytes, &(struct publication){
                              .topic = slice_from_string(topic),
                              .data.bytes = slice_from_string(payload),
                              .is_plain = true,
                              .content_type = slice_from_string(content_type),
                              .qos = QOS_1,
                              .packet_id = 1,
                              .user_properties = buffer_slice(&properties),
                          });
    fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&bytes));
    CHECK(fanout.is_valid);
    channel->events->publish(channel, &fanout, 7);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
    buffer_release(&properties);
}

/* ---------------------------------------------------------------- out */

TEST(mqtt_clients_get_copies_if_they_may)
{
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
                                "\"type\":\"t\",\"datacontenttype\":\"application/json\","
                                "\"data\":{\"a\":1}}";
    struct door_world world;
    struct asker asker;
    struct packet packet;
    struct buffer bytes = {0};

    start_with_orders(&world);
    struct broker_session *client = listen_to(&world, "$events/#");
    door_post(&world, &asker, ORDERS, event);
    broker_run(world.broker);
    expect_accepted(&asker);
    CHECK_INT_EQUAL(count_waiting(client), 0);
    world.grid.options.shows_mqtt = true;
    door_set(&world, "topics/orders",
             "{\"name\":\"Orders\",\"key1\":\"" TEST_KEY
             "\",\"resource\":{\"properties\":{\"inputSchema\":\"CloudEventSchemaV1_0\"}}}");
    door_post(&world, &asker, ORDERS, event);
    CHECK_INT_EQUAL(asker.status, 0);
    broker_run(world.broker);
    expect_accepted(&asker);
    CHECK(take_waiting(client, &packet, &bytes));
    CHECK_SLICE_EQUAL(packet.publish.topic, SLICE_LITERAL("$events/Orders"));
    CHECK_SLICE_EQUAL(packet.publish.payload, SLICE_LITERAL("{\"a\":1}"));
    CHECK_SLICE_EQUAL(packet.properties.content_type, SLICE_LITERAL("application/json"));
    CHECK(memmem(packet.properties.raw.data, packet.properties.raw.length, "specversion", 11));
    /* Nobody listens: that is no reason to refuse it. */
    client->filters.length = 0;
    door_post(&world, &asker, ORDERS, event);
    broker_run(world.broker);
    expect_accepted(&asker);
    buffer_release(&bytes);
    door_end(&world);
}

/* ---------------------------------------------------------------- in */

static void expect_queued(struct broker_session *queue, const char *id)
{
    struct packet packet;
    struct queued_event event;
    struct buffer bytes = {0};

    CHECK(take_waiting(queue, &packet, &bytes));
    CHECK(queued_event_read(&event, packet.publish.payload, &packet.properties));
    CHECK_SLICE_EQUAL(event.id, slice_from_string(id));
    buffer_release(&bytes);
}

TEST(one_process_hears_what_mqtt_clients_publish)
{
    struct door_world world;

    start_with_orders(&world);
    wait_a_second(&world);
    CHECK(!find_session(&world, DISPATCH)); /* nobody may publish there */
    world.grid.options.hears_mqtt = true;
    for (int i = 0; i < 3; i++) {
        wait_a_second(&world);
    }
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(world.grid.gateway->staff, names);
    CHECK_INT_EQUAL(count, 2);
    bool is_ours = ownership_choose(SLICE_LITERAL("$events/#"), names, count) == 0;
    CHECK_INT_EQUAL(find_session(&world, DISPATCH) != NULL, is_ours);
    door_end(&world);
}

/* Alone, it is the one. */
static void start_alone(struct door_world *world)
{
    start_with_orders(world);
    world->grid.options.hears_mqtt = world->grid.options.shows_mqtt = true;
    broker_kill(world->broker, 1);
    broker_run(world->broker);
    broker_now += 1000;
    gateway_advance(world->grid.gateway);
    broker_run(world->broker);
    CHECK(find_session(world, DISPATCH));
}

/* Else a client's first events would be for nobody. */
TEST(a_process_hears_before_it_is_ready)
{
    struct door_world world;

    start_with_orders(&world);
    CHECK(door_hears(world.grid.door)); /* nobody may publish */
    world.grid.options.hears_mqtt = true;
    broker_kill(world.broker, 1);
    broker_run(world.broker);
    CHECK(!door_hears(world.grid.door));
    broker_now += 1000;
    gateway_advance(world.grid.gateway);
    CHECK(!door_hears(world.grid.door)); /* SUBACK is on its way */
    broker_run(world.broker);
    CHECK(find_session(&world, DISPATCH)->filters.length > 0);
    CHECK(door_hears(world.grid.door));
    door_end(&world);
}

TEST(the_session_outlives_who_has_it)
{
    struct door_world world;

    start_alone(&world);
    struct broker_session *session = find_session(&world, DISPATCH);
    CHECK_INT_EQUAL(session->expiry, UINT32_MAX);
    CHECK_SLICE_EQUAL(slice_from(buffer_slice(&session->filters), 2), SLICE_LITERAL("$events/#"));
    world.grid.options.hears_mqtt = false;
    broker_now += 1000;
    gateway_advance(world.grid.gateway);
    broker_run(world.broker);
    CHECK(!session->channel && session->id.length > 0);
    door_end(&world);
}

TEST(what_mqtt_clients_publish_is_an_event)
{
    struct door_world world;

    start_alone(&world);
    door_topic(&world, "domains/shop", "\"inputSchema\":\"CloudEventSchemaV1_0\"");
    struct broker_session *client = listen_to(&world, "$events/+");
    struct broker_session *orders = door_subscribe(&world, "topics/orders", "sub", TO_MQTT("x"));
    struct broker_session *sales =
        door_subscribe(&world, "domains/shop/topics/sales", "sub", TO_MQTT("x"));
    publish(&world, "$events/Orders", "1", "application/json", "{\"a\":1}");
    publish(&world, "$events/shop/sales", "2", "application/json", "{\"a\":1}");
    publish(&world, "$events/nobody", "3", "application/json", "{\"a\":1}");
    publish(&world, "$events/orders", NULL, "application/json", "no event");
    broker_run(world.broker);
    expect_queued(orders, "1");
    expect_queued(sales, "2");
    CHECK(count_waiting(orders) == 0 && count_waiting(sales) == 0);
    /* Who listens there has the original. */
    CHECK_INT_EQUAL(count_waiting(client), 0);
    CHECK_INT_EQUAL(
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"))->statistics.published, 1);
    door_end(&world);
}

TEST(what_is_refused_for_now_is_tried_again)
{
    struct door_world world;

    start_alone(&world);
    struct broker_session *orders = door_subscribe(&world, "topics/orders", "sub", TO_MQTT("x"));
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    publish(&world, "$events/orders", "1", "application/json", "{\"a\":1}");
    broker_run(world.broker);
    orders->waiting.length = 0; /* the broker had not taken it */
    const struct topic_statistics *statistics =
        &catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"))->statistics;
    CHECK_INT_EQUAL(statistics->published, 0);
    world.broker->puback = 0;
    broker_now += 999;
    gateway_advance(world.grid.gateway);
    broker_run(world.broker);
    CHECK_INT_EQUAL(count_waiting(orders), 0);
    broker_now += 1;
    gateway_advance(world.grid.gateway);
    broker_run(world.broker);
    expect_queued(orders, "1");
    CHECK_INT_EQUAL(statistics->published, 1);
    /* One that is left in the end comes again to whoever has the session then. */
    publish(&world, "$events/orders", "2", "application/json", "{\"a\":1}");
    door_end(&world);
}

/* publish() does not ask the broker for credit, so what comes back is seen. */
TEST(credit_is_held_back_while_much_waits_for_the_door)
{
    enum { SIZE = 900 * 1000 }; /* two of them are within what is kept in memory */
    struct buffer text = {0};
    struct door_world world;
    int64_t credit;

    start_alone(&world);
    door_subscribe(&world, "topics/orders", "sub", TO_MQTT("x"));
    const struct broker_session *ear = find_session(&world, DISPATCH);
    buffer_append_byte(&text, '"');
    memset(buffer_reserve(&text, SIZE + 2), 'x', SIZE);
    text.length += SIZE;
    buffer_append(&text, slice_make("\"", 2));
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    for (int i = 0; i < 2; i++) {
        credit = ear->credit;
        publish(&world, "$events/orders", "1", "application/json", (const char *)text.data);
        CHECK(ear->credit > credit);
    }
    credit = ear->credit;
    publish(&world, "$events/orders", "1", "application/json", (const char *)text.data);
    broker_run(world.broker);
    CHECK_INT_EQUAL(ear->credit, credit);
    world.broker->puback = 0;
    wait_a_second(&world);
    CHECK(ear->credit >= credit + SIZE);
    buffer_release(&text);
    door_end(&world);
}

/* A queue that takes nothing gets one message a second to try, whatever waits. */
TEST(of_those_that_wait_one_is_tried_first)
{
    struct door_world world;

    start_alone(&world);
    struct broker_session *orders = door_subscribe(&world, "topics/orders", "sub", TO_MQTT("x"));
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    publish(&world, "$events/orders", "1", "application/json", "{}");
    publish(&world, "$events/orders", "2", "application/json", "{}");
    broker_run(world.broker);
    publish(&world, "$events/orders", "3", "application/json", "{}");
    orders->waiting.length = 0; /* the broker had not taken them */
    wait_a_second(&world);
    expect_queued(orders, "1");
    CHECK_INT_EQUAL(count_waiting(orders), 0);
    world.broker->puback = 0;
    wait_a_second(&world);
    expect_queued(orders, "1");
    expect_queued(orders, "2");
    expect_queued(orders, "3");
    CHECK_INT_EQUAL(count_waiting(orders), 0);
    door_end(&world);
}

/* ---------------------------------------------------------------- of our own */

struct waiter {
    struct door_load load;
    int accepted; /* -1: not done */
};

static void on_done(struct door_load *load, bool is_accepted)
{
    CONTAINER_OF(load, struct waiter, load)->accepted = is_accepted;
}

static struct event an_event(void)
{
    return (struct event){
        .schema = SCHEMA_CLOUD_EVENTS,
        .whole = {JSON_OBJECT, SLICE_LITERAL("{\"specversion\":\"1.0\",\"id\":\"1\","
                                             "\"source\":\"/s\",\"type\":\"t\"}")},
        .id = SLICE_LITERAL("1"),
        .type = SLICE_LITERAL("t"),
        .source = SLICE_LITERAL("/s"),
        .is_verbatim = true,
    };
}

TEST(events_of_this_process_are_accepted_likewise)
{
    struct door_world world;
    struct waiter waiter = {.load.done = on_done, .accepted = -1};
    struct event event = an_event();

    start_with_orders(&world);
    struct catalog_source *source =
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"));
    door_forget(world.grid.door, &waiter.load); /* harmless */
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 3, &waiter.load),
                    DOOR_ACCEPTED);
    struct broker_session *queue = door_subscribe(&world, "topics/orders", "sub", TO_MQTT("x"));
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 3, &waiter.load), DOOR_WAITS);
    broker_run(world.broker);
    CHECK_INT_EQUAL(waiter.accepted, 1);
    struct packet packet;
    struct queued_event queued;
    struct buffer bytes = {0};
    CHECK(take_waiting(queue, &packet, &bytes));
    CHECK(queued_event_read(&queued, packet.publish.payload, &packet.properties));
    CHECK_INT_EQUAL(queued.hops, 3);
    buffer_release(&bytes);

    waiter.accepted = -1;
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 3, &waiter.load), DOOR_WAITS);
    door_forget(world.grid.door, &waiter.load);
    broker_run(world.broker);
    CHECK_INT_EQUAL(waiter.accepted, -1);
    CHECK_INT_EQUAL(count_waiting(queue), 1);

    queue->filters.length = 0;
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 3, &waiter.load), DOOR_WAITS);
    broker_run(world.broker);
    CHECK_INT_EQUAL(waiter.accepted, 0);
    door_end(&world);
}

/* It may have grown on its way; to wait would not make it smaller. */
TEST(what_is_longer_than_the_broker_takes_is_not_to_come_again)
{
    struct door_world world;
    struct waiter waiter = {.load.done = on_done, .accepted = -1};
    struct event event = an_event();

    start_with_orders(&world);
    struct catalog_source *source =
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"));
    world.grid.door->packet_max = DOOR_EVENT_MARGIN;
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 3, &waiter.load),
                    DOOR_TOO_LARGE);
    door_end(&world);
}

TEST(before_the_catalog_is_complete_none_is_accepted)
{
    struct door_world world;
    struct waiter waiter = {.load.done = on_done, .accepted = -1};
    struct event event = an_event();

    start_with_orders(&world);
    struct catalog_source *source =
        catalog_find(world.grid.catalog, SLICE_LITERAL("topics/orders"));
    world.grid.catalog->is_complete = false;
    CHECK_INT_EQUAL(door_accept(world.grid.door, source, &event, 1, 1, &waiter.load), DOOR_BUSY);
    CHECK_INT_EQUAL(waiter.accepted, -1);
    door_end(&world);
}
