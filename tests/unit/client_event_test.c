/* bridge/client: events of Web PubSub clients, and what becomes of their answers
 * (spec/webpubsub.md 2.3, 2.4, 7.2, 7.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/mqtt_write.h"
#include "webpubsub_fixture.h"

static struct client *begin(struct fakes *fakes, enum subprotocol subprotocol)
{
    return fakes_client(fakes, fakes_upgrade(fakes, subprotocol ? UPGRADE_WEBPUBSUB : UPGRADE_RAW,
                                             subprotocol, "u1", NULL));
}

/* Its `connected` has been answered. */
static struct client *start(struct fakes *fakes, enum subprotocol subprotocol)
{
    struct client *client;

    fakes_handle_events(fakes);
    client = begin(fakes, subprotocol);
    fakes_connack(client, false);
    fakes_answer_event(fakes, 200, NULL);
    fakes_to_broker(fakes);
    fakes_to_browser(fakes);
    fakes_raised(fakes);
    return client;
}

#define SAY_EVENT(client, id)                                                                      \
    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"ackId\":" id                          \
                      ",\"dataType\":\"text\",\"data\":\"d" id "\"}")
#define ACK(id) "{\"type\":\"ack\",\"ackId\":" id ",\"success\":true}\n"
#define NACK(id, name, message)                                                                    \
    "{\"type\":\"ack\",\"ackId\":" id ",\"success\":false,\"error\":{\"name\":\"" name             \
    "\",\"message\":\"" message "\"}}\n"
#define NO_HANDLER "the hub has no event handler for this event"

/* ---------------------------------------------------------------- the life of a connection */

TEST(connected_goes_out_first_and_disconnected_last)
{
    struct fakes *fakes = fakes_new();
    struct client *client;

    fakes_handle_events(fakes);
    client = begin(fakes, SUBPROTOCOL_JSON);
    CHECK_TEXT(fakes_raised(fakes), "");
    fakes_connack(client, false);
    CHECK_TEXT(fakes_raised(fakes), "#1 connected user=u1 [{}]\n");
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_raised(fakes), "");
    fakes_answer_event(fakes, 500, NULL);
    CHECK_TEXT(fakes_raised(fakes), "#2 user e text user=u1 [d1]\n");
    SAY_EVENT(client, "2");
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "");
    fakes_answer_event(fakes, 200, "too late");
    CHECK_TEXT(fakes_raised(fakes), "#3 user e text user=u1 [d2]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_raised(fakes), "#4 disconnected user=u1 [{\"reason\":\"\"}]\n");
    fakes_answer_event(fakes, 0, NULL);
    CHECK(list_is_empty(&fakes->gateway.event_queues));
    fakes_free(fakes);
}

TEST(disconnected_says_why)
{
    static const struct {
        uint16_t code;
        bool bad_frame;
        const char *raised;
    } ends[] = {
        {1006, false, "#2 disconnected user=u1 [{\"reason\":\"the connection was lost\"}]\n"},
        {1001, false, "#2 disconnected user=u1 [{\"reason\":\"\"}]\n"},
        {1007, true,
         "#2 disconnected user=u1 [{\"reason\":\"the frame is not a request of this "
         "subprotocol\"}]\n"},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, SUBPROTOCOL_JSON);
        if (ends[i].bad_frame) {
            fakes_say(client, "{");
        }
        client_socket_closed(client, ends[i].code);
        CHECK_TEXT(fakes_raised(fakes), ends[i].raised);
        fakes_free(fakes);
    }
}

TEST(no_event_is_raised_that_nobody_takes)
{
    struct fakes *fakes = fakes_new();
    struct client *client;

    fakes_handle_events(fakes);
    fakes->events.system_events = 0;
    fakes->events.user_events = "other";
    client = begin(fakes, SUBPROTOCOL_JSON);
    fakes_connack(client, false);
    fakes_to_browser(fakes);
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_to_browser(fakes), NACK("1", "InternalServerError", NO_HANDLER));
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "");
    fakes_free(fakes);
}

