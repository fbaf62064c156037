/* Fuzzes MQTT clients of the bridge: what a browser sends, cut anywhere, between packets of a
 * broker.
 *
 * The first byte says of which kind the client is and what it may do; the rest are pieces: who
 * sends (0 the browser, 1 the broker a packet, 2 the broker a PUBLISH), a length in two bytes, and
 * bytes. The broker of this test only sends what is well-formed. Beyond "no crash":
 *
 * - `/mqtt`: the broker gets the browser's bytes, as whole packets, and the browser the broker's.
 * - A hub: the broker gets only valid packets, all of whose topics and filters are the hub's or the
 *   client's own answers to events, in the client's own session, and says of each message who it is
 *   from; the browser gets only valid packets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "client/client.h"
#include "client/fanout.h"
#include "client/internal_topic.h"
#include "mqtt/topic.h"

enum { PACKET_MAX = 4096, SETTING_HUB = 1, SETTING_ROLES = 2, SETTING_USER = 4, SETTING_GROUP = 8 };
enum { FROM_BROWSER, FROM_BROKER, PUBLISHED, SENDERS };

struct websocket {
    bool is_closed, is_paused;
};

static struct {
    struct gateway gateway;
    struct link link;
    struct websocket websocket;
    struct hub_settings settings;
    struct client *client;
    bool is_hub, has_user;
    enum protocol_version version; /* of the CONNECT that the broker got */
    struct buffer identifier;      /* and its client identifier */
    struct buffer browser, got;    /* of the relay: what was sent, what came */
} world;

/* ---------------------------------------------------------------- what the broker gets */

static void check_topic(struct slice topic)
{
    struct buffer answers = {0};

    buffer_append_string(&answers, "$wps/hub/event/");
    buffer_append(&answers, slice_from(buffer_slice(&world.identifier), strlen("$wps/hub/mqtt/")));
    buffer_append_byte(&answers, '/');
    FUZZ_CHECK(slice_starts_with(topic, SLICE_LITERAL("hub/")) ||
               slice_starts_with(topic, buffer_slice(&answers)));
    buffer_release(&answers);
}

/* What the server sends comes without being asked for, to this client and no other. */
static bool is_of_server(struct slice filter)
{
    struct slice identifier = slice_from(buffer_slice(&world.identifier), strlen("$wps/hub/mqtt/"));
    struct buffer own = {0};
    bool is_own;

    internal_topic_append(&own, INTERNAL_CONN, SLICE_LITERAL("hub"), identifier, SLICE_EMPTY);
    is_own = slice_equal(filter, buffer_slice(&own));
    buffer_release(&own);
    return is_own || slice_equal(filter, SLICE_LITERAL("$wps/hub/all")) ||
           (world.has_user && slice_equal(filter, SLICE_LITERAL("$wps/hub/user/ann")));
}

/* A user property of the bridge's own: who it is from, and that is the truth. */
static bool is_own(const struct property_item *item)
{
    if (item->property != PROPERTY_USER_PROPERTY ||
        !slice_starts_with(item->name, SLICE_LITERAL("$wps."))) {
        return false;
    }
    FUZZ_CHECK(slice_equal(item->name, SLICE_LITERAL(PROPERTY_FROM)));
    FUZZ_CHECK(slice_equal(item->value, SLICE_LITERAL("ann")));
    return true;
}

static size_t count_own(struct slice raw)
{
    struct property_item item;
    size_t count = 0;

    while (properties_next(&raw, &item)) {
        count += is_own(&item);
    }
    return count;
}

static void check_message(const struct properties *properties, struct slice topic)
{
    bool says_from = world.has_user && world.version == MQTT_5 &&
                     !slice_starts_with(topic, SLICE_LITERAL("$wps/"));
    size_t count = count_own(properties->raw);

    if (topic.length > 0) { /* else an alias, of a group or an event */
        check_topic(topic);
        FUZZ_CHECK(count == (says_from ? 1 : 0));
    } else {
        FUZZ_CHECK(count <= (world.has_user ? 1 : 0));
    }
    if (properties_have(properties, PROPERTY_RESPONSE_TOPIC)) {
        FUZZ_CHECK(slice_starts_with(properties->response_topic, SLICE_LITERAL("hub/")));
    }
}

static void check_filters(const struct packet *packet)
{
    struct slice rest = packet->subscribe.filters, filter, share_name;
    struct subscription_options options;
    bool subscribes = packet->type == PACKET_SUBSCRIBE;

    while (subscribes ? subscribe_next(&rest, world.version, &filter, &options)
                      : unsubscribe_next(&rest, &filter)) {
        topic_filter_split_share(filter, &share_name, &filter);
        if (!is_of_server(filter)) {
            check_topic(filter);
        }
    }
}

