/* What clients hear, and what of it cannot be right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sim/sim.h"

void queue_add(struct sim_queue *queue, uint16_t packet_id)
{
    queue->ids[queue->end++ % QUEUE_MAX] = packet_id;
}

/* The next answer is this one; what is refused may overtake what waits to be stored. */
static bool queue_take(const struct sim *sim, struct sim_queue *queue, uint16_t packet_id)
{
    unsigned at = queue->first;

    while (at < queue->end && queue->ids[at % QUEUE_MAX] != packet_id) {
        at++;
    }
    if (at == queue->end || (at > queue->first && !sim->faulted)) {
        return false;
    }
    for (; at > queue->first; at--) {
        queue->ids[at % QUEUE_MAX] = queue->ids[(at - 1) % QUEUE_MAX];
    }
    queue->first++;
    return true;
}

/* ---------------------------------------------------------------- answers to PUBLISH */

static struct sim_outgoing *find_outgoing(struct sim_client *client, uint16_t packet_id)
{
    for (unsigned i = 0; i < client->outgoing_count; i++) {
        if (client->outgoing[i].packet_id == packet_id) {
            return &client->outgoing[i];
        }
    }
    return NULL;
}

static void end_outgoing(struct sim *sim, struct sim_client *client, struct sim_outgoing *outgoing)
{
    unsigned behind = client->outgoing_count - 1 - (unsigned)(outgoing - client->outgoing);

    sim->messages[outgoing->message].pending = false;
    memmove(outgoing, outgoing + 1, behind * sizeof(*outgoing));
    client->outgoing_count--;
}

/* PUBACK and PUBREC, in the order of the PUBLISHes (MQTT-4.6.0-2, -3). */
static void hear_accepted(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    uint16_t packet_id = packet->ack.packet_id;
    struct sim_outgoing *outgoing = find_outgoing(client, packet_id);

    if (!queue_take(sim, &client->link.published, packet_id) || !outgoing ||
        outgoing->qos != (packet->type == PACKET_PUBACK ? QOS_1 : QOS_2)) {
        sim_fail(sim, "%s: this acknowledgement is not the next", client->name);
    }
    struct sim_message *message = &sim->messages[outgoing->message];
    if (reason_is_error(packet->ack.reason)) {
        if (!sim->faulted) {
            sim_fail(sim, "m%u was refused without a fault", outgoing->message);
        }
        message->refused = !message->resent && message->acked == 0;
        end_outgoing(sim, client, outgoing);
        return;
    }
    if (message->acked == 0 || message->qos == QOS_1) {
        debts_acknowledged(sim, outgoing->message);
    }
    if (packet->type == PACKET_PUBACK) {
        end_outgoing(sim, client, outgoing);
    } else {
        outgoing->received = true;
        if (!message->resent) { /* a repetition is answered at once */
            session_is_stored(sim, client);
        }
    }
}

static void hear_pubcomp(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    struct sim_outgoing *outgoing = find_outgoing(client, packet->ack.packet_id);

    if (!queue_take(sim, &client->link.released, packet->ack.packet_id) || !outgoing) {
        sim_fail(sim, "%s: this PUBCOMP is not the next", client->name);
    }
    end_outgoing(sim, client, outgoing);
    session_is_stored(sim, client);
}

/* ---------------------------------------------------------------- messages */

static uint16_t read_number(struct slice payload)
{
    unsigned number = 0;

    if (payload.length < 3 || payload.data[0] != 'm') {
        return NO_MESSAGE;
    }
    for (size_t i = 1; i < payload.length && payload.data[i] != ';'; i++) {
        number = number * 10 + (unsigned)(payload.data[i] - '0');
    }
    return number < MESSAGES_MAX ? (uint16_t)number : NO_MESSAGE;
}

static void check_may_come(struct sim *sim, const struct sim_client *client, uint16_t number,
                           const struct publish *publish)
{
    const struct sim_message *message = &sim->messages[number];
    bool may = client->unknown;
    /* The row of a delayed message does not say whose it is: after a restart, nobody's. */
    bool foreign = message->publisher != client->index || message->kind == DELAYED;

    for (unsigned i = 0; i < FILTERS && !may; i++) {
        const struct sim_subscription *subscription = &client->subscriptions[i];
        may = filter_matches(i, message->topic) && subscription->ever &&
              (foreign || subscription->ever_others || publish->retain);
    }
    if (!may || number >= sim->message_count || publish->qos > message->qos ||
        !slice_equal(publish->topic, slice_from_string(sim_topics[message->topic]))) {
        sim_fail(sim, "%s gets m%u, which is not for it", client->name, number);
    }
    if (message->refused && !message->retain) {
        sim_fail(sim, "%s gets m%u, which was refused", client->name, number);
    }
}

