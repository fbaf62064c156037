/* What clients send, and what they note down when they do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sim/sim.h"

const char *const sim_topics[TOPICS] = {"a", "a/b", "b", "b/b", "a/c"};
const char *const sim_filters[FILTERS] = {"a", "a/b",          "#",         "+/b", "a/#", "b/#",
                                          "+", "$share/g/a/#", "$share/h/#"};

enum { PADDING_MAX = 300, DELAY_MAX = 20 };

static void client_send(struct sim *sim, struct sim_client *client, const struct packet *packet)
{
    struct buffer bytes = {0};

    sim->event++;
    sim_tell_packet(sim, client, '>', packet);
    packet_encode(&bytes, packet, client->version);
    core_link_send(client->link.core, buffer_slice(&bytes));
    buffer_release(&bytes);
}

bool client_may_speak(const struct sim_client *client)
{
    return client->link.core && client->link.connected && !client->link.said_goodbye;
}

/* ---------------------------------------------------------------- messages */

/* Its number, and then something to make the log grow. */
static struct slice make_payload(struct sim *sim, uint16_t number, char *room, size_t size)
{
    int length = snprintf(room, size, "m%u;", number);
    size_t padding = sim_once_in(sim, 3) ? sim_pick(sim, PADDING_MAX) : 0;

    memset(room + length, '.', padding);
    return slice_make(room, (size_t)length + padding);
}

static void send_publish(struct sim *sim, struct sim_client *client, uint16_t packet_id,
                         uint16_t number, unsigned delay, bool dup)
{
    const struct sim_message *message = &sim->messages[number];
    char topic[64], payload[PADDING_MAX + 32];
    struct packet packet = {.type = PACKET_PUBLISH};

    snprintf(topic, sizeof(topic), "%s", sim_topics[message->topic]);
    if (message->kind == DELAYED) {
        sim->messages[number].due = core_harness_now(sim->harness) + delay * 1000;
        snprintf(topic, sizeof(topic), "$delayed/%u/%s", delay, sim_topics[message->topic]);
    }
    packet.publish = (struct publish){
        .dup = dup,
        .retain = message->retain,
        .qos = message->qos,
        .packet_id = packet_id,
        .topic = slice_from_string(topic),
    };
    if (!message->deletes) {
        packet.publish.payload = make_payload(sim, number, payload, sizeof(payload));
    }
    client_send(sim, client, &packet);
    if (message->qos > QOS_0) {
        queue_add(&client->link.published, packet_id);
    }
}

static uint16_t free_packet_id(const struct sim_client *client)
{
    for (uint16_t id = 1;; id++) {
        bool used = false;
        for (unsigned i = 0; i < client->outgoing_count; i++) {
            used |= client->outgoing[i].packet_id == id;
        }
        if (!used) {
            return id;
        }
    }
}

static void publish_message(struct sim *sim, struct sim_client *client, uint16_t number,
                            unsigned delay)
{
    struct sim_message *message = &sim->messages[number];
    uint16_t packet_id = 0;

    if (message->qos > QOS_0) {
        packet_id = free_packet_id(client);
        message->pending = true;
        client->outgoing[client->outgoing_count++] =
            (struct sim_outgoing){.packet_id = packet_id, .message = number, .qos = message->qos};
    }
    if (message->retain) {
        retained_attempted(sim, number);
    }
    send_publish(sim, client, packet_id, number, delay, false);
}

/* A delayed message that is sent again is sent with the same delay: it follows from its number. */
static unsigned delay_of(uint16_t number)
{
    return 1 + number % DELAY_MAX;
}

void client_publish(struct sim *sim, struct sim_client *client)
{
    struct sim_message message = {
        .topic = (uint8_t)(sim->racing ? 0 : sim_pick(sim, TOPICS)),
        .qos = (uint8_t)(sim_once_in(sim, 8) ? QOS_0 : 1 + sim_pick(sim, 2)),
        .kind = sim_once_in(sim, 8) ? DELAYED : PLAIN,
    };
    uint16_t number;

    if (message.qos > QOS_0 && client->outgoing_count == OUTGOING_MAX) {
        return;
    }
    message.retain = message.kind == PLAIN && sim_once_in(sim, sim->racing ? 2 : 5);
    message.deletes = message.retain && sim_once_in(sim, 3);
    number = sim_message_new(sim, client, message);
    if (number == NO_MESSAGE) {
        return;
    }
    publish_message(sim, client, number, delay_of(number));
}

