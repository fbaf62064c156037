/* bridge/client: events of a hub's MQTT clients (spec/webpubsub.md 5.2, 5.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt_hub_fixture.h"

#include "client/admission.h"
#include "support/bridge_event_fakes.h"

static struct event_fakes events;
static struct upgrade_context access_context;

static void handle_events(void)
{
    event_fakes_end(&events);
    memset(&events, 0, sizeof(events));
    access_context = (struct upgrade_context){.hubs = &fixture.settings, .hub_count = 1};
    fixture.gateway.access = &access_context;
    fixture.gateway.events = event_fakes_begin(&events, &fixture.settings);
}

static void answer(int status, const char *text)
{
    event_fakes_answer(&events, &(struct event_answer){
                                    .status = status,
                                    .error = "nobody is there",
                                    .data = {DATA_TEXT, slice_from_string(text)},
                                });
}

#define CHECK_RAISED(text) CHECK_STRING_EQUAL(event_fakes_raised(&events), text)
#define PHYSICAL           "physical=llllllllllllllllllllll session=llllllllllllllllllllll"

static void finish(void)
{
    fixture_end();
    event_fakes_end(&events);
    memset(&events, 0, sizeof(events));
}

/* ---------------------------------------------------------------- a connection's events */

/* A packet to the keeper's channel. */
static struct channel *keeper;

static void keeper_gets(const char *text)
{
    struct buffer bytes = {0};

    counted_bytes_append(&bytes, text);
    keeper->events->packet(keeper, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void keeper_is_told(const char *topic, struct slice payload)
{
    struct packet packet = {.type = PACKET_PUBLISH};
    struct fanout_scratch scratch = {0};
    struct fanout fanout;
    struct buffer bytes = {0};

    packet.publish.topic = slice_from_string(topic);
    packet.publish.payload = payload;
    packet_encode(&bytes, &packet, MQTT_5);
    fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&bytes));
    keeper->events->publish(keeper, &fanout, 0);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
}

/* It has connected under its name; its will goes to `gone` and has something to say. */
static void keeper_connects(const char *identifier)
{
    struct packet_limits limits = {.packet_size_max = PACKET_SIZE_MAX};
    struct packet packet;

    CHECK(packet_decode(&packet, buffer_slice(&fixture.got), &limits) ==
          (ssize_t)fixture.got.length);
    CHECK_SLICE_EQUAL(packet.connect.client_identifier, slice_from_string(identifier));
    CHECK_SLICE_EQUAL(packet.connect.will.topic, SLICE_LITERAL("$wps/hub/gone/mqtt:cid"));
    CHECK(packet.connect.will.payload.length > 0);
    fixture.got.length = 0;
    keeper = fixture.opened;
    CHECK(keeper != &fixture.client->channel);
}

static void start(void)
{
    hub_begin("ann");
    handle_events();
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    keeper_connects("$wps/hub/keeper/cid");
    CHECK(fixture.websocket.paused);
    keeper_gets("20 [00 00 00]");
    CHECK_BROKER_GOT(CONNECTED(BEGINNING_ANN));
    broker_sends("20 [00 00 00]");
    broker_sends("90 [0001 00 02]");
    CHECK_BROWSER_GOT("20 [00 00 00]");
    CHECK_RAISED("#1 connected user=ann " PHYSICAL " [{}]\n");
    answer(200, "");
}

TEST(connected_and_disconnected)
{
    start();
    browser_sends("E0 []");
    CHECK_BROKER_GOT("E0 []");
    fixture_vanish(1000);
    CHECK_BROKER_GOT("E0 [00 05 11 00000000]"); /* the keeper's work is done */
    CHECK_RAISED("#2 disconnected user=ann " PHYSICAL " [{\"reason\":null,\"mqtt\":{"
                 "\"initiatedByClient\":true,\"disconnectPacket\":{\"code\":0,"
                 "\"userProperties\":null}}}]\n");
    finish();
}

TEST(the_server_ends_it)
{
    start();
    broker_sends("E0 [8D 00]");
    CHECK_BROWSER_GOT("E0 [8D 00]");
    fixture_vanish(1000);
    CHECK_RAISED("#2 disconnected user=ann " PHYSICAL " [{\"reason\":null,\"mqtt\":{"
                 "\"initiatedByClient\":false,\"disconnectPacket\":{\"code\":141,"
                 "\"userProperties\":null}}}]\n");
    finish();
}

TEST(a_network_that_breaks_has_no_disconnect_packet)
{
    start();
    fixture_vanish(1006);
    CHECK_RAISED("#2 disconnected user=ann " PHYSICAL " [{\"reason\":null,\"mqtt\":{"
                 "\"initiatedByClient\":false,\"disconnectPacket\":null}}]\n");
    finish();
}

