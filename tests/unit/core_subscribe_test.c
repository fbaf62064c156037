/* SUBSCRIBE of durable sessions, and a store that takes nothing more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "support/durable_world.h"

/* The reason code that a SUBSCRIBE to the filter comes to. */
static uint8_t subscribe(struct durable_client *client, const char *filter)
{
    static const struct packet_limits limits = {MQTT_5, UINT32_MAX, true};
    struct packet suback;

    client->received.length = 0;
    durable_subscribe(client, filter, QOS_1, 0);
    CHECK(packet_decode(&suback, buffer_slice(&client->received), &limits) > 0);
    CHECK_INT_EQUAL(suback.type, PACKET_SUBACK);
    CHECK_INT_EQUAL(suback.suback.codes.length, 1);
    return suback.suback.codes.data[0];
}

/* A bridge asks so whether the broker has stored what it has acknowledged. */
TEST(who_is_subscribed_already_is_answered_by_a_full_store_too)
{
    struct durable_world world;
    struct durable_client *client;

    durable_world_init(&world);
    CHECK(durable_start(&world, 1, 0, NULL));
    client = durable_connect(&world, "reader", true, 1000, NULL);
    CHECK_INT_EQUAL(subscribe(client, "queue"), QOS_1);
    world.is_full = true;
    CHECK_INT_EQUAL(subscribe(client, "queue"), QOS_1);
    CHECK_INT_EQUAL(subscribe(client, "another"), REASON_QUOTA_EXCEEDED);
    world.is_full = false;
    CHECK_INT_EQUAL(subscribe(client, "another"), QOS_1);
    durable_lose(client);
    durable_world_release(&world);
}

/* Nothing of it is to be stored, so it need not wait until the store writes again. */
TEST(who_is_refused_is_told_at_once)
{
    struct durable_world world;
    struct durable_client *client;

    durable_world_init(&world);
    world.options.subscriptions_maximum = 1;
    CHECK(durable_start(&world, 1, 0, NULL));
    client = durable_connect(&world, "reader", true, 1000, NULL);
    CHECK_INT_EQUAL(subscribe(client, "queue"), QOS_1);
    world.is_full = world.is_stuck = true;
    CHECK_INT_EQUAL(subscribe(client, "another"), REASON_QUOTA_EXCEEDED);
    durable_lose(client);
    durable_world_release(&world);
}
