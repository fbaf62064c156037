/* See bridge_fakes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge_fakes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "client/mqtt_write.h"
#include "support/bridge_setup.h"

msec_t fakes_now = 1000000;

static msec_t now(void)
{
    return fakes_now;
}

/* 0, 1, 2, ...: identifiers are the same in each run. */
static void count_up(void *out, size_t length)
{
    static uint8_t next;

    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)out)[i] = next++;
    }
}

/* ---------------------------------------------------------------- packets as text */

static void describe_filters(struct buffer *out, const struct packet *packet)
{
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;

    if (packet->type == PACKET_UNSUBSCRIBE) {
        while (unsubscribe_next(&rest, &filter)) {
            buffer_append_format(out, " \"%.*s\"", SLICE_PRINT(filter));
        }
        return;
    }
    while (subscribe_next(&rest, MQTT_5, &filter, &options)) {
        buffer_append_format(out, " \"%.*s\" qos=%d", SLICE_PRINT(filter), (int)options.qos);
    }
}

static void describe_publish(struct buffer *out, const struct packet *packet)
{
    struct slice raw = packet->properties.raw;
    struct property_item item;

    buffer_append_format(out, " \"%.*s\" qos=%d%s%s", SLICE_PRINT(packet->publish.topic),
                         (int)packet->publish.qos, packet->publish.retain ? " retain" : "",
                         packet->publish.dup ? " dup" : "");
    if (properties_have(&packet->properties, PROPERTY_CONTENT_TYPE)) {
        buffer_append_format(out, " %.*s", SLICE_PRINT(packet->properties.content_type));
    }
    if (properties_have(&packet->properties, PROPERTY_MESSAGE_EXPIRY_INTERVAL)) {
        buffer_append_format(out, " expiry=%u", packet->properties.message_expiry_interval);
    }
    while (properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY) {
            buffer_append_format(out, " %.*s=%.*s", SLICE_PRINT(item.name),
                                 SLICE_PRINT(item.value));
        }
    }
    buffer_append_format(out, " [%.*s]", SLICE_PRINT(packet->publish.payload));
}

static void describe(struct buffer *out, const struct packet *packet)
{
    buffer_append_string(out, packet_type_name(packet->type));
    switch (packet->type) {
    case PACKET_CONNECT:
        buffer_append_format(out, " \"%.*s\"%s expiry=%u",
                             SLICE_PRINT(packet->connect.client_identifier),
                             packet->connect.clean_start ? " clean" : "",
                             packet->properties.session_expiry_interval);
        break;
    case PACKET_PUBLISH:
        if (packet->publish.qos != QOS_0) {
            buffer_append_format(out, " id=%u", packet->publish.packet_id);
        }
        describe_publish(out, packet);
        break;
    case PACKET_SUBSCRIBE:
    case PACKET_UNSUBSCRIBE:
        buffer_append_format(out, " id=%u", packet->subscribe.packet_id);
        describe_filters(out, packet);
        break;
    case PACKET_PUBACK:
    case PACKET_PUBREC:
    case PACKET_PUBREL:
    case PACKET_PUBCOMP:
        buffer_append_format(out, " id=%u", packet->ack.packet_id);
        break;
    case PACKET_DISCONNECT:
        buffer_append_format(out, " reason=%u", packet->disconnect.reason);
        break;
    case PACKET_CONNACK:
    case PACKET_SUBACK:
    case PACKET_UNSUBACK:
    case PACKET_PINGREQ:
    case PACKET_PINGRESP:
    case PACKET_AUTH:
        break;
    }
    buffer_append_byte(out, '\n');
}

/* ---------------------------------------------------------------- the broker */

static struct fakes *fakes_of(const struct link *link)
{
    return link->context;
}

static void fake_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    struct fakes *fakes = fakes_of(link);

    (void)open;
    channel->is_open = true;
    channel->number = (uint32_t)fakes->channel_count;
    fakes->channels[fakes->channel_count++ % FAKES_CHANNELS_MAX] = channel;
}

