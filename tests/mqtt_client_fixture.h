/* An MQTT client of the bridge between a browser and a broker that the test plays: bytes in, bytes
 * out, as text (counted_bytes.h).
 *
 *     fixture_begin(UPGRADE_MQTT_HUB, "ann");
 *     fixture_role("webpubsub.sendToGroup");
 *     browser_sends("30 [<a> 00 'x']");
 *     CHECK_BROKER_GOT("30 [<hub/a> 00 'x']");
 *     fixture_end();
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_MQTT_CLIENT_FIXTURE_H
#define PUBGRID_TESTS_MQTT_CLIENT_FIXTURE_H

#include <stdlib.h>

#include "base/memory.h"
#include "client/client.h"
#include "client/fanout.h"
#include "counted_bytes.h"
#include "test.h"

struct websocket {
    uint16_t closed; /* code; 0: open */
    enum close_category closed_as;
    bool paused;
    struct buffer sent; /* all frames, one behind the other */
    uint32_t credit;    /* of those frames */
};

static struct {
    struct gateway gateway;
    struct link link;
    struct websocket websocket;
    struct hub_settings settings;
    msec_t now;
    struct client *client;
    struct upgrade *upgrade;
    /* The broker's side. */
    struct buffer got, placement, user;
    uint32_t flags, credit;
    bool is_ready, may_send, is_closed;
    struct channel *opened; /* last */
    struct buffer expected;
} fixture;

/* ---------------------------------------------------------------- the fakes */

static void fake_send(struct websocket *websocket, struct outgoing *outgoing, uint64_t number)
{
    uint8_t *out = buffer_reserve(&websocket->sent, outgoing_size_max(outgoing));

    CHECK(!outgoing->is_text && websocket->closed == 0);
    websocket->sent.length += outgoing_write(outgoing, number, out);
    websocket->credit += outgoing->credit;
}

static void fake_close(struct websocket *websocket, uint16_t code, enum close_category category,
                       struct slice reason)
{
    CHECK(websocket->closed == 0 && code >= 1000 && reason.length <= 123);
    websocket->closed = code;
    websocket->closed_as = category;
}

static void fake_pause(struct websocket *websocket, bool paused)
{
    CHECK(websocket->paused != paused);
    websocket->paused = paused;
}

static const struct websocket_ops fake_sockets = {fake_send, fake_close, fake_pause};

static void set_bytes(struct buffer *buffer, struct slice bytes)
{
    buffer->length = 0;
    buffer_append(buffer, bytes);
}

static void fake_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    CHECK(link == &fixture.link && fixture.is_ready && !channel->is_open);
    channel->is_open = true;
    fixture.opened = channel;
    fixture.flags = open->flags;
    set_bytes(&fixture.placement, open->placement);
    set_bytes(&fixture.user, open->user);
}

static void fake_link_send(struct link *link, struct channel *channel, struct slice packets)
{
    CHECK(link == &fixture.link && channel->is_open);
    for (struct slice rest = packets; rest.length > 0;) { /* whole packets only */
        ssize_t size = packet_size(rest);
        CHECK(size > 0 && (size_t)size <= rest.length);
        rest = slice_from(rest, (size_t)size);
    }
    buffer_append(&fixture.got, packets);
}

static void fake_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    CHECK(link == &fixture.link && channel->is_open);
    fixture.credit += bytes;
}

static void fake_link_close(struct link *link, struct channel *channel)
{
    CHECK(link == &fixture.link);
    channel->is_open = false;
    fixture.is_closed = true;
}

static bool fake_may_send(const struct link *link, const struct channel *channel)
{
    CHECK(link == &fixture.link && channel->is_open);
    return fixture.may_send;
}

static bool fake_is_ready(const struct link *link)
{
    CHECK(link == &fixture.link);
    return fixture.is_ready;
}

static const struct link_ops fake_link = {
    fake_open, fake_link_send, fake_credit, fake_link_close, fake_may_send, fake_is_ready, NULL};

static msec_t fake_clock(void)
{
    return fixture.now;
}

static void fake_random(void *out, size_t length)
{
    memset(out, 0xA5, length);
}

/* ---------------------------------------------------------------- a client */

