/* An MQTT client of a hub in the world of mqtt_client_fixture.h, connected.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_MQTT_HUB_FIXTURE_H
#define PUBGRID_TESTS_MQTT_HUB_FIXTURE_H

#include "mqtt_client_fixture.h"

/* What a session begins with: answers to events, and what the server sends. */
#define BEGINNING(user_5, id)                                                                      \
    "<$wps/hub/event/" id "/#> 22 <$wps/hub/all> 21 " user_5 "<$wps/hub/conn/" id "> 21"
#define BEGINNING_5   BEGINNING("", "cid")
#define BEGINNING_ANN BEGINNING("<$wps/hub/user/ann> 21 ", "cid")
#define BEGINNING_3   "<$wps/hub/event/cid/#> 02 <$wps/hub/all> 01 <$wps/hub/conn/cid> 01"
#define CONNECTED(beginning)                                                                       \
    "10 [<MQTT> 05 02 003C 00 <$wps/hub/mqtt/cid>] 82 [0001 00 " beginning "]"
#define CONNECTED_5 CONNECTED(BEGINNING_5)
#define CONNECTED_3 "10 [<MQTT> 04 02 003C <$wps/hub/mqtt/cid>] 82 [0001 " BEGINNING_3 "]"

static void hub_begin(const char *user)
{
    fixture_begin(UPGRADE_MQTT_HUB, user);
}

/* Without roles; the user is nobody or ann. */
__attribute__((unused)) static void connect_5(const char *user)
{
    hub_begin(user);
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    CHECK_BROKER_GOT(user[0] ? CONNECTED(BEGINNING_ANN) : CONNECTED_5);
    broker_sends("20 [00 00 03 22 000A]"); /* Topic Alias Maximum 10 */
    broker_sends("90 [0001 00 02]");       /* of what the client knows nothing */
    CHECK_BROWSER_GOT("20 [00 00 03 22 000A]");
}

__attribute__((unused)) static void connect_3(void)
{
    hub_begin("");
    browser_sends("10 [<MQTT> 04 02 003C <cid>]");
    CHECK_BROKER_GOT(CONNECTED_3);
    broker_sends("20 [00 00]");
    broker_sends("90 [0001 02]");
    CHECK_BROWSER_GOT("20 [00 00]");
}

__attribute__((unused)) static void all_roles(void)
{
    fixture_role("webpubsub.sendToGroup");
    fixture_role("webpubsub.joinLeaveGroup");
}

#endif
