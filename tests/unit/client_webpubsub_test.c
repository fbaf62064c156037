/* A Web PubSub client between a broker and a browser of the test's own: what it says to either.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "webpubsub_fixture.h"

#include "client/mqtt_write.h"
#include "client/webpubsub.h"

/* Channel 0 is the janitor's only after fakes_return(); so the first client's is 0. */
static struct client *start(struct fakes *fakes, enum subprotocol subprotocol, const char *role)
{
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, subprotocol ? UPGRADE_WEBPUBSUB : UPGRADE_RAW,
                                          subprotocol, "u1", role));

    fakes_connack(client, false);
    fakes_to_broker(fakes);
    fakes_to_browser(fakes);
    return client;
}

static struct packet group_message(const char *topic, const char *payload,
                                   struct buffer *properties)
{
    struct packet packet = {.type = PACKET_PUBLISH};

    packet.publish.topic = slice_from_string(topic);
    packet.publish.payload = slice_from_string(payload);
    if (properties && properties->length > 0) {
        packet.properties.present = PROPERTY_BIT(USER_PROPERTY);
        packet.properties.raw = buffer_slice(properties);
    }
    return packet;
}

static void deliver(struct client *client, const char *topic, const char *payload,
                    uint32_t sequence)
{
    struct packet packet = group_message(topic, payload, NULL);

    fakes_deliver(client, &packet, sequence);
}

/* ---------------------------------------------------------------- the way in */

TEST(connected_is_said_when_the_session_is_there)
{
    struct fakes *fakes = fakes_new();
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL));

    CHECK_HAS(fakes_to_broker(fakes), "0 CONNECT \"$wps/h/");
    CHECK(fakes->is_paused);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_connack(client, false);
    CHECK_HAS(fakes_to_browser(fakes),
              "{\"type\":\"system\",\"event\":\"connected\",\"userId\":\"u1\",\"connectionId\":\"");
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

TEST(groups_of_the_token_are_joined_before_connected_and_messages_wait_for_it)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL);
    struct client *client;

    upgrade->groups = calloc(2, sizeof(struct buffer));
    upgrade->group_count = 2;
    buffer_append_string(&upgrade->groups[0], "a");
    buffer_append_string(&upgrade->groups[1], "b+c");
    client = fakes_client(fakes, upgrade);
    CHECK_HAS(fakes_to_broker(fakes), "\n0 SUBSCRIBE id=1 \"$wps/h/all\" qos=0 "
                                      "\"$wps/h/user/u1\" qos=0 \"$wps/h/conn/");
    fakes_packet(client, &(struct packet){.type = PACKET_CONNACK});
    CHECK_TEXT(fakes_to_broker(fakes), "");
    deliver(client, "h/a", "early", 0);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_answer(client, PACKET_SUBACK, 1, 0);
    CHECK_HAS(fakes_to_browser(fakes), "\"event\":\"connected\"");
    finish(fakes, client);
}

TEST(a_broker_that_refuses_closes_the_browser)
{
    struct fakes *fakes = fakes_new();
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL));

    fakes_packet(client, &(struct packet){.type = PACKET_CONNACK,
                                          .connack = {.reason = REASON_SERVER_UNAVAILABLE}});
    CHECK_HAS(fakes_to_browser(fakes), "close 1011 ");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_TRANSIENT_ERROR);
    finish(fakes, client);
}

/* What the bridge says of a message is not for browsers to say. */
TEST(metadata_cannot_stand_for_the_bridges_own_words)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":1,\"data\":1,"
                      "\"metadata\":{\"$wps.from\":\"ada\"}}");
    CHECK_TEXT(fakes_to_broker(fakes), "");
    CHECK_HAS(fakes_to_browser(fakes), "\"success\":false,\"error\":{\"name\":\"BadRequest\"");
    finish(fakes, client);
}

/* ---------------------------------------------------------------- from the server */

