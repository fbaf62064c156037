/* Connections on a trunk as sessions: whom the bridge vouches for, what is its alone, sessions with
 * bounds, and how connections end: by the client, the bridge's death, or a stop of the broker.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bridge_fixture.h"

static void expect_connack(struct bridge *bridge, uint32_t channel, enum reason_code reason)
{
    struct packet connack;

    bridge_expect_packet(bridge, channel, MQTT_5, &connack);
    CHECK_INT_EQUAL(connack.type, PACKET_CONNACK);
    CHECK_INT_EQUAL(connack.connack.reason, reason);
}

static void expect_disconnect(struct bridge *bridge, uint32_t channel, enum reason_code reason)
{
    struct packet disconnect;

    bridge_expect_packet(bridge, channel, MQTT_5, &disconnect);
    CHECK_INT_EQUAL(disconnect.type, PACKET_DISCONNECT);
    CHECK_INT_EQUAL(disconnect.disconnect.reason, reason);
}

/* PUBACK with this reason. */
static void expect_puback(struct bridge *bridge, uint32_t channel, enum reason_code reason)
{
    struct packet puback;

    bridge_expect_packet(bridge, channel, MQTT_5, &puback);
    CHECK_INT_EQUAL(puback.type, PACKET_PUBACK);
    CHECK_INT_EQUAL(puback.ack.reason, reason);
}

static void close_channel(struct bridge *bridge, uint32_t channel)
{
    trunk_put_close(&bridge->out, channel, 0);
    bridge_expect_close(bridge, channel, 0);
}

/* Waits for the counter of a worker. */
static void await_counter(const _Atomic uint64_t *counter, uint64_t value)
{
    while (counter_read(counter) != value) {
        sched_yield();
    }
}

/* ---------------------------------------------------------------- who it is */

TEST(a_client_identifier_of_another_worker_is_refused)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_IS_LOOPBACK}};
    char name[64];

    name_at(name, sizeof(name), "lost", 1);
    bridge_put_client(&bridge, name, &client);
    expect_connack(&bridge, 0, REASON_USE_ANOTHER_SERVER);
    bridge_expect_close(&bridge, 0, REASON_USE_ANOTHER_SERVER);
    bridge_close(&bridge);
    server_free(server);
}

static struct packet packet_with_property(const char *name, struct buffer *raw)
{
    struct packet packet = {.type = PACKET_PUBLISH,
                            .publish = {.topic = SLICE_LITERAL("t"),
                                        .payload = SLICE_LITERAL("x"),
                                        .qos = QOS_1,
                                        .packet_id = 9}};

    buffer_append_byte(raw, PROPERTY_USER_PROPERTY);
    buffer_append_u16(raw, (uint16_t)strlen(name));
    buffer_append_string(raw, name);
    buffer_append_u16(raw, 1);
    buffer_append_byte(raw, 'v');
    packet.properties.present = PROPERTY_BIT(USER_PROPERTY);
    packet.properties.raw = buffer_slice(raw);
    return packet;
}

TEST(what_is_reserved_is_open_to_whom_the_bridge_vouches_for)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client verified = {
        .open = {.channel = 0, .flags = TRUNK_VERIFIED, .user = SLICE_LITERAL("ann")}};
    struct bridge_client guest = {.open = {.channel = 1, .flags = TRUNK_IS_LOOPBACK}};
    struct buffer raw = {0};
    char name[64], other[64];

    name_at(name, sizeof(name), "$wps/chat/1", 0);
    name_at(other, sizeof(other), "$wps/chat/2", 0);
    bridge_client(&bridge, name, &verified);
    bridge_put_client(&bridge, other, &guest);
    expect_connack(&bridge, 1, REASON_CLIENT_IDENTIFIER_NOT_VALID);
    bridge_expect_close(&bridge, 1, REASON_CLIENT_IDENTIFIER_NOT_VALID);
    trunk_put_close(&bridge.out, 1, 0);
    bridge_guest(&bridge, 1, "guest");

    bridge_subscribe(&bridge, 0, "$private/#", 0, 0);
    bridge_put_publish(&bridge, 1, "$private/x", 1, 1, SLICE_LITERAL("no"));
    expect_puback(&bridge, 1, REASON_NOT_AUTHORIZED);
    bridge_put_publish(&bridge, 0, "$private/x", 0, 0, SLICE_LITERAL("yes"));
    bridge_expect_publish(&bridge, &(struct trunk_target){0, 0}, 1, SLICE_LITERAL("yes"));

    struct packet packet = packet_with_property("$wps.from", &raw);
    bridge_put(&bridge, 1, MQTT_5, &packet);
    expect_puback(&bridge, 1, REASON_NOT_AUTHORIZED);
    bridge_put(&bridge, 0, MQTT_5, &packet);
    expect_puback(&bridge, 0, REASON_NO_MATCHING_SUBSCRIBERS);
    buffer_release(&raw);
    bridge_close(&bridge);
    server_free(server);
}

