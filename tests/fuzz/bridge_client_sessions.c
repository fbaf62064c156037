/* What the broker of bridge_client_world.h keeps and hears: its sessions, the packets of clients,
 * and the answers that it owes for them, in order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/bridge_client_world.h"

#include "client/internal_topic.h"
#include "client/webpubsub.h"

/* ---------------------------------------------------------------- sessions */

static struct session *find_session(struct slice id)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        if (world.sessions[i].is_used &&
            slice_equal(id, slice_make(world.sessions[i].id, ID_LENGTH))) {
            return &world.sessions[i];
        }
    }
    return NULL;
}

void session_end(struct session *session)
{
    session->is_used = false;
    session->unacked.length = session->away.length = 0;
    for (size_t i = 0; i < BROWSERS; i++) {
        if (world.browsers[i].session == session) {
            world.browsers[i].session = NULL;
        }
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        if (world.peers[i].session == session) {
            world.peers[i].session = NULL;
        }
    }
}

/* The oldest one goes if there are too many. */
static struct session *session_new(struct slice id, bool is_reliable)
{
    struct session *session = &world.sessions[0];
    struct buffer unacked, away;

    for (size_t i = SESSIONS; i-- > 0;) {
        session = world.sessions[i].is_used ? session : &world.sessions[i];
    }
    if (session->is_used) {
        return NULL;
    }
    unacked = session->unacked;
    away = session->away;
    *session = (struct session){.is_used = true, .is_reliable = is_reliable};
    session->unacked = unacked;
    session->away = away;
    session->next = world.first_number;
    memcpy(session->id, id.data, ID_LENGTH);
    return session;
}

uint32_t take_number(struct session *session)
{
    session->next += (uint16_t)session->next == 0;
    return session->next++;
}

struct delivery *delivery_at(struct session *session, size_t index)
{
    return (struct delivery *)(void *)session->unacked.data + index;
}

size_t unacked_count(const struct session *session)
{
    return session->unacked.length / sizeof(struct delivery);
}

static struct delivery *find_delivery(struct session *session, uint16_t packet_id)
{
    for (size_t i = 0; i < unacked_count(session); i++) {
        if ((uint16_t)delivery_at(session, i)->sequence == packet_id) {
            return delivery_at(session, i);
        }
    }
    return NULL;
}

/* Nothing is acknowledged that the browser has not. */
static void take_puback(struct session *session, uint16_t packet_id)
{
    struct delivery *delivery = find_delivery(session, packet_id);
    const uint8_t *end = session->unacked.data + session->unacked.length;

    if (delivery) {
        FUZZ_CHECK(!delivery->is_for_browser ||
                   session->acked >= sequence_id_of(delivery->sequence));
        session->ended = *delivery;
        memmove(delivery, delivery + 1, (size_t)(end - (const uint8_t *)(delivery + 1)));
        session->unacked.length -= sizeof(*delivery);
    }
}

void session_forget(struct session *session)
{
    struct delivery ended = session->ended;
    size_t place = 0;

    if (ended.sequence == 0) {
        return;
    }
    while (place < unacked_count(session) &&
           delivery_at(session, place)->sequence < ended.sequence) {
        place++;
    }
    buffer_append(&session->unacked, slice_make(&ended, sizeof(ended)));
    for (size_t i = unacked_count(session) - 1; i > place; i--) {
        *delivery_at(session, i) = *delivery_at(session, i - 1);
    }
    *delivery_at(session, place) = ended;
    session->ended.sequence = 0;
}

/* ---------------------------------------------------------------- packets to the broker */

struct peer *peer_of(const struct channel *channel)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        if (world.peers[i].channel == channel) {
            return &world.peers[i];
        }
    }
    abort();
}

static void owe(struct peer *peer, struct answer answer)
{
    buffer_append(&peer->answers, slice_make(&answer, sizeof(answer)));
}

struct websocket *browser_of(const struct channel *channel)
{
    for (size_t i = 0; i < BROWSERS; i++) {
        if (world.browsers[i].client && &world.browsers[i].client->channel == channel) {
            return &world.browsers[i];
        }
    }
    return NULL;
}

static void take_connect(struct peer *peer, const struct packet *packet)
{
    static const char prefix[] = "$wps/h/";
    struct slice id = packet->connect.client_identifier;
    struct session *session;
    bool present;

    peer->version = packet->connect.version;
    peer->is_janitor = slice_starts_with(id, SLICE_LITERAL("$wps//janitor/"));
    if (id.length != sizeof(prefix) - 1 + ID_LENGTH || peer->is_relay ||
        slice_starts_with(id, SLICE_LITERAL("$wps/h/mqtt/"))) {
        owe(peer, (struct answer){.type = PACKET_CONNACK});
        return;
    }
    id = slice_from(id, sizeof(prefix) - 1);
    session = find_session(id);
    if (session && packet->connect.clean_start) {
        session_end(session);
        session = NULL;
    }
    present = session != NULL;
    if (!present) {
        session = session_new(id, packet->properties.session_expiry_interval > 0);
    }
    peer->session = session;
    owe(peer, (struct answer){.type = PACKET_CONNACK, .session_present = present});
    if (browser_of(peer->channel) && session) {
        struct websocket *browser = browser_of(peer->channel);
        browser->session = session;
        session->kind = browser->kind;
    }
}

