/* Connections as somebody (dispatch/guests.h), against a broker that is a list of what it was sent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/guests.h"

#include "base/memory.h"
#include "client/gateway.h"
#include "test.h"

enum { CHANNELS_MAX = GUESTS_MAX + 1, CALLS_MAX = 300 };

/* One call of a test. */
struct call {
    struct guest_call guest;
    int reason; /* -1: it waits; -2: it was lost */
    uint32_t messages;
};

static struct {
    struct link link;
    struct gateway gateway;
    struct guests *guests;
    struct channel *channels[CHANNELS_MAX]; /* by number; NULL: closed */
    uint32_t channel_count, open_count;
    struct buffer log; /* a line for each thing that the broker was told */
    struct call calls[CALLS_MAX];
    bool may_send, is_ready;
    msec_t now;
} world;

/* ---------------------------------------------------------------- the broker */

static void log_packet(const struct channel *channel, struct slice bytes)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, false};
    struct packet packet;

    if (packet_size(bytes) > 0 && bytes.data[0] == PACKET_CONNECT << 4) {
        limits.version = MQTT_UNKNOWN;
    }
    CHECK(packet_decode(&packet, bytes, &limits) > 0);
    if (packet.type == PACKET_CONNECT) {
        buffer_append_format(&world.log, "%u CONNECT %.*s\n", channel->number,
                             SLICE_PRINT(packet.connect.client_identifier));
    } else {
        CHECK_INT_EQUAL(packet.type, PACKET_PUBLISH);
        buffer_append_format(&world.log, "%u %.*s id=%u\n", channel->number,
                             SLICE_PRINT(packet.publish.topic), packet.publish.packet_id);
    }
}

static void fake_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    (void)link;
    CHECK(!channel->is_open && world.channel_count < CHANNELS_MAX);
    CHECK_INT_EQUAL(open->flags, TRUNK_NAMED);
    channel->is_open = true;
    channel->number = world.channel_count++;
    world.channels[channel->number] = channel;
    world.open_count++;
    buffer_append_format(&world.log, "%u open %.*s\n", channel->number, SLICE_PRINT(open->user));
}

static void fake_send(struct link *link, struct channel *channel, struct slice packets)
{
    (void)link;
    CHECK(channel->is_open);
    log_packet(channel, packets);
}

static void fake_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    (void)link, (void)channel, (void)bytes;
}

static void fake_close(struct link *link, struct channel *channel)
{
    (void)link;
    if (channel->is_open) {
        channel->is_open = false;
        world.channels[channel->number] = NULL;
        world.open_count--;
        buffer_append_format(&world.log, "%u close\n", channel->number);
    }
}

static bool fake_may_send(const struct link *link, const struct channel *channel)
{
    (void)link, (void)channel;
    return world.may_send;
}

static bool fake_is_ready(const struct link *link)
{
    (void)link;
    return world.is_ready;
}

static void fake_read(struct link *link, struct channel *channel, const struct link_read *read)
{
    (void)link;
    buffer_append_format(&world.log, "%u read %.*s\n", channel->number, SLICE_PRINT(read->filter));
}

static const struct link_ops fake_link = {fake_open,     fake_send,     fake_credit, fake_close,
                                          fake_may_send, fake_is_ready, fake_read};