static enum auth_verdict refuse_all(void *context, struct connection *connection,
                                    const struct packet *packet, struct auth_answer *answer)
{
    (void)context, (void)packet;
    if (connection_origin(connection).anonymous_allowed) {
        answer->identity = identity_new(SLICE_EMPTY, NULL, 0);
        return AUTH_ACCEPTED;
    }
    answer->reason = REASON_NOT_AUTHORIZED;
    return AUTH_REFUSED;
}

/* The authenticator is asked for others, and told whether they are on this machine. */
TEST(who_is_authenticated)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client verified = {.open = {.channel = 0, .flags = TRUNK_VERIFIED}};
    struct bridge_client near = {.open = {.channel = 1, .flags = TRUNK_IS_LOOPBACK}};
    struct bridge_client far = {.open = {.channel = 2}};
    char name[3][64];

    server->broker.authenticator.connect = refuse_all;
    name_at(name[0], sizeof(name[0]), "a", 0);
    name_at(name[1], sizeof(name[1]), "b", 0);
    name_at(name[2], sizeof(name[2]), "c", 0);
    bridge_client(&bridge, name[0], &verified);
    bridge_client(&bridge, name[1], &near);
    bridge_put_client(&bridge, name[2], &far);
    expect_connack(&bridge, 2, REASON_NOT_AUTHORIZED);
    bridge_expect_close(&bridge, 2, REASON_NOT_AUTHORIZED);
    bridge_close(&bridge);
    server_free(server);
}

/* Checks that take their time, of the clients that are not on this machine. */
struct slow_checks {
    struct mail mail; /* the answer to it */
    struct connection *_Atomic asked;
};

static enum auth_verdict check_slowly(void *context, struct connection *connection,
                                      const struct packet *packet, struct auth_answer *answer)
{
    struct slow_checks *checks = context;

    (void)packet;
    if (connection_origin(connection).anonymous_allowed) {
        answer->identity = identity_new(SLICE_EMPTY, NULL, 0);
        return AUTH_ACCEPTED;
    }
    atomic_store(&checks->asked, connection);
    return AUTH_PENDING;
}

static void answer_at_last(struct mail *mail, void *receiver)
{
    struct slow_checks *checks = CONTAINER_OF(mail, struct slow_checks, mail);
    struct auth_answer answer = {.reason = REASON_NOT_AUTHORIZED};

    CHECK(receiver != NULL);
    connection_authenticated(atomic_exchange(&checks->asked, NULL), AUTH_REFUSED, &answer);
}

/* Opens a channel and waits until its CONNECT is being checked. */
static void ask_for_check(struct bridge *bridge, struct slow_checks *checks, uint32_t channel)
{
    struct bridge_client far = {.open = {.channel = channel}};
    char name[64];

    name_at(name, sizeof(name), "far", 0);
    bridge_put_client(bridge, name, &far);
    bridge_send(bridge);
    while (!atomic_load(&checks->asked)) {
        sched_yield();
    }
}

static void answer_check(struct server *server, struct slow_checks *checks)
{
    struct mail_list mail = {0};

    checks->mail.run = answer_at_last;
    mail_list_add(&mail, &checks->mail);
    mailbox_post(server->mailboxes[0], &mail);
    while (atomic_load(&checks->asked)) {
        sched_yield();
    }
}