/* 7.2: after a connect that was answered with 2xx, whatever comes. */
TEST(disconnected_comes_although_the_session_never_began)
{
    for (int was_asked = 0; was_asked < 2; was_asked++) {
        struct fakes *fakes = fakes_new();
        struct upgrade *upgrade =
            fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL);
        struct client *client;

        fakes_handle_events(fakes);
        fakes->is_ready = false;
        upgrade->was_asked = was_asked;
        client = fakes_client(fakes, upgrade);
        client_socket_closed(client, 1012);
        CHECK_TEXT(fakes_raised(fakes),
                   was_asked ? "#1 disconnected user=u1 [{\"reason\":\"the broker restarts\"}]\n"
                             : "");
        fakes_free(fakes);
    }
}

TEST(what_connect_has_said_goes_with_the_events)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL);
    struct client *client;

    fakes_handle_events(fakes);
    upgrade->was_asked = true;
    buffer_append_string(&upgrade->state, "s");
    buffer_append_string(&upgrade->cookies, "c=1");
    buffer_append_string(&upgrade->connection_id, "0123456789012345678901");
    client = fakes_client(fakes, upgrade);
    CHECK(strstr(fakes_to_broker(fakes), "CONNECT \"$wps/h/0123456789012345678901\""));
    fakes_connack(client, false);
    CHECK_TEXT(fakes_raised(fakes), "#1 connected user=u1 state=s cookies=c=1 [{}]\n");
    finish(fakes, client);
}

TEST(joining_and_leaving_groups_are_events)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade =
        fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", "webpubsub.joinLeaveGroup");
    struct client *client;

    fakes_handle_events(fakes);
    upgrade->groups = calloc(1, sizeof(struct buffer));
    upgrade->group_count = 1;
    buffer_append_string(&upgrade->groups[0], "t");
    client = fakes_client(fakes, upgrade);
    fakes_connack(client, false);
    CHECK_TEXT(fakes_raised(fakes), "#1 connected user=u1 [{}]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_raised(fakes), "#2 joined user=u1 [{\"group\":\"t\"}]\n");
    fakes_answer_event(fakes, 200, NULL);
    for (uint16_t i = 0; i < 2; i++) { /* the second time it is in it already */
        fakes_say(client, "{\"type\":\"joinGroup\",\"group\":\"g\"}");
        fakes_answer(client, PACKET_SUBACK, (uint16_t)(4097 + i), 0);
    }
    CHECK_TEXT(fakes_raised(fakes), "#3 joined user=u1 [{\"group\":\"g\"}]\n");
    fakes_answer_event(fakes, 200, NULL);
    fakes_say(client, "{\"type\":\"leaveGroup\",\"group\":\"g\"}");
    fakes_answer(client, PACKET_UNSUBACK, 4099, 0);
    CHECK_TEXT(fakes_raised(fakes), "#4 left user=u1 [{\"group\":\"g\"}]\n");
    fakes_answer_event(fakes, 200, NULL);
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "#5 left user=u1 [{\"group\":\"t\"}]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_raised(fakes), "#6 disconnected user=u1 [{\"reason\":\"\"}]\n");
    fakes_free(fakes);
}

/* ---------------------------------------------------------------- user events */

TEST(an_answer_goes_before_the_ack)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);

    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_answer_event(fakes, 200, "hello");
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"message\",\"from\":\"server\",\"dataType\":"
                                        "\"text\",\"data\":\"hello\"}\n" ACK("1"));
    SAY_EVENT(client, "2");
    fakes_answer_event(fakes, 204, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ACK("2"));
    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"text\",\"data\":\"\"}");
    fakes_answer_event(fakes, 404, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ""); /* no ackId, no ack */
    finish(fakes, client);
}

TEST(events_of_a_connection_go_one_at_a_time)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);

    SAY_EVENT(client, "1");
    SAY_EVENT(client, "2");
    CHECK_TEXT(fakes_raised(fakes), "#2 user e text user=u1 [d1]\n");
    fakes_say(client, "{\"type\":\"ping\"}");
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"pong\"}\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ACK("1"));
    CHECK_TEXT(fakes_raised(fakes), "#3 user e text user=u1 [d2]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ACK("2"));
    finish(fakes, client);
}

