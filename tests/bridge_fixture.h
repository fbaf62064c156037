/* A bridge of raw frames for the tests of the trunk: it sees each frame of the broker, and gives
 * credit back only when the test says so.
 *
 * Channels here are MQTT 5 clients (unless said otherwise) that start clean, without keep alive.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_FIXTURE_H
#define PUBGRID_TESTS_BRIDGE_FIXTURE_H

#include <sys/un.h>

#include "mqtt/placement.h"
#include "server_fixture.h"
#include "trunk/trunk.h"

struct bridge {
    int fd;
    unsigned worker;
    struct buffer out; /* sent before the next frame is awaited */
    struct buffer in;
    size_t used;              /* of `in`: by the frame that was returned last */
    struct trunk_frame frame; /* that one */
    struct slice publishes;   /* of it: those that were not returned yet */
    size_t number;            /* of it: how many were returned before the last */
};

/* What a client's CONNECT says, beyond its identifier. */
struct bridge_client {
    struct trunk_open open; /* channel, flags, user, bounds */
    enum protocol_version version;
    bool keeps_session;
    uint32_t expiry;
    uint16_t receive_maximum; /* 0: not given */
    const char *will_topic;
};

static inline struct sockaddr_un bridge_address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/net_trunk_%d.sock", getpid());
    return address;
}

/* Listens on a trunk, and on TCP for devices, and starts; a bridge that takes nothing for
 * `stall_ms` is given up. */
static inline struct server *server_start_with_trunk(struct server *server, uint32_t stall_ms)
{
    struct sockaddr_un address = bridge_address();
    struct listener_options tcp = {.address = "127.0.0.1", .anonymous_allowed = true};
    struct listener_options trunk = {.path = address.sun_path, .mode = 0600, .is_trunk = true};

    server->group.trunk_access.anonymous_on_loopback = true;
    server->group.trunk_access.stall_ms = stall_ms;
    server_listen(server, &tcp);
    server_listen(server, &trunk);
    server_start(server);
    return server;
}

static inline struct server *server_with_patience(uint32_t stall_ms)
{
    return server_start_with_trunk(server_make(), stall_ms);
}

static inline struct server *server_with_trunk(void)
{
    return server_with_patience(0);
}

/* ---------------------------------------------------------------- frames */

static inline void bridge_send(struct bridge *bridge)
{
    client_send(bridge->fd, bridge->out.data, bridge->out.length);
    bridge->out.length = 0;
}

/* One of several PUBLISHes that a frame holds becomes the frame's only one. */
static inline const struct trunk_frame *bridge_split(struct bridge *bridge)
{
    ssize_t size = packet_size(bridge->publishes);

    CHECK(size > 0 && (size_t)size <= bridge->publishes.length);
    bridge->frame.publish.packets = slice_make(bridge->publishes.data, (size_t)size);
    bridge->publishes = slice_from(bridge->publishes, (size_t)size);
    return &bridge->frame;
}

/* The next frame, or PUBLISH of a frame; its slices hold until the next call. NULL: the broker has
 * closed. */
static inline const struct trunk_frame *bridge_next(struct bridge *bridge)
{
    ssize_t size;

    if (bridge->out.length > 0) {
        bridge_send(bridge);
    }
    if (bridge->publishes.length > 0) {
        bridge->number++;
        return bridge_split(bridge);
    }
    buffer_consume(&bridge->in, bridge->used);
    bridge->used = 0;
    while ((size = trunk_decode(&bridge->frame, buffer_slice(&bridge->in))) == 0) {
        struct pollfd wait = {.fd = bridge->fd, .events = POLLIN};
        CHECK(poll(&wait, 1, TIMEOUT_MS) == 1);
        ssize_t got = recv(bridge->fd, buffer_reserve(&bridge->in, 65536), 65536, 0);
        if (got <= 0) {
            return NULL;
        }
        bridge->in.length += (size_t)got;
    }
    CHECK(size > 0);
    bridge->used = (size_t)size;
    if (bridge->frame.kind == TRUNK_PUBLISH) {
        bridge->publishes = bridge->frame.publish.packets;
        bridge->number = 0;
        return bridge_split(bridge);
    }
    return &bridge->frame;
}

/* The next frame, which must be of this kind. */
static inline const struct trunk_frame *bridge_expect(struct bridge *bridge, enum trunk_kind kind)
{
    const struct trunk_frame *frame = bridge_next(bridge);

    CHECK(frame != NULL);
    CHECK_INT_EQUAL(frame->kind, kind);
    return frame;
}

