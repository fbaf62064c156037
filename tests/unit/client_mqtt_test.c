/* MQTT clients of the bridge at `/mqtt`: packets are relayed whole and unaltered, however they were
 * cut, and each end of the connection is the right one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_client_fixture.h"

#define CONNECT_5 "10 [<MQTT> 05 02 003C 00 <cid>]"
#define CONNECT_3 "10 [<MQTT> 04 02 003C <cid>]"

static void begin(void)
{
    fixture_begin(UPGRADE_MQTT, "");
}

static void connect(const char *packet)
{
    begin();
    browser_sends(packet);
    CHECK_BROKER_GOT(packet);
    broker_sends("20 [00 00 00]");
    CHECK_BROWSER_GOT("20 [00 00 00]");
}

TEST(connect_opens_the_channel_where_the_session_lives)
{
    begin();
    CHECK(!fixture.client->channel.is_open);
    browser_sends(CONNECT_5);
    CHECK(fixture.client->channel.is_open);
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.placement), SLICE_LITERAL("cid"));
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.user), SLICE_EMPTY);
    CHECK_INT_EQUAL(fixture.flags, TRUNK_IS_LOOPBACK); /* the broker authenticates */
    CHECK_BROKER_GOT(CONNECT_5);
    fixture_end();
}

TEST(packets_go_as_they_are)
{
    static const char packets[] = "82 [0001 00 <#> 00] 3D [<a/b> 1234 00 'x'] 62 [0001] C0 []";

    connect(CONNECT_5);
    browser_sends(packets); /* several in one message */
    CHECK_BROKER_GOT(packets);
    broker_sends("D0 []");
    broker_sends("90 [0001 00 00]");
    CHECK_BROWSER_GOT("D0 [] 90 [0001 00 00]");
    fixture_end();
}

/* Cut anywhere: nothing goes before it is whole. */
TEST(packets_are_put_together)
{
    struct buffer bytes = {0};

    begin();
    counted_bytes_append(&bytes, CONNECT_5 "30 [<a> 00 'payload'] C0 []");
    for (size_t i = 0; i < bytes.length; i++) {
        client_receive(fixture.client, slice_make(bytes.data + i, 1), false);
    }
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.got), buffer_slice(&bytes));
    fixture.got.length = 0;
    browser_sends("30 0A <a>");
    CHECK_NOTHING_WENT();
    browser_sends("00 'paylo'");
    browser_sends("");
    CHECK_NOTHING_WENT();
    browser_sends("'a' C0");
    CHECK_BROKER_GOT("30 [<a> 00 'payloa']");
    browser_sends("00");
    CHECK_BROKER_GOT("C0 []");
    buffer_release(&bytes);
    CHECK_INT_EQUAL(fixture.websocket.closed, 0);
    fixture_end();
}

TEST(publishes_of_the_broker)
{
    connect(CONNECT_5);
    broker_publishes(MQTT_5, "30 [<a/b> 00 'x']", 0);
    CHECK_BROWSER_GOT("30 [<a/b> 00 'x']");
    CHECK_INT_EQUAL(fixture.websocket.credit, 9); /* comes back when it is written */
    CHECK_INT_EQUAL(fixture.credit, 0);
    client_written(fixture.client, 9);
    CHECK_INT_EQUAL(fixture.credit, 9);
    /* The packet identifier is the low half of the delivery's number. */
    broker_publishes(MQTT_5, "32 [<a/b> 0001 00 'x']", 0x00051234);
    CHECK_BROWSER_GOT("32 [<a/b> 1234 00 'x']");
    fixture_end();
}

TEST(publishes_of_the_broker_in_the_older_version)
{
    connect(CONNECT_3);
    broker_publishes(MQTT_3_1_1, "34 [<a/b> 0001 'x']", 7);
    CHECK_BROWSER_GOT("34 [<a/b> 0007 'x']");
    fixture_end();
}

/* The broker answers a CONNECT that is wrong, and says why. */
TEST(wrong_connects_are_the_brokers)
{
    static const char *const packets[] = {
        "10 [<MQTT> 06 02 003C 00 <cid>]", /* unknown version */
        "10 [<MQTT> 05 03 003C 00 <cid>]", /* reserved flag */
        "C0 []",                           /* not a CONNECT */
    };

    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        begin();
        browser_sends(packets[i]);
        CHECK_BROKER_GOT(packets[i]);
        CHECK_SLICE_EQUAL(buffer_slice(&fixture.placement), SLICE_EMPTY);
        fixture_end();
    }
}

/* Who has its token is as trusted as a bridge, but has no session of a bridge. */
TEST(the_system_hub)
{
    fixture_begin(UPGRADE_SYSTEM, "ann");
    browser_sends(CONNECT_5);
    CHECK_INT_EQUAL(fixture.flags, TRUNK_IS_LOOPBACK | TRUNK_VERIFIED);
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.user), SLICE_LITERAL("ann"));
    CHECK_BROKER_GOT(CONNECT_5);
    broker_sends("20 [00 00 00]");
    browser_sends("30 [<$SYS/a> 00 'x']");
    CHECK_BROKER_GOT("30 [<$SYS/a> 00 'x']");
    fixture_end();
    fixture_begin(UPGRADE_SYSTEM, "ann");
    browser_sends("10 [<MQTT> 05 02 003C 00 <$wps//staff/0>]");
    CHECK(!fixture.opened || !fixture.client->channel.is_open);
    CHECK_BROWSER_GOT("20 [00 85 00]");
    CHECK_INT_EQUAL(fixture.websocket.closed, 1002);
    fixture_end();
}