TEST(who_has_too_many_events_waiting_is_not_read_from)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);
    int count = 0;

    while (!fakes->is_paused && count < 1000) {
        SAY_EVENT(client, "1");
        fakes_say(client,
                  "{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"text\",\"data\":\"\"}");
        count++;
    }
    CHECK(count < 1000);
    fakes_answer_event(fakes, 200, NULL);
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

TEST(failures_are_failed_acks)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);

    SAY_EVENT(client, "1");
    fakes_answer_event(fakes, 503, "not for the browser");
    CHECK_TEXT(fakes_to_browser(fakes),
               NACK("1", "InternalServerError", "the event handler answered 503"));
    SAY_EVENT(client, "1"); /* only a success is remembered */
    fakes_answer_event(fakes, 0, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), NACK("1", "InternalServerError",
                                             "the event handler gave no answer: nobody is there"));
    fakes_say(client, "{\"type\":\"event\",\"event\":\"1x\",\"ackId\":3,\"dataType\":\"text\","
                      "\"data\":\"\"}");
    CHECK_TEXT(fakes_to_browser(fakes),
               NACK("3", "BadRequest", "the name of the event is not valid"));
    finish(fakes, client);
}

TEST(an_event_with_the_same_ack_id_is_raised_once)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);

    SAY_EVENT(client, "1");
    SAY_EVENT(client, "1");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ACK("1"));
    CHECK_INT_EQUAL(fakes->events.waiting_count, 0);
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_to_browser(fakes),
               NACK("1", "Duplicate", "Message with ack-id: 1 has been processed"));
    finish(fakes, client);
}

TEST(state_cookies_and_metadata_go_both_ways)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);
    struct pair pair = {SLICE_LITERAL("k"), SLICE_LITERAL("v")};

    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"data\":{\"a\":1},"
                      "\"metadata\":{\"m\":\"n\"}}");
    CHECK_TEXT(fakes_raised(fakes), "#2 user e json user=u1 m:n [{\"a\":1}]\n");
    fakes_answer_event_with(fakes, &(struct event_answer){.status = 200,
                                                          .data = {DATA_JSON, SLICE_LITERAL("2")},
                                                          .has_state = true,
                                                          .state = SLICE_LITERAL("s1"),
                                                          .has_cookies = true,
                                                          .cookies = SLICE_LITERAL("c=1"),
                                                          .metadata = {&pair, 1}});
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"message\",\"from\":\"server\",\"dataType\":"
                                        "\"json\",\"data\":2,\"metadata\":{\"k\":\"v\"}}\n");
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_raised(fakes), "#3 user e text user=u1 state=s1 cookies=c=1 [d1]\n");
    fakes_answer_event_with(fakes, &(struct event_answer){.status = 500,
                                                          .has_state = true,
                                                          .state = SLICE_LITERAL("of a failure")});
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_raised(fakes), "#4 user e text user=u1 state=s1 cookies=c=1 [d1]\n");
    fakes_answer_event_with(
        fakes, &(struct event_answer){.status = 200, .has_state = true, .state = SLICE_EMPTY});
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "#5 disconnected user=u1 cookies=c=1 [{\"reason\":\"\"}]\n");
    fakes_free(fakes);
}

/* Whatever it answers, no frame is malformed (2.2). */
TEST(an_answer_that_is_not_what_it_says_is_no_malformed_frame)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);
    struct pair pair = {SLICE_LITERAL("K\xff"), SLICE_LITERAL("v\n")};

    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"data\":1}");
    fakes_answer_event_with(fakes, &(struct event_answer){.status = 200,
                                                          .data = {DATA_JSON, SLICE_LITERAL("{no")},
                                                          .metadata = {&pair, 1}});
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"message\",\"from\":\"server\",\"dataType\":"
                                        "\"text\",\"data\":\"{no\"}\n");
    fakes_say(client, "{\"type\":\"event\",\"event\":\"e\",\"data\":1}");
    fakes_answer_event_with(
        fakes,
        &(struct event_answer){.status = 200, .data = {DATA_TEXT, SLICE_LITERAL("\xff\xfe")}});
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"message\",\"from\":\"server\",\"dataType\":"
                                        "\"binary\",\"data\":\"//4=\"}\n");
    finish(fakes, client);
}