static void fixture_begin(enum upgrade_kind kind, const char *user)
{
    struct upgrade *upgrade = memory_allocate_zero(sizeof(*upgrade));

    memset(&fixture, 0, sizeof(fixture)); /* a test that failed leaves its own */
    fixture.link.ops = &fake_link;
    fixture.is_ready = fixture.may_send = true;
    fixture.gateway.link = &fixture.link;
    fixture.gateway.sockets = &fake_sockets;
    fixture.gateway.random = fake_random;
    fixture.gateway.packet_size_max = 4096;
    fixture.gateway.clock = fake_clock;
    fixture.now = 1000;
    gateway_init(&fixture.gateway);
    upgrade->kind = kind;
    upgrade->subprotocol = SUBPROTOCOL_MQTT;
    upgrade->settings = &fixture.settings;
    upgrade->hub = memory_copy_string(SLICE_LITERAL("hub"));
    buffer_append_string(&upgrade->user, user);
    fixture.upgrade = upgrade;
    fixture.client = client_new(&fixture.gateway, &fixture.websocket, upgrade, "1.2.3.4:5", true);
}

__attribute__((unused)) static void fixture_role(const char *role)
{
    struct buffer error = {0};

    CHECK(roles_add(&fixture.upgrade->roles, slice_from_string(role), &error));
    buffer_release(&error);
}

__attribute__((unused)) static void fixture_group(const char *group)
{
    struct upgrade *upgrade = fixture.upgrade;

    upgrade->groups =
        memory_resize(upgrade->groups, (upgrade->group_count + 1) * sizeof(*upgrade->groups));
    upgrade->groups[upgrade->group_count] = (struct buffer){0};
    buffer_append_string(&upgrade->groups[upgrade->group_count++], group);
}

/* The browser's socket is gone. */
static void fixture_vanish(uint16_t code)
{
    client_socket_closed(fixture.client, code);
    fixture.client = NULL;
}

static void fixture_end(void)
{
    if (fixture.client) {
        fixture_vanish(1006);
    }
    gateway_release(&fixture.gateway);
    buffer_release(&fixture.websocket.sent);
    buffer_release(&fixture.got);
    buffer_release(&fixture.placement);
    buffer_release(&fixture.user);
    buffer_release(&fixture.expected);
}

/* ---------------------------------------------------------------- what happens */

static struct slice bytes_of(const char *text)
{
    fixture.expected.length = 0;
    counted_bytes_append(&fixture.expected, text);
    return buffer_slice(&fixture.expected);
}

static void browser_sends(const char *text)
{
    struct buffer bytes = {0};

    counted_bytes_append(&bytes, text);
    client_receive(fixture.client, buffer_slice(&bytes), false);
    buffer_release(&bytes);
}

__attribute__((unused)) static void broker_sends(const char *text)
{
    struct buffer bytes = {0};
    struct channel *channel = &fixture.client->channel;

    counted_bytes_append(&bytes, text);
    channel->events->packet(channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

/* A PUBLISH of the broker, with a packet identifier that is none. */
__attribute__((unused)) static void broker_publishes(uint8_t version, const char *text,
                                                     uint32_t sequence)
{
    struct buffer bytes = {0};
    struct channel *channel = &fixture.client->channel;
    struct fanout_scratch scratch = {0};
    struct fanout fanout;

    counted_bytes_append(&bytes, text);
    fanout_init(&fanout, &scratch, version, buffer_slice(&bytes));
    channel->events->publish(channel, &fanout, sequence);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
}

static void check_taken(struct buffer *actual, const char *text)
{
    test_note("%s", text);
    CHECK_SLICE_EQUAL(buffer_slice(actual), bytes_of(text));
    actual->length = 0;
}

/* All that the broker or the browser has got since the last check. */
#define CHECK_BROKER_GOT(text)  check_taken(&fixture.got, text)
#define CHECK_BROWSER_GOT(text) check_taken(&fixture.websocket.sent, text)
#define CHECK_NOTHING_WENT()                                                                       \
    do {                                                                                           \
        CHECK_BROKER_GOT("");                                                                      \
        CHECK_BROWSER_GOT("");                                                                     \
    } while (0)
/* The browser's connection was closed with this code, and the broker's is gone. */
#define CHECK_ENDED(code)                                                                          \
    do {                                                                                           \
        CHECK_INT_EQUAL(fixture.websocket.closed, code);                                           \
        CHECK(!fixture.client->channel.is_open);                                                   \
    } while (0)

#endif
