/* MQTT clients of a hub (spec/webpubsub.md 5): its topics and filters, roles, and events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_hub_fixture.h"

/* ---------------------------------------------------------------- PUBLISH */

TEST(publish_to_groups)
{
    connect_5("");
    all_roles();
    browser_sends("30 [<a> 00 'x'] 3B [<b/c> 0007 00 'y'] 34 [<d> 0008 00]");
    CHECK_BROKER_GOT("30 [<hub/a> 00 'x'] 3B [<hub/b/c> 0007 00 'y']"
                     " 34 [<hub/d> 0008 00]");
    broker_sends("40 [0007]");
    broker_sends("50 [0008]");
    browser_sends("62 [0008]");
    CHECK_BROKER_GOT("62 [0008]");
    broker_sends("70 [0008]");
    CHECK_BROWSER_GOT("40 [0007] 50 [0008] 70 [0008]");
    fixture_end();
    connect_3();
    all_roles();
    browser_sends("33 [<a> 0007 'x']");
    CHECK_BROKER_GOT("33 [<hub/a> 0007 'x']");
    fixture_end();
}

/* Who it is from goes on; Response Topic is a topic, too. */
TEST(publish_properties)
{
    connect_5("ann");
    all_roles();
    browser_sends("30 [<a> [02 0000003C 08 <r> 09 <c> 26 <k> <v>] 'x']");
    CHECK_BROKER_GOT("30 [<hub/a> [02 0000003C 08 <hub/r> 09 <c>"
                     " 26 <k> <v> 26 <$wps.from> <ann>] 'x']");
    /* What only the bridge may say. */
    browser_sends("32 [<a> 0005 [26 <$wps.from> <bob>] 'x']");
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("40 [0005 87]");
    fixture_end();
}

TEST(publish_needs_the_role)
{
    connect_5("");
    fixture_role("webpubsub.sendToGroup.a");
    fixture_role("webpubsub.sendToGroup.x+y");
    browser_sends("30 [<a> 00] 30 [<b> 00] 30 [<x%2By> 00]");
    CHECK_BROKER_GOT("30 [<hub/a> 00] 30 [<hub/x%2By> 00]");
    browser_sends("32 [<b> 0001 00]");
    CHECK_BROWSER_GOT("40 [0001 87]");
    browser_sends("34 [<b> 0002 00]");
    CHECK_BROWSER_GOT("50 [0002 87]");
    CHECK_BROKER_GOT("");
    fixture_end();
}

/* MQTT 3.1.1 has no other way to say no. */
TEST(publish_without_the_role_in_the_older_version)
{
    connect_3();
    browser_sends("30 [<b> 'x']");
    CHECK_INT_EQUAL(fixture.websocket.closed, 0);
    browser_sends("C0 [] 32 [<b> 0001 'x'] C0 []");
    CHECK_BROKER_GOT("C0 []");
    CHECK_BROWSER_GOT("");
    CHECK_ENDED(1008);
    fixture_end();
}

/* Acknowledgements come in the order of the PUBLISHes (MQTT-4.6.0-2, MQTT-4.6.0-3). */
TEST(refusals_wait_for_their_turn)
{
    connect_5("");
    fixture_role("webpubsub.sendToGroup.a");
    browser_sends("32 [<a> 0001 00] 32 [<b> 0002 00] 32 [<a> 0003 00]"
                  " 32 [<b> 0004 00] 34 [<a> 0005 00] 34 [<b> 0006 00]");
    CHECK_BROKER_GOT("32 [<hub/a> 0001 00] 32 [<hub/a> 0003 00]"
                     " 34 [<hub/a> 0005 00]");
    CHECK_BROWSER_GOT("");
    broker_sends("40 [0001]");
    CHECK_BROWSER_GOT("40 [0001] 40 [0002 87]");
    broker_sends("50 [0005]");
    CHECK_BROWSER_GOT("50 [0005] 50 [0006 87]");
    broker_sends("40 [0003]");
    CHECK_BROWSER_GOT("40 [0003] 40 [0004 87]");
    browser_sends("32 [<b> 0007 00]");
    CHECK_BROWSER_GOT("40 [0007 87]");
    fixture_end();
}

