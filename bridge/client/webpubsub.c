/* The life of a Web PubSub client: see webpubsub.h for its phases.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/webpubsub.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/group_state.h"
#include "client/internal_topic.h"
#include "client/janitor.h"
#include "mqtt/topic.h"

/* WebSocket close codes (spec/webpubsub.md 1.6). */
enum {
    CLOSE_NORMAL = 1000,
    CLOSE_BROKEN = 1006,
    CLOSE_POLICY = 1008,
    CLOSE_INTERNAL = 1011,
    CLOSE_SERVICE_RESTART = 1012,
};

enum { OPEN_TIMEOUT_MS = 30000, YOUNG_S = 30 };

static const char broker_restarts[] = "the broker restarts";

/* ---------------------------------------------------------------- names */

struct slice webpubsub_topic(struct webpubsub *wps, struct slice group)
{
    struct buffer *topic = &wps->client.gateway->topic;

    topic->length = 0;
    buffer_append_string(topic, wps->client.upgrade->hub);
    buffer_append_byte(topic, '/');
    topic_append_escaped(topic, group);
    return buffer_slice(topic);
}

struct slice webpubsub_filter(struct webpubsub *wps, struct slice group, bool *is_wildcard)
{
    struct buffer *topic = &wps->client.gateway->topic;
    struct slice rest = group, level;
    bool done = false;

    *is_wildcard = wps->client.upgrade->settings->wildcards && topic_filter_is_valid(group) &&
                   topic_filter_has_wildcard(group);
    if (!*is_wildcard) {
        return webpubsub_topic(wps, group);
    }
    topic->length = 0;
    buffer_append_string(topic, wps->client.upgrade->hub);
    while (topic_next_level(&rest, &done, &level)) {
        buffer_append_byte(topic, '/');
        if (level.length == 1 && (level.data[0] == '+' || level.data[0] == '#')) {
            buffer_append(topic, level);
        } else {
            topic_append_escaped(topic, level);
        }
    }
    return buffer_slice(topic);
}

struct slice webpubsub_own_topic(struct webpubsub *wps, enum internal_kind kind)
{
    struct buffer *topic = &wps->client.gateway->topic;

    topic->length = 0;
    internal_topic_append(topic, kind, slice_from_string(wps->client.upgrade->hub),
                          connection_id(wps), SLICE_EMPTY);
    return buffer_slice(topic);
}

/* ---------------------------------------------------------------- small steps */

void webpubsub_flush_packet(struct webpubsub *wps)
{
    struct buffer *packet = &wps->client.gateway->packet;

    if (packet->length > 0) {
        client_send_packets(&wps->client, buffer_slice(packet));
        packet->length = 0;
        webpubsub_update_pause(wps);
    }
}

void webpubsub_flush_frame(struct webpubsub *wps)
{
    struct buffer *frame = &wps->client.gateway->frame;

    client_send_frame(&wps->client, buffer_slice(frame), !wps->codec->is_binary);
    frame->length = 0;
}

void webpubsub_fail(struct webpubsub *wps, uint16_t code, enum close_category category,
                    const char *reason)
{
    wps->ends = true;
    client_close(&wps->client, code, category, reason);
}

void webpubsub_update_pause(struct webpubsub *wps)
{
    struct client *client = &wps->client;
    const struct link *link = client->gateway->link;
    bool pause = wps->phase != PHASE_OPEN || wps->pending_count >= PENDING_MAX ||
                 wps->watch_count >= WATCHES_MAX || event_queue_is_full(client->events) ||
                 !link->ops->may_send(link, &client->channel);

    if (pause != wps->paused && !client->closing) {
        wps->paused = pause;
        client->gateway->sockets->pause(client->websocket, pause);
    }
}

/* ---------------------------------------------------------------- the way in */

