/* Sessions of the bridge's own that carry events: No Local among them, and what is said when they
 * are full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bridge_fixture.h"

static void open_client(struct bridge *bridge, uint32_t channel, const char *stem, uint32_t expiry)
{
    struct bridge_client client = {.open = {.channel = channel, .flags = TRUNK_VERIFIED},
                                   .expiry = expiry,
                                   .keeps_session = true};
    char name[64];

    name_at(name, sizeof(name), stem, bridge->worker);
    bridge_client(bridge, name, &client);
}

static void expect_puback(struct bridge *bridge, uint32_t channel, uint16_t packet_id,
                          enum reason_code reason)
{
    struct packet puback;

    bridge_expect_packet(bridge, channel, MQTT_5, &puback);
    CHECK_INT_EQUAL(puback.type, PACKET_PUBACK);
    CHECK_INT_EQUAL(puback.ack.packet_id, packet_id);
    CHECK_INT_EQUAL(puback.ack.reason, reason);
}

static void subscribe_no_local(struct bridge *bridge, uint32_t channel, const char *filter)
{
    struct buffer filters = {0};
    struct packet packet = {.type = PACKET_SUBSCRIBE}, suback;

    buffer_append_u16(&filters, (uint16_t)strlen(filter));
    buffer_append_string(&filters, filter);
    buffer_append_byte(&filters, QOS_1 | 1 << 2);
    packet.subscribe = (struct subscribe){1, 1, buffer_slice(&filters)};
    bridge_put(bridge, channel, MQTT_5, &packet);
    buffer_release(&filters);
    bridge_expect_packet(bridge, channel, MQTT_5, &suback);
    CHECK_INT_EQUAL(suback.type, PACKET_SUBACK);
}

TEST(no_local_counts_the_bridges_own_sessions_as_one_client)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);

    open_client(&bridge, 0, "$wps//events/dispatch", 0);
    open_client(&bridge, 1, "$wps//events/door", 0);
    open_client(&bridge, 2, "$wps/chat/browser", 0);
    subscribe_no_local(&bridge, 0, "e");
    bridge_put_publish(&bridge, 1, "e", 1, 1, SLICE_LITERAL("a copy"));
    expect_puback(&bridge, 1, 1, REASON_SUCCESS); /* and nothing before it, nor behind it: */
    bridge_put_publish(&bridge, 2, "e", 0, 0, SLICE_LITERAL("a browser's"));
    bridge_expect_publish(&bridge, &(struct trunk_target){0, 0}, 1, SLICE_LITERAL("a browser's"));

    /* A browser's is local to itself alone. */
    open_client(&bridge, 3, "$wps/chat/other", 0);
    subscribe_no_local(&bridge, 3, "f");
    bridge_put_publish(&bridge, 3, "f", 0, 0, SLICE_LITERAL("own"));
    bridge_put_publish(&bridge, 1, "f", 0, 0, SLICE_LITERAL("the bridge's"));
    bridge_expect_publish(&bridge, &(struct trunk_target){3, 0}, 1, SLICE_LITERAL("the bridge's"));
    bridge_put_publish(&bridge, 2, "f", 0, 0, SLICE_LITERAL("of another browser"));
    bridge_expect_publish(&bridge, &(struct trunk_target){3, 0}, 1,
                          SLICE_LITERAL("of another browser"));
    bridge_close(&bridge);
    server_free(server);
}