TEST(text_is_not_mqtt)
{
    connect(CONNECT_5);
    client_receive(fixture.client, SLICE_LITERAL("hello"), true);
    CHECK_INT_EQUAL(fixture.websocket.closed, 1003);
    CHECK_NOTHING_WENT();
    fixture_end();
}

TEST(packets_that_are_too_large)
{
    connect(CONNECT_5);
    browser_sends("30 FD1F"); /* 4093 and the header: the most */
    CHECK_INT_EQUAL(fixture.websocket.closed, 0);
    fixture_end();
    connect(CONNECT_5);
    browser_sends("C0 [] 30 FE1F"); /* known from its header */
    CHECK_BROKER_GOT("C0 []");
    CHECK_BROWSER_GOT("E0 [95]");
    CHECK_ENDED(1009);
    browser_sends("C0 []"); /* too late */
    CHECK_NOTHING_WENT();
    fixture_end();
    connect(CONNECT_3);
    browser_sends("30 FE1F");
    CHECK_NOTHING_WENT(); /* MQTT 3.1.1 has no DISCONNECT of the server */
    CHECK_ENDED(1009);
    fixture_end();
    begin();
    browser_sends("10 FFFFFF7F");
    CHECK_NOTHING_WENT();
    CHECK_ENDED(1009);
    fixture_end();
}

TEST(lengths_that_are_malformed)
{
    connect(CONNECT_5);
    browser_sends("30 FFFFFFFF01");
    CHECK_BROWSER_GOT("E0 [81]");
    CHECK_BROKER_GOT("");
    CHECK_ENDED(1002);
    fixture_end();
}

/* ---------------------------------------------------------------- flow */

TEST(the_browser_waits_for_the_broker)
{
    connect(CONNECT_5);
    fixture.may_send = false;
    browser_sends("30 [<a> 00 'x']");
    CHECK(fixture.websocket.paused);
    CHECK_BROKER_GOT("30 [<a> 00 'x']");
    fixture.may_send = true;
    fixture.client->channel.events->writable(&fixture.client->channel);
    CHECK(!fixture.websocket.paused);
    browser_sends("C0 []");
    CHECK(!fixture.websocket.paused);
    fixture_end();
}

/* ---------------------------------------------------------------- ends */

TEST(the_broker_closes)
{
    connect(CONNECT_5);
    broker_sends("E0 [8E]");
    fixture.client->channel.is_open = false;
    fixture.client->channel.events->closed(&fixture.client->channel, REASON_SESSION_TAKEN_OVER);
    CHECK_BROWSER_GOT("E0 [8E]"); /* before the end */
    CHECK_ENDED(1000);
    fixture_end();
}

TEST(the_broker_is_lost)
{
    connect(CONNECT_5);
    fixture.client->channel.is_open = false;
    fixture.client->channel.events->lost(&fixture.client->channel);
    CHECK_ENDED(1012);
    fixture.client->kind->ready(fixture.client);
    CHECK_NOTHING_WENT();
    fixture_end();
}

TEST(the_broker_is_not_there_yet)
{
    begin();
    fixture.is_ready = false;
    browser_sends(CONNECT_5);
    CHECK_NOTHING_WENT();
    CHECK_ENDED(1012);
    fixture_end();
}

/* Without a DISCONNECT: the broker publishes the will. */
TEST(the_browser_vanishes)
{
    connect(CONNECT_5);
    fixture_vanish(1006);
    CHECK_NOTHING_WENT();
    CHECK(fixture.is_closed);
    CHECK(list_is_empty(&fixture.gateway.clients));
    fixture_end();
}

TEST(what_comes_after_the_close_is_dropped)
{
    connect(CONNECT_5);
    client_receive(fixture.client, SLICE_LITERAL("text"), true);
    broker_sends("D0 []");
    broker_publishes(MQTT_5, "30 [<a/b> 00 'x']", 0);
    CHECK_NOTHING_WENT();
    CHECK_INT_EQUAL(fixture.credit, 9); /* not held back from the others */
    fixture_end();
}

TEST(connect_must_come_in_time)
{
    begin();
    browser_sends("10 10 0004");
    fixture.now += 9999;
    gateway_advance(&fixture.gateway);
    CHECK_INT_EQUAL(fixture.websocket.closed, 0);
    fixture.now += 1;
    gateway_advance(&fixture.gateway);
    CHECK_ENDED(1008);
    CHECK_INT_EQUAL(fixture.websocket.closed_as, CLOSED_BAD_REQUEST);
    fixture_end();
    connect(CONNECT_5);
    fixture.now += 100000;
    gateway_advance(&fixture.gateway);
    CHECK_INT_EQUAL(fixture.websocket.closed, 0);
    fixture_end();
}