/* CONNECT, into gateway->packet. */
static void put_connect(struct webpubsub *wps, bool clean_start)
{
    struct gateway *gateway = wps->client.gateway;
    const struct upgrade *upgrade = wps->client.upgrade;
    const struct hub_settings *settings = upgrade->settings;
    struct buffer identifier = {0}, farewell = {0};

    buffer_append_format(&identifier, "$wps/%s/%s", upgrade->hub, wps->connection_id);
    client_open_channel(
        &wps->client,
        &(struct link_open){
            .placement = buffer_slice(&identifier),
            .flags = TRUNK_VERIFIED | TRUNK_BOUNDED | (clean_start ? 0 : TRUNK_TELLS_SUBSCRIPTIONS),
            .user = user_id(wps),
            .queue_messages =
                is_reliable(wps) ? settings->reliable_messages : settings->queue_messages,
            .queue_bytes = is_reliable(wps) ? settings->reliable_bytes : settings->queue_bytes,
        });
    if (event_queue_takes(wps->client.events, SYSTEM_EVENT_DISCONNECTED)) {
        event_queue_export(wps->client.events, &farewell);
    }
    write_connect(&gateway->packet,
                  &(struct connect_request){
                      .client_identifier = buffer_slice(&identifier),
                      .clean_start = clean_start,
                      .session_expiry_s = is_reliable(wps) ? settings->recovery_s : 0,
                      .will_topic = webpubsub_own_topic(wps, INTERNAL_GONE),
                      .will_payload = buffer_slice(&farewell),
                  });
    buffer_release(&farewell);
    buffer_release(&identifier);
}

static void send_connected(struct webpubsub *wps)
{
    struct gateway *gateway = wps->client.gateway;
    struct buffer token = {0};

    if (!wps->codec->put_connected) {
        return;
    }
    if (is_reliable(wps)) {
        reconnection_token_append(&token, gateway->access, wps->client.upgrade, connection_id(wps),
                                  gateway_now(gateway) / 1000);
    }
    wps->codec->put_connected(&gateway->frame, &(struct connected){
                                                   .user_id = user_id(wps),
                                                   .connection_id = connection_id(wps),
                                                   .reconnection_token = buffer_slice(&token),
                                               });
    webpubsub_flush_frame(wps);
    buffer_release(&token);
}

/* What was held is sent, or (`sends` false) dropped. */
static void end_opening(struct webpubsub *wps, bool sends)
{
    struct opening *opening = wps->opening;

    for (uint32_t i = 0; opening && i < opening->held_count; i++) {
        struct held_frame *held = &opening->held[i];
        if (sends) {
            wps->client.gateway->sockets->send(wps->client.websocket, held->outgoing, held->number);
        }
        outgoing_release(held->outgoing);
    }
    if (opening) {
        timers_cancel(&wps->client.gateway->timers, &opening->timer);
        free(opening->held);
        free(opening);
        wps->opening = NULL;
    }
}

void webpubsub_open(struct webpubsub *wps)
{
    if (wps->phase == PHASE_CONNECTING || wps->phase == PHASE_JOINING) {
        send_connected(wps);
    }
    registry_open(&wps->client.member, user_id(wps));
    wps->phase = PHASE_OPEN;
    end_opening(wps, true);
    if (!is_reliable(wps)) {
        client_forget_peer(&wps->client);
    }
    webpubsub_update_pause(wps);
}

/* A recovery: `connected` comes first, then what was not acknowledged, in order (4.2). */
static void connack_recovery(struct webpubsub *wps)
{
    send_connected(wps);
    wps->phase = PHASE_RESTORING;
    away_search(wps);
}

/* The broker was away and is back, the browser never was. */
static void connack_return(struct webpubsub *wps)
{
    wps->phase = PHASE_OPEN;
    webpubsub_repeat(wps);
    webpubsub_update_pause(wps);
}

static void receive_connack(struct webpubsub *wps, const struct packet *packet)
{
    bool resumes = wps->phase == PHASE_AWAY || wps->client.upgrade->is_recovery;

    if (reason_is_error(packet->connack.reason)) {
        LOG_LIMITED(LOG_WARNING, "the broker refused a client", "hub=%s reason=\"%s\"",
                    wps->client.upgrade->hub, reason_text(packet->connack.reason));
        webpubsub_fail(wps, CLOSE_INTERNAL, CLOSED_TRANSIENT_ERROR,
                       "the broker cannot take the connection now");
        return;
    }
    wps->packet_size_max = properties_have(&packet->properties, PROPERTY_MAXIMUM_PACKET_SIZE)
                               ? packet->properties.maximum_packet_size
                               : PACKET_SIZE_MAX;
    wps->owes_disconnected |= resumes && packet->connack.session_present;
    if (resumes && !packet->connack.session_present) {
        webpubsub_fail(wps, CLOSE_POLICY, CLOSED_BAD_REQUEST,
                       "the connection cannot be recovered any more");
    } else if (wps->phase == PHASE_AWAY) {
        connack_return(wps);
    } else if (resumes) {
        connack_recovery(wps);
    } else {
        wps->phase = PHASE_JOINING; /* SUBACK is on its way */
    }
}

