/* What the broker of bridge_client_world.h says. What it delivers to a reliable session it numbers,
 * and sends again to whoever resumes the session, until it is acknowledged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/bridge_client_world.h"

#include "client/internal_topic.h"

/* ---------------------------------------------------------------- what the broker says */

static void send_publish(struct peer *peer, struct slice bytes, uint32_t sequence)
{
    struct slice copy = fuzz_copy(bytes);
    struct channel *channel = peer->channel;
    struct fanout_scratch scratch = {0};
    struct fanout fanout;

    peer->delivered += bytes.length;
    fanout_init(&fanout, &scratch, (uint8_t)peer->version, copy);
    FUZZ_CHECK(fanout.is_valid);
    channel->events->publish(channel, &fanout, sequence);
    fanout_release(&fanout);
    fanout_scratch_release(&scratch);
    fuzz_free(copy);
}

static bool is_own(const struct session *session, struct slice properties)
{
    struct slice id = slice_make(session->id, ID_LENGTH);

    return properties.length > 0 &&
           memmem(properties.data, properties.length, id.data, id.length) != NULL;
}

static void keep(struct session *session, struct slice bytes, uint32_t sequence,
                 bool is_for_browser)
{
    struct delivery delivery = {.sequence = sequence, .is_for_browser = is_for_browser};

    FUZZ_CHECK(bytes.length <= sizeof(delivery.bytes));
    delivery.length = bytes.length;
    memcpy(delivery.bytes, bytes.data, bytes.length);
    buffer_append(&session->unacked, slice_make(&delivery, sizeof(delivery)));
}

static void publish(struct peer *peer, struct packet *packet, bool at_least_once)
{
    struct session *session = peer->session;
    struct buffer bytes = {0};
    struct internal_topic topic;
    uint32_t sequence = 0;
    bool is_internal =
        internal_topic_parse(packet->publish.topic, &topic) && topic.kind != INTERNAL_STATE;

    packet->type = PACKET_PUBLISH;
    if (at_least_once) {
        packet->publish.qos = QOS_1;
        packet->publish.packet_id = 1;
        sequence = session ? take_number(session) : ++peer->mqtt_number;
    }
    packet_encode(&bytes, packet, peer->version);
    if (session && at_least_once) {
        keep(session, buffer_slice(&bytes), sequence,
             !is_internal && !is_own(session, packet->properties.raw));
    }
    send_publish(peer, buffer_slice(&bytes), sequence);
    buffer_release(&bytes);
}

/* Only clients with a subprotocol of Web PubSub and the janitor subscribe to internal topics. */
static bool may_get(const struct peer *peer, struct slice topic)
{
    const struct websocket *browser = browser_of(peer->channel);

    return !topic_is_internal(topic) || !browser || browser->kind <= BROWSER_PROTOBUF_RELIABLE;
}

void peer_deliver(struct peer *peer, struct slice topic, struct slice payload,
                  struct slice properties, bool retain)
{
    bool at_least_once = peer->session ? peer->session->is_reliable : !peer->is_janitor;
    struct packet packet = {.type = PACKET_PUBLISH};

    if (!peer->channel || !peer->is_connected || !may_get(peer, topic) ||
        (peer->session && unacked_count(peer->session) > 100)) {
        return;
    }
    packet.publish.topic = topic;
    packet.publish.payload = payload;
    packet.publish.retain = retain;
    if (properties.length > 0 && peer->version == MQTT_5) {
        packet.properties.present = PROPERTY_BIT(USER_PROPERTY);
        packet.properties.raw = properties;
    }
    publish(peer, &packet, at_least_once);
}

/* A copy of the list, since what is sent may be acknowledged at once. */
static void deliver_again(struct peer *peer)
{
    struct session *session = peer->session;
    struct buffer unacked = {0};

    buffer_append(&unacked, buffer_slice(&session->unacked));
    for (size_t at = 0; at < unacked.length; at += sizeof(struct delivery)) {
        const struct delivery *delivery = (const void *)(unacked.data + at);
        if (peer->channel) {
            send_publish(peer, slice_make(delivery->bytes, delivery->length), delivery->sequence);
        }
    }
    buffer_release(&unacked);
}

static void send_packet(struct peer *peer, struct packet *packet)
{
    struct channel *channel = peer->channel;
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, peer->version);
    channel->events->packet(channel, buffer_slice(&bytes));
    buffer_release(&bytes);
}

