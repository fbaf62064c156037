/* Who published a message reaches the sessions of routes, and nobody else; also when the message
 * has waited in the store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_check.h"

#include "core/identity.h"
#include "mqtt/publisher.h"

#define ROUTE "$wps//events/routes/plant/default"

/* The route's client, over a connection of the bridge. */
static struct durable_client *connect_route(struct durable_world *world)
{
    return durable_connect_as(world, identity_new_trusted(SLICE_EMPTY), ROUTE, false, UINT32_MAX,
                              NULL);
}

static struct durable_client *connect_device(struct durable_world *world, const char *user,
                                             const struct will *will)
{
    return durable_connect_as(world, identity_new(slice_from_string(user), NULL, 0),
                              user[0] ? user : "stranger", true, 0, will);
}

static void expect_told(struct durable_client *client, const char *payload, const char *name,
                        msec_t received)
{
    struct packet packet;
    struct buffer bytes = {0};
    char digits[32];

    snprintf(digits, sizeof(digits), "%lld", (long long)received);
    CHECK(durable_receive_publish(client, &packet, &bytes));
    CHECK_SLICE_EQUAL(packet.publish.payload, slice_from_string(payload));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_NAME), slice_from_string(name));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_RECEIVED),
                      received > 0 ? slice_from_string(digits) : SLICE_EMPTY);
    buffer_release(&bytes);
}

TEST(only_a_route_is_told)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 2, 0);
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1 | 4, 0);
    struct durable_client *plain = durable_connect(&world, "plain", true, 0, NULL);
    durable_subscribe(plain, "#", 1, 0);
    struct durable_client *device = connect_device(&world, "dev-1", NULL);
    struct durable_client *stranger = connect_device(&world, "", NULL);

    durable_publish(device, "a", "one", QOS_1, 1, false);
    expect_told(route, "one", "dev-1", world.now);
    expect_told(plain, "one", "", 0);
    durable_publish(stranger, "a", "two", QOS_0, 0, false);
    expect_told(route, "two", "", world.now);
    expect_told(plain, "two", "", 0);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(it_is_told_after_a_restart_too)
{
    for (int saves = 0; saves < 2; saves++) {
        struct durable_world world;
        durable_world_init(&world);
        start(&world, 1, 0);
        struct durable_client *route = connect_route(&world);
        durable_subscribe(route, "#", 1, 0);
        durable_lose(route);
        struct durable_client *device = connect_device(&world, "dev-1", NULL);
        msec_t then = world.now;
        durable_publish(device, "a", "one", QOS_1, 1, false);
        durable_publish(device, "$delayed/100/a", "later", QOS_1, 2, true);
        durable_advance(&world, 5000);
        if (saves) {
            durable_save(&world);
        }
        durable_stop(&world);
        start(&world, 3, world.now);
        route = connect_route(&world);
        expect_told(route, "one", "dev-1", then);
        durable_advance(&world, 100 * 1000);
        expect_told(route, "later", "dev-1", then);
        durable_stop(&world);
        durable_world_release(&world);
    }
}

TEST(attributes_of_the_client_are_told)
{
    static const struct slice given[] = {SLICE_LITERAL("r1"), SLICE_LITERAL("r2")};
    static const struct slice lost[] = {SLICE_LITERAL("lost")};
    static const struct attribute floor = {
        .key = SLICE_LITERAL("floor"), .type = ATTRIBUTE_INTEGER, .integer = -3};
    static const struct attribute rooms = {.next = &floor,
                                           .key = SLICE_LITERAL("rooms"),
                                           .type = ATTRIBUTE_TEXTS,
                                           .texts = lost,
                                           .text_count = 1};
    static const struct attribute signed_in = {
        .key = SLICE_LITERAL("rooms"), .type = ATTRIBUTE_TEXTS, .texts = given, .text_count = 2};
    struct durable_world world;
    struct buffer bytes = {0};
    struct packet packet;

    durable_world_init(&world);
    start(&world, 1, 0);
    rule_set_add_client(world.settings->access,
                        &(struct registered_client){.name = SLICE_LITERAL("Dev-1"),
                                                    .is_enabled = true,
                                                    .attributes = &rooms});
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1, 0);
    struct durable_client *device = durable_connect_as(
        &world, identity_new_with_attributes(SLICE_LITERAL("dev-1"), NULL, 0, &signed_in), "device",
        true, 0, NULL);
    durable_publish(device, "a", "x", QOS_1, 1, false);
    CHECK(durable_receive_publish(route, &packet, &bytes));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_ATTRIBUTE "rooms"),
                      SLICE_LITERAL("r1,r2"));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_ATTRIBUTE "floor"),
                      SLICE_LITERAL("-3"));
    buffer_release(&bytes);
    durable_stop(&world);
    durable_world_release(&world);
}