TEST(topic_aliases)
{
    connect_5("");
    fixture_role("webpubsub.sendToGroup.a");
    browser_sends("30 [<a> [23 0001] 'x'] 30 [0000 [23 0001] 'y']");
    CHECK_BROKER_GOT("30 [<hub/a> [23 0001] 'x'] 30 [0000 [23 0001] 'y']");
    /* It stands for a topic that is refused: not for the one before. */
    browser_sends("30 [<b> [23 0001] 'x'] 30 [0000 [23 0001] 'y']");
    browser_sends("32 [0000 0009 [23 0001] 'y']");
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("40 [0009 87]");
    browser_sends("30 [<a> [23 0001] 'x'] 30 [0000 [23 0001] 'y']");
    CHECK_BROKER_GOT("30 [<hub/a> [23 0001] 'x'] 30 [0000 [23 0001] 'y']");
    browser_sends("30 [0000 [23 000A]]"); /* never set: the broker knows what to do */
    CHECK_BROKER_GOT("30 [0000 [23 000A]]");
    browser_sends("30 [<b> [23 000B]]"); /* above the maximum */
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("E0 [94]");
    CHECK_ENDED(1002);
    fixture_end();
}

/* ---------------------------------------------------------------- SUBSCRIBE, UNSUBSCRIBE */

TEST(subscribe_in_the_hub)
{
    connect_5("");
    all_roles();
    browser_sends("82 [0007 [0B 05] <a> 2D <b/+> 00 <#> 02 <$share/s/c> 01]");
    CHECK_BROKER_GOT("82 [0007 [0B 05] <hub/a> 2D <hub/b/+> 00 <hub/#> 02"
                     " <$share/s/hub/c> 01]");
    broker_sends("90 [0007 00 01 00 02 01]");
    CHECK_BROWSER_GOT("90 [0007 00 01 00 02 01]");
    browser_sends("A2 [0008 00 <a> <$share/s/c>]");
    CHECK_BROKER_GOT("A2 [0008 00 <hub/a> <$share/s/hub/c>]");
    broker_sends("B0 [0008 00 00 11]");
    CHECK_BROWSER_GOT("B0 [0008 00 00 11]");
    fixture_end();
    connect_3();
    all_roles();
    browser_sends("82 [0007 <a> 01] A2 [0008 <a>]");
    CHECK_BROKER_GOT("82 [0007 <hub/a> 01] A2 [0008 <hub/a>]");
    broker_sends("90 [0007 01]");
    broker_sends("B0 [0008]");
    CHECK_BROWSER_GOT("90 [0007 01] B0 [0008]");
    fixture_end();
}

/* What is not allowed is refused; the others go on. */
TEST(subscribe_needs_the_role)
{
    connect_5("");
    fixture_role("webpubsub.joinLeaveGroup.a");
    fixture_role("webpubsub.joinLeaveGroups.line1/**");
    browser_sends("82 [0007 00 <b> 00 <a> 01 <#> 00 <line1/+> 02"
                  " <$share/s/b> 00]");
    CHECK_BROKER_GOT("82 [0007 00 <hub/a> 01 <hub/line1/+> 02]");
    broker_sends("90 [0007 00 01 02]");
    CHECK_BROWSER_GOT("90 [0007 00 87 01 87 02 87]");
    browser_sends("82 [0008 00 <b> 00 <#> 00]"); /* none */
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("90 [0008 00 87 87]");
    fixture_end();
    connect_3();
    fixture_role("webpubsub.joinLeaveGroup.a");
    browser_sends("82 [0007 <a> 01 <b> 00] 82 [0008 <b> 00]");
    CHECK_BROKER_GOT("82 [0007 <hub/a> 01]");
    broker_sends("90 [0007 80]"); /* the broker may refuse as well */
    CHECK_BROWSER_GOT("90 [0008 80] 90 [0007 80 80]");
    fixture_end();
}