TEST(what_the_server_sends_is_from_the_server_and_only_for_whom_it_is_meant)
{
    static const struct {
        const char *topic, *excluded, *filter;
        bool comes;
    } rows[] = {
        {"$wps/h/all", NULL, NULL, true},
        {"$wps/h/user/u1", NULL, NULL, true},
        {"$wps/h/conn/x", NULL, NULL, true},
        {"$wps/h/all", "someone else", NULL, true},
        {"$wps/h/all", "me", NULL, false},
        {"$wps/h/all", NULL, "userId eq 'u1'", true},
        {"$wps/h/all", NULL, "userId ne 'u1'", false},
        {"$wps/h/all", NULL, "protocol eq 'json.webpubsub.azure.v1'", true},
        {"$wps/h/all", NULL, "this is none", false},
        {"h/g", "me", NULL, false},
        {"h/g", NULL, "startswith(userId, 'u')", true},
    };
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer properties = {0};
        struct packet packet;
        const char *got;
        test_note("row %zu", i);
        if (rows[i].excluded) {
            write_user_property(&properties, PROPERTY_EXCLUDE, SLICE_LITERAL("x"));
            write_user_property(&properties, PROPERTY_EXCLUDE,
                                strcmp(rows[i].excluded, "me") == 0
                                    ? connection_id(webpubsub_of(client))
                                    : slice_from_string(rows[i].excluded));
        }
        if (rows[i].filter) {
            write_user_property(&properties, PROPERTY_FILTER, slice_from_string(rows[i].filter));
        }
        packet = group_message(rows[i].topic, "hi", &properties);
        fakes->credited = 0;
        fakes_deliver(client, &packet, 0);
        got = fakes_to_browser(fakes);
        if (!rows[i].comes) {
            CHECK_TEXT(got, "");
            CHECK(fakes->credited > 0);
        } else if (rows[i].topic[0] == '$') {
            CHECK_TEXT(got, "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\","
                            "\"data\":\"hi\"}\n");
        } else {
            CHECK_HAS(got, "\"from\":\"group\"");
        }
        buffer_release(&properties);
    }
    finish(fakes, client);
}

/* ---------------------------------------------------------------- requests */

TEST(join_leave_and_send_are_acknowledged_when_the_broker_has)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.joinLeaveGroup.g");

    fakes_say(client, "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 SUBSCRIBE id=4097 \"h/g\" qos=0\n");
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"ack\",\"ackId\":1,\"success\":true}\n");
    fakes_say(client, "{\"type\":\"leaveGroup\",\"group\":\"g\",\"ackId\":2}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 UNSUBSCRIBE id=4098 \"h/g\"\n");
    fakes_answer(client, PACKET_UNSUBACK, 4098, REASON_NO_SUBSCRIPTION_EXISTED);
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"ack\",\"ackId\":2,\"success\":true}\n");
    finish(fakes, client);
}

TEST(what_no_role_allows_is_forbidden)
{
    static const char *const requests[] = {
        "{\"type\":\"joinGroup\",\"group\":\"x\",\"ackId\":1}",
        "{\"type\":\"leaveGroup\",\"group\":\"x\",\"ackId\":1}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":1,\"dataType\":\"text\",\"data\":"
        "\"t\"}",
        "{\"type\":\"setGroupState\",\"group\":\"x\",\"ackId\":1}",
        "{\"type\":\"subscribeGroupState\",\"group\":\"x\",\"ackId\":1}",
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.joinLeaveGroup.g");
        fakes_say(client, requests[i]);
        CHECK_HAS(fakes_to_browser(fakes),
                  "\"ackId\":1,\"success\":false,\"error\":{\"name\":\"Forbidden\"");
        CHECK_TEXT(fakes_to_broker(fakes), "");
        finish(fakes, client);
    }
}

TEST(a_message_says_what_it_is_and_from_whom)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g/1\",\"data\":{\"a\": 1.50},"
                      "\"ttlSeconds\":9,\"metadata\":{\"k\":\"v\"},\"ackId\":7}");
    CHECK_TEXT(fakes_to_broker(fakes),
               "0 PUBLISH id=4097 \"h/g/1\" qos=1 application/json expiry=9 $wps.from=u1 k=v "
               "[{\"a\": 1.50}]\n");
    fakes_answer(client, PACKET_PUBACK, 4097, REASON_NO_MATCHING_SUBSCRIBERS);
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"ack\",\"ackId\":7,\"success\":true}\n");
    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":\"t\",\"dataType\":"
                      "\"text\",\"ackId\":7}");
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"ack\",\"ackId\":7,\"success\":false,\"error\":{\"name\":\"Duplicate\","
               "\"message\":\"Message with ack-id: 7 has been processed\"}}\n");
    CHECK_TEXT(fakes_to_broker(fakes), "");
    finish(fakes, client);
}

