/* See bridge_broker.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge_broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "mqtt/topic.h"
#include "support/bridge_broker_keep.h"
#include "support/bridge_setup.h"
#include "trunk/trunk.h"

msec_t broker_now = 1000000;

struct delivery_due {
    struct list link;
    struct channel *channel;
    uint32_t sequence;
    bool is_publish, is_retained;
    uint8_t closes; /* the channel is closed, for this reason */
    struct buffer bytes;
};

static struct broker *the_broker;

static msec_t now(void)
{
    return broker_now;
}

static void count_up(void *out, size_t length)
{
    static uint32_t next;

    for (size_t i = 0; i < length; i++) {
        next = next * 1664525 + 1013904223;
        ((uint8_t *)out)[i] = (uint8_t)(next >> 24);
    }
}

/* ---------------------------------------------------------------- sessions */

static struct broker_session *find_session(struct slice id)
{
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        if (slice_equal(buffer_slice(&the_broker->sessions[i].id), id)) {
            return &the_broker->sessions[i];
        }
    }
    return NULL;
}

static struct broker_session *session_of(const struct channel *channel)
{
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        if (the_broker->sessions[i].channel == channel) {
            return &the_broker->sessions[i];
        }
    }
    return NULL;
}

static void session_end(struct broker_session *session)
{
    kept_release(session);
    buffer_release(&session->id);
    buffer_release(&session->filters);
    buffer_release(&session->waiting);
    buffer_release(&session->will);
    *session = (struct broker_session){0};
}

/* ---------------------------------------------------------------- to the bridges */

void broker_queue_bytes(struct broker_session *session, struct slice bytes, bool is_publish,
                        uint32_t sequence)
{
    struct delivery_due *due = memory_allocate_zero(sizeof(*due));

    due->channel = session->channel;
    due->is_publish = is_publish;
    due->sequence = sequence;
    buffer_append(&due->bytes, bytes);
    list_add_last(&the_broker->events, &due->link);
}

static void reply(struct broker_session *session, const struct packet *packet)
{
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, MQTT_5);
    broker_queue_bytes(session, buffer_slice(&bytes), false, 0);
    buffer_release(&bytes);
}

static void append_run(struct buffer *out, struct slice bytes)
{
    buffer_append_u16(out, (uint16_t)bytes.length);
    buffer_append(out, bytes);
}

static void deliver(struct broker_session *session, struct slice packet, bool at_qos_1)
{
    if (session->keeps && at_qos_1) {
        kept_add(session, packet);
        kept_send(session);
    } else if (!session->channel) {
        append_run(&session->waiting, packet);
    } else {
        broker_queue_bytes(session, packet, true, at_qos_1 ? ++session->next_sequence : 0);
    }
}

static bool subscribes(const struct broker_session *session, struct slice topic)
{
    struct slice rest = buffer_slice(&session->filters), filter;

    while (unsubscribe_next(&rest, &filter)) {
        if (topic_matches(filter, topic)) {
            return true;
        }
    }
    return false;
}

/* As a subscriber gets it. */
static void encode(struct buffer *out, const struct packet *publish, bool at_qos_1, bool retain)
{
    struct packet packet = *publish;

    packet.publish.qos = at_qos_1 ? QOS_1 : QOS_0;
    packet.publish.packet_id = at_qos_1;
    packet.publish.retain = retain;
    packet_encode(out, &packet, MQTT_5);
}

static size_t route(const struct packet *publish)
{
    size_t count = 0;

    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        struct broker_session *session = &the_broker->sessions[i];
        bool at_qos_1 = session->expiry > 0 && publish->publish.qos != QOS_0;
        struct buffer bytes = {0};
        if (session->id.length > 0 && subscribes(session, publish->publish.topic)) {
            encode(&bytes, publish, at_qos_1, false);
            deliver(session, buffer_slice(&bytes), at_qos_1);
            buffer_release(&bytes);
            count++;
        }
    }
    return count;
}

static bool take_run(struct slice *rest, struct packet *packet, struct slice *bytes)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};

    return unsubscribe_next(rest, bytes) && packet_decode(packet, *bytes, &limits) > 0;
}