/* Several at a time, answered in order or not; what has no denied filter passes between them. */
TEST(subacks_find_their_subscribe)
{
    connect_5("");
    fixture_role("webpubsub.joinLeaveGroup.a");
    browser_sends("82 [0001 00 <a> 00 <b> 00] 82 [0002 00 <a> 00]"
                  " 82 [0003 00 <b> 00 <a> 00]");
    fixture.got.length = 0;
    broker_sends("90 [0003 00 00]");
    broker_sends("90 [0002 00 01]");
    broker_sends("90 [0001 00 02]");
    broker_sends("90 [0001 00 02]"); /* that nobody asked for: as it is */
    CHECK_BROWSER_GOT("90 [0003 00 87 00] 90 [0002 00 01] 90 [0001 00 02 87] 90 [0001 00 02]");
    fixture_end();
}

/* ---------------------------------------------------------------- malformed packets */

TEST(packets_that_are_malformed)
{
    connect_5("");
    all_roles();
    browser_sends("30 [<a> 00 'x'] 36 [<a> 0001 00] C0 []");
    CHECK_BROKER_GOT("30 [<hub/a> 00 'x']"); /* what came before */
    CHECK_BROWSER_GOT("E0 [81]");
    CHECK_ENDED(1002);
    fixture_end();
    connect_5("");
    browser_sends("30 [<+> 00 'x']");
    CHECK_BROWSER_GOT("E0 [90]");
    fixture_end();
    connect_5("");
    browser_sends("10 [<MQTT> 09 02 003C 00 <cid>]"); /* a second CONNECT, whatever it is */
    CHECK_BROWSER_GOT("E0 [82]");
    CHECK_ENDED(1002);
    fixture_end();
    connect_3();
    browser_sends("80 [0001 <a> 00]");
    CHECK_NOTHING_WENT();
    CHECK_ENDED(1002);
    fixture_end();
}

TEST(the_rest_passes)
{
    static const char packets[] = "40 [0001] 50 [0002 10] 62 [0003] 70 [0004] C0 [] E0 [04]";

    connect_5("");
    browser_sends(packets);
    CHECK_BROKER_GOT(packets);
    broker_sends("62 [0005]");
    broker_sends("D0 []");
    broker_sends("E0 [8B]");
    CHECK_BROWSER_GOT("62 [0005] D0 [] E0 [8B]");
    fixture_end();
}

/* ---------------------------------------------------------------- from the broker */

TEST(deliveries_without_the_hub)
{
    connect_5("");
    broker_publishes(MQTT_5, "32 [<hub/a/b> 0001 [08 <hub/r>] 'x']", 0x00020003);
    CHECK_BROWSER_GOT("32 [<a/b> 0003 [08 <r>] 'x']");
    CHECK_INT_EQUAL(fixture.websocket.credit, 23); /* of the packet as the broker sent it */
    fixture_end();
    connect_3();
    broker_publishes(MQTT_3_1_1, "31 [<hub/a> 'x']", 0);
    CHECK_BROWSER_GOT("31 [<a> 'x']");
    fixture_end();
}

/* The hub alone is no group, but its # matches it. */
TEST(deliveries_of_no_group)
{
    connect_5("");
    broker_publishes(MQTT_5, "30 [<hub> 00 'x']", 0);
    broker_publishes(MQTT_5, "32 [<hub/> 0001 00 'x']", 5);
    broker_publishes(MQTT_5, "34 [<hub> 0001 00 'x']", 6);
    CHECK_BROWSER_GOT("");
    CHECK_BROKER_GOT("40 [0005 90] 50 [0006 90]");
    CHECK_INT_EQUAL(fixture.credit, 9 + 12 + 11);
    fixture_end();
}

/* Who else gets it, or does not, is not told. */
TEST(deliveries_from_the_server)
{
    connect_5("ann");
    broker_publishes(MQTT_5, "32 [<$wps/hub/all> 0001 00 'x']", 2);
    broker_publishes(MQTT_5, "32 [<$wps/hub/user/ann> 0001 [26 <a> <b>] 'y']", 3);
    broker_publishes(MQTT_5, "32 [<$wps/hub/conn/cid> 0001 [26 <$wps.exclude> <x>] 'z']", 4);
    CHECK_BROWSER_GOT("32 [<$webpubsub/server/messages> 0002 00 'x']"
                      " 32 [<$webpubsub/server/messages> 0003 [26 <a> <b>] 'y']"
                      " 32 [<$webpubsub/server/messages> 0004 00 'z']");
    broker_publishes(MQTT_5, "32 [<$wps/hub/all> 0001 [26 <$wps.exclude> <cid>] 'x']", 5);
    broker_publishes(MQTT_5, "30 [<hub/g> [26 <$wps.filter> <userId ne 'ann'>] 'x']", 0);
    CHECK_BROWSER_GOT("");
    CHECK_BROKER_GOT("40 [0005 90]");
    broker_publishes(MQTT_5, "30 [<hub/g> [26 <$wps.filter> <protocol eq 'mqtt'>] 'x']", 0);
    CHECK_BROWSER_GOT("30 [<g> 00 'x']");
    fixture_end();
}

