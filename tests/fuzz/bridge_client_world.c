/* See bridge_client_world.h: the browsers, the beginning and the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/bridge_client_world.h"

#include "base/log.h"
#include "client/webpubsub.h"
#include "mqtt/utf8.h"
#include "secret/access_keys.h"
#include "wire/webpubsub.pb-c.h"
#include "json/json.h"

struct world world;

/* ---------------------------------------------------------------- frames to browsers */

/* What the checks want to know of a frame. */
struct frame_facts {
    bool is_connected, is_ack_success;
    uint64_t ack_id;
};

static bool member_is(struct slice frame, const char *name, const char *text)
{
    struct json_value object, value;
    struct json_walk walk;
    struct slice key;

    FUZZ_CHECK(json_parse(frame, &object) && object.type == JSON_OBJECT);
    walk = json_members(&object);
    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, name)) {
            return slice_equal(value.text, slice_from_string(text));
        }
    }
    return false;
}

static void read_json(struct slice frame, struct frame_facts *facts)
{
    static const char ack[] = "{\"type\":\"ack\",\"ackId\":";
    struct slice rest = slice_from(frame, frame.length < sizeof(ack) ? 0 : sizeof(ack) - 1);

    facts->is_connected = member_is(frame, "event", "\"connected\"");
    facts->is_ack_success =
        member_is(frame, "type", "\"ack\"") && member_is(frame, "success", "true");
    FUZZ_CHECK(!facts->is_ack_success || slice_starts_with(frame, slice_from_string(ack)));
    for (size_t i = 0; facts->is_ack_success && rest.data[i] >= '0' && rest.data[i] <= '9'; i++) {
        facts->ack_id = facts->ack_id * 10 + (uint64_t)(rest.data[i] - '0');
    }
}

static void read_protobuf(struct slice frame, struct frame_facts *facts)
{
    DownstreamMessage *message = downstream_message__unpack(NULL, frame.length, frame.data);

    FUZZ_CHECK(message && message->message_case != DOWNSTREAM_MESSAGE__MESSAGE__NOT_SET);
    facts->is_connected = message->message_case == DOWNSTREAM_MESSAGE__MESSAGE_SYSTEM_MESSAGE;
    if (message->message_case == DOWNSTREAM_MESSAGE__MESSAGE_ACK_MESSAGE) {
        facts->is_ack_success = message->ack_message->success;
        facts->ack_id = message->ack_message->ack_id;
    }
    downstream_message__free_unpacked(message, NULL);
}

static void check_success(struct session *session, uint64_t ack_id)
{
    for (size_t i = 0; i < session->succeeded_count; i++) {
        FUZZ_CHECK(session->succeeded[i] != ack_id);
    }
    if (session->succeeded_count < SUCCESSES) {
        session->succeeded[session->succeeded_count++] = ack_id;
    }
}

static void check_webpubsub(struct websocket *browser, struct slice frame, bool is_text,
                            uint64_t number)
{
    bool is_json = browser->kind <= BROWSER_JSON_RELIABLE;
    struct frame_facts facts = {0};

    FUZZ_CHECK(is_text == is_json);
    (is_json ? read_json : read_protobuf)(frame, &facts);
    FUZZ_CHECK(browser->was_greeted != facts.is_connected);
    browser->was_greeted = true;
    if (facts.is_ack_success && browser->session) {
        check_success(browser->session, facts.ack_id);
    }
    if (number > 0) {
        FUZZ_CHECK(number > browser->last_number);
        browser->last_number = number;
    }
}

static void check_frame(struct websocket *browser, struct slice frame, bool is_text,
                        uint64_t number)
{
    if (browser->kind <= BROWSER_PROTOBUF_RELIABLE) {
        check_webpubsub(browser, frame, is_text, number);
    } else if (browser->kind == BROWSER_RAW) {
        FUZZ_CHECK(!is_text || utf8_is_well_formed(frame));
    } else {
        FUZZ_CHECK(!is_text);
    }
}

static void socket_send(struct websocket *browser, struct outgoing *outgoing, uint64_t number)
{
    uint8_t *bytes = memory_allocate(outgoing_size_max(outgoing) + 1);
    size_t length = outgoing_write(outgoing, number, bytes);
    struct outgoing *held = outgoing_hold(outgoing);

    FUZZ_CHECK(!browser->is_closed && length <= outgoing_size_max(outgoing));
    check_frame(browser, slice_make(bytes, length), outgoing->is_text, number);
    buffer_append(&browser->frames, slice_make(&held, sizeof(held)));
    free(bytes);
}

