/* Reliable Web PubSub clients when the broker goes, stops, does not answer or repeats itself, and
 * the numbers that they see.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "webpubsub_fixture.h"

#include "client/mqtt_write.h"

static const char role[] = "webpubsub.joinLeaveGroup";

static struct client *start(struct fakes *fakes, enum subprotocol subprotocol, const char *may)
{
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, subprotocol, "u1", may));

    fakes_connack(client, false);
    fakes_to_broker(fakes);
    fakes_to_browser(fakes);
    return client;
}

static void deliver(struct client *client, const char *topic, const char *payload, uint32_t number)
{
    struct packet packet = {.type = PACKET_PUBLISH};

    packet.publish.topic = slice_from_string(topic);
    packet.publish.payload = slice_from_string(payload);
    fakes_deliver(client, &packet, number);
}

/* ---------------------------------------------------------------- the broker */

TEST(an_acknowledgement_that_was_lost_with_the_broker_is_sent_again)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);

    deliver(client, "h/g", "x", 1);
    deliver(client, "h/g", "y", 2);
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":1}");
    fakes_lose(fakes);
    fakes_return(fakes);
    fakes_connack(client, true);
    fakes_to_broker(fakes);
    fakes_to_browser(fakes);
    fakes->credited = 0;
    deliver(client, "h/g", "x", 1);
    CHECK_HAS(fakes_to_broker(fakes), " PUBACK id=1\n");
    CHECK(fakes->credited > 0);
    deliver(client, "h/g", "y", 2); /* that one the browser has not acknowledged yet */
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
    finish(fakes, client);
}

TEST(a_broker_that_is_being_stopped_is_waited_for)
{
    static const struct {
        enum subprotocol subprotocol;
        bool stays;
    } rows[] = {{SUBPROTOCOL_JSON_RELIABLE, true}, {SUBPROTOCOL_JSON, false}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct client *client = start(fakes, rows[i].subprotocol, NULL);
        test_note("row %zu", i);
        client->channel.is_open = false;
        fakes->channels[0] = NULL;
        client->channel.events->closed(&client->channel, REASON_SERVER_SHUTTING_DOWN);
        if (rows[i].stays) {
            CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
            CHECK(fakes->is_paused);
            fakes_lose(fakes);
            fakes_return(fakes);
            fakes_connack(client, true);
            CHECK(!fakes->is_paused);
        } else {
            CHECK_HAS(fakes_to_browser(fakes), "close 1012 ");
        }
        finish(fakes, client);
    }
}

TEST(a_broker_that_does_not_answer_is_given_up)
{
    struct fakes *fakes = fakes_new();
    struct client *client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL));

    fakes_now += 29000;
    gateway_advance(&fakes->gateway);
    CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
    fakes_now += 2000;
    gateway_advance(&fakes->gateway);
    CHECK_HAS(fakes_to_browser(fakes), "close 1012 ");
    finish(fakes, client);
}

TEST(a_broker_that_answered_is_not_given_up)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, NULL);

    fakes_now += 60000;
    gateway_advance(&fakes->gateway);
    CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
    finish(fakes, client);
}

TEST(a_browser_that_comes_while_the_broker_is_away_is_turned_away)
{
    struct fakes *fakes = fakes_new();
    struct client *client;

    fakes->is_ready = false;
    client =
        fakes_client(fakes, fakes_upgrade(fakes, UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON, "u1", NULL));
    CHECK_HAS(fakes_to_browser(fakes), "close 1012 ");
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    finish(fakes, client);
}

