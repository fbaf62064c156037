/* Retained messages that a bridge reads over the trunk, and connections of which it knows the name
 * and no more: what they may read and publish is for the access rules to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bridge_fixture.h"

/* Ann may publish and read below `a/`; whoever it is may read `open/#`. */
static const struct access_rule rules[] = {
    {.user = SLICE_LITERAL("ann"),
     .actions = ACCESS_PUBLISH | ACCESS_SUBSCRIBE,
     .filter = SLICE_LITERAL("a/#")},
    {.actions = ACCESS_SUBSCRIBE, .filter = SLICE_LITERAL("open/#")},
};

static struct server *server_with_rules(void)
{
    struct server *server = server_make();

    server->rules = rules;
    server->rule_count = sizeof(rules) / sizeof(rules[0]);
    return server_start_with_trunk(server, 0);
}

/* A connection as the bridge opens it for a user whose token it has seen. */
static void open_named(struct bridge *bridge, uint32_t channel, const char *user)
{
    struct bridge_client client = {
        .open = {.channel = channel, .flags = TRUNK_NAMED, .user = slice_from_string(user)}};
    char name[64];

    name_at(name, sizeof(name), "$wps/.http/0", bridge->worker);
    bridge_client(bridge, name, &client);
}

static void open_trusted(struct bridge *bridge, uint32_t channel)
{
    struct bridge_client client = {.open = {.channel = channel, .flags = TRUNK_VERIFIED}};
    char name[64];

    name_at(name, sizeof(name), "$wps//test", bridge->worker);
    bridge_client(bridge, name, &client);
}

static void retain(struct bridge *bridge, uint32_t channel, const char *topic, const char *payload,
                   uint32_t expiry_s, enum reason_code reason)
{
    struct packet packet = {.type = PACKET_PUBLISH,
                            .publish = {.topic = slice_from_string(topic),
                                        .qos = QOS_1,
                                        .packet_id = 7,
                                        .retain = true,
                                        .payload = slice_from_string(payload)}};
    struct packet puback;

    packet.properties.present = PROPERTY_BIT(CONTENT_TYPE);
    packet.properties.content_type = SLICE_LITERAL("text/plain");
    if (expiry_s > 0) {
        packet.properties.present |= PROPERTY_BIT(MESSAGE_EXPIRY_INTERVAL);
        packet.properties.message_expiry_interval = expiry_s;
    }
    bridge_put(bridge, channel, MQTT_5, &packet);
    bridge_expect_packet(bridge, channel, MQTT_5, &puback);
    CHECK_INT_EQUAL(puback.type, PACKET_PUBACK);
    CHECK_INT_EQUAL(puback.ack.reason, reason);
}

static const struct trunk_retained *ask(struct bridge *bridge, struct trunk_read read)
{
    trunk_put_read(&bridge->out, &read);
    return &bridge_expect(bridge, TRUNK_RETAINED)->retained;
}

/* The topics of an answer, separated by spaces. */
static const char *topics_of(const struct trunk_retained *retained)
{
    static char text[256];
    struct packet_limits limits = {
        .version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};
    struct slice rest = retained->messages;
    struct trunk_message message;
    struct packet packet;
    size_t length = 0;

    text[0] = '\0';
    while (trunk_next_message(&rest, &message)) {
        CHECK(packet_decode(&packet, message.packet, &limits) > 0);
        CHECK(packet.publish.retain);
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%.*s",
                                   length > 0 ? " " : "", SLICE_PRINT(packet.publish.topic));
    }
    return text;
}