/* ---------------------------------------------------------------- reliable clients */

static void deliver_reply(struct client *client, const char *id, uint32_t sequence)
{
    struct buffer properties = {0}, topic = {0};
    struct packet packet = {.type = PACKET_PUBLISH};

    write_user_property(&properties, "$wps.reply", slice_from_string(id));
    buffer_append_string(&topic, "$wps/h/conn/x");
    packet.publish.topic = buffer_slice(&topic);
    packet.publish.payload = SLICE_LITERAL("hello");
    packet.properties.present = PROPERTY_BIT(USER_PROPERTY);
    packet.properties.raw = buffer_slice(&properties);
    fakes_deliver(client, &packet, sequence);
    buffer_release(&properties);
    buffer_release(&topic);
}

/* The answer has a sequence id, and only then the ack follows. */
TEST(an_answer_for_a_reliable_client_is_a_delivery_of_its_session)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE);
    const char *sent;

    SAY_EVENT(client, "1");
    SAY_EVENT(client, "2");
    fakes_raised(fakes);
    fakes_answer_event(fakes, 200, "hello");
    sent = fakes_to_broker(fakes);
    CHECK(strstr(sent, "0 PUBLISH id=4097 \"$wps/h/conn/"));
    CHECK(strstr(sent, " qos=1 text/plain $wps.reply=4097 [hello]\n"));
    fakes_answer(client, PACKET_PUBACK, 4097, 0);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    CHECK_TEXT(fakes_raised(fakes), "");
    deliver_reply(client, "4097", 1);
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"text\",\"data\":\"hello\","
               "\"sequenceId\":1}\n" ACK("1"));
    CHECK_TEXT(fakes_raised(fakes), "#3 user e text user=u1 [d2]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), ACK("2"));
    finish(fakes, client);
}

TEST(an_answer_that_the_broker_does_not_take_is_a_failed_ack)
{
    static const uint8_t reasons[] = {REASON_QUOTA_EXCEEDED, REASON_NO_MATCHING_SUBSCRIBERS};

    for (size_t i = 0; i < sizeof(reasons); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE);
        SAY_EVENT(client, "1");
        fakes_answer_event(fakes, 200, "hello");
        fakes_answer(client, PACKET_PUBACK, 4097, reasons[i]);
        CHECK(strstr(fakes_to_browser(fakes), "\"success\":false"));
        SAY_EVENT(client, "2");
        CHECK_INT_EQUAL(fakes->events.waiting_count, 1);
        finish(fakes, client);
    }
}

TEST(a_reliable_client_that_may_come_back_is_not_disconnected)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE);

    client_socket_closed(client, 1006);
    CHECK_TEXT(fakes_raised(fakes), "");
    client = start(fakes, SUBPROTOCOL_JSON_RELIABLE);
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "#2 disconnected user=u1 [{\"reason\":\"\"}]\n");
    fakes_free(fakes);
}

/* ---------------------------------------------------------------- invocations */

#define INVOKE(id)                                                                                 \
    "{\"type\":\"invoke\",\"invocationId\":\"" id "\",\"target\":\"event\",\"event\":\"e\","       \
    "\"dataType\":\"text\",\"data\":\"d" id "\"}"

TEST(an_invocation_gets_its_answer)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE);

    fakes_say(client, INVOKE("a"));
    CHECK_TEXT(fakes_raised(fakes), "#2 user e text user=u1 [da]\n");
    fakes_answer_event(fakes, 200, "r");
    CHECK_TEXT(fakes_to_browser(fakes), "{\"type\":\"invokeResponse\",\"invocationId\":\"a\","
                                        "\"success\":true,\"dataType\":\"text\",\"data\":\"r\"}\n");
    fakes_say(client, INVOKE("b"));
    fakes_answer_event_with(
        fakes, &(struct event_answer){.status = 200, .data = {DATA_JSON, SLICE_LITERAL("null")}});
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"invokeResponse\",\"invocationId\":\"b\",\"success\":true}\n");
    fakes_say(client, INVOKE("c"));
    fakes_answer_event(fakes, 500, "r");
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"invokeResponse\",\"invocationId\":\"c\",\"success\":false,\"error\":{"
               "\"name\":\"InternalServerError\",\"message\":\"the event handler answered "
               "500\"}}\n");
    finish(fakes, client);
}