static inline void bridge_expect_end(struct bridge *bridge)
{
    CHECK(bridge_next(bridge) == NULL);
}

static inline void bridge_expect_close(struct bridge *bridge, uint32_t channel, uint32_t reason)
{
    const struct trunk_frame *frame = bridge_expect(bridge, TRUNK_CLOSE);

    CHECK_INT_EQUAL(frame->close.channel, channel);
    CHECK_INT_EQUAL(frame->close.reason, reason);
}

/* One control packet in BYTES. */
static inline void bridge_expect_packet(struct bridge *bridge, uint32_t channel,
                                        enum protocol_version version, struct packet *packet)
{
    const struct trunk_frame *frame = bridge_expect(bridge, TRUNK_BYTES);
    struct packet_limits limits = {
        .version = version, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};

    CHECK_INT_EQUAL(frame->bytes.channel, channel);
    CHECK_INT_EQUAL(packet_decode(packet, frame->bytes.packets, &limits),
                    frame->bytes.packets.length);
}

/* A PUBLISH for exactly these targets. */
static inline void bridge_expect_publish(struct bridge *bridge, const struct trunk_target *targets,
                                         size_t count, struct slice payload)
{
    const struct trunk_frame *frame = bridge_expect(bridge, TRUNK_PUBLISH);
    struct slice rest = frame->publish.targets;
    struct trunk_target target;

    for (size_t i = 0; i < count; i++) {
        CHECK(trunk_next_target(&frame->publish, &rest, &target));
        CHECK_INT_EQUAL(target.channel, targets[i].channel);
        CHECK_INT_EQUAL(trunk_sequence_behind(target.sequence, bridge->number),
                        targets[i].sequence);
    }
    CHECK_INT_EQUAL(rest.length, 0);
    CHECK(frame->publish.packets.length >= payload.length);
    CHECK_SLICE_EQUAL(
        slice_from(frame->publish.packets, frame->publish.packets.length - payload.length),
        payload);
}

/* ---------------------------------------------------------------- the bridge */

/* A trunk before HELLO. */
static inline struct bridge bridge_connect(void)
{
    struct sockaddr_un address = bridge_address();

    return (struct bridge){.fd =
                               client_connect((const struct sockaddr *)&address, sizeof(address))};
}

static inline struct bridge bridge_open(unsigned worker)
{
    struct bridge bridge = bridge_connect();
    struct trunk_hello hello = {.version = TRUNK_VERSION, .worker = worker};

    trunk_put_hello(&bridge.out, &hello);
    const struct trunk_frame *frame = bridge_expect(&bridge, TRUNK_HELLO);
    CHECK_INT_EQUAL(frame->hello.version, TRUNK_VERSION);
    CHECK_INT_EQUAL(frame->hello.worker_count, WORKERS);
    CHECK(worker == TRUNK_ANY_WORKER || frame->hello.worker == worker);
    bridge.worker = frame->hello.worker;
    return bridge;
}

static inline void bridge_close(struct bridge *bridge)
{
    close(bridge->fd);
    buffer_release(&bridge->in);
    buffer_release(&bridge->out);
}