static void send_to_itself(struct peer *peer, const struct answer *answer)
{
    struct packet packet = {.type = PACKET_PUBLISH};
    struct buffer topic = {0}, payload = {0};

    if (peer->session) {
        internal_topic_append(&topic, answer->is_away ? INTERNAL_AWAY : INTERNAL_MARK,
                              SLICE_LITERAL("h"), slice_make(peer->session->id, ID_LENGTH),
                              SLICE_EMPTY);
        buffer_append(&payload, answer->is_away ? buffer_slice(&peer->session->away)
                                                : slice_from_string(answer->mark));
        packet.publish.topic = buffer_slice(&topic);
        packet.publish.payload = buffer_slice(&payload);
        packet.publish.retain = answer->is_away;
        publish(peer, &packet, answer->qos != QOS_0);
    }
    buffer_release(&topic);
    buffer_release(&payload);
}

void peer_close(struct peer *peer, uint8_t reason)
{
    struct channel *channel = peer->channel;

    if (channel) {
        if (peer->session && reason == REASON_QUOTA_EXCEEDED) {
            session_end(peer->session);
        }
        world.is_stopping |= reason == REASON_SERVER_SHUTTING_DOWN;
        peer_end(peer);
        channel->events->closed(channel, reason);
    }
}

static void send_connack(struct peer *peer, const struct answer *answer, uint8_t reason)
{
    struct packet packet = {.type = PACKET_CONNACK, .connack.reason = reason};

    packet.connack.session_present = reason == 0 && answer->session_present && peer->session;
    peer->is_connected = reason == 0;
    send_packet(peer, &packet);
    if (peer->channel && packet.connack.session_present) {
        deliver_again(peer);
    } else if (peer->channel && reason != 0) {
        peer_close(peer, reason);
    }
}

static void send_codes(struct peer *peer, const struct answer *answer, uint8_t reason)
{
    struct packet packet = {.type = answer->type};
    struct buffer codes = {0};

    for (unsigned i = 0; i < answer->count; i++) {
        buffer_append_byte(&codes, reason);
    }
    if (peer->session && reason != 0) {
        peer->session->succeeded_count = 0; /* what was kept may not be found */
    }
    packet.suback.packet_id = answer->packet_id;
    packet.suback.codes = buffer_slice(&codes);
    send_packet(peer, &packet);
    buffer_release(&codes);
}

bool peer_answer(struct peer *peer, uint8_t reason)
{
    struct answer answer;
    struct packet packet = {0};

    if (!peer->channel || peer->answers.length == 0) {
        return false;
    }
    memcpy(&answer, peer->answers.data, sizeof(answer));
    buffer_consume(&peer->answers, sizeof(answer));
    if (peer->version != MQTT_5) {
        reason = 0;
    }
    switch ((unsigned)answer.type) {
    case PACKET_CONNACK:
        send_connack(peer, &answer, reason);
        break;
    case PACKET_PUBLISH:
        send_to_itself(peer, &answer);
        break;
    case PACKET_SUBACK:
    case PACKET_UNSUBACK:
        send_codes(peer, &answer, reason);
        break;
    default:
        packet.type = answer.type;
        packet.ack.packet_id = answer.packet_id;
        packet.ack.reason = answer.type == PACKET_PUBCOMP ? 0 : reason;
        send_packet(peer, &packet);
        break;
    }
    return true;
}

void broker_lose(bool forgets)
{
    struct channel *lost[CHANNELS] = {0};

    world.is_ready = world.is_stopping = false;
    for (size_t i = 0; i < SESSIONS && forgets; i++) {
        session_forget(&world.sessions[i]);
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        lost[i] = world.peers[i].channel;
        if (lost[i]) {
            peer_end(&world.peers[i]);
        }
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        if (lost[i]) {
            lost[i]->events->lost(lost[i]);
        }
    }
}

void broker_return(void)
{
    if (!world.is_ready) {
        world.is_ready = true;
        world.link.ready(world.link.listener);
    }
}

void broker_may_send(bool may_send)
{
    world.may_send = may_send;
    for (size_t i = 0; i < CHANNELS && may_send; i++) {
        struct channel *channel = world.peers[i].channel;
        if (channel) {
            channel->events->writable(channel);
        }
    }
}