static void fake_send(struct link *link, struct channel *channel, struct slice packets)
{
    struct packet_limits limits = {.version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX};
    struct fakes *fakes = fakes_of(link);
    struct packet packet;

    while (packets.length > 0) {
        ssize_t size = packet_decode(&packet, packets, &limits);
        if (size <= 0) {
            abort(); /* no client may send what is no packet */
        }
        if (packet.type == PACKET_CONNECT) {
            limits.version = packet.connect.version;
            fakes->will.length = 0;
            buffer_append(&fakes->will, packet.connect.will.payload);
        }
        if (packet.type == PACKET_PUBLISH) {
            fakes->published.length = 0;
            buffer_append(&fakes->published, packet.publish.payload);
        }
        buffer_append_format(&fakes->to_broker, "%u ", channel->number);
        describe(&fakes->to_broker, &packet);
        packets = slice_from(packets, (size_t)size);
    }
}

static void fake_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    (void)channel;
    fakes_of(link)->credited += bytes;
}

static void fake_close(struct link *link, struct channel *channel)
{
    struct fakes *fakes = fakes_of(link);

    if (channel->is_open) {
        channel->is_open = false;
        fakes->channels[channel->number % FAKES_CHANNELS_MAX] = NULL;
        buffer_append_format(&fakes->to_broker, "%u CLOSE\n", channel->number);
    }
}

static bool fake_may_send(const struct link *link, const struct channel *channel)
{
    return channel->is_open && fakes_of(link)->may_send;
}

static bool fake_is_ready(const struct link *link)
{
    return fakes_of(link)->is_ready;
}

static const struct link_ops fake_link = {
    .open = fake_open,
    .send = fake_send,
    .credit = fake_credit,
    .close = fake_close,
    .may_send = fake_may_send,
    .is_ready = fake_is_ready,
};

/* ---------------------------------------------------------------- the browser */

static void browser_send(struct websocket *websocket, struct outgoing *outgoing, uint64_t number)
{
    setup_append_frame(&((struct fakes *)(void *)websocket)->to_browser, outgoing, number);
}

static void browser_close(struct websocket *websocket, uint16_t code, enum close_category category,
                          struct slice reason)
{
    struct fakes *fakes = (struct fakes *)(void *)websocket;

    fakes->closed_as = category;
    buffer_append_format(&fakes->to_browser, "close %u %.*s\n", code, SLICE_PRINT(reason));
}

static void browser_pause(struct websocket *websocket, bool paused)
{
    ((struct fakes *)(void *)websocket)->is_paused = paused;
}

static const struct websocket_ops fake_browser = {
    .send = browser_send,
    .close = browser_close,
    .pause = browser_pause,
};

/* ---------------------------------------------------------------- the event handler */

void fakes_handle_events(struct fakes *fakes)
{
    fakes->gateway.events = event_fakes_begin(&fakes->events, &fakes->hub);
}

void fakes_answer_event_with(struct fakes *fakes, const struct event_answer *answer)
{
    event_fakes_answer(&fakes->events, answer);
}

void fakes_answer_event(struct fakes *fakes, int status, const char *text)
{
    fakes_answer_event_with(
        fakes, &(struct event_answer){.status = status,
                                      .error = "nobody is there",
                                      .data = {DATA_TEXT, slice_from_string(text ? text : "")}});
}

/* ---------------------------------------------------------------- making and ending */

struct fakes *fakes_new(void)
{
    struct fakes *fakes = memory_allocate_zero(sizeof(*fakes));