static void socket_close(struct websocket *browser, uint16_t code, enum close_category category,
                         struct slice reason)
{
    FUZZ_CHECK(category < CLOSE_CATEGORIES);
    FUZZ_CHECK(!browser->is_closed && code >= 1000 && reason.length <= 123);
    browser->is_closed = true;
    browser->code = code;
}

static void socket_pause(struct websocket *browser, bool paused)
{
    FUZZ_CHECK(!browser->is_closed && browser->is_paused != paused);
    browser->is_paused = paused;
}

static const struct websocket_ops socket_operations = {socket_send, socket_close, socket_pause};

/* ---------------------------------------------------------------- browsers */

static void add_role(struct upgrade *upgrade, const char *role)
{
    struct buffer error = {0};

    FUZZ_CHECK(roles_add(&upgrade->roles, slice_from_string(role), &error));
}

static struct upgrade *make_upgrade(enum browser_kind kind)
{
    static const struct {
        enum upgrade_kind kind;
        enum subprotocol subprotocol;
    } kinds[BROWSER_KINDS] = {
        [BROWSER_JSON] = {UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON},
        [BROWSER_JSON_RELIABLE] = {UPGRADE_WEBPUBSUB, SUBPROTOCOL_JSON_RELIABLE},
        [BROWSER_PROTOBUF] = {UPGRADE_WEBPUBSUB, SUBPROTOCOL_PROTOBUF},
        [BROWSER_PROTOBUF_RELIABLE] = {UPGRADE_WEBPUBSUB, SUBPROTOCOL_PROTOBUF_RELIABLE},
        [BROWSER_RAW] = {UPGRADE_RAW, SUBPROTOCOL_NONE},
        [BROWSER_MQTT_HUB] = {UPGRADE_MQTT_HUB, SUBPROTOCOL_MQTT},
        [BROWSER_MQTT] = {UPGRADE_MQTT, SUBPROTOCOL_MQTT},
    };
    struct upgrade *upgrade = memory_allocate_zero(sizeof(*upgrade));

    upgrade->kind = kinds[kind].kind;
    upgrade->subprotocol = kinds[kind].subprotocol;
    upgrade->settings = &world.hub;
    upgrade->hub = memory_copy_string(SLICE_LITERAL("h"));
    buffer_append_string(&upgrade->user, "ann");
    add_role(upgrade, "webpubsub.sendToGroup");
    add_role(upgrade, "webpubsub.joinLeaveGroup");
    return upgrade;
}

static void browser_begin(struct websocket *browser, enum browser_kind kind,
                          struct upgrade *upgrade)
{
    *browser = (struct websocket){.kind = kind};
    browser->client = client_new(&world.gateway, browser, upgrade, "127.0.0.1:1", true);
    for (size_t i = 0; i < CHANNELS; i++) { /* CONNECT came before client_new() returned */
        struct peer *peer = &world.peers[i];
        if (peer->channel == &browser->client->channel && peer->session) {
            browser->session = peer->session;
            browser->session->kind = kind;
        }
    }
}

void browser_open(struct websocket *browser, enum browser_kind kind, uint8_t settings)
{
    struct upgrade *upgrade = make_upgrade(kind);

    if (settings & 1) {
        upgrade->groups = memory_allocate_zero(sizeof(*upgrade->groups));
        upgrade->group_count = 1;
        buffer_append_string(&upgrade->groups[0], "g");
    }
    upgrade->raw_sends_to_group = (settings & 2) != 0;
    buffer_append_string(&upgrade->raw_group, "g");
    browser_begin(browser, kind, upgrade);
}

void browser_recover(struct websocket *browser, struct session *session)
{
    enum browser_kind kind = session->is_reliable ? session->kind : BROWSER_JSON_RELIABLE;
    struct upgrade *upgrade = make_upgrade(kind);

    session->acked_surely = 0;
    upgrade->is_recovery = true;
    buffer_append(&upgrade->connection_id, slice_make(session->id, ID_LENGTH));
    browser_begin(browser, kind, upgrade);
}

/* What the browser acknowledges, the broker may be told. */
static void note_sequence_ack(struct websocket *browser, struct slice message)
{
    static const struct codec *const codecs[] = {&codec_json, &codec_json_reliable, &codec_protobuf,
                                                 &codec_protobuf_reliable};
    struct buffer scratch = {0};
    struct request request;

    if (browser->session && browser->kind <= BROWSER_PROTOBUF_RELIABLE &&
        codecs[browser->kind]->decode(message, &request, &scratch) == FRAME_OK &&
        request.type == REQUEST_SEQUENCE_ACK && request.sequence_id > browser->session->acked) {
        browser->session->acked = request.sequence_id;
        if (request.sequence_id <= browser->last_number) {
            browser->session->acked_surely = request.sequence_id;
        }
    }
    buffer_release(&scratch);
}