TEST(a_refused_message_fails_and_may_be_tried_again)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");
    static const char request[] = "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":\"t\","
                                  "\"dataType\":\"text\",\"ackId\":7}";

    fakes_say(client, request);
    fakes_answer(client, PACKET_PUBACK, 4097, REASON_QUOTA_EXCEEDED);
    CHECK_HAS(fakes_to_browser(fakes),
              "\"success\":false,\"error\":{\"name\":\"InternalServerError\"");
    fakes_to_broker(fakes);
    fakes_say(client, request);
    CHECK_HAS(fakes_to_broker(fakes), "PUBLISH id=4098");
    finish(fakes, client);
}

TEST(ping_is_answered_and_events_have_no_handler)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    fakes_say(client, "{\"type\":\"ping\"}");
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"pong\"}\n");
    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"data\":1,\"ackId\":1}");
    CHECK_HAS(fakes_to_browser(fakes), "\"ackId\":1,\"success\":false");
    fakes_say(client, "{\"type\":\"invoke\",\"invocationId\":\"i\",\"target\":\"event\",\"event\":"
                      "\"e\",\"data\":1}");
    CHECK_HAS(fakes_to_browser(fakes),
              "\"invocationId\":\"i\",\"success\":false,\"error\":{\"name\":\"NotFound\"");
    finish(fakes, client);
}

TEST(wrong_frames_close_with_the_right_code)
{
    static const struct {
        const char *frame, *close;
        bool is_text;
    } rows[] = {
        {"{\"type\":\"ping\"}", "close 1003 ", false},
        {"{\"type\":", "close 1007 ", true},
        {"{\"type\":\"nonsense\"}", "close 1007 ", true},
        {"{\"type\":\"joinGroup\"}", "close 1007 ", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);
        test_note("frame %s", rows[i].frame);
        client_receive(client, slice_from_string(rows[i].frame), rows[i].is_text);
        CHECK_HAS(fakes_to_browser(fakes), rows[i].close);
        client_socket_closed(client, 1006);
        CHECK_HAS(fakes_to_broker(fakes), "DISCONNECT");
        fakes_free(fakes);
    }
}

TEST(a_broker_that_takes_no_more_stops_the_reading)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes->may_send = false;
    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1}");
    CHECK(fakes->is_paused);
    fakes->may_send = true;
    client->channel.events->writable(&client->channel);
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

/* ---------------------------------------------------------------- messages to the browser */

TEST(a_message_of_a_device_is_text)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    deliver(client, "h/line1/temp", "21.5", 0);
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"message\",\"from\":\"group\",\"group\":\"line1/temp\","
               "\"dataType\":\"text\",\"data\":\"21.5\"}\n");
    finish(fakes, client);
}

TEST(an_own_message_with_no_echo_is_left_out)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, "webpubsub.sendToGroup");
    struct buffer properties = {0};
    struct packet packet;
    char *own;

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"noEcho\":true}");
    own = strstr((char *)(uintptr_t)fakes_to_broker(fakes), "$wps.exclude=");
    CHECK(own != NULL);
    own = strtok(own + sizeof("$wps.exclude=") - 1, " ");
    write_user_property(&properties, PROPERTY_EXCLUDE, slice_from_string(own));
    packet = group_message("h/g", "1", &properties);
    fakes_to_broker(fakes);
    fakes_deliver(client, &packet, 1);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    CHECK_TEXT(fakes_to_broker(fakes), "0 PUBACK id=1\n");
    CHECK(fakes->credited > 0);
    buffer_release(&properties);
    finish(fakes, client);
}

/* ---------------------------------------------------------------- reliable */