static void retain(const struct packet *publish)
{
    struct slice rest = buffer_slice(&the_broker->retained), bytes;
    struct buffer kept = {0}, encoded = {0};
    struct packet packet;

    while (take_run(&rest, &packet, &bytes)) {
        if (!slice_equal(packet.publish.topic, publish->publish.topic)) {
            append_run(&kept, bytes);
        }
    }
    if (publish->publish.payload.length > 0) {
        encode(&encoded, publish, false, true);
        append_run(&kept, buffer_slice(&encoded));
    }
    buffer_release(&encoded);
    buffer_release(&the_broker->retained);
    the_broker->retained = kept;
}

static void listen_to(const struct packet *packet)
{
    struct slice rest = buffer_slice(&the_broker->listened), filter;
    struct slice payload = packet->publish.payload, content = packet->properties.content_type;
    const char *id = memmem(payload.data, payload.length, "\"id\":\"", 6);

    while (unsubscribe_next(&rest, &filter)) {
        if (topic_matches(filter, packet->publish.topic)) {
            buffer_append_format(&the_broker->heard, "%.*s %.*s %.*s\n",
                                 SLICE_PRINT(packet->publish.topic), SLICE_PRINT(content),
                                 id ? (int)strcspn(id + 6, "\"") : 0, id ? id + 6 : "");
        }
    }
}

void broker_listen(struct broker *broker, const char *filter)
{
    append_run(&broker->listened, slice_from_string(filter));
}

const char *broker_heard(struct broker *broker)
{
    return setup_take_lines(&broker->heard);
}

/* What the broker follows itself is in force at once. */
static void apply(const struct packet *packet)
{
    if (slice_starts_with(packet->publish.topic, SLICE_LITERAL("$config/eventgrid/namespaces/"))) {
        route(&(struct packet){.type = PACKET_PUBLISH,
                               .publish = {.topic = SLICE_LITERAL("$config/applied"),
                                           .payload = packet->properties.correlation_data}});
    }
}

static void publish(const struct packet *packet, struct broker_session *from)
{
    size_t count;

    if (slice_starts_with(packet->publish.topic, SLICE_LITERAL("$delayed/"))) {
        reply(from, &(struct packet){
                        .type = PACKET_PUBACK,
                        .ack = {packet->publish.packet_id, delayed_add(the_broker, packet)}});
        return;
    }
    count = route(packet);
    listen_to(packet);

    if (packet->publish.retain) {
        retain(packet);
        apply(packet);
    }
    if (from && packet->publish.qos == QOS_1) {
        uint8_t reason = count > 0 ? REASON_SUCCESS : REASON_NO_MATCHING_SUBSCRIBERS;
        reply(from, &(struct packet){.type = PACKET_PUBACK,
                                     .ack = {packet->publish.packet_id,
                                             the_broker->puback ? the_broker->puback : reason}});
    }
}

/* ---------------------------------------------------------------- from the bridges */

static void forget_events(const struct channel *channel)
{
    LIST_FOREACH_SAFE (link, &the_broker->events) {
        struct delivery_due *due = CONTAINER_OF(link, struct delivery_due, link);
        if (due->channel == channel) {
            list_remove(&due->link);
            buffer_release(&due->bytes);
            free(due);
        }
    }
}

/* Another connection has its session now. */
static void take_over(struct broker_session *session)
{
    forget_events(session->channel);
    broker_queue_bytes(session, SLICE_EMPTY, false, 0);
    CONTAINER_OF(the_broker->events.prev, struct delivery_due, link)->closes =
        REASON_SESSION_TAKEN_OVER;
    session->channel = NULL;
}

static void take_connect(const struct link *link, struct channel *channel,
                         const struct packet *packet)
{
    const struct connect *connect = &packet->connect;
    struct broker_session *session = find_session(connect->client_identifier);
    bool present = session && !connect->clean_start;

    if (session && session->channel) {
        take_over(session);
    }
    if (session && !present) {
        session_end(session);
    }
    if (!present) {
        session = find_session(SLICE_EMPTY);
        buffer_append(&session->id, connect->client_identifier);
        session->keeps =
            slice_starts_with(connect->client_identifier, SLICE_LITERAL("$wps//events/"));
        list_init(&session->kept);
    }
    session->channel = channel;
    session->window = packet->properties.receive_maximum;
    session->credit = TRUNK_CREDIT;
    session->gateway = *(const unsigned *)link->context;
    session->expiry = packet->properties.session_expiry_interval;
    session->will.length = 0;
    if (connect->will.present) {
        struct packet will = {.type = PACKET_PUBLISH,
                              .publish = {.topic = connect->will.topic,
                                          .payload = connect->will.payload,
                                          .retain = connect->will.retain}};
        packet_encode(&session->will, &will, MQTT_5);
    }
    struct packet connack = {.type = PACKET_CONNACK, .connack.session_present = present};
    if (the_broker->packet_max > 0) {
        connack.properties.present = PROPERTY_BIT(MAXIMUM_PACKET_SIZE);
        connack.properties.maximum_packet_size = the_broker->packet_max;
    }
    reply(session, &connack);
    if (present && channel->events->subscriptions) {
        channel->events->subscriptions(channel, buffer_slice(&session->filters));
    }
    kept_send_again(session);
    struct slice rest = buffer_slice(&session->waiting), bytes;
    while (unsubscribe_next(&rest, &bytes)) {
        broker_queue_bytes(session, bytes, true, ++session->next_sequence);
    }
    session->waiting.length = 0;
}