static void receive_nothing(struct webpubsub *wps, const struct packet *packet)
{
    (void)wps, (void)packet;
}

typedef void receive_function(struct webpubsub *wps, const struct packet *packet);

static receive_function *const receivers[16] = {
    [0] = receive_nothing,
    [PACKET_CONNECT] = receive_nothing,
    [PACKET_CONNACK] = receive_connack,
    [PACKET_PUBLISH] = receive_nothing,
    [PACKET_PUBACK] = webpubsub_answered,
    [PACKET_PUBREC] = webpubsub_answered,
    [PACKET_PUBREL] = receive_nothing,
    [PACKET_PUBCOMP] = webpubsub_answered,
    [PACKET_SUBSCRIBE] = receive_nothing,
    [PACKET_SUBACK] = webpubsub_answered,
    [PACKET_UNSUBSCRIBE] = receive_nothing,
    [PACKET_UNSUBACK] = webpubsub_answered,
    [PACKET_PINGREQ] = receive_nothing,
    [PACKET_PINGRESP] = receive_nothing,
    [PACKET_DISCONNECT] = receive_nothing, /* CLOSE follows, with the reason */
    [PACKET_AUTH] = receive_nothing,
};

static void on_packet(struct channel *channel, struct slice bytes)
{
    struct webpubsub *wps = webpubsub_of(client_of(channel));
    struct packet_limits limits = {
        .version = MQTT_5,
        .packet_size_max = PACKET_SIZE_MAX,
        .from_server = true,
    };
    struct packet packet;

    if (!wps->client.closing && packet_decode(&packet, bytes, &limits) > 0) {
        receivers[packet.type](wps, &packet);
    }
}

/* ---------------------------------------------------------------- beginning */

static const struct codec *codec_for(const struct upgrade *upgrade)
{
    bool as_text = upgrade->settings->protobuf_json_as_text;

    switch (upgrade->subprotocol) {
    case SUBPROTOCOL_JSON:
        return &codec_json;
    case SUBPROTOCOL_JSON_RELIABLE:
        return &codec_json_reliable;
    case SUBPROTOCOL_PROTOBUF:
        return as_text ? &codec_protobuf_text_json : &codec_protobuf;
    case SUBPROTOCOL_PROTOBUF_RELIABLE:
        return as_text ? &codec_protobuf_reliable_text_json : &codec_protobuf_reliable;
    case SUBPROTOCOL_NONE:
    case SUBPROTOCOL_MQTT:
        break;
    }
    return &codec_raw;
}

static uint32_t now_s(const struct gateway *gateway)
{
    return (uint32_t)(gateway_now(gateway) / 1000);
}

/* Another socket has recovered its connection. This one has likely died in silence. But a recovery
 * that is young may be what the client has now, and the other one a try before it that came late,
 * by a process that was slow: it is to recover once more, where 1008 would say that all is lost. */
static void close_recovered(struct webpubsub *wps)
{
    bool is_young =
        wps->client.upgrade->is_recovery && now_s(wps->client.gateway) - wps->began < YOUNG_S;

    client_close(&wps->client, is_young ? CLOSE_SERVICE_RESTART : CLOSE_POLICY, CLOSED_NORMAL,
                 "the connection was recovered on another socket");
}

/* The connection's old socket is still there (4.2): it is aborted, and what is known of the
 * connection handed over. */
static void push_out(struct gateway *gateway, const struct webpubsub *wps)
{
    struct registry_hub *hub =
        registry_find_hub(&gateway->registry, slice_from_string(wps->client.upgrade->hub));
    struct member *member = hub ? registry_find(hub, connection_id(wps)) : NULL;
    struct webpubsub *old;

    if (!member) {
        return;
    }
    old = CONTAINER_OF(member, struct webpubsub, client.member);
    registry_remove(&gateway->registry, member);
    old->owes_disconnected = false;
    if (old->client.channel.is_open) {
        away_keep(old);
        gateway->link->ops->close(gateway->link, &old->client.channel);
    }
    close_recovered(old);
}