/* What looks like the connection id of a browser is not listened to. */
TEST(an_identifier_like_a_connection_id_is_no_address)
{
    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 <abcdefghijklmnopqrst-_>]");
    CHECK_BROKER_GOT("10 [<MQTT> 05 02 003C 00 <$wps/hub/mqtt/abcdefghijklmnopqrst-_>] 82 [0001 00"
                     " <$wps/hub/event/abcdefghijklmnopqrst-_/#> 22 <$wps/hub/all> 21]");
    fixture_end();
}

/* ---------------------------------------------------------------- events (5.2) */

#define ANSWER_PROPERTIES "01 01 03 <text/plain> 09 <cd> 26 <azure-status-code> <404>"
#define NO_HANDLER        "'the hub has no event handler for this event'"

/* The PUBLISH becomes its answer: same QoS and correlation data. No role is needed. */
TEST(events_fail_without_handler)
{
    connect_5("ann");
    browser_sends("33 [<$webpubsub/server/events/ev> 0009 [03 <x> 09 <cd>"
                  " 26 <k> <v>] 'payload']");
    CHECK_BROKER_GOT("32 [<$wps/hub/event/cid/ev/failed> 0009 [" ANSWER_PROPERTIES "] " NO_HANDLER
                     "]");
    broker_sends("40 [0009]");
    CHECK_BROWSER_GOT("40 [0009]");
    broker_publishes(
        MQTT_5, "32 [<$wps/hub/event/cid/ev/failed> 0001 [" ANSWER_PROPERTIES "] " NO_HANDLER "]",
        0x00010002);
    CHECK_BROWSER_GOT("32 [<$webpubsub/server/events/ev/failed> 0002 [" ANSWER_PROPERTIES
                      "] " NO_HANDLER "]");
    CHECK(fixture.websocket.credit > 100);
    fixture_end();
    connect_3();
    browser_sends("30 [<$webpubsub/server/events/ev> 'payload']");
    CHECK_BROKER_GOT("30 [<$wps/hub/event/cid/ev/failed> " NO_HANDLER "]");
    fixture_end();
}

TEST(events_by_alias)
{
    connect_5("");
    browser_sends("30 [<$webpubsub/server/events/ev> [23 0002]] 30 [0000 [23 0002] 'x']");
    CHECK_BROKER_GOT("30 [<$wps/hub/event/cid/ev/failed> [01 01 03 <text/plain> 23 0002"
                     " 26 <azure-status-code> <404>] " NO_HANDLER "]"
                     " 30 [0000 [01 01 03 <text/plain> 23 0002"
                     " 26 <azure-status-code> <404>] " NO_HANDLER "]");
    fixture_end();
}

/* Nobody can make up an answer; to subscribe to them is harmless. */
TEST(reserved_topics)
{
    connect_5("");
    fixture_role("webpubsub.sendToGroup");
    browser_sends("32 [<$webpubsub/server/events/ev/failed> 0001 00]"
                  " 32 [<$webpubsub/x> 0002 00] 32 [<$webpubsub/server/events/1> 0003 00]");
    CHECK_BROKER_GOT("");
    CHECK_BROWSER_GOT("40 [0001 87] 40 [0002 87] 40 [0003 87]");
    browser_sends("82 [0004 00 <$webpubsub/server/events/#> 01]");
    CHECK_BROKER_GOT("82 [0004 00 <hub/$webpubsub/server/events/#> 01]");
    fixture_end();
}