static void check_connect(const struct packet *packet)
{
    const struct connect *connect = &packet->connect;
    const struct slice prefix = SLICE_LITERAL("$wps/hub/mqtt/");

    if (world.version != MQTT_UNKNOWN) {
        return; /* a second one is the broker's to refuse, whoever it names */
    }
    FUZZ_CHECK(slice_starts_with(connect->client_identifier, prefix));
    FUZZ_CHECK(connect->client_identifier.length > prefix.length);
    FUZZ_CHECK(!connect->has_user_name && !connect->has_password);
    world.version = connect->version;
    buffer_append(&world.identifier, connect->client_identifier);
    if (connect->will.present) {
        check_message(&connect->will.properties, connect->will.topic);
    }
}

static void check_packet(struct slice bytes)
{
    struct packet_limits limits = {world.version, PACKET_SIZE_MAX, false};
    struct packet decoded;
    const struct packet *packet = &decoded;

    FUZZ_CHECK(packet_decode(&decoded, bytes, &limits) == (ssize_t)bytes.length);
    switch ((unsigned)packet->type) {
    case PACKET_CONNECT:
        check_connect(packet);
        break;
    case PACKET_PUBLISH:
        check_message(&packet->properties, packet->publish.topic);
        break;
    case PACKET_SUBSCRIBE:
    case PACKET_UNSUBSCRIBE:
        check_filters(packet);
        break;
    default:
        break;
    }
}

static void fake_link_send(struct link *link, struct channel *channel, struct slice packets)
{
    FUZZ_CHECK(link == &world.link && channel->is_open);
    while (packets.length > 0) {
        ssize_t size = packet_size(packets);

        FUZZ_CHECK(size > 0 && (size_t)size <= packets.length);
        if (world.is_hub) {
            check_packet(slice_make(packets.data, (size_t)size));
        }
        buffer_append(&world.got, slice_make(packets.data, (size_t)size));
        packets = slice_from(packets, (size_t)size);
    }
}

static void fake_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    FUZZ_CHECK(link == &world.link && !channel->is_open);
    FUZZ_CHECK(((open->flags & TRUNK_VERIFIED) != 0) == world.is_hub);
    FUZZ_CHECK((open->user.length > 0) == (world.is_hub && world.has_user));
    channel->is_open = true;
}

static void fake_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    FUZZ_CHECK(link == &world.link && channel->is_open && bytes > 0);
}

static void fake_link_close(struct link *link, struct channel *channel)
{
    FUZZ_CHECK(link == &world.link);
    channel->is_open = false;
}

static bool fake_may_send(const struct link *link, const struct channel *channel)
{
    return link == &world.link && channel->is_open;
}

static bool fake_is_ready(const struct link *link)
{
    return link == &world.link;
}

/* ---------------------------------------------------------------- what the browser gets */

static void fake_send(struct websocket *websocket, struct outgoing *outgoing, uint64_t number)
{
    struct packet_limits limits = {world.version, PACKET_SIZE_MAX, true};
    uint8_t *bytes = memory_allocate(outgoing_size_max(outgoing));
    size_t length = outgoing_write(outgoing, number, bytes);
    struct packet packet;

    FUZZ_CHECK(!websocket->is_closed && !outgoing->is_text);
    if (world.is_hub) {
        if (world.version == MQTT_UNKNOWN) { /* a refusal, in either version */
            limits.version = length == 4 ? MQTT_3_1_1 : MQTT_5;
        }
        FUZZ_CHECK(packet_decode(&packet, slice_make(bytes, length), &limits) == (ssize_t)length);
    }
    free(bytes);
}

static void fake_close(struct websocket *websocket, uint16_t code, enum close_category category,
                       struct slice reason)
{
    FUZZ_CHECK(category < CLOSE_CATEGORIES);
    FUZZ_CHECK(!websocket->is_closed && code >= 1000 && reason.length <= 123);
    websocket->is_closed = true;
}

static void fake_pause(struct websocket *websocket, bool paused)
{
    FUZZ_CHECK(!websocket->is_closed && websocket->is_paused != paused);
    websocket->is_paused = paused;
}

static msec_t fake_clock(void)
{
    return 1000;
}

static void fake_random(void *out, size_t length)
{
    memset(out, 0xA5, length);
}

/* ---------------------------------------------------------------- the world */

static const struct link_ops link_ops = {
    fake_open, fake_link_send, fake_credit, fake_link_close, fake_may_send, fake_is_ready, NULL};
static const struct websocket_ops socket_ops = {fake_send, fake_close, fake_pause};