/* Whoever leaves while its password is checked has both CLOSEs before the check is over: its number
 * is the bridge's again. */
TEST(a_number_is_free_before_the_answer_about_it)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0), other = bridge_open(0);
    struct slow_checks checks = {0};

    server->broker.authenticator.connect = check_slowly;
    server->broker.authenticator.context = &checks;
    ask_for_check(&bridge, &checks, 7);
    close_channel(&bridge, 7);
    bridge_guest(&bridge, 7, "near");
    answer_check(server, &checks);
    bridge_ping(&bridge, 7);

    ask_for_check(&bridge, &checks, 8); /* the trunk dies meanwhile */
    bridge_close(&bridge);
    await_counter(&server->workers[0].shard.counters.channels, 0);
    answer_check(server, &checks);

    ask_for_check(&other, &checks, 9); /* and one that is never answered */
    close_channel(&other, 9);
    bridge_close(&other);
    server_free(server);
}

/* Not even under the same user name. */
TEST(sessions_of_the_bridge_are_resumed_by_it_alone)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_VERIFIED}, .expiry = 1000};
    char name[64];

    name_at(name, sizeof(name), "shared", 0);
    CHECK(!bridge_client(&bridge, name, &client));
    close_channel(&bridge, 0);
    client.keeps_session = true;
    CHECK(bridge_client(&bridge, name, &client));
    close_channel(&bridge, 0);
    client.open.flags = TRUNK_IS_LOOPBACK;
    CHECK(!bridge_client(&bridge, name, &client));
    close_channel(&bridge, 0);
    CHECK(bridge_client(&bridge, name, &client));
    close_channel(&bridge, 0);
    client.open.flags = TRUNK_VERIFIED;
    CHECK(!bridge_client(&bridge, name, &client));
    bridge_close(&bridge);
    server_free(server);
}

TEST(who_resumes_a_session_is_told_what_it_is_subscribed_to)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_VERIFIED}, .expiry = 1000};
    const struct trunk_frame *frame;
    struct slice rest, filter;
    char name[64];

    name_at(name, sizeof(name), "told", 0);
    CHECK(!bridge_client(&bridge, name, &client));
    bridge_subscribe(&bridge, 0, "h/g", 1, 0);
    close_channel(&bridge, 0);
    client.keeps_session = true;
    client.open.flags = TRUNK_VERIFIED | TRUNK_TELLS_SUBSCRIPTIONS;
    CHECK(bridge_client(&bridge, name, &client));
    frame = bridge_expect(&bridge, TRUNK_SUBSCRIPTIONS);
    CHECK_INT_EQUAL(frame->subscriptions.channel, 0);
    rest = frame->subscriptions.filters;
    CHECK(trunk_next_filter(&rest, &filter));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("h/g"));
    CHECK(!trunk_next_filter(&rest, &filter));
    close_channel(&bridge, 0);
    bridge_close(&bridge);
    server_free(server);
}

/* It keeps as many QoS 2 identifiers unreleased as there are. */
TEST(receive_maximum_is_not_for_the_bridge)
{
    enum { MANY = 3000 }; /* the server's Receive Maximum is 1,024 */
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_VERIFIED}};
    struct packet packet;
    char name[64];

    name_at(name, sizeof(name), "sender", 0);
    bridge_put_client(&bridge, name, &client);
    bridge_expect_packet(&bridge, 0, MQTT_5, &packet);
    CHECK_INT_EQUAL(packet.connack.reason, REASON_SUCCESS);
    CHECK(!properties_have(&packet.properties, PROPERTY_RECEIVE_MAXIMUM));
    for (uint16_t i = 1; i <= MANY; i++) {
        bridge_put_publish(&bridge, 0, "t", 2, i, SLICE_LITERAL("x"));
        bridge_expect_packet(&bridge, 0, MQTT_5, &packet);
        CHECK_INT_EQUAL(packet.type, PACKET_PUBREC);
        CHECK_INT_EQUAL(packet.ack.packet_id, i);
    }
    bridge_close(&bridge);
    server_free(server);
}