TEST(sequence_ids_are_numbers_of_deliveries_and_acknowledged_up_to)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);

    for (uint32_t i = 1; i <= 3; i++) {
        deliver(client, "h/g", "x", i);
    }
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":3}");
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":2}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 PUBACK id=1\n0 PUBACK id=2\n");
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":18446744073709551615}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 PUBACK id=3\n");
    finish(fakes, client);
}

TEST(what_is_not_acknowledged_is_counted)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);
    struct client *other = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);
    const struct traffic *traffic = metrics_traffic(&fakes->gateway.metrics, client->upgrade);

    deliver(client, "h/g", "x", 7);
    deliver(client, "h/g", "x", 8);
    deliver(other, "h/g", "x", 1);
    deliver(other, "h/g", "x", 0);
    CHECK_INT_EQUAL(traffic->unacknowledged, 3);
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":7}");
    CHECK_INT_EQUAL(traffic->unacknowledged, 2);
    fakes_lose(fakes);
    fakes_return(fakes);
    CHECK_INT_EQUAL(traffic->unacknowledged, 2);
    client_socket_closed(client, 1006);
    CHECK_INT_EQUAL(traffic->unacknowledged, 1);
    client_socket_closed(other, 1006);
    CHECK_INT_EQUAL(traffic->unacknowledged, 0);
    fakes_free(fakes);
}

TEST(numbers_that_the_broker_leaves_out_leave_no_gap)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);

    deliver(client, "h/g", "x", 65535);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":65535}");
    deliver(client, "h/g", "x", 65537);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":65536}");
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":65536}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 PUBACK id=65535\n0 PUBACK id=1\n");
    finish(fakes, client);
}

TEST(a_reliable_message_goes_under_an_identifier_of_its_ack_id)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"ackId\":7}");
    CHECK_HAS(fakes_to_broker(fakes), "0 PUBLISH id=8 \"h/g\" qos=2 ");
    fakes_answer(client, PACKET_PUBREC, 8, 0);
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"ack\",\"ackId\":7,\"success\":true}\n");
    CHECK_TEXT(fakes_to_broker(fakes), "");
    finish(fakes, client);
}

TEST(the_broker_goes_and_comes_back_and_the_browser_sees_nothing)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, "webpubsub.sendToGroup");

    deliver(client, "h/g", "x", 1);
    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"ackId\":7}");
    fakes_to_browser(fakes);
    fakes_lose(fakes);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    CHECK(fakes->is_paused);
    fakes_to_broker(fakes);
    fakes_return(fakes);
    CHECK_HAS(fakes_to_broker(fakes), "expiry=30");
    fakes_connack(client, true);
    CHECK_HAS(fakes_to_broker(fakes), "PUBLISH id=8 \"h/g\" qos=2 dup");
    CHECK(!fakes->is_paused);
    deliver(client, "h/g", "x", 1); /* again, since it was not acknowledged */
    deliver(client, "h/g", "y", 2);
    CHECK_HAS(fakes_to_browser(fakes), "\"data\":\"y\"");
    finish(fakes, client);
}

TEST(a_browser_that_is_not_reliable_is_told_that_the_broker_restarts)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    fakes_lose(fakes);
    CHECK_HAS(fakes_to_browser(fakes), "close 1012 ");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_SERVICE_RELOAD);
    finish(fakes, client);
}

static struct client *recover(struct fakes *fakes, const char *connection_id)
{
    struct upgrade *upgrade = fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON_RELIABLE,
                                            "u1", "webpubsub.sendToGroup");

    upgrade->is_recovery = true;
    buffer_append_string(&upgrade->connection_id, connection_id);
    return fakes_client(fakes, upgrade);
}