static void take_message(struct peer *peer, const struct packet *packet)
{
    const struct publish *publish = &packet->publish;
    struct internal_topic topic;
    struct answer mark = {.type = PACKET_PUBLISH, .qos = publish->qos};

    if (publish->qos == QOS_1) {
        owe(peer, (struct answer){.type = PACKET_PUBACK, .packet_id = publish->packet_id});
    } else if (publish->qos == QOS_2) {
        owe(peer, (struct answer){.type = PACKET_PUBREC, .packet_id = publish->packet_id});
    }
    if (!peer->session || !internal_topic_parse(publish->topic, &topic)) {
        return;
    }
    if (topic.kind == INTERNAL_AWAY) {
        peer->session->away.length = 0;
        buffer_append(&peer->session->away, publish->payload);
    } else if (topic.kind == INTERNAL_MARK) {
        FUZZ_CHECK(publish->payload.length < sizeof(mark.mark));
        memcpy(mark.mark, publish->payload.data, publish->payload.length);
        owe(peer, mark);
    }
}

static void take_subscribe(struct peer *peer, const struct packet *packet)
{
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;
    struct internal_topic topic;

    owe(peer, (struct answer){.type = PACKET_SUBACK,
                              .packet_id = packet->subscribe.packet_id,
                              .count = (uint8_t)packet->subscribe.count});
    while (subscribe_next(&rest, peer->version, &filter, &options)) {
        if (peer->session && peer->session->away.length > 0 &&
            internal_topic_parse(filter, &topic) && topic.kind == INTERNAL_AWAY) {
            owe(peer, (struct answer){.type = PACKET_PUBLISH, .is_away = true});
        }
    }
}

static void take_packet(struct peer *peer, const struct packet *packet)
{
    switch ((unsigned)packet->type) {
    case PACKET_CONNECT:
        take_connect(peer, packet);
        break;
    case PACKET_PUBLISH:
        take_message(peer, packet);
        break;
    case PACKET_SUBSCRIBE:
        take_subscribe(peer, packet);
        break;
    case PACKET_UNSUBSCRIBE:
        owe(peer, (struct answer){.type = PACKET_UNSUBACK,
                                  .packet_id = packet->subscribe.packet_id,
                                  .count = (uint8_t)packet->subscribe.count});
        break;
    case PACKET_PUBREL:
        owe(peer, (struct answer){.type = PACKET_PUBCOMP, .packet_id = packet->ack.packet_id});
        break;
    case PACKET_PUBACK:
        if (peer->session) {
            take_puback(peer->session, packet->ack.packet_id);
        }
        break;
    case PACKET_DISCONNECT:
        if (peer->session) {
            session_end(peer->session);
        }
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------------- the link */

/* What the browser has not been written yet, of a connection that was lost, gives its credit to the
 * next one. */
static uint64_t credit_before(const struct channel *channel)
{
    const struct websocket *browser = browser_of(channel);
    uint64_t credit = 0;

    for (size_t at = 0; browser && at < browser->frames.length; at += sizeof(struct outgoing *)) {
        const struct outgoing *outgoing;
        memcpy(&outgoing, browser->frames.data + at, sizeof(outgoing));
        credit += outgoing->credit;
    }
    return credit;
}

static void link_open(struct link *link, struct channel *channel, const struct link_open *open)
{
    FUZZ_CHECK(link == &world.link && world.is_ready && !channel->is_open);
    for (size_t i = 0; i < CHANNELS; i++) {
        struct peer *peer = &world.peers[i];
        if (!peer->channel) {
            *peer = (struct peer){.channel = channel, .version = MQTT_UNKNOWN};
            peer->is_relay = (open->flags & TRUNK_VERIFIED) == 0;
            peer->delivered = credit_before(channel);
            channel->is_open = true;
            return;
        }
    }
    abort(); /* there are more than clients */
}

static void peer_free(struct peer *peer)
{
    peer->channel->is_open = false;
    peer->channel = NULL;
    peer->session = NULL;
    buffer_release(&peer->answers);
}

void peer_end(struct peer *peer)
{
    if (peer->session && !peer->session->is_reliable) {
        session_end(peer->session);
    }
    peer_free(peer);
}

/* What a client of /mqtt sends may be anything: there the broker hangs up. */
static void link_send(struct link *link, struct channel *channel, struct slice packets)
{
    struct peer *peer = peer_of(channel);
    struct packet_limits limits = {.packet_size_max = PACKET_SIZE_MAX};
    struct packet packet;

    FUZZ_CHECK(link == &world.link && world.is_ready && channel->is_open && packets.length > 0);
    while (packets.length > 0) {
        ssize_t size;
        limits.version = peer->version;
        size = packet_decode(&packet, packets, &limits);
        if (peer->is_relay && size <= 0) {
            return;
        }
        FUZZ_CHECK(size > 0);
        FUZZ_CHECK(peer->is_relay || peer->version != MQTT_UNKNOWN ||
                   packet.type == PACKET_CONNECT);
        if (peer->version != MQTT_UNKNOWN && packet.type == PACKET_CONNECT) {
            return; /* a second one, of an MQTT client */
        }
        take_packet(peer, &packet);
        packets = slice_from(packets, (size_t)size);
    }
}

static void link_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    FUZZ_CHECK(link == &world.link && channel->is_open);
    peer_of(channel)->credited += bytes;
    FUZZ_CHECK(peer_of(channel)->credited <= peer_of(channel)->delivered);
}

static void link_close(struct link *link, struct channel *channel)
{
    FUZZ_CHECK(link == &world.link);
    if (channel->is_open) {
        peer_end(peer_of(channel));
    }
}

static bool link_may_send(const struct link *link, const struct channel *channel)
{
    return link == &world.link && channel->is_open && world.may_send;
}

static bool link_is_ready(const struct link *link)
{
    return link == &world.link && world.is_ready;
}

const struct link_ops link_operations = {link_open,     link_send,     link_credit, link_close,
                                         link_may_send, link_is_ready, NULL};