TEST(others_are_not_let_in)
{
    struct sockaddr_un address = bridge_address();
    struct server *server = server_with_trunk();
    struct stat status;
    int result = 0;

    CHECK(stat(address.sun_path, &status) == 0);
    CHECK_INT_EQUAL(status.st_mode & 0777, 0600);
    if (geteuid() != 0) {
        server_free(server);
        return; /* nobody else can be played */
    }
    CHECK(chmod(address.sun_path, 0666) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        uint8_t byte;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        bool closed = setuid(65534) == 0 &&
                      connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                      recv(fd, &byte, 1, 0) <= 0;
        _exit(closed ? 0 : 1);
    }
    CHECK(waitpid(pid, &result, 0) == pid);
    CHECK_INT_EQUAL(result, 0);
    server_free(server);
}

/* ---------------------------------------------------------------- bounds */

TEST(a_bounded_session_ends_when_too_much_is_unacknowledged)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_VERIFIED | TRUNK_BOUNDED,
                                            .queue_messages = 3,
                                            .queue_bytes = 1000000},
                                   .expiry = 1000};
    int device = device_open(server, "device");
    char name[64];

    name_at(name, sizeof(name), "bounded", 0);
    bridge_client(&bridge, name, &client);
    bridge_subscribe(&bridge, 0, "t", 1, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        device_publish(device, "t", 1, SLICE_LITERAL("x"));
        bridge_expect_publish(&bridge, &(struct trunk_target){0, i}, 1, SLICE_LITERAL("x"));
    }
    device_publish(device, "t", 1, SLICE_LITERAL("one too many"));
    expect_disconnect(&bridge, 0, REASON_QUOTA_EXCEEDED);
    bridge_expect_close(&bridge, 0, REASON_QUOTA_EXCEEDED);
    trunk_put_close(&bridge.out, 0, 0);
    client.keeps_session = true;
    CHECK(!bridge_client(&bridge, name, &client));
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

/* The bound in bytes, while nobody is there. */
TEST(a_bounded_session_ends_while_its_client_is_away)
{
    static uint8_t payload[400];
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_VERIFIED | TRUNK_BOUNDED,
                                            .queue_messages = 100,
                                            .queue_bytes = 1000},
                                   .expiry = 1000};
    const struct counters *counters = &server->workers[0].shard.counters;
    int device = device_open(server, "device");
    char name[64];

    name_at(name, sizeof(name), "away", 0);
    bridge_client(&bridge, name, &client);
    bridge_subscribe(&bridge, 0, "t", 1, 0);
    close_channel(&bridge, 0);
    device_publish(device, "t", 1, slice_make(payload, sizeof(payload)));
    device_publish(device, "t", 1, slice_make(payload, sizeof(payload)));
    client.keeps_session = true;
    CHECK(bridge_client(&bridge, name, &client)); /* two fit */
    for (uint32_t i = 1; i <= 2; i++) {
        bridge_expect_publish(&bridge, &(struct trunk_target){0, i}, 1, SLICE_EMPTY);
    }
    close_channel(&bridge, 0);
    device_publish(device, "t", 1, slice_make(payload, sizeof(payload)));
    await_counter(&counters->clients_disconnected, 0);
    CHECK(!bridge_client(&bridge, name, &client));
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

/* ---------------------------------------------------------------- the end of connections */

TEST(close_and_death_of_the_bridge_are_lost_connections)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0), witness = bridge_open(1);
    struct bridge_client client = {.open = {.flags = TRUNK_IS_LOOPBACK}, .will_topic = "will"};
    char name[64];

    bridge_guest(&witness, 0, "witness");
    bridge_subscribe(&witness, 0, "will", 0, 0);
    for (uint32_t i = 0; i < 3; i++) {
        char stem[16];
        snprintf(stem, sizeof(stem), "c%u", i);
        name_at(name, sizeof(name), stem, 0);
        client.open.channel = i;
        bridge_client(&bridge, name, &client);
    }
    const struct counters *counters = &server->workers[0].shard.counters;
    CHECK_INT_EQUAL(counter_read(&counters->channels), 3);
    close_channel(&bridge, 1);
    bridge_expect_publish(&witness, &(struct trunk_target){0, 0}, 1, SLICE_LITERAL("gone"));
    bridge_close(&bridge);
    bridge_expect_publish(&witness, &(struct trunk_target){0, 0}, 1, SLICE_LITERAL("gone"));
    bridge_expect_publish(&witness, &(struct trunk_target){0, 0}, 1, SLICE_LITERAL("gone"));
    await_counter(&counters->channels, 0);
    bridge_close(&witness);
    server_free(server);
}