/* First deliveries come in the order of publishing (MQTT-4.6.0-5, -6). */
static void check_order(struct sim *sim, struct sim_client *client, uint16_t number)
{
    const struct sim_message *message = &sim->messages[number];
    unsigned *last = &client->last_turn[message->publisher][message->topic][message->qos];

    /* 3.1.1 cannot refuse: it closes the connection, and what was sent behind may have come. And a
     * repetition at QoS 1 comes to who has subscribed since. */
    if (sim->faulted || message->kind != PLAIN || (message->qos == QOS_1 && message->resent)) {
        return;
    }
    if (message->turn < *last) {
        sim_fail(sim, "%s gets m%u later than what %s published after it", client->name, number,
                 sim->clients[message->publisher].name);
    }
    *last = message->turn;
}

static void count_copy(struct sim *sim, struct sim_client *client, uint16_t number,
                       const struct publish *publish, bool is_new)
{
    struct sim_receipt *receipt = client_receipt(client, number);
    const struct sim_message *message = &sim->messages[number];
    unsigned most = client_copies(client, message);
    bool once = message->qos == QOS_2 || !message->resent;

    if (receipt->copies == 0 && publish->qos > QOS_0 && !publish->retain && !client->unknown) {
        check_order(sim, client, number);
    }
    receipt->copies = (uint8_t)(receipt->copies + (is_new && receipt->copies < UINT8_MAX));
    receipt->fresh = (uint8_t)(receipt->fresh + (!publish->dup && receipt->fresh < UINT8_MAX));
    if (client->unknown || !once || publish->qos == QOS_0) {
        return;
    }
    if (publish->qos == QOS_2 && is_new && receipt->copies > most) {
        sim_fail(sim, "%s gets m%u again, at QoS 2", client->name, number);
    }
    if (receipt->fresh > most && !client->no_dup) {
        sim_fail(sim, "%s gets m%u again, without DUP", client->name, number);
    }
}

/* True if the receiver has not accepted it before (method B of section 4.3.3). */
static bool receive_qos2(struct sim *sim, struct sim_client *client, uint16_t packet_id,
                         uint16_t number)
{
    for (unsigned i = 0; i < client->received_count; i++) {
        if (client->received[i].packet_id == packet_id) {
            if (client->received[i].message != number) {
                sim_fail(sim, "%s: identifier %u stands for m%u and for m%u", client->name,
                         packet_id, client->received[i].message, number);
            }
            return false;
        }
    }
    if (client->received_count == HELD_MAX) {
        sim_fail(sim, "%s: too many identifiers are never released", client->name);
    }
    client->received[client->received_count++] =
        (struct sim_held){.packet_id = packet_id, .message = number, .qos = QOS_2};
    return true;
}

static void hold(struct sim *sim, struct sim_client *client, const struct publish *publish,
                 uint16_t number)
{
    struct sim_link *link = &client->link;

    for (unsigned i = 0; i < link->held_count; i++) {
        if (link->held[i].packet_id == publish->packet_id) {
            sim_fail(sim, "%s: identifier %u is in use twice", client->name, publish->packet_id);
        }
    }
    if (link->held_count >= link->receive_maximum || link->held_count == HELD_MAX) {
        sim_fail(sim, "%s: more than its Receive Maximum", client->name);
    }
    link->held[link->held_count++] = (struct sim_held){
        .packet_id = publish->packet_id, .message = number, .qos = (uint8_t)publish->qos};
}

/* Each identifier is that of a filter which matches. */
static void check_identifiers(struct sim *sim, const struct sim_client *client,
                              const struct packet *packet, uint16_t number)
{
    struct slice raw = packet->properties.raw;
    struct property_item item;

    while (properties_next(&raw, &item)) {
        if (item.property == PROPERTY_SUBSCRIPTION_IDENTIFIER && number != NO_MESSAGE &&
            (item.number > FILTERS ||
             !filter_matches(item.number - 1, sim->messages[number].topic))) {
            sim_fail(sim, "%s: subscription identifier %u of another filter", client->name,
                     item.number);
        }
    }
}

static void hear_publish(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    const struct publish *publish = &packet->publish;
    uint16_t number = read_number(publish->payload);
    bool is_new = true;

    if (client->index == INSPECTOR) {
        for (unsigned i = 0; i < TOPICS; i++) {
            if (publish->retain && slice_equal(publish->topic, slice_from_string(sim_topics[i]))) {
                sim->seen_retained[i] = number;
            }
        }
        return;
    }
    check_identifiers(sim, client, packet, number);
    if (publish->qos > QOS_0) {
        hold(sim, client, publish, number);
    }
    if (publish->qos == QOS_2) {
        is_new = receive_qos2(sim, client, publish->packet_id, number);
    } else if (publish->qos == QOS_1 && number != NO_MESSAGE) {
        is_new = !publish->dup || client_receipt(client, number)->copies == 0;
    }
    if (number != NO_MESSAGE) {
        check_may_come(sim, client, number, publish);
        count_copy(sim, client, number, publish, is_new);
    } else if (publish->payload.length > 0) {
        sim_fail(sim, "%s gets what nobody published", client->name);
    }
    check_probe(sim, client, packet, number);
}