TEST(one_message_with_its_content)
{
    struct packet_limits limits = {
        .version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct trunk_message message;
    struct packet packet;
    msec_t before = clock_now();

    open_trusted(&bridge, 1);
    retain(&bridge, 1, "a/b", "hello", 100, REASON_NO_MATCHING_SUBSCRIBERS);
    const struct trunk_retained *got =
        ask(&bridge, (struct trunk_read){1, true, 1, SLICE_LITERAL("a/b"), SLICE_EMPTY});
    struct slice rest = got->messages;
    CHECK_INT_EQUAL(got->reason, REASON_SUCCESS);
    CHECK_INT_EQUAL(got->next.length, 0);
    CHECK(trunk_next_message(&rest, &message));
    CHECK(packet_decode(&packet, message.packet, &limits) > 0);
    CHECK_INT_EQUAL(rest.length, 0);
    CHECK_SLICE_EQUAL(packet.publish.payload, SLICE_LITERAL("hello"));
    CHECK_SLICE_EQUAL(packet.properties.content_type, SLICE_LITERAL("text/plain"));
    CHECK_INT_EQUAL(packet.publish.qos, QOS_1);
    CHECK_INT_EQUAL(message.size, 2 + 3 + 1 + 13 + 5);
    CHECK((msec_t)message.modified_at >= before - 1 && (msec_t)message.modified_at <= clock_now());
    CHECK_INT_EQUAL(message.expires_at - message.modified_at, 100000);

    got = ask(&bridge, (struct trunk_read){1, true, 1, SLICE_LITERAL("a/c"), SLICE_EMPTY});
    CHECK_INT_EQUAL(got->reason, REASON_SUCCESS);
    CHECK_INT_EQUAL(got->messages.length, 0);
    bridge_close(&bridge);
    server_free(server);
}

TEST(many_messages_page_by_page)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct buffer behind = {0};

    open_trusted(&bridge, 1);
    retain(&bridge, 1, "t/c", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 1, "t/a", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 1, "t/b/b", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 1, "u", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    const struct trunk_retained *got =
        ask(&bridge, (struct trunk_read){1, false, 2, SLICE_LITERAL("t/#"), SLICE_EMPTY});
    CHECK_STRING_EQUAL(topics_of(got), "t/a t/b/b");
    buffer_append(&behind, got->next);
    retain(&bridge, 1, "t/b/b", "", 0, REASON_NO_MATCHING_SUBSCRIBERS); /* where the page ended */
    got =
        ask(&bridge, (struct trunk_read){1, false, 2, SLICE_LITERAL("t/#"), buffer_slice(&behind)});
    CHECK_STRING_EQUAL(topics_of(got), "t/c");
    CHECK_INT_EQUAL(got->next.length, 0);
    buffer_release(&behind);
    bridge_close(&bridge);
    server_free(server);
}

TEST(a_named_connection_is_under_the_rules)
{
    struct server *server = server_with_rules();
    struct bridge bridge = bridge_open(0);

    open_trusted(&bridge, 1);
    retain(&bridge, 1, "a/1", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 1, "b/1", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 1, "open/1", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    open_named(&bridge, 2, "ann");
    retain(&bridge, 2, "a/2", "x", 0, REASON_NO_MATCHING_SUBSCRIBERS);
    retain(&bridge, 2, "b/2", "x", 0, REASON_NOT_AUTHORIZED);
    retain(&bridge, 2, "open/2", "x", 0, REASON_NOT_AUTHORIZED);
    CHECK_STRING_EQUAL(topics_of(ask(&bridge, (struct trunk_read){2, false, 100, SLICE_LITERAL("#"),
                                                                  SLICE_EMPTY})),
                       "a/1 a/2 open/1");
    const struct trunk_retained *got =
        ask(&bridge, (struct trunk_read){2, false, 100, SLICE_LITERAL("b/#"), SLICE_EMPTY});
    CHECK_INT_EQUAL(got->reason, REASON_NOT_AUTHORIZED);
    CHECK_INT_EQUAL(got->messages.length, 0);
    bridge_close(&bridge);
    server_free(server);
}

TEST(before_connect_nothing_is_read)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);

    trunk_put_open(&bridge.out, &(struct trunk_open){.channel = 3, .flags = TRUNK_VERIFIED});
    CHECK_INT_EQUAL(
        ask(&bridge, (struct trunk_read){3, false, 1, SLICE_LITERAL("#"), SLICE_EMPTY})->reason,
        REASON_NOT_AUTHORIZED);
    bridge_close(&bridge);
    server_free(server);
}

TEST(what_a_bridge_must_not_ask)
{
    static const struct trunk_read rows[] = {
        {1, false, 1, SLICE_LITERAL("a/#/b"), SLICE_EMPTY},
        {1, false, 1, SLICE_LITERAL("$share/g/a"), SLICE_EMPTY},
        {1, true, 2, SLICE_LITERAL("a"), SLICE_EMPTY},
        {9, false, 1, SLICE_LITERAL("a"), SLICE_EMPTY}, /* no such channel */
    };
    struct server *server = server_with_trunk();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bridge bridge = bridge_open(0);
        test_note("row %zu", i);
        open_trusted(&bridge, 1);
        trunk_put_read(&bridge.out, &rows[i]);
        bridge_expect_end(&bridge);
        bridge_close(&bridge);
    }
    server_free(server);
}