/* With DISCONNECT there is no will; the broker closes first. */
TEST(disconnect_is_answered_with_close)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.flags = TRUNK_IS_LOOPBACK}, .will_topic = "will"};
    struct packet disconnect = {.type = PACKET_DISCONNECT};
    char name[64];

    bridge_guest(&bridge, 1, "witness");
    bridge_subscribe(&bridge, 1, "will", 0, 0);
    name_at(name, sizeof(name), "polite", 0);
    for (int i = 0; i < 3; i++) { /* the number is used again */
        bridge_client(&bridge, name, &client);
        bridge_put(&bridge, 0, MQTT_5, &disconnect);
        bridge_expect_close(&bridge, 0, 0);
        bridge_put_credit(&bridge, 0, 10); /* late */
        trunk_put_close(&bridge.out, 0, 0);
    }
    bridge_ping(&bridge, 1);
    bridge_close(&bridge);
    server_free(server);
}

TEST(a_takeover_closes_the_channel_of_before)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client client = {.open = {.channel = 1, .flags = TRUNK_IS_LOOPBACK}};
    struct packet disconnect;
    char name[64];
    bool disconnected = false, closed = false, connected = false;

    bridge_guest(&bridge, 0, "twice");
    name_at(name, sizeof(name), "twice", 0);
    bridge_put_client(&bridge, name, &client);
    while (!closed || !connected) {
        const struct trunk_frame *frame = bridge_next(&bridge);
        struct packet_limits limits = {
            .version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};
        CHECK(frame);
        if (frame->kind == TRUNK_CLOSE) {
            CHECK(disconnected);
            CHECK_INT_EQUAL(frame->close.channel, 0);
            CHECK_INT_EQUAL(frame->close.reason, REASON_SESSION_TAKEN_OVER);
            closed = true;
        } else if (frame->bytes.channel == 0) {
            CHECK(packet_decode(&disconnect, frame->bytes.packets, &limits) > 0);
            CHECK_INT_EQUAL(disconnect.disconnect.reason, REASON_SESSION_TAKEN_OVER);
            disconnected = true;
        } else {
            connected = true;
        }
    }
    bridge_close(&bridge);
    server_free(server);
}

TEST(a_stop_tells_the_channels)
{
    enum { MANY = 20 };
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct trunk_open silent = {.channel = MANY};
    unsigned told = 0, closed = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        char stem[16];
        snprintf(stem, sizeof(stem), "c%u", i);
        bridge_guest(&bridge, i, stem);
    }
    trunk_put_open(&bridge.out, &silent);
    bridge_ping(&bridge, 0);
    server_ask_to_stop(server, TIMEOUT_MS);
    while (closed < MANY + 1) {
        const struct trunk_frame *frame = bridge_next(&bridge);
        CHECK(frame);
        if (frame->kind == TRUNK_CLOSE) {
            uint32_t channel = frame->close.channel;
            CHECK_INT_EQUAL(frame->close.reason, REASON_SERVER_SHUTTING_DOWN);
            trunk_put_close(&bridge.out, channel, 0);
            closed++;
        } else {
            told += frame->bytes.packets.data[0] == PACKET_DISCONNECT << 4 &&
                    frame->bytes.packets.data[2] == REASON_SERVER_SHUTTING_DOWN;
        }
    }
    CHECK_INT_EQUAL(told, MANY);
    bridge_expect_end(&bridge);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_join(&server->workers[i]); /* long before TIMEOUT_MS */
    }
    bridge_close(&bridge);
    server_free(server);
}