TEST(a_cancelled_invocation_gets_none)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON);

    fakes_say(client, INVOKE("a"));
    fakes_say(client, INVOKE("b"));
    fakes_say(client, INVOKE("c"));
    fakes_raised(fakes);
    fakes_say(client, "{\"type\":\"cancelInvocation\",\"invocationId\":\"b\"}");
    fakes_say(client, "{\"type\":\"cancelInvocation\",\"invocationId\":\"a\"}");
    CHECK_TEXT(fakes_raised(fakes), "cancelled\n#3 user e text user=u1 [dc]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes),
               "{\"type\":\"invokeResponse\",\"invocationId\":\"c\",\"success\":true}\n");
    finish(fakes, client);
}

/* ---------------------------------------------------------------- plain WebSocket */

TEST(messages_of_plain_websockets_are_events)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_NONE);

    fakes_say(client, "hi");
    CHECK_TEXT(fakes_raised(fakes), "#2 user message text user=u1 [hi]\n");
    fakes_answer_event(fakes, 200, "ho");
    CHECK_TEXT(fakes_to_browser(fakes), "ho\n");
    client_receive(client, SLICE_LITERAL("\1"), false);
    CHECK_TEXT(fakes_raised(fakes), "#3 user message binary user=u1 [\1]\n");
    fakes_answer_event(fakes, 200, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), "");
    fakes_say(client, "hi");
    fakes_answer_event(fakes, 500, NULL);
    CHECK_TEXT(fakes_to_browser(fakes), "close 1011 the event handler answered 500\n");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_SEND_EVENT_FAILED);
    finish(fakes, client);
}

TEST(a_plain_websocket_without_a_handler_is_closed)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_NONE);

    fakes->events.user_events = NULL;
    fakes_say(client, "hi");
    CHECK_TEXT(fakes_to_browser(fakes), "close 1011 " NO_HANDLER "\n");
    CHECK_INT_EQUAL(fakes->closed_as, CLOSED_EVENT_HANDLER_NOT_FOUND);
    finish(fakes, client);
}

/* ---------------------------------------------------------------- ends that nobody is there for */

#define CID     "0123456789012345678901"
#define GONE    "$wps/h/gone/" CID
#define AWAY    "$wps/h/away/" CID
#define MARK    "$wps/h/mark/" CID
#define EXPIRED "[{\"reason\":\"the connection was lost\"}]\n"

/* The janitor, connected to the broker. */
static struct client *start_janitor(struct fakes *fakes)
{
    struct client *janitor;

    fakes_return(fakes);
    janitor = CONTAINER_OF(fakes->channels[0], struct client, channel);
    fakes_packet(janitor, &(struct packet){.type = PACKET_CONNACK});
    fakes_to_broker(fakes);
    return janitor;
}

static void tell(struct client *receiver, const char *topic, const struct buffer *payload,
                 bool retain, uint32_t sequence)
{
    struct packet packet = {.type = PACKET_PUBLISH};

    packet.publish.topic = slice_from_string(topic);
    packet.publish.payload = payload ? buffer_slice(payload) : SLICE_EMPTY;
    packet.publish.retain = retain;
    fakes_deliver(receiver, &packet, sequence);
}

static struct client *start_with_id(struct fakes *fakes, enum subprotocol subprotocol)
{
    struct upgrade *upgrade = fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, subprotocol, "u1", NULL);
    struct client *client;

    buffer_append_string(&upgrade->connection_id, CID);
    buffer_append_string(&upgrade->state, "s0");
    client = fakes_client(fakes, upgrade);
    fakes_connack(client, false);
    fakes_answer_event(fakes, 200, NULL);
    fakes_raised(fakes);
    fakes_to_broker(fakes);
    return client;
}