#define AWAY "$wps/hub/away/mqtt:cid"
#define MARK "$wps/hub/mark/mqtt:cid"

static void resume(struct slice memory)
{
    hub_begin("ann");
    handle_events();
    browser_sends("10 [<MQTT> 05 00 003C [11 0000001E] <cid>]");
    keeper_connects("$wps/hub/keeper/cid");
    keeper_gets("20 [01 00 00]");
    CHECK_BROKER_GOT("82 [0001 00 <" AWAY "> 00 <" MARK "> 00] 30 [<" MARK
                     "> 00] A2 [0001 00 <" MARK ">] A2 [0001 00 <" AWAY ">]");
    if (memory.length > 0) {
        keeper_is_told(AWAY, memory);
        CHECK(fixture.got.length > memory.length); /* kept, without an expiry */
        fixture.got.length = 0;
    }
    CHECK_BROKER_GOT("");
    keeper_is_told(MARK, SLICE_EMPTY);
    CHECK(fixture.got.length > 0);
    fixture.got.length = 0;
    broker_sends("20 [01 00 00]");
    broker_sends("90 [0001 00 02]");
    CHECK_RAISED(""); /* it was connected before */
}

TEST(a_session_that_is_kept_goes_on_with_its_events)
{
    struct buffer memory = {0};
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, false};
    struct packet kept;

    resume(SLICE_EMPTY);
    browser_sends("30 [<$webpubsub/server/events/e> 00 'x']");
    event_fakes_answer(&events, &(struct event_answer){
                                    .status = 204, .has_state = true, .state = SLICE_LITERAL("s")});
    event_fakes_raised(&events);
    fixture.got.length = 0;
    fixture_vanish(1006);
    CHECK_RAISED(""); /* that is the janitor's to raise */
    CHECK(packet_decode(&kept, buffer_slice(&fixture.got), &limits) > 0);
    CHECK_SLICE_EQUAL(kept.publish.topic, SLICE_LITERAL(AWAY));
    CHECK(kept.publish.retain);
    buffer_append(&memory, kept.publish.payload);
    finish();
    resume(buffer_slice(&memory));
    browser_sends("30 [<$webpubsub/server/events/e> 00 'y']");
    CHECK_RAISED("#2 user e binary user=ann state=s " PHYSICAL " [y]\n");
    event_queue_farewell(&fixture.gateway, SLICE_LITERAL("hub"), SLICE_LITERAL("mqtt:cid"),
                         buffer_slice(&memory));
    CHECK_RAISED("#2 disconnected user=ann state=s " PHYSICAL " [{\"reason\":\"the connection was "
                 "lost\",\"mqtt\":{\"initiatedByClient\":false,\"disconnectPacket\":null}}]\n");
    buffer_release(&memory);
    finish();
}

TEST(a_client_that_is_taken_over_is_not_disconnected)
{
    start();
    fixture.client->channel.is_open = false;
    fixture.client->channel.events->closed(&fixture.client->channel, REASON_SESSION_TAKEN_OVER);
    fixture_vanish(1000);
    CHECK_RAISED("");
    finish();
}

/* ---------------------------------------------------------------- custom events */

#define EVENT    "$webpubsub/server/events/e"
#define REPLY    "$wps/hub/event/cid/e/"
#define TEXT(s)  "01 01 03 <text/plain> 09 <cd> 26 <azure-status-code> <" s ">"
#define RAISED_E "user=ann " PHYSICAL

TEST(an_event_becomes_its_answer)
{
    start();
    browser_sends("33 [<" EVENT "> 0009 [03 <text/plain> 09 <cd> 26 <k> <v>] 'payload']");
    CHECK_NOTHING_WENT();
    CHECK_RAISED("#2 user e text " RAISED_E " type=text/plain k~v [payload]\n");
    answer(200, "hello");
    CHECK_BROKER_GOT("32 [<" REPLY "succeeded> 0009 [" TEXT("200") "] 'hello']");
    broker_sends("40 [0009]");
    CHECK_BROWSER_GOT("40 [0009]");
    browser_sends("34 [<" EVENT "> 000A [09 <cd>] 'x']");
    CHECK_RAISED("#3 user e binary " RAISED_E " [x]\n");
    answer(403, "no");
    CHECK_BROKER_GOT("34 [<" REPLY "failed> 000A [" TEXT("403") "] 'no']");
    browser_sends("30 [<" EVENT "> [09 <cd>] 'x']");
    answer(0, "");
    CHECK_BROKER_GOT("30 [<" REPLY "failed> [" TEXT("500") "] 'nobody is there']");
    finish();
}