TEST(a_recovery_says_connected_first_and_asks_for_what_was_kept)
{
    struct fakes *fakes = fakes_new();
    struct client *client = recover(fakes, "ABCDEFGHIJKLMNOPQRSTUV");

    CHECK_TEXT(fakes_to_broker(fakes), "0 CONNECT \"$wps/h/ABCDEFGHIJKLMNOPQRSTUV\" expiry=30\n");
    fakes_connack(client, true);
    CHECK_HAS(fakes_to_browser(fakes), "\"connectionId\":\"ABCDEFGHIJKLMNOPQRSTUV\"");
    CHECK_TEXT(fakes_to_broker(fakes),
               "0 SUBSCRIBE id=4097 \"$wps/h/away/ABCDEFGHIJKLMNOPQRSTUV\" qos=0 "
               "\"$wps/h/mark/ABCDEFGHIJKLMNOPQRSTUV\" qos=0\n"
               "0 PUBLISH \"$wps/h/mark/ABCDEFGHIJKLMNOPQRSTUV\" qos=0 [4097]\n"
               "0 UNSUBSCRIBE id=4099 \"$wps/h/mark/ABCDEFGHIJKLMNOPQRSTUV\"\n");
    deliver(client, "h/g", "x", 5);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":5}");
    CHECK(fakes->is_paused);
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    CHECK(fakes->is_paused);
    deliver(client, "$wps/h/mark/ABCDEFGHIJKLMNOPQRSTUV", "4097", 0);
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

TEST(a_recovery_that_another_one_takes_over_soon_is_to_be_tried_again)
{
    static const struct {
        bool is_recovery;
        msec_t open_for;
        const char *close;
    } rows[] = {
        {true, 29000, "close 1012 "}, /* the other one may have come late */
        {true, 30000, "close 1008 "},
        {false, 0, "close 1008 "}, /* who recovers has given this one up */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = rows[i].is_recovery ? recover(fakes, "ABCDEFGHIJKLMNOPQRSTUV")
                                                    : start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);

        fakes_now += rows[i].open_for;
        client->channel.events->closed(&client->channel, REASON_SESSION_TAKEN_OVER);
        CHECK_HAS(fakes_to_browser(fakes), rows[i].close);
        CHECK_INT_EQUAL(fakes->closed_as, CLOSED_NORMAL);
        finish(fakes, client);
    }
}

TEST(what_was_kept_is_gone_for_good_before_anything_is_asked)
{
    struct fakes *fakes = fakes_new();
    struct client *client = recover(fakes, "ABCDEFGHIJKLMNOPQRSTUV");
    struct packet kept = group_message("$wps/h/away/ABCDEFGHIJKLMNOPQRSTUV", "", NULL);

    fakes_connack(client, true);
    kept.publish.payload = SLICE_LITERAL("\2\0\0\0\0\0\0\0\0");
    kept.publish.retain = true;
    fakes_deliver(client, &kept, 0);
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    fakes_to_broker(fakes);
    deliver(client, "$wps/h/mark/ABCDEFGHIJKLMNOPQRSTUV", "4097", 0);
    CHECK_HAS(fakes_to_broker(fakes),
              "PUBLISH id=4100 \"$wps/h/away/ABCDEFGHIJKLMNOPQRSTUV\" qos=1 retain");
    CHECK(fakes->is_paused);
    fakes_answer(client, PACKET_PUBACK, 4100, 0);
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

TEST(a_recovery_without_a_session_is_refused_with_1008)
{
    struct fakes *fakes = fakes_new();
    struct client *client = recover(fakes, "ABCDEFGHIJKLMNOPQRSTUV");

    fakes_connack(client, false);
    CHECK_HAS(fakes_to_browser(fakes), "close 1008 ");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_BAD_REQUEST);
    finish(fakes, client);
}

TEST(a_recovery_with_a_bad_token_is_refused_with_1008_and_no_session_is_touched)
{
    struct fakes *fakes = fakes_new();
    struct client *client = recover(fakes, "");

    CHECK_HAS(fakes_to_browser(fakes), "close 1008 ");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_UNAUTHORIZED);
    CHECK_TEXT(fakes_to_broker(fakes), "");
    finish(fakes, client);
}

TEST(who_says_goodbye_is_gone_and_who_drops_out_may_come_back)
{
    static const struct {
        uint16_t code;
        enum subprotocol subprotocol;
        bool stays;
    } rows[] = {
        {1000, SUBPROTOCOL_JSON_RELIABLE, false}, {1001, SUBPROTOCOL_JSON_RELIABLE, true},
        {1005, SUBPROTOCOL_JSON_RELIABLE, true},  {1006, SUBPROTOCOL_JSON_RELIABLE, true},
        {1006, SUBPROTOCOL_JSON, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, rows[i].subprotocol, NULL);
        test_note("row %zu", i);
        client_socket_closed(client, rows[i].code);
        CHECK_TEXT(fakes_to_broker(fakes),
                   rows[i].stays ? "0 CLOSE\n" : "0 DISCONNECT reason=0\n0 CLOSE\n");
        fakes_free(fakes);
    }
}