TEST(the_will_tells_of_a_connection_whose_bridge_was_killed)
{
    struct fakes *fakes = fakes_new();
    struct client *janitor = start_janitor(fakes), *client;
    struct buffer will = {0};

    fakes_handle_events(fakes);
    client = start_with_id(fakes, SUBPROTOCOL_JSON);
    buffer_append(&will, buffer_slice(&fakes->will));
    CHECK(will.length > 0);
    tell(janitor, GONE, &will, false, 7);
    CHECK_TEXT(fakes_raised(fakes), "");
    CHECK(strstr(fakes_to_broker(fakes), "\"" MARK "\" qos=0"));
    tell(janitor, MARK, NULL, false, 0);
    CHECK_TEXT(fakes_raised(fakes), "#1 disconnected user=u1 state=s0 " EXPIRED);
    CHECK(strstr(fakes_to_broker(fakes), "PUBACK id=7\n"));
    tell(janitor, MARK, NULL, false, 0);
    CHECK_TEXT(fakes_raised(fakes), "");
    client_socket_closed(client, 1000);
    buffer_release(&will);
    fakes_free(fakes);
}

TEST(a_reliable_client_that_never_came_back_is_disconnected_once)
{
    struct fakes *fakes = fakes_new();
    struct client *janitor = start_janitor(fakes), *client;
    struct buffer will = {0}, away = {0};

    fakes_handle_events(fakes);
    client = start_with_id(fakes, SUBPROTOCOL_JSON_RELIABLE);
    buffer_append(&will, buffer_slice(&fakes->will));
    SAY_EVENT(client, "1");
    fakes_answer_event_with(
        fakes,
        &(struct event_answer){.status = 200, .has_state = true, .state = SLICE_LITERAL("s1")});
    fakes_raised(fakes);
    client_socket_closed(client, 1006);
    CHECK(strstr(fakes_to_broker(fakes), "PUBLISH \"" AWAY "\" qos=0 retain"));
    buffer_append(&away, buffer_slice(&fakes->published));
    CHECK_TEXT(fakes_raised(fakes), "");
    tell(janitor, GONE, &will, false, 1);
    tell(janitor, AWAY, &away, true, 0);
    tell(janitor, MARK, NULL, false, 0);
    CHECK_TEXT(fakes_raised(fakes), "#3 disconnected user=u1 state=s1 " EXPIRED);
    buffer_release(&will);
    buffer_release(&away);
    fakes_free(fakes);
}

/* client/mqtt_keeper.h: what is kept is of the events only. */
TEST(an_mqtt_session_that_has_expired_is_disconnected_with_what_was_kept)
{
    struct fakes *fakes = fakes_new();
    struct client *janitor = start_janitor(fakes);
    struct event_origin origin = {.hub = SLICE_LITERAL("h"),
                                  .connection_id = SLICE_LITERAL("c"),
                                  .user_id = SLICE_LITERAL("u1"),
                                  .physical_connection = SLICE_LITERAL("p"),
                                  .session = SLICE_LITERAL("s")};
    struct buffer will = {0}, kept = {0};
    struct event_queue *queue;

    fakes_handle_events(fakes);
    queue = event_queue_new(&fakes->gateway, &origin, (struct event_audience){0});
    event_queue_export(queue, &will);
    event_queue_remember(queue, &(struct event_memory){.number = 9, .state = SLICE_LITERAL("x")});
    event_queue_export(queue, &kept);
    event_queue_end(queue);
    tell(janitor, "$wps/h/gone/mqtt:c", &will, false, 1);
    tell(janitor, "$wps/h/away/mqtt:c", &kept, true, 0);
    tell(janitor, "$wps/h/mark/mqtt:c", NULL, false, 0);
    CHECK_TEXT(fakes_raised(fakes),
               "#9 disconnected user=u1 state=x physical=p session=s [{\"reason\":\"the connection "
               "was lost\",\"mqtt\":{\"initiatedByClient\":false,\"disconnectPacket\":null}}]\n");
    buffer_release(&will);
    buffer_release(&kept);
    fakes_free(fakes);
}