/* A broker that is there and does not answer: the browser is to try elsewhere, or later. */
static void on_open_timeout(struct timer *timer, void *context)
{
    struct webpubsub *wps = CONTAINER_OF(timer, struct opening, timer)->wps;

    (void)context;
    client_close(&wps->client, CLOSE_SERVICE_RESTART, CLOSED_TRANSIENT_ERROR,
                 "the broker does not answer");
}

static void begin(struct client *client)
{
    struct webpubsub *wps = webpubsub_of(client);
    struct upgrade *upgrade = client->upgrade;
    struct gateway *gateway = client->gateway;

    wps->codec = codec_for(upgrade);
    wps->traffic = metrics_traffic(&gateway->metrics, upgrade);
    wps->next_packet_id = ACK_PACKET_IDS + 1;
    wps->began = now_s(gateway);
    list_init(&wps->pending);
    list_init(&wps->streams);
    list_init(&wps->watches);
    wps->opening = memory_allocate_zero(sizeof(*wps->opening));
    wps->opening->wps = wps;
    timer_init(&wps->opening->timer, on_open_timeout);
    if (upgrade->is_recovery && upgrade->connection_id.length != CONNECTION_ID_LENGTH) {
        webpubsub_fail(wps, CLOSE_POLICY, CLOSED_UNAUTHORIZED,
                       "the connection cannot be recovered");
        return;
    }
    if (upgrade->connection_id.length == CONNECTION_ID_LENGTH) {
        memcpy(wps->connection_id, upgrade->connection_id.data, CONNECTION_ID_LENGTH);
    } else {
        connection_id_choose(gateway, wps->connection_id);
    }
    webpubsub_begin_events(wps);
    if (!gateway_is_ready(gateway)) {
        client_close(client, CLOSE_SERVICE_RESTART, CLOSED_SERVICE_RELOAD, broker_restarts);
        return;
    }
    timers_set(&gateway->timers, &wps->opening->timer, gateway_now(gateway) + OPEN_TIMEOUT_MS);
    if (upgrade->is_recovery) {
        push_out(gateway, wps);
    }
    registry_add(&gateway->registry, &client->member, slice_from_string(upgrade->hub),
                 connection_id(wps));
    webpubsub_update_pause(wps);
    put_connect(wps, !upgrade->is_recovery);
    if (!upgrade->is_recovery) {
        webpubsub_subscribe_first(wps);
    }
    webpubsub_flush_packet(wps);
}

/* ---------------------------------------------------------------- the end */

/* Does the session live on for a while, since the browser may come back? (4.1: unless it said
 * goodbye.) */
static bool may_come_back(const struct webpubsub *wps, uint16_t code)
{
    return is_reliable(wps) && !wps->ends && code != CLOSE_NORMAL;
}

/* Of a session that is over. The will is for the janitor, who has nothing to do behind most. If it
 * would raise `disconnected` as well, which is our own to raise, something is said in its place. */
static void say_goodbye(struct webpubsub *wps)
{
    struct gateway *gateway = wps->client.gateway;
    bool has_left_things = wps->has_state || wps->client.upgrade->is_recovery;

    if (!event_queue_takes(wps->client.events, SYSTEM_EVENT_DISCONNECTED)) {
        write_disconnect_for_good(&gateway->packet, has_left_things);
        return;
    }
    if (has_left_things) {
        write_publish(&gateway->packet, &(struct publication){
                                            .topic = webpubsub_own_topic(wps, INTERNAL_GONE),
                                            .is_plain = true,
                                            .qos = QOS_1,
                                            .packet_id = webpubsub_packet_id(wps),
                                        });
    }
    write_disconnect_for_good(&gateway->packet, false);
}

static void leave(struct webpubsub *wps, uint16_t code)
{
    if (may_come_back(wps, code)) {
        wps->owes_disconnected = false;
        away_keep(wps);
        return;
    }
    streams_cancel(wps);
    say_goodbye(wps);
    webpubsub_flush_packet(wps);
}