/* Not what was said a moment ago. */
TEST(attributes_are_told_as_they_are_now)
{
    static const struct attribute floor = {
        .key = SLICE_LITERAL("floor"), .type = ATTRIBUTE_INTEGER, .integer = 7};
    struct durable_world world;
    struct buffer bytes = {0};
    struct packet packet;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1, 0);
    struct durable_client *device = connect_device(&world, "dev-1", NULL);
    durable_publish(device, "a", "x", QOS_1, 1, false);
    CHECK(durable_receive_publish(route, &packet, &bytes));
    CHECK_INT_EQUAL(durable_user_property(&packet, PUBLISHER_ATTRIBUTE "floor").length, 0);
    rule_set_add_client(world.settings->access,
                        &(struct registered_client){.name = SLICE_LITERAL("dev-1"),
                                                    .is_enabled = true,
                                                    .attributes = &floor});
    shard_reload(&world.shards[0], settings_hold(world.settings));
    durable_publish(device, "a", "x", QOS_1, 2, false);
    CHECK(durable_receive_publish(route, &packet, &bytes));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_ATTRIBUTE "floor"),
                      SLICE_LITERAL("7"));
    buffer_release(&bytes);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(what_the_bridge_publishes_says_nothing_of_it)
{
    struct durable_world world;
    struct buffer bytes = {0};
    struct packet packet;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1, 0); /* without No Local, so that it can be seen */
    struct durable_client *door = durable_connect_as(&world, identity_new_trusted(SLICE_EMPTY),
                                                     "$wps//events/door-0", true, 0, NULL);
    durable_publish(door, "a", "x", QOS_1, 1, false);
    CHECK(durable_receive_publish(route, &packet, &bytes));
    CHECK_INT_EQUAL(durable_user_property(&packet, PUBLISHER_RECEIVED).length, 0);
    buffer_release(&bytes);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(wills_say_whose_they_are)
{
    const struct will will = {.present = true,
                              .qos = QOS_1,
                              .topic = SLICE_LITERAL("last"),
                              .payload = SLICE_LITERAL("bye")};
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1, 0);
    durable_lose(connect_device(&world, "dev-1", &will));
    expect_told(route, "bye", "dev-1", world.now);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(nothing_is_said_while_there_is_no_route)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 2, 0);
    CHECK_INT_EQUAL(world.broker.publisher_listeners, 0);
    struct durable_client *route = connect_route(&world);
    CHECK_INT_EQUAL(world.broker.publisher_listeners, 1);
    durable_lose(route);
    CHECK_INT_EQUAL(world.broker.publisher_listeners, 1); /* its session hears on */
    check_restart(&world, 1);
    CHECK_INT_EQUAL(world.broker.publisher_listeners, 1);
    route = connect_route(&world);
    struct packet disconnect = {.type = PACKET_DISCONNECT};
    disconnect.properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    durable_send(route, &disconnect);
    CHECK_INT_EQUAL(world.broker.publisher_listeners, 0);
    durable_stop(&world);
    durable_world_release(&world);
}

/* A queue of events has messages refused when it is full; a route that is behind holds nobody up.
 */
TEST(a_full_route_refuses_nothing)
{
    enum { MOST = 4 };
    struct durable_world world;
    uint8_t first;
    uint16_t packet_id;
    unsigned acknowledged = 0;

    durable_world_init(&world);
    world.options.stored_messages_maximum = MOST;
    start(&world, 1, 0);
    struct durable_client *route = connect_route(&world);
    durable_subscribe(route, "#", 1, 0);
    durable_lose(route);
    struct durable_client *device = durable_connect(&world, "device", true, 0, NULL);
    for (uint16_t i = 1; i <= 2 * MOST; i++) {
        durable_publish(device, "a", "x", QOS_1, i, false);
    }
    while (durable_receive(device, &first, &packet_id, NULL)) {
        acknowledged += first == PACKET_PUBACK << 4;
    }
    CHECK_INT_EQUAL(acknowledged, 2 * MOST);
    CHECK(!durable_session(&world, ROUTE)->is_full);
    durable_stop(&world);
    durable_world_release(&world);
}