static inline void bridge_put(struct bridge *bridge, uint32_t channel,
                              enum protocol_version version, const struct packet *packet)
{
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, version);
    trunk_put_bytes(&bridge->out, NULL, channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

/* A client identifier that belongs to this worker. */
static inline void name_at(char *out, size_t size, const char *stem, unsigned worker)
{
    unsigned i = 0;

    do {
        snprintf(out, size, "%s-%u", stem, i++);
    } while (placement_of(slice_from_string(out), WORKERS) != worker);
}

/* OPEN and CONNECT. */
static inline void bridge_put_client(struct bridge *bridge, const char *name,
                                     const struct bridge_client *client)
{
    enum protocol_version version = client->version ? client->version : MQTT_5;
    struct packet packet = {.type = PACKET_CONNECT};

    packet.connect.version = version;
    packet.connect.clean_start = !client->keeps_session;
    packet.connect.client_identifier = slice_from_string(name);
    if (client->expiry > 0) {
        packet.properties.present |= PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
        packet.properties.session_expiry_interval = client->expiry;
    }
    if (client->receive_maximum > 0) {
        packet.properties.present |= PROPERTY_BIT(RECEIVE_MAXIMUM);
        packet.properties.receive_maximum = client->receive_maximum;
    }
    if (client->will_topic) {
        packet.connect.will.present = true;
        packet.connect.will.topic = slice_from_string(client->will_topic);
        packet.connect.will.payload = SLICE_LITERAL("gone");
    }
    trunk_put_open(&bridge->out, &client->open);
    bridge_put(bridge, client->open.channel, version, &packet);
}

/* The same; and CONNACK says success. True: the session was there. */
static inline bool bridge_client(struct bridge *bridge, const char *name,
                                 const struct bridge_client *client)
{
    struct packet connack;

    bridge_put_client(bridge, name, client);
    bridge_expect_packet(bridge, client->open.channel, client->version ? client->version : MQTT_5,
                         &connack);
    CHECK_INT_EQUAL(connack.type, PACKET_CONNACK);
    CHECK_INT_EQUAL(connack.connack.reason, REASON_SUCCESS);
    return connack.connack.session_present;
}

/* An MQTT 5 client of the bridge's worker whom the broker has to authenticate. */
static inline void bridge_guest(struct bridge *bridge, uint32_t channel, const char *stem)
{
    struct bridge_client client = {.open = {.channel = channel, .flags = TRUNK_IS_LOOPBACK}};
    char name[64];

    name_at(name, sizeof(name), stem, bridge->worker);
    bridge_client(bridge, name, &client);
}

static inline void bridge_subscribe(struct bridge *bridge, uint32_t channel, const char *filter,
                                    unsigned qos, uint32_t identifier)
{
    struct buffer filters = {0};
    struct packet packet = {.type = PACKET_SUBSCRIBE}, suback;

    buffer_append_u16(&filters, (uint16_t)strlen(filter));
    buffer_append_string(&filters, filter);
    buffer_append_byte(&filters, (uint8_t)qos);
    packet.subscribe = (struct subscribe){1, 1, buffer_slice(&filters)};
    if (identifier > 0) {
        packet.properties.present = PROPERTY_BIT(SUBSCRIPTION_IDENTIFIER);
        packet.properties.subscription_identifier = identifier;
    }
    bridge_put(bridge, channel, MQTT_5, &packet);
    buffer_release(&filters);
    bridge_expect_packet(bridge, channel, MQTT_5, &suback);
    CHECK_INT_EQUAL(suback.type, PACKET_SUBACK);
}

static inline void bridge_put_publish(struct bridge *bridge, uint32_t channel, const char *topic,
                                      unsigned qos, uint16_t packet_id, struct slice payload)
{
    struct packet packet = {.type = PACKET_PUBLISH,
                            .publish = {.topic = slice_from_string(topic),
                                        .qos = (enum qos)qos,
                                        .packet_id = packet_id,
                                        .payload = payload}};

    bridge_put(bridge, channel, MQTT_5, &packet);
}

/* Everything that was sent has been dealt with. */
static inline void bridge_ping(struct bridge *bridge, uint32_t channel)
{
    struct packet ping = {.type = PACKET_PINGREQ}, answer;

    bridge_put(bridge, channel, MQTT_5, &ping);
    bridge_expect_packet(bridge, channel, MQTT_5, &answer);
    CHECK_INT_EQUAL(answer.type, PACKET_PINGRESP);
}

static inline void bridge_put_credit(struct bridge *bridge, uint32_t channel, uint32_t bytes)
{
    struct trunk_credit_item item = {channel, bytes};

    trunk_put_credit(&bridge->out, &item, 1);
}

/* ---------------------------------------------------------------- devices */

static inline int device_open(const struct server *server, const char *name)
{
    int fd = client_open(server);

    client_hello(fd, name);
    return fd;
}

/* At QoS 0, or 1 and acknowledged. MQTT 3.1.1. */
static inline void device_publish(int fd, const char *topic, unsigned qos, struct slice payload)
{
    struct buffer out = {0};
    struct packet packet = {.type = PACKET_PUBLISH,
                            .publish = {.topic = slice_from_string(topic),
                                        .qos = (enum qos)qos,
                                        .packet_id = qos ? 1 : 0,
                                        .payload = payload}};

    packet_encode(&out, &packet, MQTT_3_1_1);
    client_send(fd, out.data, out.length);
    buffer_release(&out);
    if (qos > QOS_0) {
        client_expect(fd, "\x40\2\0\1", 4);
    }
}

#endif
