/* How MQTT clients come into a hub (spec/webpubsub.md 5.1): CONNECT and its answer, identifiers,
 * groups of the token, wills.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_hub_fixture.h"

/* ---------------------------------------------------------------- CONNECT */

TEST(connect_is_the_hubs)
{
    connect_5("ann");
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.placement), SLICE_LITERAL("$wps/hub/mqtt/cid"));
    CHECK_SLICE_EQUAL(buffer_slice(&fixture.user), SLICE_LITERAL("ann"));
    CHECK_INT_EQUAL(fixture.flags, TRUNK_VERIFIED | TRUNK_IS_LOOPBACK);
    fixture_end();
    connect_3();
    fixture_end();
}

/* The token has authenticated; no alias of the broker's could name the hub's topics. */
TEST(connect_without_what_is_not_for_the_broker)
{
    hub_begin("");
    browser_sends("10 [<MQTT> 05 C2 003C 08 11 00000E10 22 0005 <cid> <u> <p>]");
    CHECK_BROKER_GOT("10 [<MQTT> 05 02 003C 05 11 00000E10 <$wps/hub/mqtt/cid>]"
                     " 82 [0001 00 " BEGINNING_5 "]");
    fixture_end();
}

TEST(groups_of_the_token)
{
    hub_begin("");
    fixture_group("g1");
    fixture_group("a+b/c");
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    CHECK_BROKER_GOT("10 [<MQTT> 05 02 003C 00 <$wps/hub/mqtt/cid>] 82 [0001 00 " BEGINNING_5
                     " <hub/g1> 21 <hub/a%2Bb/c> 21]");
    broker_sends("20 [00 00 00]");
    broker_sends("90 [0001 00 02 01 01]");
    CHECK_BROWSER_GOT("20 [00 00 00]");
    fixture_end();
    hub_begin("");
    fixture.settings.retained_on_join = true;
    fixture_group("g1");
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    CHECK_BROKER_GOT("10 [<MQTT> 05 02 003C 00 <$wps/hub/mqtt/cid>] 82 [0001 00 " BEGINNING_5
                     " <hub/g1> 11]");
    fixture_end();
    hub_begin("");
    fixture_group("g1");
    browser_sends("10 [<MQTT> 04 02 003C <cid>]");
    CHECK_BROKER_GOT("10 [<MQTT> 04 02 003C <$wps/hub/mqtt/cid>] 82 [0001 " BEGINNING_3
                     " <hub/g1> 01]");
    fixture_end();
}

TEST(an_identifier_is_assigned)
{
    static const char id[] = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";
    char text[256];

    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 0000]");
    snprintf(text, sizeof(text),
             "10 [<MQTT> 05 02 003C 00 <$wps/hub/mqtt/%s>]"
             " 82 [0001 00 <$wps/hub/event/%s/#> 22 <$wps/hub/all> 21 <$wps/hub/conn/%s> 21]",
             id, id, id);
    CHECK_BROKER_GOT(text);
    broker_sends("20 [00 00 03 21 0014]");
    snprintf(text, sizeof(text), "20 [00 00 [12 <%s> 21 0014]]", id);
    CHECK_BROWSER_GOT(text);
    fixture_end();
    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 0000]");
    fixture.got.length = 0;
    broker_sends("20 [00 88 00]"); /* refused: there is no session to name */
    CHECK_BROWSER_GOT("20 [00 88 00]");
    fixture_end();
    hub_begin("");
    browser_sends("10 [<MQTT> 04 02 003C 0000]");
    fixture.got.length = 0;
    broker_sends("20 [00 00]"); /* MQTT 3.1.1 has no way to say it */
    CHECK_BROWSER_GOT("20 [00 00]");
    fixture_end();
}

/* A client need not wait for CONNACK, but nothing goes before it (MQTT-3.2.0-1). */
TEST(packets_behind_connect)
{
    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>] 82 [0005 00 <a> 00] 32 [<a> 0006 00] C0");
    CHECK_BROKER_GOT(CONNECTED_5);
    CHECK_BROWSER_GOT("");
    CHECK(fixture.websocket.paused);
    broker_sends("20 [00 00 00]");
    CHECK_BROWSER_GOT("20 [00 00 00] 90 [0005 00 87] 40 [0006 87]");
    CHECK(!fixture.websocket.paused);
    browser_sends("00");
    CHECK_BROKER_GOT("C0 []");
    fixture_end();
    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>] 82 [0005 00 <a> 00]");
    fixture.got.length = 0;
    broker_sends("20 [00 88 00]");
    CHECK_BROWSER_GOT("20 [00 88 00]");
    fixture_end();
    hub_begin("");
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    fixture.got.length = 0;
    broker_sends("20 [00]"); /* a broker that is none */
    CHECK_NOTHING_WENT();
    CHECK_INT_EQUAL(fixture.websocket.closed, 1011);
    fixture_end();
}