static void add_role(struct upgrade *upgrade, const char *role)
{
    struct buffer error = {0};

    FUZZ_CHECK(roles_add(&upgrade->roles, slice_from_string(role), &error));
    buffer_release(&error);
}

static struct upgrade *make_upgrade(uint8_t settings)
{
    struct upgrade *upgrade = memory_allocate_zero(sizeof(*upgrade));

    upgrade->kind = world.is_hub ? UPGRADE_MQTT_HUB : UPGRADE_MQTT;
    upgrade->settings = &world.settings;
    upgrade->hub = memory_copy_string(SLICE_LITERAL("hub"));
    if (settings & SETTING_ROLES) {
        add_role(upgrade, "webpubsub.sendToGroup.a");
        add_role(upgrade, "webpubsub.joinLeaveGroups.a**");
    }
    if (world.has_user) {
        buffer_append_string(&upgrade->user, "ann");
    }
    if (settings & SETTING_GROUP) {
        upgrade->groups = memory_allocate_zero(sizeof(*upgrade->groups));
        upgrade->group_count = 1;
        buffer_append_string(&upgrade->groups[0], "g+");
    }
    return upgrade;
}

static void begin(uint8_t settings)
{
    memset(&world, 0, sizeof(world));
    world.is_hub = (settings & SETTING_HUB) != 0;
    world.has_user = (settings & SETTING_USER) != 0;
    world.link.ops = &link_ops;
    world.gateway.link = &world.link;
    world.gateway.sockets = &socket_ops;
    world.gateway.random = fake_random;
    world.gateway.clock = fake_clock;
    world.gateway.packet_size_max = PACKET_MAX;
    gateway_init(&world.gateway);
    world.client =
        client_new(&world.gateway, &world.websocket, make_upgrade(settings), "peer", false);
}

static void end(void)
{
    client_socket_closed(world.client, 1006);
    gateway_release(&world.gateway);
    buffer_release(&world.identifier);
    buffer_release(&world.browser);
    buffer_release(&world.got);
}

/* ---------------------------------------------------------------- pieces */

static void browser_sends(struct slice bytes)
{
    if (world.websocket.is_paused) {
        return;
    }
    client_receive(world.client, bytes, false);
    if (!world.is_hub) {
        buffer_append(&world.browser, bytes);
        FUZZ_CHECK(slice_starts_with(buffer_slice(&world.browser), buffer_slice(&world.got)));
    }
}

/* Nothing that the broker would not say; to a hub's client, only of its hub. */
static bool broker_may_send(const struct packet *packet, bool publishes)
{
    bool is_publish = packet->type == PACKET_PUBLISH;

    return is_publish == publishes &&
           (!is_publish || slice_starts_with(packet->publish.topic, SLICE_LITERAL("hub")) ||
            slice_starts_with(packet->publish.topic, SLICE_LITERAL("$wps/hub/event/")));
}

static void broker_sends(struct slice bytes, bool publishes)
{
    struct channel *channel = &world.client->channel;
    enum protocol_version version = world.version == MQTT_UNKNOWN ? MQTT_5 : world.version;
    struct packet_limits limits = {version, PACKET_SIZE_MAX, true};
    struct packet packet;
    struct fanout_scratch scratch = {0};
    struct fanout fanout;

    if (!channel->is_open || bytes.length == 0 ||
        packet_decode(&packet, bytes, &limits) != (ssize_t)bytes.length ||
        !broker_may_send(&packet, publishes)) {
        return;
    }
    if (publishes) {
        fanout_init(&fanout, &scratch, (uint8_t)version, bytes);
        channel->events->publish(channel, &fanout, packet.publish.qos == QOS_0 ? 0 : 0x12345);
        fanout_release(&fanout);
        fanout_scratch_release(&scratch);
    } else {
        channel->events->packet(channel, bytes);
    }
}

/* Takes one piece off the front. */
static struct slice play_piece(struct slice in)
{
    size_t length = (size_t)in.data[1] << 8 | in.data[2];
    unsigned sender = in.data[0] % SENDERS;
    struct slice copy;

    in = slice_from(in, 3);
    length = length < in.length ? length : in.length;
    copy = fuzz_copy(slice_make(in.data, length));
    if (sender == FROM_BROWSER) {
        browser_sends(copy);
    } else {
        broker_sends(copy, sender == PUBLISHED);
    }
    fuzz_free(copy);
    return slice_from(in, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest;

    if (size == 0) {
        return 0;
    }
    begin(data[0]);
    rest = slice_make(data + 1, size - 1);
    while (rest.length >= 3) {
        rest = play_piece(rest);
    }
    end();
    return 0;
}