TEST(properties_of_the_answer)
{
    struct pair pair = {SLICE_LITERAL("a"), SLICE_LITERAL("b")};

    start();
    browser_sends("30 [<" EVENT "> 00 'x']");
    event_fakes_answer(&events, &(struct event_answer){.status = 204, .properties = {&pair, 1}});
    CHECK_BROKER_GOT("30 [<" REPLY "succeeded> [01 01 03 <application/json>"
                     " 26 <azure-status-code> <204> 26 <a> <b>]]");
    finish();
}

/* MQTT-4.6.0-2: acknowledgements keep their order. */
TEST(messages_behind_an_event_wait_for_it)
{
    start();
    fixture_role("webpubsub.sendToGroup");
    browser_sends("32 [<" EVENT "> 0001 00 'x'] 32 [<g> 0002 00 'y'] C0 [] 32 [<" EVENT
                  "> 0003 00 'z'] 32 [<g> 0004 00 'w']");
    CHECK_BROKER_GOT("C0 []");
    CHECK_RAISED("#2 user e binary " RAISED_E " [x]\n");
    answer(200, "1");
    CHECK_BROKER_GOT("32 [<" REPLY "succeeded> 0001 [01 01 03 <text/plain>"
                     " 26 <azure-status-code> <200>] '1']"
                     " 32 [<hub/g> 0002 [26 <$wps.from> <ann>] 'y']");
    CHECK_RAISED("#3 user e binary " RAISED_E " [z]\n");
    answer(200, "2");
    CHECK_BROKER_GOT("32 [<" REPLY "succeeded> 0003 [01 01 03 <text/plain>"
                     " 26 <azure-status-code> <200>] '2']"
                     " 32 [<hub/g> 0004 [26 <$wps.from> <ann>] 'w']");
    finish();
}

TEST(who_has_too_much_waiting_is_not_read_from)
{
    int count = 0;

    start();
    browser_sends("30 [<" EVENT "> 00 'x']");
    while (!fixture.websocket.paused && count < 10000) {
        browser_sends("30 [<" EVENT "> 00 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']");
        count++;
    }
    CHECK(count > 100 && count < 10000);
    answer(200, "");
    CHECK(!fixture.websocket.paused);
    finish();
}

/* As mosquitto_pub does: CONNECT, messages, DISCONNECT in one breath. */
TEST(what_was_sent_before_disconnect_is_raised)
{
    start();
    fixture_role("webpubsub.sendToGroup");
    browser_sends("30 [<" EVENT "> 00 'x'] 30 [<" EVENT "> 00 'y'] 30 [<g> 00 'z'] E0 []");
    CHECK_BROKER_GOT("30 [<hub/g> [26 <$wps.from> <ann>] 'z'] E0 []");
    fixture_vanish(1000);
    CHECK_RAISED("#2 user e binary " RAISED_E " [x]\n");
    answer(200, "");
    CHECK_RAISED("#3 user e binary " RAISED_E " [y]\n");
    answer(200, "");
    CHECK(strstr(event_fakes_raised(&events), "#4 disconnected "));
    CHECK_BROKER_GOT("E0 [00 05 11 00000000]"); /* of the keeper, no answers */
    finish();
}

TEST(an_event_that_nobody_takes_fails_at_once)
{
    start();
    events.user_events = "other";
    browser_sends("30 [<" EVENT "> [09 <cd>] 'x']");
    CHECK_BROKER_GOT("30 [<" REPLY
                     "failed> [" TEXT("404") "] 'the hub has no event handler for this event']");
    finish();
}

/* An event needs its name. */
TEST(no_topic_alias_where_events_have_handlers)
{
    hub_begin("ann");
    handle_events();
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    keeper_connects("$wps/hub/keeper/cid");
    keeper_gets("20 [00 00 00]");
    fixture.got.length = 0;
    broker_sends("20 [00 00 03 22 000A]");
    CHECK_BROWSER_GOT("20 [00 00 00]");
    browser_sends("30 [<" EVENT "> [23 0001] 'x']");
    CHECK_BROWSER_GOT("E0 [94]");
    finish();
}

/* ---------------------------------------------------------------- connect */

/* It is asked whether `connect` may be. */
static void ask(const char *connect)
{
    hub_begin("ann");
    handle_events();
    events.system_events = UINT32_MAX;
    arrival_add(&fixture.upgrade->arrival, SLICE_LITERAL("q=1"));
    arrival_add(&fixture.upgrade->arrival, SLICE_LITERAL("mqtt"));
    browser_sends(connect);
    CHECK_NOTHING_WENT();
    CHECK(fixture.websocket.paused);
}

static void answer_json(int status, const char *json)
{
    event_fakes_answer(
        &events,
        &(struct event_answer){.status = status, .data = {DATA_JSON, slice_from_string(json)}});
}