TEST(too_much_that_waits_closes_with_1008)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    client->channel.is_open = false;
    client->channel.events->closed(&client->channel, REASON_QUOTA_EXCEEDED);
    CHECK_HAS(fakes_to_browser(fakes), "close 1008 too many messages");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_SLOW_CLIENT);
    finish(fakes, client);
}

/* ---------------------------------------------------------------- streams, states, plain WebSocket
 */

TEST(a_stream_is_opened_filled_in_order_and_ended)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"streamAck\",\"streamId\":\"S\",\"expectedSequenceId\":1}\n");
    fakes_say(client, "{\"type\":\"streamData\",\"streamId\":\"S\",\"streamSequenceId\":1,"
                      "\"dataType\":\"text\",\"data\":\"a\"}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 PUBLISH id=4097 \"h/g\" qos=1 text/plain $wps.from=u1 "
                                       "$wps.stream=S $wps.stream-at=1 [a]\n");
    fakes_answer(client, PACKET_PUBACK, 4097, 0);
    CHECK_HAS(fakes_to_browser(fakes), "\"expectedSequenceId\":2}");
    fakes_say(client, "{\"type\":\"streamData\",\"streamId\":\"S\",\"streamSequenceId\":3,"
                      "\"dataType\":\"text\",\"data\":\"c\"}");
    CHECK_HAS(fakes_to_browser(fakes), "\"type\":\"streamNack\",\"streamId\":\"S\"");
    fakes_say(client, "{\"type\":\"streamEnd\",\"streamId\":\"S\"}");
    CHECK_HAS(fakes_to_broker(fakes), "$wps.stream-at=2 $wps.stream-end= []");
    fakes_answer(client, PACKET_PUBACK, 4098, 0);
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"streamClosed\",\"streamId\":\"S\"}\n");
    fakes_say(client, "{\"type\":\"streamData\",\"streamId\":\"S\"}");
    CHECK_HAS(fakes_to_browser(fakes), "\"name\":\"StreamNotFound\"");
    finish(fakes, client);
}

TEST(an_idle_stream_ends_for_both_sides)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\","
                      "\"idleTimeoutMs\":60000}}");
    fakes_to_browser(fakes);
    fakes_now += 59000;
    gateway_advance(&fakes->gateway);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_now += 2000;
    gateway_advance(&fakes->gateway);
    CHECK_HAS(fakes_to_browser(fakes),
              "\"type\":\"streamClosed\",\"streamId\":\"S\",\"error\":{\"name\":\"IdleTimeout\"");
    CHECK_HAS(fakes_to_broker(fakes), "$wps.stream-end=IdleTimeout");
    finish(fakes, client);
}

TEST(a_snapshot_of_states_is_complete_when_the_mark_comes)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.joinLeaveGroup");
    struct packet state = group_message("$wps/h/state/c1/g", "{\"k\":\"v\"}", NULL);

    fakes_say(client, "{\"type\":\"subscribeGroupState\",\"group\":\"g\",\"ackId\":1}");
    CHECK_HAS(fakes_to_broker(fakes), "0 SUBSCRIBE id=4097 \"$wps/h/state/+/g\" qos=0 ");
    state.publish.retain = true;
    fakes_deliver(client, &state, 0);
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    deliver(client, "$wps/h/mark/x", "4097", 0);
    CHECK_HAS(
        fakes_to_browser(fakes),
        "{\"type\":\"groupStateSnapshot\",\"group\":\"g\",\"items\":[{\"connectionId\":\"c1\"");
    state.publish.retain = false;
    state.publish.payload = SLICE_EMPTY;
    fakes_deliver(client, &state, 0);
    CHECK_HAS(fakes_to_browser(fakes),
              "{\"type\":\"groupStateUpdate\",\"group\":\"g\",\"items\":[{\"connectionId\":\"c1\"");
    finish(fakes, client);
}