void client_probe(struct sim *sim, struct sim_client *client, unsigned topic)
{
    struct sim_message message = {.topic = (uint8_t)topic, .qos = QOS_2, .retain = true};
    uint16_t number = sim_message_new(sim, client, message);

    if (number != NO_MESSAGE) {
        publish_message(sim, client, number, 0);
    }
}

void client_resume(struct sim *sim, struct sim_client *client)
{
    for (unsigned i = 0; i < client->outgoing_count; i++) {
        struct sim_outgoing *outgoing = &client->outgoing[i];
        outgoing->released = false;
        if (!outgoing->received) {
            sim->messages[outgoing->message].resent = true;
            send_publish(sim, client, outgoing->packet_id, outgoing->message,
                         delay_of(outgoing->message), true);
        }
    }
}

bool client_release(struct sim *sim, struct sim_client *client)
{
    for (unsigned i = 0; i < client->outgoing_count; i++) {
        struct sim_outgoing *outgoing = &client->outgoing[i];
        if (outgoing->received && !outgoing->released) {
            outgoing->released = true;
            queue_add(&client->link.released, outgoing->packet_id);
            client_send_ack(sim, client, PACKET_PUBREL, outgoing->packet_id);
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- acknowledgements */

void client_send_ack(struct sim *sim, struct sim_client *client, enum packet_type type,
                     uint16_t packet_id)
{
    struct packet packet = {.type = type, .ack = {.packet_id = packet_id}};

    client_send(sim, client, &packet);
}

bool client_acknowledge(struct sim *sim, struct sim_client *client, unsigned number)
{
    struct sim_link *link = &client->link;
    struct sim_held *held = &link->held[number];

    if (held->qos == QOS_2 && !held->received) {
        held->received = true;
        client_send_ack(sim, client, PACKET_PUBREC, held->packet_id);
        return true;
    }
    if (held->qos == QOS_2 && !held->released) {
        return false;
    }
    client_send_ack(sim, client, held->qos == QOS_2 ? PACKET_PUBCOMP : PACKET_PUBACK,
                    held->packet_id);
    link->held_count--;
    memmove(held, held + 1, (link->held_count - number) * sizeof(*held));
    return true;
}

/* ---------------------------------------------------------------- subscriptions */

static void send_request(struct sim *sim, struct sim_client *client, struct sim_request request)
{
    struct sim_link *link = &client->link;
    struct slice filter = slice_from_string(sim_filters[request.filter]);
    struct buffer filters = {0};
    struct packet packet = {.type = request.unsubscribes ? PACKET_UNSUBSCRIBE : PACKET_SUBSCRIBE};

    buffer_append_u16(&filters, (uint16_t)filter.length);
    buffer_append(&filters, filter);
    if (!request.unsubscribes) {
        buffer_append_byte(
            &filters, (uint8_t)(request.qos | request.no_local << 2 | request.as_published << 3));
        if (client->version == MQTT_5) {
            packet.properties.present = PROPERTY_BIT(SUBSCRIPTION_IDENTIFIER);
            packet.properties.subscription_identifier = request.filter + 1u;
        }
    }
    request.packet_id = ++client->last_request;
    packet.subscribe = (struct subscribe){request.packet_id, 1, buffer_slice(&filters)};
    link->requests[link->request_end++ % QUEUE_MAX] = request;
    client_send(sim, client, &packet);
    buffer_release(&filters);
}

static bool may_request(const struct sim_client *client)
{
    return client->link.request_end - client->link.request_first < QUEUE_MAX;
}

void client_subscribe(struct sim *sim, struct sim_client *client, unsigned filter)
{
    struct sim_subscription *subscription = &client->subscriptions[filter];
    struct sim_request request = {
        .filter = (uint8_t)filter,
        .qos = (uint8_t)(sim_once_in(sim, 6) ? QOS_0 : 1 + sim_pick(sim, 2)),
    };

    if (!may_request(client)) {
        return;
    }
    if (client->index == INSPECTOR) {
        request.qos = QOS_0;
    } else if (client->version == MQTT_5) {
        request.no_local = !filter_is_shared(filter) && sim_once_in(sim, 6);
        request.as_published = sim_once_in(sim, 4);
    }
    subscription->maybe = subscription->ever = true;
    subscription->ever_others |= !request.no_local;
    subscription->firm = 0;
    subscription->known = false;
    subscription->asked++;
    send_request(sim, client, request);
}

void client_unsubscribe(struct sim *sim, struct sim_client *client, unsigned filter)
{
    struct sim_request request = {.filter = (uint8_t)filter, .unsubscribes = true};

    if (may_request(client)) {
        client->subscriptions[filter].firm = 0;
        client->subscriptions[filter].known = false;
        send_request(sim, client, request);
    }
}

/* ---------------------------------------------------------------- connections */

static uint16_t make_will(struct sim *sim, struct sim_client *client, struct will *will, char *room,
                          size_t size)
{
    struct sim_message message = {
        .kind = WILL,
        .topic = (uint8_t)sim_pick(sim, TOPICS),
        .qos = (uint8_t)sim_pick(sim, 3),
    };
    uint16_t number = sim_message_new(sim, client, message);

    if (number == NO_MESSAGE) {
        return number;
    }
    will->present = true;
    will->qos = message.qos;
    will->topic = slice_from_string(sim_topics[message.topic]);
    will->payload = slice_make(room, (size_t)snprintf(room, size, "m%u;", number));
    if (client->version == MQTT_5 && sim_once_in(sim, 2)) {
        will->properties.present = PROPERTY_BIT(WILL_DELAY_INTERVAL);
        will->properties.will_delay_interval = 1 + sim_pick(sim, 15);
        sim->messages[number].delay = will->properties.will_delay_interval * 1000;
    }
    return number;
}

static void add_properties(struct sim *sim, struct sim_client *client, struct packet *packet)
{
    static const uint16_t maximums[] = {1, 2, 5, 20};
    struct sim_link *link = &client->link;

    link->receive_maximum = UINT16_MAX;
    if (client->version != MQTT_5) {
        return;
    }
    packet->properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    packet->properties.session_expiry_interval = link->expiry;
    if (sim_once_in(sim, 2)) {
        link->receive_maximum = maximums[sim_pick(sim, 4)];
        packet->properties.present |= PROPERTY_BIT(RECEIVE_MAXIMUM);
        packet->properties.receive_maximum = (uint16_t)link->receive_maximum;
    }
}

void client_connect(struct sim *sim, struct sim_client *client, bool clean_start, uint32_t expiry)
{
    struct sim_link *link = &client->link;
    struct packet packet = {.type = PACKET_CONNECT};
    char payload[32];

    if (client->hanging) {
        /* A CONNECT that is carried out after this one would undo it. */
        core_harness_settle(sim->harness);
        client->hanging = false;
    }
    *link = (struct sim_link){.core = core_harness_open(sim->harness), .will = NO_MESSAGE};
    link->expiry = expiry;
    link->clean_start = clean_start || client->must_clean;
    if (client->version != MQTT_5) {
        link->expiry = link->clean_start ? 0 : NEVER;
    }
    link->alive_at = core_harness_now(sim->harness);
    link->expiry_before = client->expiry_wanted;
    packet.connect = (struct connect){
        .version = client->version,
        .clean_start = link->clean_start,
        .client_identifier = slice_from_string(client->name),
    };
    add_properties(sim, client, &packet);
    if (!sim->checking && sim_once_in(sim, 3)) {
        link->will = make_will(sim, client, &packet.connect.will, payload, sizeof(payload));
    }
    session_asked_for(sim, client);
    client_send(sim, client, &packet);
}

void client_close(struct sim *sim, struct sim_client *client)
{
    sim->event++;
    sim_tell(sim, "%s > close", client->name);
    struct core_link *core = client->link.core;
    session_lost(sim, client);
    core_link_close(core);
}

void client_leave_behind(struct sim *sim, struct sim_client *client)
{
    sim->event++;
    sim_tell(sim, "# %s connects again before the old connection is closed", client->name);
    client_drop_zombie(client);
    client->zombie = client->link.core;
    session_lost(sim, client);
}

void client_drop_zombie(struct sim_client *client)
{
    if (client->zombie) {
        core_link_close(client->zombie);
        client->zombie = NULL;
    }
}

void client_disconnect(struct sim *sim, struct sim_client *client)
{
    struct packet packet = {.type = PACKET_DISCONNECT};
    uint32_t expiry = client->link.expiry;

    if (client->version == MQTT_5 && sim_once_in(sim, 4)) {
        packet.disconnect.reason = REASON_DISCONNECT_WITH_WILL_MESSAGE;
    }
    if (client->version == MQTT_5 && expiry > 0 && sim_once_in(sim, 3)) {
        static const uint32_t choices[] = {0, 8, 1000};
        expiry = choices[sim_pick(sim, 3)];
        packet.properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
        packet.properties.session_expiry_interval = expiry;
    }
    client->link.said_goodbye = true;
    if (client->link.will != NO_MESSAGE &&
        packet.disconnect.reason == REASON_NORMAL_DISCONNECTION) {
        sim->messages[client->link.will].armed = false;
    }
    client_send(sim, client, &packet);
    session_leaves(sim, client, expiry);
}