TEST(who_goes_with_the_broker_and_had_a_state_waits_for_the_janitor)
{
    struct fakes *fakes = fakes_new();
    struct channel *janitor;
    struct client *client;
    size_t first;

    fakes_return(fakes);
    janitor = fakes->channels[0];
    fakes_packet(CONTAINER_OF(janitor, struct client, channel),
                 &(struct packet){.type = PACKET_CONNACK});
    client = start(fakes, SUBPROTOCOL_JSON, role);
    fakes_say(client, "{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":{\"k\":\"v\"}}");
    fakes_to_broker(fakes);
    /* The client hears of it first, as when its worker is the first of several. */
    fakes->is_ready = janitor->is_open = client->channel.is_open = false;
    client->channel.events->lost(&client->channel);
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    janitor->events->lost(janitor);
    fakes->channels[janitor->number] = fakes->channels[client->channel.number] = NULL;
    first = fakes->channel_count;
    fakes_return(fakes);
    janitor = fakes->channels[first];
    fakes_packet(CONTAINER_OF(janitor, struct client, channel),
                 &(struct packet){.type = PACKET_CONNACK});
    CHECK_HAS(fakes_to_broker(fakes), "SUBSCRIBE id=3 \"$wps/h/state/");
    finish(fakes, client);
}

TEST(a_janitor_that_is_refused_asks_for_nothing)
{
    struct fakes *fakes = fakes_new();
    struct channel *janitor;

    fakes_return(fakes);
    janitor = fakes->channels[0];
    fakes_to_broker(fakes);
    fakes_packet(CONTAINER_OF(janitor, struct client, channel),
                 &(struct packet){.type = PACKET_CONNACK, .connack.reason = REASON_QUOTA_EXCEEDED});
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    fakes_free(fakes);
}

/* ---------------------------------------------------------------- numbers */

TEST(a_session_of_many_deliveries_is_not_taken_for_acknowledged)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, NULL);

    deliver(client, "h/g", "x", 0x90000001);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":2415882241}");
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "");
    fakes_say(client, "{\"type\":\"sequenceAck\",\"sequenceId\":2415882241}");
    CHECK_STRING_EQUAL(fakes_to_broker(fakes), "0 PUBACK id=1\n");
    finish(fakes, client);
}

TEST(the_number_of_a_snapshot_is_above_all_that_was_sent)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, role);

    fakes_say(client, "{\"type\":\"subscribeGroupState\",\"group\":\"g\"}");
    deliver(client, "$wps/h/state/c1/g", "{\"k\":\"v\"}", 1);
    deliver(client, "h/g", "x", 2);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":2}");
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    deliver(client, "$wps/h/mark/x", "4097", 3);
    CHECK_HAS(fakes_to_browser(fakes), "\"sequenceId\":3}");
    finish(fakes, client);
}

TEST(a_snapshot_without_any_state_has_a_number_too)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, role);

    fakes_say(client, "{\"type\":\"subscribeGroupState\",\"group\":\"g\"}");
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    deliver(client, "$wps/h/mark/x", "4097", 1);
    CHECK_HAS(fakes_to_browser(fakes), "\"items\":[],\"sequenceId\":1}");
    finish(fakes, client);
}

TEST(few_snapshots_are_collected_at_a_time)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, role);

    for (int i = 0; i < 8; i++) {
        CHECK(!fakes->is_paused);
        fakes_say(client, "{\"type\":\"subscribeGroupState\",\"group\":\"g\"}");
    }
    CHECK(fakes->is_paused);
    fakes_answer(client, PACKET_SUBACK, 4097, 0);
    CHECK(fakes->is_paused);
    deliver(client, "$wps/h/mark/x", "4097", 0);
    CHECK(!fakes->is_paused);
    finish(fakes, client);
}

/* ---------------------------------------------------------------- streams */

static void send_fragment(struct client *client, unsigned number)
{
    char text[200];

    snprintf(text, sizeof(text),
             "{\"type\":\"streamData\",\"streamId\":\"S\",\"streamSequenceId\":%u,"
             "\"dataType\":\"text\",\"data\":\"a\"}",
             number);
    fakes_say(client, text);
}

TEST(no_fragment_is_acknowledged_behind_one_that_is_to_come_again)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    send_fragment(client, 1);
    send_fragment(client, 2);
    fakes_to_browser(fakes);
    fakes_answer(client, PACKET_PUBACK, 4097, REASON_QUOTA_EXCEEDED);
    CHECK_HAS(fakes_to_browser(fakes), "\"type\":\"streamNack\"");
    fakes_answer(client, PACKET_PUBACK, 4098, 0);
    CHECK_STRING_EQUAL(fakes_to_browser(fakes), "");
    send_fragment(client, 1);
    fakes_answer(client, PACKET_PUBACK, 4099, 0);
    CHECK_HAS(fakes_to_browser(fakes), "\"expectedSequenceId\":2}");
    finish(fakes, client);
}

TEST(what_is_kept_of_streams_outlives_the_session)
{
    struct fakes *fakes = fakes_new();
    struct client *client = start(fakes, SUBPROTOCOL_JSON_RELIABLE, "webpubsub.sendToGroup");

    fakes_say(client, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    fakes_to_broker(fakes);
    client_socket_closed(client, 1006);
    CHECK_HAS(fakes_to_broker(fakes), "qos=0 retain expiry=90");
    fakes_free(fakes);
}