TEST(each_connect_is_asked_about)
{
    const char *raised;

    ask("10 [<MQTT> 05 C2 003C [26 <a> <b>] <cid> <name> <pass>] C0 []");
    raised = event_fakes_raised(&events);
    CHECK(strncmp(raised, "#0 connect user=ann physical=llllllllllllllllllllll [",
                  strlen("#0 connect user=ann physical=llllllllllllllllllllll [")) == 0);
    CHECK(strstr(raised, "\"mqtt\":{\"protocolVersion\":5,\"cleanStart\":true,\"username\":"
                         "\"name\",\"password\":\"cGFzcw==\",\"userProperties\":[{\"name\":"
                         "\"a\",\"value\":\"b\"}]}"));
    answer_json(200, "{\"userId\":\"bob\",\"groups\":[\"g\"],\"mqtt\":{\"userProperties\":"
                     "[{\"name\":\"x\",\"value\":\"y\"}]}}");
    keeper_connects("$wps/hub/keeper/cid");
    keeper_gets("20 [00 00 00]");
    CHECK_BROKER_GOT("10 [<MQTT> 05 02 003C [26 <a> <b>] <$wps/hub/mqtt/cid>] 82 [0001 00"
                     " <$wps/hub/event/cid/#> 22 <$wps/hub/all> 21 <$wps/hub/user/bob> 21"
                     " <$wps/hub/conn/cid> 21 <hub/g> 21]");
    broker_sends("20 [00 00 00]");
    CHECK_BROWSER_GOT("20 [00 00 [26 <x> <y>]]");
    CHECK_BROKER_GOT("C0 []"); /* what came behind CONNECT */
    CHECK(strstr(event_fakes_raised(&events), "#1 connected user=bob "));
    finish();
}

TEST(refusals_of_version_5)
{
    static const struct {
        int status;
        const char *answer, *connack;
    } rows[] = {
        {403,
         "{\"mqtt\":{\"code\":138,\"reason\":\"ban\",\"userProperties\":[{\"name\":"
         "\"x\",\"value\":\"y\"}]}}",
         "20 [00 8A [1F <ban> 26 <x> <y>]]"},
        {401, "", "20 [00 87 00]"},
        {400, "", "20 [00 86 00]"},
        {500, "", "20 [00 80 00]"},
        {0, "", "20 [00 80 00]"},
        {400, "{\"mqtt\":{\"code\":3}}", "20 [00 80 00]"}, /* none of CONNACK's */
        {400, "{\"mqtt\":{\"code\":999}}", "20 [00 80 00]"},
        {200, "{", "20 [00 80 00]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        ask("10 [<MQTT> 05 02 003C 00 <cid>]");
        answer_json(rows[i].status, rows[i].answer);
        CHECK_BROWSER_GOT(rows[i].connack);
        CHECK(fixture.websocket.closed != 0);
        event_fakes_raised(&events);
        fixture_vanish(1006);
        CHECK_RAISED(""); /* it never was let in */
        finish();
    }
}

TEST(refusals_of_the_older_version)
{
    static const struct {
        int status;
        const char *answer, *connack;
    } rows[] = {
        {400, "{\"mqtt\":{\"code\":2}}", "20 [00 02]"},
        {401, "", "20 [00 05]"},
        {500, "", "20 [00 03]"},
        {400, "{\"mqtt\":{\"code\":138}}", "20 [00 03]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        ask("10 [<MQTT> 04 02 003C <cid>]");
        answer_json(rows[i].status, rows[i].answer);
        CHECK_BROWSER_GOT(rows[i].connack);
        finish();
    }
}

/* It came without a token, and the handler has been taken away meanwhile. */
TEST(who_needs_a_handler_is_not_let_in_without_one)
{
    hub_begin("");
    fixture.upgrade->needs_handler = true;
    browser_sends("10 [<MQTT> 05 02 003C 00 <cid>]");
    CHECK_BROWSER_GOT("20 [00 87 00]");
    CHECK_NOTHING_WENT();
    finish();
}

TEST(a_client_that_goes_while_it_is_asked_about_is_forgotten)
{
    ask("10 [<MQTT> 05 02 003C 00 <cid>]");
    event_fakes_raised(&events);
    fixture_vanish(1006);
    CHECK_RAISED("cancelled\n");
    finish();
}

/* 7.2: after a connect that was answered with 2xx, whatever comes. */
TEST(disconnected_comes_although_the_broker_refuses)
{
    ask("10 [<MQTT> 05 02 003C 00 <cid>]");
    answer_json(204, "");
    event_fakes_raised(&events);
    keeper_connects("$wps/hub/keeper/cid");
    keeper_gets("20 [00 00 00]");
    broker_sends("20 [00 97 00]");
    fixture_vanish(1006);
    CHECK(strstr(event_fakes_raised(&events), "#1 disconnected user=ann "));
    finish();
}