void browser_say(struct websocket *browser, struct slice message, bool is_text)
{
    struct slice copy;

    if (!browser->client || browser->is_closed || browser->is_paused ||
        (is_text && !utf8_is_well_formed(message))) {
        return;
    }
    copy = fuzz_copy(message);
    note_sequence_ack(browser, copy);
    client_receive(browser->client, copy, is_text);
    fuzz_free(copy);
}

void browser_write(struct websocket *browser, size_t count)
{
    struct outgoing *first;

    while (browser->client && count-- > 0 && browser->frames.length > 0) {
        memcpy(&first, browser->frames.data, sizeof(first));
        buffer_consume(&browser->frames, sizeof(first));
        client_written(browser->client, first->credit);
        outgoing_release(first);
    }
}

void browser_leave(struct websocket *browser, uint16_t code)
{
    struct client *client = browser->client;
    struct outgoing *first;

    if (!client) {
        return;
    }
    if (browser->session && !client->channel.is_open) {
        browser->session->succeeded_count = 0; /* nobody was told what it had */
    }
    client_socket_closed(client, browser->is_closed ? browser->code : code);
    browser->client = NULL;
    while (browser->frames.length > 0) {
        memcpy(&first, browser->frames.data, sizeof(first));
        buffer_consume(&browser->frames, sizeof(first));
        outgoing_release(first);
    }
    buffer_release(&browser->frames);
}

/* ---------------------------------------------------------------- beginning and end */

static msec_t clock_of_world(void)
{
    return world.now;
}

static void count_up(void *out, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)out)[i] = world.random++;
    }
}

void world_begin(void)
{
    struct buffer error = {0};

    memset(&world, 0, sizeof(world));
    log_set_level(LOG_ERROR);
    world.hub = (struct hub_settings){
        .name = "_default", .retained_on_join = true, .wildcards = true, .recovery_s = 30};
    world.access = (struct upgrade_context){
        .keys = access_keys_parse(SLICE_LITERAL("primary: 0123456789abcdef0123456789abcdef\n"
                                                "secondary: fedcba9876543210fedcba9876543210\n"),
                                  &error),
        .hubs = &world.hub,
        .hub_count = 1,
    };
    world.link = (struct link){.ops = &link_operations};
    world.now = 1000000;
    world.may_send = true;
    world.gateway = (struct gateway){.link = &world.link,
                                     .sockets = &socket_operations,
                                     .access = &world.access,
                                     .random = count_up,
                                     .clock = clock_of_world,
                                     .packet_size_max = 4096};
    gateway_init(&world.gateway);
    broker_return();
}

static void settle(void)
{
    bool goes_on = true;

    if (world.is_stopping) {
        broker_lose(false);
    }
    broker_return();
    broker_may_send(true);
    while (goes_on) {
        goes_on = false;
        for (size_t i = 0; i < CHANNELS; i++) {
            goes_on |= peer_answer(&world.peers[i], 0);
        }
    }
    for (size_t i = 0; i < BROWSERS; i++) {
        browser_write(&world.browsers[i], SIZE_MAX);
    }
}

/* The broker knows all that the browser has acknowledged. */
static void check_unacked(struct session *session)
{
    for (size_t i = 0; session && i < unacked_count(session); i++) {
        FUZZ_CHECK(session->acked_surely < sequence_id_of(delivery_at(session, i)->sequence));
    }
}

/* All credit is back, and who is there is listened to. */
static void check_settled(const struct websocket *browser)
{
    if (!browser->client || browser->is_closed) {
        return;
    }
    FUZZ_CHECK(!browser->is_paused);
    check_unacked(browser->session);
    if (browser->client->channel.is_open) {
        const struct peer *peer = peer_of(&browser->client->channel);
        FUZZ_CHECK(peer->credited == peer->delivered);
    }
}

void world_end(void)
{
    settle();
    for (size_t i = 0; i < BROWSERS; i++) {
        check_settled(&world.browsers[i]);
    }
    for (size_t i = 0; i < BROWSERS; i++) {
        browser_leave(&world.browsers[i], 1006);
    }
    gateway_release(&world.gateway);
    for (size_t i = 0; i < SESSIONS; i++) {
        buffer_release(&world.sessions[i].unacked);
        buffer_release(&world.sessions[i].away);
    }
    access_keys_free((struct access_keys *)(uintptr_t)world.access.keys);
}