static void say(uint32_t number, const struct packet *packet)
{
    struct channel *channel = world.channels[number];
    struct buffer bytes = {0};

    CHECK(channel != NULL);
    packet_encode(&bytes, packet, MQTT_5);
    channel->events->packet(channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

/* 0: it says nothing of it. */
static void say_connack(uint32_t number, uint16_t receive_maximum, uint32_t packet_max)
{
    struct packet connack = {.type = PACKET_CONNACK};

    if (receive_maximum > 0) {
        connack.properties.present |= PROPERTY_BIT(RECEIVE_MAXIMUM);
        connack.properties.receive_maximum = receive_maximum;
    }
    if (packet_max > 0) {
        connack.properties.present |= PROPERTY_BIT(MAXIMUM_PACKET_SIZE);
        connack.properties.maximum_packet_size = packet_max;
    }
    say(number, &connack);
}

static void say_puback(uint32_t number, uint16_t packet_id, uint8_t reason)
{
    say(number, &(struct packet){.type = PACKET_PUBACK, .ack = {packet_id, reason}});
}

static void say_retained(uint32_t number, uint32_t reason)
{
    struct channel *channel = world.channels[number];

    channel->events->retained(channel,
                              &(struct trunk_retained){.channel = number, .reason = reason});
}

/* The broker ends the connection; 0: it is gone itself. */
static void end(uint32_t number, uint8_t reason)
{
    struct channel *channel = world.channels[number];

    channel->is_open = false;
    world.channels[number] = NULL;
    world.open_count--;
    if (reason > 0) {
        channel->events->closed(channel, reason);
    } else {
        channel->events->lost(channel);
    }
}

/* What it was told since the last look. */
static const char *told(void)
{
    buffer_append_byte(&world.log, '\0');
    world.log.length = 0;
    return (const char *)world.log.data;
}

/* ---------------------------------------------------------------- the world */

static msec_t fake_clock(void)
{
    return world.now;
}

static void fake_random(void *out, size_t length)
{
    memset(out, 7, length);
}

static void start(void)
{
    static struct upgrade_context access;

    memset(&world, 0, sizeof(world));
    world.link.ops = &fake_link;
    world.may_send = true;
    world.now = 1000;
    world.gateway.link = &world.link;
    world.gateway.access = &access;
    world.gateway.random = fake_random;
    world.gateway.clock = fake_clock;
    gateway_init(&world.gateway); /* while the broker is not there: it opens nothing */
    world.is_ready = true;
    world.guests = guests_new(&world.gateway);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        world.calls[i].reason = -1;
    }
}

static void stop(void)
{
    guests_free(world.guests);
    CHECK_INT_EQUAL(world.open_count, 0);
    buffer_release(&world.log);
    world.is_ready = false;
    gateway_stop(&world.gateway);
    gateway_release(&world.gateway);
}

static void done(struct guest_call *guest, const struct guest_answer *answer)
{
    struct call *call = CONTAINER_OF(guest, struct call, guest);

    CHECK_INT_EQUAL(call->reason, -1);
    call->reason = answer->is_lost ? -2 : answer->reason;
    CHECK(call->reason != 0 || (answer->retained != NULL) == (guest->read.filter.length > 0));
}

static bool publish(const char *user, size_t number, enum qos qos, size_t size)
{
    struct guest *guest = guests_find(world.guests, slice_from_string(user));
    struct packet packet = {.type = PACKET_PUBLISH, .publish = {.qos = qos}};
    struct buffer payload = {0};
    char topic[16];

    CHECK(guest != NULL && number < CALLS_MAX);
    snprintf(topic, sizeof(topic), "t%zu", number);
    packet.publish.topic = slice_from_string(topic);
    memset(buffer_reserve(&payload, size + 1), 'x', size + 1);
    packet.publish.payload = slice_make(payload.data, size);
    world.calls[number].guest.done = done;
    bool is_taken = guest_publish(guest, &world.calls[number].guest, &packet);
    buffer_release(&payload);
    return is_taken;
}

static bool ask(const char *user, size_t number)
{
    struct guest *guest = guests_find(world.guests, slice_from_string(user));
    struct link_read read = {.filter = SLICE_LITERAL("f"), .most = 1};

    CHECK(guest != NULL);
    world.calls[number].guest.done = done;
    return guest_read(guest, &world.calls[number].guest, &read);
}

static void advance(msec_t ms)
{
    world.now += ms;
    gateway_advance(&world.gateway);
}

/* ---------------------------------------------------------------- tests */

TEST(a_user_has_one_connection)
{
    start();
    CHECK(publish("ann", 0, QOS_1, 1));
    CHECK_STRING_EQUAL(told(), "0 open ann\n0 CONNECT $wps/.http/0-0\n");
    CHECK(publish("bob", 1, QOS_1, 1));
    CHECK_STRING_EQUAL(told(), "1 open bob\n1 CONNECT $wps/.http/0-1\n");
    CHECK(publish("ann", 2, QOS_1, 1));
    CHECK_STRING_EQUAL(told(), "");
    say_connack(0, 0, 0);
    CHECK_STRING_EQUAL(told(), "0 t0 id=1\n0 t2 id=2\n");
    say_puback(0, 2, REASON_NOT_AUTHORIZED); /* a refusal may overtake */
    say_puback(0, 1, REASON_NO_MATCHING_SUBSCRIBERS);
    CHECK_INT_EQUAL(world.calls[0].reason, REASON_NO_MATCHING_SUBSCRIBERS);
    CHECK_INT_EQUAL(world.calls[1].reason, -1);
    CHECK_INT_EQUAL(world.calls[2].reason, REASON_NOT_AUTHORIZED);
    say_puback(0, 2, 0); /* once too often */
    say_puback(0, 999, 0);
    guest_forget(&world.calls[1].guest);
    stop();
}

TEST(as_many_as_the_broker_takes)
{
    start();
    for (size_t i = 0; i < 5; i++) {
        CHECK(publish("ann", i, QOS_1, 1));
    }
    told();
    say_connack(0, 2, 0);
    CHECK_STRING_EQUAL(told(), "0 t0 id=1\n0 t1 id=2\n");
    say_puback(0, 2, 0);
    CHECK_STRING_EQUAL(told(), ""); /* the next place is taken still */
    say_puback(0, 1, 0);
    CHECK_STRING_EQUAL(told(), "0 t2 id=1\n0 t3 id=2\n");
    world.may_send = false;
    say_puback(0, 1, 0);
    CHECK_STRING_EQUAL(told(), "");
    world.may_send = true;
    world.channels[0]->events->writable(world.channels[0]);
    CHECK_STRING_EQUAL(told(), "0 t4 id=1\n");
    say_puback(0, 1, 0);
    say_puback(0, 2, 0);
    for (size_t i = 0; i < 5; i++) {
        CHECK_INT_EQUAL(world.calls[i].reason, 0);
    }
    stop();
}

TEST(at_qos_0_it_is_over_when_it_is_sent)
{
    start();
    CHECK(publish("ann", 0, QOS_0, 1));
    CHECK_INT_EQUAL(world.calls[0].reason, -1);
    told();
    say_connack(0, 0, 0);
    CHECK_STRING_EQUAL(told(), "0 t0 id=0\n");
    CHECK_INT_EQUAL(world.calls[0].reason, 0);
    CHECK(publish("ann", 1, QOS_0, 1));
    CHECK_INT_EQUAL(world.calls[1].reason, 0);
    stop();
}

TEST(what_is_too_large_is_not_sent)
{
    start();
    CHECK(publish("ann", 0, QOS_1, 200));
    CHECK(publish("ann", 1, QOS_1, 1));
    told();
    say_connack(0, 0, 100);
    CHECK_STRING_EQUAL(told(), "0 t1 id=1\n");
    CHECK_INT_EQUAL(world.calls[0].reason, REASON_PACKET_TOO_LARGE);
    say_puback(0, 1, 0);
    stop();
}

TEST(reads_take_turns)
{
    start();
    for (size_t i = 0; i < 3; i++) {
        CHECK(ask("ann", i));
    }
    told();
    say_connack(0, 0, 0);
    CHECK_STRING_EQUAL(told(), "0 read f\n");
    guest_forget(&world.calls[0].guest); /* its answer comes all the same */
    say_retained(0, 0);
    CHECK_STRING_EQUAL(told(), "0 read f\n");
    CHECK_INT_EQUAL(world.calls[1].reason, -1);
    say_retained(0, REASON_NOT_AUTHORIZED);
    CHECK_INT_EQUAL(world.calls[1].reason, REASON_NOT_AUTHORIZED);
    say_retained(0, 0);
    CHECK_INT_EQUAL(world.calls[2].reason, 0);
    CHECK_INT_EQUAL(world.calls[0].reason, -1);
    stop();
}

TEST(when_the_connection_ends_all_are_told)
{
    start();
    CHECK(publish("ann", 0, QOS_1, 1)); /* sent, waiting for it, read, waiting for that */
    say_connack(0, 1, 0);
    CHECK(publish("ann", 1, QOS_1, 1));
    CHECK(ask("ann", 2));
    CHECK(ask("ann", 3));
    end(0, REASON_ADMINISTRATIVE_ACTION);
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT_EQUAL(world.calls[i].reason, REASON_ADMINISTRATIVE_ACTION);
    }
    told();
    CHECK(publish("ann", 4, QOS_1, 1)); /* it tries again */
    CHECK_STRING_EQUAL(told(), "1 open ann\n1 CONNECT $wps/.http/0-1\n");
    world.is_ready = false;
    end(1, 0);
    CHECK_INT_EQUAL(world.calls[4].reason, -2);
    CHECK(!guests_find(world.guests, SLICE_LITERAL("ann")));
    stop();
}