static void check_refused(const char *packet, const char *answer, uint16_t code)
{
    hub_begin("");
    fixture_role("webpubsub.sendToGroup.w");
    browser_sends(packet);
    CHECK_BROWSER_GOT(answer);
    CHECK_BROKER_GOT("");
    CHECK_ENDED(code);
    fixture_end();
}

TEST(identifiers_that_are_not_valid)
{
    static const char *const identifiers[] = {"<a/b>", "<a+>", "<#>"};
    char packet[512];

    for (size_t i = 0; i < sizeof(identifiers) / sizeof(identifiers[0]); i++) {
        snprintf(packet, sizeof(packet), "10 [<MQTT> 05 02 003C 00 %s]", identifiers[i]);
        check_refused(packet, "20 [00 85 00]", 1002);
        snprintf(packet, sizeof(packet), "10 [<MQTT> 04 02 003C %s]", identifiers[i]);
        check_refused(packet, "20 [00 02]", 1002);
    }
    /* 128 characters are the most, whatever their bytes. */
    snprintf(packet, sizeof(packet), "10 [<MQTT> 05 02 003C 00 0081 '%0129d']", 1);
    check_refused(packet, "20 [00 85 00]", 1002);
    hub_begin("");
    snprintf(packet, sizeof(packet), "10 [<MQTT> 05 02 003C 00 0081 C3A9 '%0127d']", 1);
    browser_sends(packet);
    CHECK(fixture.client->channel.is_open);
    CHECK_INT_EQUAL(fixture.placement.length, 14 + 129);
    fixture_end();
}

TEST(connects_that_are_wrong)
{
    check_refused("10 [<MQTT> 05 03 003C 00 <cid>]", "20 [00 81 00]", 1002);
    check_refused("10 [<MQTT> 04 00 003C 0000]", "20 [00 02]", 1002);
    check_refused("10 [<MQTT> 05 02 003C 06 15 <abc> <cid>]", "20 [00 8C 00]", 1002);
    check_refused("C0 []", "", 1002);
    check_refused("30 [<w> 00 'x']", "", 1002);
}

/* ---------------------------------------------------------------- wills */

TEST(wills)
{
    hub_begin("ann");
    fixture_role("webpubsub.sendToGroup.w");
    browser_sends("10 [<MQTT> 05 2E 003C 00 <cid> [18 0000000A 08 <r>] <w> 0002"
                  " 'by']");
    CHECK_BROKER_GOT("10 [<MQTT> 05 2E 003C 00 <$wps/hub/mqtt/cid> [08 <hub/r>"
                     " 18 0000000A 26 <$wps.from> <ann>] <hub/w> <by>]"
                     " 82 [0001 00 " BEGINNING_ANN "]");
    fixture_end();
    hub_begin("ann");
    fixture_role("webpubsub.sendToGroup.w");
    browser_sends("10 [<MQTT> 04 06 003C <cid> <w> 0000]");
    CHECK_BROKER_GOT("10 [<MQTT> 04 06 003C <$wps/hub/mqtt/cid> <hub/w> 0000]"
                     " 82 [0001 <$wps/hub/event/cid/#> 02 <$wps/hub/all> 01"
                     " <$wps/hub/user/ann> 01 <$wps/hub/conn/cid> 01]");
    fixture_end();
}

TEST(wills_that_are_refused)
{
    static char packet[8192];

    /* No permission for the topic; reserved topics and properties. */
    check_refused("10 [<MQTT> 05 06 003C 00 <cid> 00 <v> 0000]", "20 [00 87 00]", 1008);
    check_refused("10 [<MQTT> 04 06 003C <cid> <v> 0000]", "20 [00 05]", 1008);
    check_refused("10 [<MQTT> 05 06 003C 00 <cid> 00 <$webpubsub/server/events/e>"
                  " 0000]",
                  "20 [00 87 00]", 1008);
    check_refused("10 [<MQTT> 05 06 003C 00 <cid> [26 <$wps.from> <x>]"
                  " <w> 0000]",
                  "20 [00 87 00]", 1008);
    /* 2,000 bytes of payload and 1,024 characters of topic are the most. */
    snprintf(packet, 512, "10 [<MQTT> 05 06 003C 00 <cid> 00 <w> 07D1 ");
    for (int i = 0; i < 2001; i++) {
        snprintf(packet + strlen(packet), 4, "00 ");
    }
    snprintf(packet + strlen(packet), 4, "]");
    check_refused(packet, "20 [00 95 00]", 1009);
    snprintf(packet, sizeof(packet), "10 [<MQTT> 05 06 003C 00 <cid> 00 0401 '%01025d' 0000]", 1);
    check_refused(packet, "20 [00 90 00]", 1002);
}