static void hear_pubrel(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    struct sim_link *link = &client->link;
    uint16_t packet_id = packet->ack.packet_id;

    for (unsigned i = 0; i < client->received_count; i++) {
        if (client->received[i].packet_id == packet_id) {
            client->received[i] = client->received[--client->received_count];
            break;
        }
    }
    for (unsigned i = 0; i < link->held_count; i++) {
        if (link->held[i].packet_id == packet_id) {
            link->held[i].released = true;
            return;
        }
    }
    client_send_ack(sim, client, PACKET_PUBCOMP, packet_id); /* of an earlier connection */
}

/* ---------------------------------------------------------------- the rest */

/* In their order; but a refusal does not wait for what can be stored only later. */
static struct sim_request take_request(struct sim *sim, struct sim_client *client,
                                       uint16_t packet_id)
{
    struct sim_link *link = &client->link;
    unsigned at = link->request_first;

    while (at < link->request_end && link->requests[at % QUEUE_MAX].packet_id != packet_id) {
        at++;
    }
    if (at == link->request_end || (at > link->request_first && !sim->faulted)) {
        sim_fail(sim, "%s: not the answer to its next request", client->name);
    }
    struct sim_request request = link->requests[at % QUEUE_MAX];
    for (; at > link->request_first; at--) {
        link->requests[at % QUEUE_MAX] = link->requests[(at - 1) % QUEUE_MAX];
    }
    link->request_first++;
    return request;
}

static void hear_suback(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    struct sim_link *link = &client->link;
    const struct suback *suback = &packet->suback;

    struct sim_request request = take_request(sim, client, suback->packet_id);
    struct sim_subscription *subscription = &client->subscriptions[request.filter];
    bool refused = suback->codes.length > 0 && suback->codes.data[0] >= 0x80;
    if (request.unsubscribes != (packet->type == PACKET_UNSUBACK) || (refused && !sim->faulted)) {
        sim_fail(sim, "%s: not the answer to its request", client->name);
    }
    sim->event++;
    if (refused) {
        return;
    }
    session_is_stored(sim, client);
    if (client->index == INSPECTOR || client->unknown) {
        return;
    }
    for (unsigned i = link->request_first; i < link->request_end; i++) {
        if (link->requests[i % QUEUE_MAX].filter == request.filter) {
            return; /* it asked for something else since */
        }
    }
    if (request.unsubscribes) {
        subscription->maybe = false;
        subscription->maybe_end = sim->event;
    }
    subscription->known = true;
    subscription->firm = request.unsubscribes || !client->firm ? 0 : sim->event;
    subscription->qos = request.qos;
    subscription->no_local = request.no_local;
    subscription->as_published = request.as_published;
}

static void hear_connack(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    if (packet->connack.reason != 0) {
        if (!sim->faulted) {
            sim_fail(sim, "%s is refused", client->name);
        }
        client->expiry_wanted = client->link.expiry_before;
        return;
    }
    client->link.connected = true;
    session_confirmed(sim, client, packet->connack.session_present);
}

static void hear_packet(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    sim->event++;
    sim_tell_packet(sim, client, '<', packet);
    switch (packet->type) {
    case PACKET_CONNACK:
        hear_connack(sim, client, packet);
        break;
    case PACKET_PUBLISH:
        hear_publish(sim, client, packet);
        break;
    case PACKET_PUBACK:
    case PACKET_PUBREC:
        hear_accepted(sim, client, packet);
        break;
    case PACKET_PUBREL:
        hear_pubrel(sim, client, packet);
        break;
    case PACKET_PUBCOMP:
        hear_pubcomp(sim, client, packet);
        break;
    case PACKET_SUBACK:
    case PACKET_UNSUBACK:
        hear_suback(sim, client, packet);
        break;
    case PACKET_DISCONNECT:
        if (!sim->faulted) {
            sim_fail(sim, "%s is sent away", client->name);
        }
        break;
    case PACKET_CONNECT:
    case PACKET_SUBSCRIBE:
    case PACKET_UNSUBSCRIBE:
    case PACKET_PINGREQ:
    case PACKET_PINGRESP:
    case PACKET_AUTH:
        sim_fail(sim, "%s gets what it did not ask for", client->name);
    }
}

bool client_hear(struct sim *sim, struct sim_client *client)
{
    struct sim_link *link = &client->link;
    struct packet_limits limits = {
        .version = client->version, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};
    bool any = false;

    while (link->core && !link->said_goodbye) {
        struct buffer *received = core_link_received(link->core);
        struct packet packet;
        ssize_t size = packet_decode(&packet, buffer_slice(received), &limits);
        if (size < 0) {
            sim_fail(sim, "%s gets bytes that are no packet", client->name);
        }
        if (size == 0) {
            break;
        }
        any = true;
        hear_packet(sim, client, &packet);
        buffer_consume(received, (size_t)size);
    }
    if (link->core && link->connected && client->must_clean) {
        client_close(sim, client);
    } else if (link->core && core_link_is_closed(link->core)) {
        if (!link->said_goodbye && !sim->faulted) {
            sim_fail(sim, "%s is closed for no reason", client->name);
        }
        client_close(sim, client);
        any = true;
    } else if (link->core) {
        link->alive_at = core_harness_now(sim->harness);
    }
    return any;
}