TEST(who_leaves_a_group_takes_the_state_along)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.joinLeaveGroup");

    fakes_say(client, "{\"type\":\"leaveGroup\",\"group\":\"g\"}");
    CHECK_TEXT(fakes_to_broker(fakes), "0 UNSUBSCRIBE id=4097 \"h/g\"\n");
    fakes_say(client, "{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":{\"k\":\"v\"}}");
    CHECK_HAS(fakes_to_broker(fakes), "\"k\"");
    fakes_say(client, "{\"type\":\"leaveGroup\",\"group\":\"g\"}");
    CHECK_HAS(fakes_to_broker(fakes), "/g\" qos=1 retain $wps.from=u1 $wps.at=1000000 []");
    finish(fakes, client);
}

TEST(the_janitor_clears_what_a_connection_left)
{
    struct fakes *fakes = fakes_new();
    struct client *client;
    struct packet gone = group_message("$wps/h/gone/c1", "", NULL);
    struct packet state = group_message("$wps/h/state/c1/g", "{\"k\":\"v\"}", NULL);
    struct channel *janitor;

    fakes_return(fakes);
    janitor = fakes->channels[0];
    fakes_packet((struct client *)(void *)janitor, &(struct packet){.type = PACKET_CONNACK});
    CHECK_HAS(fakes_to_broker(fakes), "0 SUBSCRIBE id=2 \"$share/janitor/$wps/+/gone/+\" qos=1\n");
    client = CONTAINER_OF(janitor, struct client, channel);
    fakes_deliver(client, &gone, 0);
    CHECK_HAS(fakes_to_broker(fakes), "\"$wps/h/state/c1/#\" qos=0 \"$wps/h/away/c1\" qos=0");
    state.publish.retain = true;
    fakes_deliver(client, &state, 0);
    CHECK_HAS(fakes_to_broker(fakes), "0 PUBLISH id=1 \"$wps/h/state/c1/g\" qos=1 retain $wps.at=");
    fakes_free(fakes);
}

TEST(plain_websocket_sends_to_its_group_if_it_may)
{
    for (int allowed = 0; allowed < 2; allowed++) {
        struct fakes *fakes = fakes_new();
        struct upgrade *upgrade = fakes_upgrade(fakes, UPGRADE_RAW, SUBPROTOCOL_NONE, "u1",
                                                allowed ? "webpubsub.sendToGroup.g" : NULL);
        struct client *client;
        upgrade->raw_sends_to_group = true;
        buffer_append_string(&upgrade->raw_group, "g");
        client = fakes_client(fakes, upgrade);
        fakes_connack(client, false);
        fakes_to_broker(fakes);
        CHECK_TEXT(fakes_to_browser(fakes), "");
        fakes_say(client, "hello");
        if (allowed) {
            CHECK_HAS(fakes_to_broker(fakes), "\"h/g\" qos=1 text/plain $wps.from=u1 [hello]");
        } else {
            CHECK_HAS(fakes_to_browser(fakes), "close 1008 ");
            CHECK_INT_EQUAL(fakes->closed_as, CLOSED_UNAUTHORIZED);
        }
        finish(fakes, client);
    }
}

TEST(plain_websocket_events_have_no_handler)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_NONE, NULL);

    fakes_say(client, "hello");
    CHECK_HAS(fakes_to_browser(fakes), "close 1011 ");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_EVENT_HANDLER_NOT_FOUND);
    finish(fakes, client);
}

TEST(wildcards_are_a_setting_of_the_hub)
{
    for (int wildcards = 0; wildcards < 2; wildcards++) {
        struct fakes *fakes = fakes_new();
        struct client *client;
        fakes->hub.wildcards = wildcards;
        client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.joinLeaveGroup");
        fakes_say(client, "{\"type\":\"joinGroup\",\"group\":\"line1/+\",\"ackId\":1}");
        CHECK_HAS(fakes_to_broker(fakes), wildcards ? "\"h/line1/+\"" : "\"h/line1/%2B\"");
        finish(fakes, client);
    }
}