TEST(a_recovered_connection_goes_on_with_its_state)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade;
    struct client *client;
    struct buffer away = {0};

    fakes_handle_events(fakes);
    client = start_with_id(fakes, SUBPROTOCOL_JSON_RELIABLE);
    client_socket_closed(client, 1006);
    buffer_append(&away, buffer_slice(&fakes->published));
    upgrade = fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON_RELIABLE, "u1", NULL);
    upgrade->is_recovery = true;
    buffer_append_string(&upgrade->connection_id, CID);
    client = fakes_client(fakes, upgrade);
    fakes_connack(client, true);
    tell(client, AWAY, &away, true, 0);
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    fakes_to_broker(fakes);
    {
        struct buffer digits = {0};
        buffer_append_string(&digits, "4097");
        tell(client, MARK, &digits, false, 0);
        buffer_release(&digits);
    }
    fakes_answer(client, PACKET_PUBACK, 4100, 0);
    CHECK_TEXT(fakes_raised(fakes), ""); /* no connect, no connected */
    SAY_EVENT(client, "1");
    CHECK_TEXT(fakes_raised(fakes), "#2 user e text user=u1 state=s0 [d1]\n");
    fakes_answer_event(fakes, 200, NULL);
    fakes_to_broker(fakes);
    client_socket_closed(client, 1000);
    CHECK_TEXT(fakes_raised(fakes), "#3 disconnected user=u1 state=s0 [{\"reason\":\"\"}]\n");
    /* The janitor clears up, and has nothing to raise. */
    CHECK(strstr(fakes_to_broker(fakes), "\"" GONE "\" qos=1 []\n"));
    CHECK_INT_EQUAL(fakes->published.length, 0);
    buffer_release(&away);
    fakes_free(fakes);
}

TEST(a_recovery_that_fails_raises_nothing)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade =
        fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON_RELIABLE, "u1", NULL);
    struct client *client;

    fakes_handle_events(fakes);
    upgrade->is_recovery = true;
    buffer_append_string(&upgrade->connection_id, CID);
    client = fakes_client(fakes, upgrade);
    fakes_connack(client, false);
    CHECK(strstr(fakes_to_browser(fakes), "close 1008 "));
    finish(fakes, client);
}

TEST(who_goes_with_the_broker_is_disconnected_by_whoever_has_it)
{
    for (int is_reliable = 0; is_reliable < 2; is_reliable++) {
        struct fakes *fakes = fakes_new();
        struct client *client;
        fakes_handle_events(fakes);
        client = start_with_id(fakes, is_reliable ? SUBPROTOCOL_JSON_RELIABLE : SUBPROTOCOL_JSON);
        fakes_lose(fakes);
        client_socket_closed(client, 1000);
        CHECK_TEXT(
            fakes_raised(fakes),
            is_reliable
                ? "" /* its session is there when the broker is back, and its will */
                : "#2 disconnected user=u1 state=s0 [{\"reason\":\"the broker restarts\"}]\n");
        fakes_free(fakes);
    }
}

/* It has time for its own clients, and leaves what concerns others to others. */
TEST(a_bridge_that_stops_raises_the_last_events_of_its_clients)
{
    struct fakes *fakes = fakes_new();
    struct client *client;

    start_janitor(fakes);
    fakes_handle_events(fakes);
    client = start_with_id(fakes, SUBPROTOCOL_JSON);
    gateway_stop(&fakes->gateway);
    CHECK(strstr(fakes_to_broker(fakes), "0 CLOSE\n"));
    client_socket_closed(client, 1001);
    CHECK(strstr(fakes_to_broker(fakes), "DISCONNECT reason=0\n"));
    CHECK_TEXT(fakes_raised(fakes), "#2 disconnected user=u1 state=s0 [{\"reason\":\"\"}]\n");
    fakes_free(fakes);
}