static void send_retained(struct broker_session *session, struct slice filter)
{
    struct slice rest = buffer_slice(&the_broker->retained), bytes;
    struct packet packet;

    while (take_run(&rest, &packet, &bytes)) {
        if (topic_matches(filter, packet.publish.topic)) {
            broker_queue_bytes(session, bytes, true, 0);
        }
    }
}

static void take_subscribe(struct broker_session *session, const struct packet *packet)
{
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;
    struct buffer codes = {0};

    while (subscribe_next(&rest, MQTT_5, &filter, &options)) {
        append_run(&session->filters, filter);
        buffer_append_byte(&codes, (uint8_t)options.qos);
        if (options.retain_handling != 2) {
            send_retained(session, filter);
        }
    }
    reply(session, &(struct packet){.type = PACKET_SUBACK,
                                    .suback = {packet->subscribe.packet_id, buffer_slice(&codes)}});
    buffer_release(&codes);
}

static void take_unsubscribe(struct broker_session *session, const struct packet *packet)
{
    struct slice gone = packet->subscribe.filters, filter;
    struct buffer codes = {0};

    while (unsubscribe_next(&gone, &filter)) {
        struct slice rest = buffer_slice(&session->filters), other;
        struct buffer kept = {0};
        while (unsubscribe_next(&rest, &other)) {
            if (!slice_equal(filter, other)) {
                append_run(&kept, other);
            }
        }
        buffer_release(&session->filters);
        session->filters = kept;
        buffer_append_byte(&codes, 0);
    }
    reply(session, &(struct packet){.type = PACKET_UNSUBACK,
                                    .suback = {packet->subscribe.packet_id, buffer_slice(&codes)}});
    buffer_release(&codes);
}

static void take_packet(struct link *link, struct channel *channel, const struct packet *packet)
{
    struct broker_session *session = session_of(channel);

    if (packet->type == PACKET_CONNECT) {
        take_connect(link, channel, packet);
    } else if (!session) {
        return; /* it has just been taken over */
    } else if (packet->type == PACKET_SUBSCRIBE) {
        take_subscribe(session, packet);
    } else if (packet->type == PACKET_UNSUBSCRIBE) {
        take_unsubscribe(session, packet);
    } else if (packet->type == PACKET_PUBLISH) {
        publish(packet, session);
    } else if (packet->type == PACKET_PUBACK && session->keeps) {
        kept_acknowledge(session, packet->ack.packet_id);
    } else if (packet->type == PACKET_DISCONNECT) {
        session->expiry = 0;
        session->will.length = 0;
    }
}

/* ---------------------------------------------------------------- the link */

static void fake_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    (void)link, (void)open;
    channel->is_open = true;
}

static void fake_send(struct link *link, struct channel *channel, struct slice packets)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, false};
    struct packet packet;

    while (packets.length > 0) {
        ssize_t size = packet_decode(&packet, packets, &limits);
        if (size <= 0 || (the_broker->packet_max > 0 && size > the_broker->packet_max)) {
            abort(); /* no client may send what is no packet, or is too large */
        }
        take_packet(link, channel, &packet);
        packets = slice_from(packets, (size_t)size);
    }
}

static void fake_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    struct broker_session *session = session_of(channel);

    (void)link;
    if (session && session->keeps) {
        session->credit += bytes;
        kept_send(session);
    }
}