/* Nothing of what was acknowledged is dropped. */
TEST(a_full_session_of_events_has_them_refused)
{
    enum { MOST = 8 };
    struct server *server = server_make();
    struct bridge bridge;
    uint16_t accepted = 0;

    server->stored_messages_maximum = MOST;
    server_start_with_trunk(server, 0);
    bridge = bridge_open(0);
    open_client(&bridge, 0, "$wps//events/topics/x", UINT32_MAX);
    bridge_subscribe(&bridge, 0, "q", 1, 0);
    trunk_put_close(&bridge.out, 0, 0);
    bridge_expect_close(&bridge, 0, 0);
    open_client(&bridge, 1, "$wps//events/door", 0);
    /* The one that finds it full still comes in. */
    for (; accepted < MOST + 1; accepted++) {
        bridge_put_publish(&bridge, 1, "q", 1, (uint16_t)(accepted + 1), SLICE_LITERAL("x"));
        expect_puback(&bridge, 1, (uint16_t)(accepted + 1), REASON_SUCCESS);
        bridge_ping(&bridge, 1);
    }
    bridge_put_publish(&bridge, 1, "q", 1, 100, SLICE_LITERAL("y"));
    expect_puback(&bridge, 1, 100, REASON_QUOTA_EXCEEDED);

    /* That somebody else would get it does not make room. */
    open_client(&bridge, 2, "reader", 0);
    bridge_subscribe(&bridge, 2, "q", 0, 0);
    bridge_put_publish(&bridge, 1, "q", 1, 101, SLICE_LITERAL("z"));
    expect_puback(&bridge, 1, 101, REASON_QUOTA_EXCEEDED);
    trunk_put_close(&bridge.out, 2, 0);
    bridge_expect_close(&bridge, 2, 0);

    open_client(&bridge, 0, "$wps//events/topics/x", UINT32_MAX);
    for (uint32_t i = 1; i <= MOST + 1; i++) {
        bridge_expect_publish(&bridge, &(struct trunk_target){0, i}, 1, SLICE_LITERAL("x"));
    }
    bridge_put_publish(&bridge, 1, "q", 1, 102, SLICE_LITERAL("again"));
    expect_puback(&bridge, 1, 102, REASON_SUCCESS);
    bridge_expect_publish(&bridge, &(struct trunk_target){0, MOST + 2}, 1, SLICE_LITERAL("again"));
    bridge_close(&bridge);
    server_free(server);
}

/* A bound for how long clients' sessions wait is none for events that do. */
TEST(sessions_of_events_have_no_bound_for_their_expiry)
{
    struct server *server = server_make();
    struct bridge bridge;

    server->ends_sessions = true;
    server_start_with_trunk(server, 0);
    bridge = bridge_open(0);
    open_client(&bridge, 0, "$wps//events/topics/x", UINT32_MAX);
    bridge_subscribe(&bridge, 0, "q", 1, 0);
    trunk_put_close(&bridge.out, 0, 0);
    bridge_expect_close(&bridge, 0, 0);
    open_client(&bridge, 1, "$wps//events/door", 0);
    bridge_put_publish(&bridge, 1, "q", 1, 1, SLICE_LITERAL("x"));
    expect_puback(&bridge, 1, 1, REASON_SUCCESS);
    open_client(&bridge, 0, "$wps//events/topics/x", UINT32_MAX);
    bridge_expect_publish(&bridge, &(struct trunk_target){0, 1}, 1, SLICE_LITERAL("x"));
    bridge_close(&bridge);
    server_free(server);
}

/* Copies for other listeners are none of its business, even if it is full. */
TEST(a_full_session_does_not_refuse_what_no_local_keeps_from_it)
{
    enum { MOST = 8 };
    struct server *server = server_make();
    struct bridge bridge;
    uint16_t sent = 0;

    server->stored_messages_maximum = MOST;
    server_start_with_trunk(server, 0);
    bridge = bridge_open(0);
    open_client(&bridge, 0, "$wps//events/dispatch", UINT32_MAX);
    subscribe_no_local(&bridge, 0, "f");
    trunk_put_close(&bridge.out, 0, 0);
    bridge_expect_close(&bridge, 0, 0);
    open_client(&bridge, 1, "device", 0);
    for (; sent < MOST + 1; sent++) {
        bridge_put_publish(&bridge, 1, "f", 1, (uint16_t)(sent + 1), SLICE_LITERAL("x"));
        expect_puback(&bridge, 1, (uint16_t)(sent + 1), REASON_SUCCESS);
        bridge_ping(&bridge, 1);
    }
    bridge_put_publish(&bridge, 1, "f", 1, 100, SLICE_LITERAL("y"));
    expect_puback(&bridge, 1, 100, REASON_QUOTA_EXCEEDED);
    open_client(&bridge, 2, "reader", 0);
    bridge_subscribe(&bridge, 2, "f", 0, 0);
    open_client(&bridge, 3, "$wps//events/door", 0);
    bridge_put_publish(&bridge, 3, "f", 1, 1, SLICE_LITERAL("copy"));
    expect_puback(&bridge, 3, 1, REASON_SUCCESS);
    bridge_expect_publish(&bridge, &(struct trunk_target){2, 0}, 1, SLICE_LITERAL("copy"));
    bridge_close(&bridge);
    server_free(server);
}