TEST(whoever_is_forgotten_is_not_told)
{
    start();
    CHECK(publish("ann", 0, QOS_1, 1));
    say_connack(0, 1, 0);
    CHECK(publish("ann", 1, QOS_1, 1));
    CHECK(publish("ann", 2, QOS_1, 1));
    guest_forget(&world.calls[0].guest);
    guest_forget(&world.calls[1].guest); /* which was not sent, and will not be */
    guest_forget(&world.calls[1].guest);
    told();
    say_puback(0, 1, 0);
    CHECK_STRING_EQUAL(told(), "0 t2 id=1\n");
    say_puback(0, 1, 0);
    CHECK_INT_EQUAL(world.calls[0].reason, -1);
    CHECK_INT_EQUAL(world.calls[1].reason, -1);
    CHECK_INT_EQUAL(world.calls[2].reason, 0);
    stop();
}

TEST(a_connection_that_is_idle_is_closed)
{
    start();
    CHECK(publish("ann", 0, QOS_1, 1));
    CHECK(publish("bob", 1, QOS_1, 1));
    say_connack(0, 0, 0);
    say_connack(1, 0, 0);
    say_puback(0, 1, 0);
    for (msec_t ms = 0; ms < 2 * GUEST_IDLE_MS; ms += 1000) {
        advance(1000);
    }
    CHECK(!world.channels[0]);
    CHECK(world.channels[1] != NULL); /* its answer is awaited */
    say_puback(1, 1, 0);
    advance(20 * 1000);
    CHECK_INT_EQUAL(world.open_count, 0);
    stop();
}

TEST(bounds)
{
    char user[16];

    start();
    for (unsigned i = 0; i < GUESTS_MAX; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        CHECK(guests_find(world.guests, slice_from_string(user)) != NULL);
    }
    CHECK(publish("u0", 0, QOS_1, 1)); /* used last, and busy */
    CHECK(guests_find(world.guests, SLICE_LITERAL("one more")) != NULL);
    CHECK_INT_EQUAL(world.open_count, GUESTS_MAX);
    CHECK(world.channels[0] != NULL);
    CHECK(!world.channels[1]); /* whose use is the longest ago */

    enum { LARGE = 1 << 20, FIT = GUEST_BYTES_MAX / LARGE - 1 };
    for (size_t i = 1; i <= FIT; i++) {
        CHECK(publish("u0", i, QOS_1, LARGE));
    }
    CHECK(!publish("u2", FIT + 1, QOS_1, LARGE));
    guest_forget(&world.calls[1].guest);
    CHECK(publish("u2", FIT + 1, QOS_1, LARGE));
    for (size_t i = 0; i < CALLS_MAX; i++) {
        guest_forget(&world.calls[i].guest);
    }
    stop();
}