static void fake_read(struct link *link, struct channel *channel, const struct link_read *read)
{
    struct slice rest = buffer_slice(&the_broker->retained), bytes;
    struct buffer messages = {0};
    struct packet packet;

    (void)link;
    while (take_run(&rest, &packet, &bytes)) {
        if (topic_matches(read->filter, packet.publish.topic)) {
            trunk_append_message(&messages, &(struct trunk_message){.packet = bytes});
        }
    }
    broker_queue_bytes(session_of(channel), buffer_slice(&messages), false, 0);
    CONTAINER_OF(the_broker->events.prev, struct delivery_due, link)->is_retained = true;
    buffer_release(&messages);
}

static void fake_close(struct link *link, struct channel *channel)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, false};
    struct broker_session *session = session_of(channel);
    struct packet will;

    (void)link;
    channel->is_open = false;
    forget_events(channel);
    if (!session) {
        return;
    }
    session->channel = NULL;
    if (session->expiry == 0) {
        struct buffer bytes = session->will;
        session->will = (struct buffer){0};
        session_end(session);
        if (bytes.length > 0 && packet_decode(&will, buffer_slice(&bytes), &limits) > 0) {
            publish(&will, NULL);
        }
        buffer_release(&bytes);
    }
}

static bool fake_may_send(const struct link *link, const struct channel *channel)
{
    (void)link;
    return channel->is_open;
}

static bool fake_is_ready(const struct link *link)
{
    (void)link;
    return !the_broker->is_away;
}

static const struct link_ops fake_link = {
    .open = fake_open,
    .send = fake_send,
    .credit = fake_credit,
    .close = fake_close,
    .may_send = fake_may_send,
    .is_ready = fake_is_ready,
    .read = fake_read,
};

static bool is_deaf(const struct channel *channel)
{
    const struct broker_session *session = session_of(channel);

    return session && the_broker->bridges[session->gateway].is_deaf;
}

static struct delivery_due *next_due(const struct broker *broker)
{
    LIST_FOREACH (link, &broker->events) {
        struct delivery_due *due = CONTAINER_OF(link, struct delivery_due, link);
        const struct broker_session *session = session_of(due->channel);
        if (!session || !session->is_held) {
            return due;
        }
    }
    return NULL;
}

void broker_run(struct broker *broker)
{
    struct fanout_scratch scratch = {0};
    struct delivery_due *due;

    while ((due = next_due(broker))) {
        struct fanout fanout;
        list_remove(&due->link);
        if (due->closes) {
            due->channel->is_open = false;
            if (due->channel->events) { /* not of a thief */
                due->channel->events->closed(due->channel, due->closes);
            }
        } else if (due->is_retained && !is_deaf(due->channel)) {
            due->channel->events->retained(
                due->channel, &(struct trunk_retained){.messages = buffer_slice(&due->bytes)});
        } else if (due->is_publish && !is_deaf(due->channel)) {
            fanout_init(&fanout, &scratch, MQTT_5, buffer_slice(&due->bytes));
            due->channel->events->publish(due->channel, &fanout, due->sequence);
            fanout_release(&fanout);
        } else if (!is_deaf(due->channel)) {
            due->channel->events->packet(due->channel, buffer_slice(&due->bytes));
        }
        buffer_release(&due->bytes);
        free(due);
    }
    fanout_scratch_release(&scratch);
}

/* ---------------------------------------------------------------- time, and the broker's end */

void broker_advance(struct broker *broker, msec_t ms)
{
    broker_now += ms;
    delayed_publish(broker, broker_now, route);
    for (int turn = 0; turn < 2; turn++) { /* what was set by what came is due, too */
        broker_run(broker);
        for (unsigned i = 0; i < BROKER_GATEWAYS; i++) {
            if (broker->bridges[i].gateway.link) {
                gateway_advance(&broker->bridges[i].gateway);
            }
        }
    }
    broker_run(broker);
}

void broker_steal(struct broker *broker, struct broker_session *session, struct channel *thief)
{
    (void)broker;
    take_over(session);
    session->channel = thief;
    session->window = 0;
}

struct broker_session *broker_find_session(const char *id)
{
    return find_session(slice_from_string(id));
}

size_t broker_publish(struct broker *broker, const struct packet *publish)
{
    (void)broker;
    if (publish->publish.retain) {
        retain(publish);
    }
    return route(publish);
}

void broker_lose(struct broker *broker)
{
    struct channel *lost[BROKER_SESSIONS];
    size_t count = 0;

    broker->is_away = true;
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        struct broker_session *session = &broker->sessions[i];
        if (session->channel) {
            forget_events(session->channel);
            lost[count++] = session->channel;
            session->channel->is_open = false;
            session->channel = NULL;
        }
        if (session->id.length > 0 && session->expiry == 0) {
            session_end(session);
        }
    }
    while (count > 0) {
        count--;
        lost[count]->events->lost(lost[count]);
    }
}