/* By the server (1.6). The session is over now: who tries to recover is too late. */
static void rest_end(struct client *client, struct slice reason)
{
    struct webpubsub *wps = webpubsub_of(client);
    struct gateway *gateway = client->gateway;
    char *text = memory_copy_string(reason);

    event_queue_note_reason(client->events, text);
    if (wps->codec->put_disconnected) {
        wps->codec->put_disconnected(&gateway->frame, reason);
        webpubsub_flush_frame(wps);
    }
    webpubsub_fail(wps, CLOSE_NORMAL, CLOSED_BY_APP_SERVER,
                   wps->codec->put_disconnected ? "" : text);
    if (client->channel.is_open) {
        leave(wps, CLOSE_NORMAL);
        gateway->link->ops->close(gateway->link, &client->channel);
    }
    client_leaves_all(client);
    registry_remove(&gateway->registry, &client->member);
    free(text);
}

static void release(struct webpubsub *wps)
{
    webpubsub_end_sequence(wps);
    end_opening(wps, false);
    webpubsub_drop_pending(wps);
    streams_free(wps);
    group_state_free(wps);
    ack_memory_free(wps->acks);
}

static void socket_closed(struct client *client, uint16_t code)
{
    struct webpubsub *wps = webpubsub_of(client);

    event_queue_note_reason(client->events, code == CLOSE_BROKEN ? "the connection was lost" : "");
    if (client->channel.is_open) {
        leave(wps, code);
    }
    webpubsub_raise_disconnected(wps);
    release(wps);
}

/* --- the broker is gone --- */

static void on_lost(struct channel *channel)
{
    struct webpubsub *wps = webpubsub_of(client_of(channel));

    if (is_reliable(wps) && wps->phase != PHASE_CONNECTING) {
        wps->owes_disconnected = false; /* its session's will tells of its end, unless it returns */
    }
    if (is_reliable(wps) && (wps->phase == PHASE_OPEN || wps->phase == PHASE_AWAY)) {
        wps->phase = PHASE_AWAY;
        webpubsub_update_pause(wps);
        return;
    }
    if (wps->has_state) {
        janitor_clear(wps->client.gateway, slice_from_string(wps->client.upgrade->hub),
                      connection_id(wps));
    }
    client_close(&wps->client, CLOSE_SERVICE_RESTART, CLOSED_SERVICE_RELOAD, broker_restarts);
}

/* --- the broker ends it --- */

struct ending {
    uint8_t reason;
    uint16_t code;
    const char *text;
};

static const struct ending endings[] = {
    {REASON_QUOTA_EXCEEDED, CLOSE_POLICY, "too many messages wait for this client"},
    {REASON_PACKET_TOO_LARGE, 1009, "the message is too large for the broker"},
};

static void on_closed(struct channel *channel, uint8_t reason)
{
    struct webpubsub *wps = webpubsub_of(client_of(channel));

    if (reason == REASON_SERVER_SHUTTING_DOWN) {
        on_lost(channel); /* what is to be lost next */
        return;
    }
    wps->owes_disconnected = false; /* the will tells */
    if (reason == REASON_SESSION_TAKEN_OVER) {
        wps->ends = true;
        close_recovered(wps);
        return;
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (endings[i].reason == reason) {
            webpubsub_fail(wps, endings[i].code, close_category_of(reason), endings[i].text);
            return;
        }
    }
    webpubsub_fail(wps, CLOSE_INTERNAL, close_category_of(reason), reason_text(reason));
}

static void on_ready(struct client *client)
{
    struct webpubsub *wps = webpubsub_of(client);

    if (wps->phase == PHASE_AWAY && !client->closing) {
        put_connect(wps, false);
        webpubsub_flush_packet(wps);
    }
}

static void on_writable(struct channel *channel)
{
    webpubsub_update_pause(webpubsub_of(client_of(channel)));
}

const struct client_kind webpubsub_kind = {
    .size = sizeof(struct webpubsub),
    .begin = begin,
    .receive = webpubsub_receive,
    .socket_closed = socket_closed,
    .ready = on_ready,
    .join = webpubsub_rest_join,
    .leave = webpubsub_rest_leave,
    .permit = webpubsub_permit,
    .end = rest_end,
    .events =
        {
            .packet = on_packet,
            .publish = webpubsub_deliver,
            .subscriptions = webpubsub_restore,
            .writable = on_writable,
            .closed = on_closed,
            .lost = on_lost,
        },
};
