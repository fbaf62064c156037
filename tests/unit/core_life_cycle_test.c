/* That clients connect and disconnect, and why, reaches the session that listens for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_check.h"

#include "core/identity.h"
#include "mqtt/life_cycle.h"
#include "mqtt/publisher.h"

static struct durable_client *connect_device(struct durable_world *world, uint32_t expiry)
{
    return durable_connect_as(world, identity_new(SLICE_LITERAL("dev-1"), NULL, 0), "phone", false,
                              expiry, NULL);
}

static struct durable_client *connect_listener(struct durable_world *world)
{
    return durable_connect_as(world, identity_new_trusted(SLICE_EMPTY), LIFE_CYCLE_LISTENER, false,
                              UINT32_MAX, NULL);
}

static struct durable_client *listen(struct durable_world *world)
{
    struct durable_client *listener = connect_listener(world);

    durable_subscribe(listener, LIFE_CYCLE_TOPIC, 1, 0);
    return listener;
}

/* `reason` empty: it was connected. */
static void expect(struct durable_client *listener, const char *number, const char *reason)
{
    struct buffer bytes = {0};
    struct packet packet;

    CHECK(durable_receive_publish(listener, &packet, &bytes));
    durable_acknowledge(listener, PACKET_PUBACK, packet.publish.packet_id);
    CHECK_SLICE_EQUAL(packet.publish.topic, SLICE_LITERAL(LIFE_CYCLE_TOPIC));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, PUBLISHER_NAME), SLICE_LITERAL("dev-1"));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, LIFE_CYCLE_SESSION), SLICE_LITERAL("phone"));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, LIFE_CYCLE_NUMBER), slice_from_string(number));
    CHECK_SLICE_EQUAL(durable_user_property(&packet, LIFE_CYCLE_REASON), slice_from_string(reason));
    buffer_release(&bytes);
}

static void expect_nothing(struct durable_client *listener)
{
    struct buffer bytes = {0};
    struct packet packet;

    CHECK(!durable_receive_publish(listener, &packet, &bytes));
    buffer_release(&bytes);
}

static void send_packet(struct durable_client *client, enum packet_type type)
{
    durable_send(client, &(struct packet){.type = type});
}

TEST(numbers_go_up_in_a_session)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 2, 0);
    struct durable_client *listener = listen(&world);
    send_packet(connect_device(&world, 1000), PACKET_DISCONNECT);
    expect(listener, "1", "");
    expect(listener, "1", "ClientInitiatedDisconnect");
    durable_lose(connect_device(&world, 1000));
    expect(listener, "2", "");
    expect(listener, "2", "ConnectionLost");
    /* Also when the broker was not there. */
    durable_lose(listener);
    check_restart(&world, 1);
    listener = connect_listener(&world);
    durable_lose(connect_device(&world, 0));
    expect(listener, "3", "");
    expect(listener, "3", "ConnectionLost");
    /* That one has ended with its connection, so this is another. */
    connect_device(&world, 0);
    expect(listener, "1", "");
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(why_the_server_closes_a_connection)
{
    static const struct {
        enum reason_code reason;
        const char *said;
    } rows[] = {
        {REASON_PROTOCOL_ERROR, "ClientError"},
        {REASON_TOPIC_ALIAS_INVALID, "ClientError"},
        {REASON_BAD_AUTHENTICATION_METHOD, "ClientAuthenticationError"},
        {REASON_MAXIMUM_CONNECT_TIME, "ClientAuthenticationError"},
        {REASON_NOT_AUTHORIZED, "ClientAuthorizationError"},
        {REASON_BANNED, "IpForbidden"},
        {REASON_IMPLEMENTATION_SPECIFIC_ERROR, "ServerError"},
        {REASON_ADMINISTRATIVE_ACTION, "ServerInitiatedDisconnect"},
        {REASON_KEEP_ALIVE_TIMEOUT, "ConnectionLost"},
        {REASON_QUOTA_EXCEEDED, "QuotaExceeded"},
        {REASON_PACKET_TOO_LARGE, "QuotaExceeded"},
    };
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *listener = listen(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", reason_text(rows[i].reason));
        struct durable_client *device = connect_device(&world, 0);
        expect(listener, "1", "");
        connection_close(&device->connection, rows[i].reason, NULL);
        durable_settle(&world);
        expect(listener, "1", rows[i].said);
    }
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(a_session_that_is_taken_over)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *listener = listen(&world);
    connect_device(&world, 1000);
    connect_device(&world, 1000);
    expect(listener, "1", "");
    expect(listener, "1", "SessionTakenOver");
    expect(listener, "2", "");
    expect_nothing(listener);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(a_session_that_overflows)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *listener = listen(&world);
    connect_device(&world, 1000);
    expect(listener, "1", "");
    session_overflow(durable_session(&world, "phone"));
    durable_advance(&world, 1);
    expect(listener, "1", "SessionOverflow");
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(the_bridge_is_no_client)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    struct durable_client *listener = listen(&world);
    durable_lose(durable_connect_as(&world, identity_new_trusted(SLICE_LITERAL("ann")),
                                    "$wps/chat/1", false, 0, NULL));
    /* On behalf of somebody, for a request over HTTP. */
    durable_lose(durable_connect_as(&world, identity_new(SLICE_LITERAL("ann"), NULL, 0),
                                    "$wps/.http/0-1", false, 0, NULL));
    expect_nothing(listener);
    durable_stop(&world);
    durable_world_release(&world);
}

TEST(nothing_is_told_while_nobody_listens)
{
    struct durable_world world;

    durable_world_init(&world);
    start(&world, 1, 0);
    connect_device(&world, 1000);
    struct durable_client *listener = listen(&world);
    expect_nothing(listener);
    CHECK_INT_EQUAL(world.broker.life_cycle_listeners, 1);
    struct packet disconnect = {.type = PACKET_DISCONNECT};
    disconnect.properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    durable_send(listener, &disconnect);
    CHECK_INT_EQUAL(world.broker.life_cycle_listeners, 0);
    durable_stop(&world);
    durable_world_release(&world);
}