    fakes_now = 1000000;
    fakes->may_send = fakes->is_ready = true;
    fakes->hub = setup_hub();
    fakes->hub.retained_on_join = true;
    fakes->access = setup_access(&fakes->hub);
    fakes->link = (struct link){.ops = &fake_link, .context = fakes};
    fakes->gateway = (struct gateway){
        .link = &fakes->link,
        .sockets = &fake_browser,
        .access = &fakes->access,
        .random = count_up,
        .clock = now,
        .packet_size_max = 1 << 20,
    };
    gateway_init(&fakes->gateway);
    return fakes;
}

void fakes_free(struct fakes *fakes)
{
    gateway_release(&fakes->gateway);
    setup_access_release(&fakes->access);
    buffer_release(&fakes->to_broker);
    buffer_release(&fakes->to_browser);
    event_fakes_end(&fakes->events);
    buffer_release(&fakes->will);
    buffer_release(&fakes->published);
    free(fakes);
}

struct upgrade *fakes_upgrade(struct fakes *fakes, enum upgrade_kind kind,
                              enum subprotocol subprotocol, const char *user, const char *role)
{
    struct upgrade *upgrade = setup_upgrade(&fakes->hub, kind, subprotocol, user);
    struct buffer error = {0};

    if (role && !roles_add(&upgrade->roles, slice_from_string(role), &error)) {
        abort();
    }
    return upgrade;
}

struct client *fakes_client(struct fakes *fakes, struct upgrade *upgrade)
{
    return client_new(&fakes->gateway, (struct websocket *)(void *)fakes, upgrade, "127.0.0.1:5000",
                      true);
}

/* ---------------------------------------------------------------- events */

void fakes_packet(struct client *client, const struct packet *packet)
{
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, MQTT_5);
    client->channel.events->packet(&client->channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

void fakes_connack(struct client *client, bool session_present)
{
    fakes_packet(client, &(struct packet){.type = PACKET_CONNACK,
                                          .connack = {.session_present = session_present}});
    if (!session_present && client->kind == &webpubsub_kind) {
        fakes_answer(client, PACKET_SUBACK, 1, 0);
    }
}

void fakes_answer(struct client *client, enum packet_type type, uint16_t packet_id, uint8_t reason)
{
    struct packet packet = {.type = type};

    if (type == PACKET_SUBACK || type == PACKET_UNSUBACK) {
        packet.suback.packet_id = packet_id;
        packet.suback.codes = slice_make(&reason, 1);
    } else {
        packet.ack.packet_id = packet_id;
        packet.ack.reason = reason;
    }
    fakes_packet(client, &packet);
}

void fakes_deliver(struct client *client, const struct packet *publish, uint32_t sequence)
{
    struct packet packet = *publish;
    struct buffer bytes = {0};
    struct fanout_scratch scratch = {0};
    struct fanout fanout;

    packet.type = PACKET_PUBLISH;
    packet.publish.qos = sequence != 0 ? QOS_1 : QOS_0;
    packet.publish.packet_id = sequence != 0;
    packet_encode(&bytes, &packet, MQTT_5);
    fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&bytes));
    client->channel.events->publish(&client->channel, &fanout, sequence);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    buffer_release(&bytes);
}

void fakes_lose(struct fakes *fakes)
{
    fakes->is_ready = false;
    for (size_t i = 0; i < FAKES_CHANNELS_MAX; i++) {
        struct channel *channel = fakes->channels[i];
        fakes->channels[i] = NULL;
        if (channel) {
            channel->is_open = false;
            channel->events->lost(channel);
        }
    }
}

void fakes_return(struct fakes *fakes)
{
    fakes->is_ready = true;
    fakes->link.ready(fakes->link.listener);
}

void fakes_say(struct client *client, const char *text)
{
    client_receive(client, slice_from_string(text), true);
}

const char *fakes_to_broker(struct fakes *fakes)
{
    return setup_take_lines(&fakes->to_broker);
}

const char *fakes_to_browser(struct fakes *fakes)
{
    return setup_take_lines(&fakes->to_browser);
}

const char *fakes_raised(struct fakes *fakes)
{
    return event_fakes_raised(&fakes->events);
}