void broker_return(struct broker *broker)
{
    broker->is_away = false;
    for (unsigned i = 0; i < BROKER_GATEWAYS; i++) {
        struct link *link = broker->bridges[i].gateway.link;
        if (link) {
            link->ready(link->listener);
        }
    }
    broker_run(broker);
}

/* ---------------------------------------------------------------- browsers */

static void browser_send(struct websocket *websocket, struct outgoing *outgoing, uint64_t number)
{
    setup_append_frame(&websocket->got, outgoing, number);
}

static void browser_close(struct websocket *websocket, uint16_t code, enum close_category category,
                          struct slice reason)
{
    buffer_append_format(&websocket->got, "close %u %s %.*s\n", code, close_category_name(category),
                         SLICE_PRINT(reason));
}

static void browser_pause(struct websocket *websocket, bool paused)
{
    (void)websocket, (void)paused;
}

static const struct websocket_ops fake_browser = {
    .send = browser_send,
    .close = browser_close,
    .pause = browser_pause,
};

struct client *broker_client(struct broker *broker, unsigned bridge, struct websocket *websocket,
                             enum subprotocol subprotocol, const char *user, const char *group,
                             const char *recovers)
{
    enum upgrade_kind kind = subprotocol == SUBPROTOCOL_NONE ? UPGRADE_RAW : UPGRADE_WEBPUBSUB;
    struct upgrade *upgrade = setup_upgrade(&broker->hub, kind, subprotocol, user);
    struct client *client;

    if (group) {
        upgrade->groups = memory_allocate_zero(sizeof(struct buffer));
        upgrade->group_count = 1;
        buffer_append_string(&upgrade->groups[0], group);
    }
    if (recovers) {
        upgrade->is_recovery = true;
        buffer_append_string(&upgrade->connection_id, recovers);
    }
    client = client_new(&broker->bridges[bridge].gateway, websocket, upgrade, "127.0.0.1:5", true);
    broker_run(broker);
    return client;
}

const char *websocket_got(struct websocket *websocket)
{
    return setup_take_lines(&websocket->got);
}

/* ---------------------------------------------------------------- making and ending */

void broker_start(struct broker *broker, unsigned bridge)
{
    static const unsigned numbers[BROKER_GATEWAYS] = {0, 1, 2};
    struct broker_bridge *own = &broker->bridges[bridge];

    own->link = (struct link){.ops = &fake_link, .context = (void *)(uintptr_t)&numbers[bridge]};
    own->is_deaf = false;
    own->gateway = (struct gateway){
        .link = &own->link,
        .sockets = &fake_browser,
        .access = &broker->access,
        .random = count_up,
        .clock = now,
        .index = bridge,
        .packet_size_max = 1 << 20,
    };
    gateway_init(&own->gateway);
    own->link.ready(own->link.listener);
}

void broker_kill(struct broker *broker, unsigned bridge)
{
    gateway_release(&broker->bridges[bridge].gateway);
    broker->bridges[bridge].gateway.link = NULL;
}

struct broker *broker_new(void)
{
    struct broker *broker = memory_allocate_zero(sizeof(*broker));

    the_broker = broker;
    broker_now = 1000000;
    list_init(&broker->events);
    list_init(&broker->delayed);
    broker->hub = setup_hub();
    broker->access = setup_access(&broker->hub);
    for (unsigned i = 0; i < 2; i++) {
        broker_start(broker, i);
    }
    broker_run(broker);
    return broker;
}

void broker_free(struct broker *broker)
{
    for (unsigned i = 0; i < BROKER_GATEWAYS; i++) {
        if (broker->bridges[i].gateway.link) {
            broker_kill(broker, i);
        }
    }
    while (!list_is_empty(&broker->events)) {
        forget_events(CONTAINER_OF(broker->events.next, struct delivery_due, link)->channel);
    }
    for (size_t i = 0; i < BROKER_SESSIONS; i++) {
        session_end(&broker->sessions[i]);
    }
    delayed_release(broker);
    buffer_release(&broker->retained);
    buffer_release(&broker->listened);
    buffer_release(&broker->heard);
    setup_access_release(&broker->access);
    free(broker);
}
