/* What the clients of the session-script target send, and what they note down when they do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "fuzz/session_world.h"
#include "mqtt/topic.h"

const char *const world_topics[TOPICS] = {"a", "a/b", "a/b/c", "b", "/", "a//c", "$x", "b/b"};
const char *const world_filters[FILTERS] = {
    "a",  "a/b",          "#",          "+",          "a/#", "+/b",
    "/+", "$share/g/a/#", "$share/g/+", "$share/h/#", "$x",  "a/+/c",
};

static const char *const client_identifiers[PEERS] = {"a", "b", "c", "d", "client-e", ""};

enum { DELAY_TOPIC_MAX = 32, FIRST_UNUSED_IDENTIFIER = 60000 };

void peer_send(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct buffer bytes = {0};

    packet_encode(&bytes, packet, peer->link.version);
    if (peer->link.corked) {
        buffer_append(&peer->link.corked_bytes, buffer_slice(&bytes));
    } else if (peer->link.core) {
        core_link_send(peer->link.core, buffer_slice(&bytes));
    }
    buffer_release(&bytes);
    (void)world;
}

/* May the client speak at all? Before CONNACK only with what it sends in one go with CONNECT. */
static bool may_speak(const struct peer *peer)
{
    const struct link *link = &peer->link;

    return link->core && !link->closed && !link->disconnected && (link->connected || link->corked);
}

static struct debt *owe(struct world *world, struct debts *debts, const struct debt *debt)
{
    if (debts->end == DEBTS_MAX) {
        world->exhausted = true;
        return NULL;
    }
    debts->items[debts->end] = *debt;
    return &debts->items[debts->end++];
}

/* --- connections --- */

static void link_forget(struct link *link)
{
    for (int i = 0; i <= ALIASES_MAX; i++) {
        buffer_release(&link->topics_in[i]);
    }
    buffer_release(&link->corked_bytes);
    *link = (struct link){0};
}

void peer_drop(struct world *world, struct peer *peer)
{
    struct link *link = &peer->link;

    if (!link->core) {
        return;
    }
    peer_cork(world, peer, false);
    world_observe(world);
    core_link_close(link->core);
    if (!link->closed) {
        peer_link_ended(world, peer, core_harness_now(world->harness));
    }
    link_forget(link);
}

/* A new connection takes the session over: the old one hears of it and is closed. */
static void check_taken_over(struct link *old)
{
    const struct packet_limits limits = {old->version, PACKET_SIZE_MAX, true};
    struct slice rest = buffer_slice(core_link_received(old->core));
    struct packet packet;

    FUZZ_CHECK(old->stalled || core_link_is_closed(old->core));
    while (rest.length > 0 && !old->stalled) {
        ssize_t size = packet_decode(&packet, rest, &limits);
        FUZZ_CHECK(size > 0);
        rest = slice_from(rest, (size_t)size);
        FUZZ_CHECK(packet.type == PACKET_DISCONNECT && rest.length == 0);
    }
}

static void choose_limits(struct packet *packet, struct link *link,
                          const struct connect_choice *choice)
{
    static const uint8_t receive_maxima[] = {0, 1, 2, 5};
    static const uint8_t packet_maxima[] = {0, 64, 200, 20};
    static const uint8_t alias_maxima[] = {0, 1, 2, ALIASES_MAX};
    static const uint32_t expiries[] = {0, 2, 60, NEVER_EXPIRES};
    struct properties *p = &packet->properties;

    link->expiry = expiries[choice->expiry & 3];
    if (link->expiry > 0) {
        p->session_expiry_interval = link->expiry;
        p->present |= PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    }
    if ((choice->receive_maximum & 3) > 0) {
        link->receive_maximum = p->receive_maximum = receive_maxima[choice->receive_maximum & 3];
        p->present |= PROPERTY_BIT(RECEIVE_MAXIMUM);
    }
    if ((choice->packet_maximum & 3) > 0) {
        link->packet_maximum = p->maximum_packet_size = packet_maxima[choice->packet_maximum & 3];
        link->tiny = link->packet_maximum < 64;
        p->present |= PROPERTY_BIT(MAXIMUM_PACKET_SIZE);
    }
    if ((choice->alias_maximum & 3) > 0) {
        link->alias_maximum = p->topic_alias_maximum = alias_maxima[choice->alias_maximum & 3];
        p->present |= PROPERTY_BIT(TOPIC_ALIAS_MAXIMUM);
    }
    if (choice->authenticate) {
        p->authentication_method = SLICE_LITERAL("CHALLENGE");
        p->present |= PROPERTY_BIT(AUTHENTICATION_METHOD);
    }
}

/* --- messages --- */

static struct known_message *note_message(struct world *world, const struct peer *peer,
                                          uint8_t topic, uint8_t qos, uint16_t *number)
{
    if (world->message_count == MESSAGES_MAX) {
        world->exhausted = true;
        return NULL;
    }
    *number = (uint16_t)world->message_count++;
    struct known_message *message = &world->messages[*number];
    *message = (struct known_message){
        .topic = topic,
        .qos = qos,
        .peer = peer->index,
        .serial = peer->link.serial,
        .expiry = UINT32_MAX,
    };
    return message;
}

/* The number, twice, and then what is told by it. */
void world_payload(struct buffer *out, uint16_t number, size_t length)
{
    if (length == 0) {
        return;
    }
    buffer_append_u16(out, number);
    buffer_append_u16(out, (uint16_t)~number);
    while (out->length < length) {
        buffer_append_byte(out, (uint8_t)(number + out->length));
    }
}

static void add_will(struct world *world, struct peer *peer, struct will *will, uint8_t byte,
                     struct buffer *payload)
{
    uint16_t number;
    /* A CONNECT whose will goes into a closed topic is refused. */
    uint8_t topic = world_topics[byte & 7][0] == '$' ? 0 : byte & 7;
    struct known_message *message = note_message(world, peer, topic, (byte >> 3 & 3) % 3, &number);

    if (!message) {
        return;
    }
    message->retain = (byte & 32) != 0;
    world_payload(payload, number, 6);
    message->payload_length = payload->length;
    *will = (struct will){
        .present = true,
        .retain = message->retain,
        .qos = message->qos,
        .topic = slice_from_string(world_topics[message->topic]),
        .payload = buffer_slice(payload),
    };
    if (peer->link.version == MQTT_5 && byte & 64) {
        will->properties.present = PROPERTY_BIT(WILL_DELAY_INTERVAL);
        will->properties.will_delay_interval = 3;
    }
}

static void fill_connect(struct world *world, struct peer *peer,
                         const struct connect_choice *choice, struct packet *packet,
                         struct buffer *will_payload)
{
    struct link *link = &peer->link;
    struct connect *connect = &packet->connect;
    static const uint8_t keep_alives[] = {0, 0, 1, 60};

    packet->type = PACKET_CONNECT;
    connect->version = choice->version;
    connect->client_identifier = slice_from_string(client_identifiers[peer->index]);
    connect->keep_alive = keep_alives[choice->keep_alive & 3];
    connect->clean_start = choice->clean_start;
    if (choice->version == MQTT_5) {
        choose_limits(packet, link, choice);
    } else {
        connect->clean_start |= connect->client_identifier.length == 0;
        link->expiry = connect->clean_start ? 0 : NEVER_EXPIRES;
    }
    link->clean_start = connect->clean_start;
    link->authenticating = choice->authenticate && choice->version == MQTT_5;
    connect->has_user_name = choice->user;
    connect->user_name = SLICE_LITERAL("u");
    link->user = link->authenticating ? 2 : choice->user;
    if (choice->will) {
        add_will(world, peer, &connect->will, choice->will_byte, will_payload);
    }
}

void peer_connect(struct world *world, struct peer *peer, const struct connect_choice *choice)
{
    struct link old = peer->link;
    bool takes_over = old.connected && !old.closed && !old.disconnected && !old.corked &&
                      !choice->authenticate && !choice->corked && peer->index != PEERS - 1;
    struct packet packet = {0};
    struct buffer will_payload = {0};

    if (!takes_over) {
        peer_drop(world, peer);
        world_observe(world); /* its will */
    }
    peer->link = (struct link){.core = core_harness_open(world->harness),
                               .version = choice->version,
                               .corked = choice->corked,
                               .serial = ++world->last_serial};
    fill_connect(world, peer, choice, &packet, &will_payload);
    if (takes_over) {
        msec_t now = core_harness_now(world->harness);
        peer_ended(peer, old.stalled ? old.stalled_since : now, now);
        peer->session.acks_lost |= old.stalled;
        peer->session.uncertain |= old.uncertain;
    }
    peer_send(world, peer, &packet);
    if (takes_over) {
        check_taken_over(&old);
        core_link_close(old.core);
        link_forget(&old);
    }
    buffer_release(&will_payload);
}

void peer_cork(struct world *world, struct peer *peer, bool corked)
{
    struct link *link = &peer->link;

    (void)world;
    if (!link->core) {
        return;
    }
    if (link->corked && !corked) {
        core_link_send(link->core, buffer_slice(&link->corked_bytes));
        buffer_release(&link->corked_bytes);
    }
    link->corked = corked;
}

void peer_stall(struct world *world, struct peer *peer, bool stalled)
{
    struct link *link = &peer->link;

    if (!link->core || link->stalled == stalled) {
        return;
    }
    link->stalled = stalled;
    if (stalled) {
        link->stalled_since = core_harness_now(world->harness);
    } else if (link->stalled_since < world->before) {
        world->before = link->stalled_since; /* whatever comes to light now may be as old */
    }
    core_link_stall(link->core, stalled);
}

void peer_disconnect(struct world *world, struct peer *peer, uint8_t how)
{
    struct packet packet = {.type = PACKET_DISCONNECT};
    static const uint32_t expiries[] = {0, 2, 60, NEVER_EXPIRES};

    if (!may_speak(peer)) {
        return;
    }
    if (peer->link.version == MQTT_5) {
        packet.disconnect.reason = how & 1 ? REASON_DISCONNECT_WITH_WILL_MESSAGE : REASON_SUCCESS;
        if (how & 2) {
            packet.properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
            packet.properties.session_expiry_interval = expiries[how >> 2 & 3];
            peer->link.provoked = true; /* no expiry before, one now: an error */
            if (peer->link.stalled || peer->link.corked) {
                peer->link.uncertain = true; /* it may or may not get there */
            } else if (peer->session.expiry > 0) {
                peer->session.expiry = packet.properties.session_expiry_interval;
            }
        }
    }
    peer_send(world, peer, &packet);
}

void peer_send_raw(struct world *world, struct peer *peer, struct slice bytes)
{
    if (bytes.length > 0 && peer->link.core) {
        world->wild = true;
        peer_cork(world, peer, false);
        core_link_send(peer->link.core, bytes);
    }
}

void peer_ping(struct world *world, struct peer *peer)
{
    if (may_speak(peer)) {
        peer->link.pings++;
        peer_send(world, peer, &(struct packet){.type = PACKET_PINGREQ});
    }
}

void peer_authenticate(struct world *world, struct peer *peer, uint8_t how)
{
    struct packet packet = {.type = PACKET_AUTH};
    struct link *link = &peer->link;

    if (!link->core || link->closed || link->version != MQTT_5 || !link->authenticating) {
        return;
    }
    link->provoked = true;
    packet.properties.present = PROPERTY_BIT(AUTHENTICATION_METHOD);
    packet.properties.authentication_method = SLICE_LITERAL("CHALLENGE");
    if (how & 1) {
        packet.auth.reason = REASON_RE_AUTHENTICATE;
    } else {
        packet.auth.reason = REASON_CONTINUE_AUTHENTICATION;
        packet.properties.present |= PROPERTY_BIT(AUTHENTICATION_DATA);
        packet.properties.authentication_data =
            how & 2 ? SLICE_LITERAL("wrong") : SLICE_LITERAL("answer");
    }
    peer_send(world, peer, &packet);
}

/* --- subscriptions --- */

static uint16_t free_identifier(struct peer *peer)
{
    const struct session_state *session = &peer->session;
    bool used;

    do {
        peer->last_packet_id = (uint16_t)(peer->last_packet_id % 1000 + 1);
        used = false;
        for (unsigned i = 0; i < session->outgoing_count; i++) {
            used |= session->outgoing[i].packet_id == peer->last_packet_id;
        }
    } while (used);
    return peer->last_packet_id;
}

/* The wire's options of a script's byte: QoS, No Local, Retain As Published, Retain Handling. */
static uint8_t wire_options(const struct peer *peer, uint8_t filter, uint8_t byte)
{
    struct slice text = slice_from_string(world_filters[filter]);
    bool shared = slice_starts_with(text, SLICE_LITERAL("$share/"));
    unsigned wire = (byte & 3u) % 3;

    if (peer->link.version == MQTT_5) {
        wire |= shared ? 0 : byte & 4u; /* No Local on a shared subscription is an error */
        wire |= byte & 8u;
        wire |= (byte >> 4 & 3u) % 3 << 4;
    }
    return (uint8_t)wire;
}

static void append_filter(struct buffer *out, uint8_t filter)
{
    buffer_append_u16(out, (uint16_t)strlen(world_filters[filter]));
    buffer_append_string(out, world_filters[filter]);
}

void peer_subscribe(struct world *world, struct peer *peer, const struct debt *wanted)
{
    struct debt debt = *wanted;
    struct packet packet = {.type = PACKET_SUBSCRIBE};
    struct buffer filters = {0};

    debt.type = PACKET_SUBACK;
    if (!may_speak(peer)) {
        return;
    }
    debt.packet_id = free_identifier(peer);
    for (unsigned i = 0; i < debt.count; i++) {
        debt.options[i] = wire_options(peer, debt.filters[i], wanted->options[i]);
        append_filter(&filters, debt.filters[i]);
        buffer_append_byte(&filters, debt.options[i]);
    }
    packet.subscribe = (struct subscribe){
        .packet_id = debt.packet_id, .count = debt.count, .filters = buffer_slice(&filters)};
    if (peer->link.version == MQTT_5 && wanted->options[0] & 64) {
        packet.properties.present = PROPERTY_BIT(SUBSCRIPTION_IDENTIFIER);
        packet.properties.subscription_identifier = debt.filters[0] + 1u;
    }
    if (owe(world, &peer->link.subscribed, &debt)) {
        world_note_wanted(&peer->session, &debt);
        peer_send(world, peer, &packet);
    }
    buffer_release(&filters);
}

void peer_unsubscribe(struct world *world, struct peer *peer, uint8_t filter)
{
    struct debt debt = {.type = PACKET_UNSUBACK, .count = 1};
    struct packet packet = {.type = PACKET_UNSUBSCRIBE};
    struct buffer filters = {0};

    if (!may_speak(peer)) {
        return;
    }
    debt.packet_id = free_identifier(peer);
    debt.filters[0] = filter;
    if (!owe(world, &peer->link.subscribed, &debt)) {
        return;
    }
    append_filter(&filters, filter);
    packet.subscribe = (struct subscribe){
        .packet_id = debt.packet_id, .count = 1, .filters = buffer_slice(&filters)};
    peer->session.subscriptions[filter].firm = false;
    peer_send(world, peer, &packet);
    buffer_release(&filters);
}

/* --- publishing --- */

/* A client keeps to the Receive Maximum of the server. */
static bool may_publish(const struct world *world, const struct peer *peer, unsigned qos)
{
    const struct session_state *session = &peer->session;
    unsigned outstanding = 0;

    if (qos == QOS_0) {
        return true;
    }
    for (unsigned i = 0; i < session->outgoing_count; i++) {
        outstanding += session->outgoing[i].serial == peer->link.serial;
    }
    return outstanding < world->options.receive_maximum && session->outgoing_count < OUTGOING_MAX;
}

/* Who has to get this message, once the server has taken it? */
static void hope(struct world *world, const struct peer *from, uint16_t number)
{
    const struct known_message *message = &world->messages[number];
    struct slice topic = slice_from_string(world_topics[message->topic]);

    for (int p = 0; p < PEERS; p++) {
        struct session_state *session = &world->peers[p].session;
        for (uint8_t f = 0; f < FILTERS; f++) {
            const struct subscription_state *subscription = &session->subscriptions[f];
            struct slice filter = slice_from_string(world_filters[f]);
            bool wanted = subscription->firm && subscription->qos > 0 &&
                          !slice_starts_with(filter, SLICE_LITERAL("$share/")) &&
                          topic_matches(filter, topic) &&
                          !(subscription->no_local && p == from->index);
            if (wanted) {
                session->expectations[number] = (struct expectation){
                    .hoped = true, .filter = f, .generation = subscription->generation};
            }
        }
    }
}

/* In the order in which packet_encode() writes them. */
static const struct slice property_variants[8] = {
    {NULL, 0},
    {(const uint8_t *)"\x01\x01", 2},
    {(const uint8_t *)"\x02\0\0\0\x02", 5},
    {(const uint8_t *)"\x09\0\2cd\x26\0\1k\0\1v\x26\0\1k\0\1w", 19},
    {(const uint8_t *)"\x03\0\1t\x08\0\1r", 8},
    {(const uint8_t *)"\x02\0\0\0\x3c\x26\0\0\0\0", 10},
    {(const uint8_t *)"\x01\0\x26\0\1k\0\1v", 9},
    {(const uint8_t *)"\x02\0\0\0\x01\x03\0\1t\x09\0\0", 12},
};

/* The alias may stand for the topic if this connection knows it. */
static void choose_alias(struct world *world, struct link *link, struct packet *packet,
                         uint8_t alias, uint8_t topic)
{
    if (alias == 0 || alias > world->options.topic_alias_maximum) {
        return;
    }
    packet->properties.present |= PROPERTY_BIT(TOPIC_ALIAS);
    packet->properties.topic_alias = alias;
    if (link->topics_out[alias] == topic + 1) {
        packet->publish.topic = SLICE_EMPTY;
    }
    link->topics_out[alias] = (uint8_t)(topic + 1);
}

static void note_properties(struct known_message *message, const struct properties *properties)
{
    uint8_t *out = buffer_reserve(&message->forwarded, properties->raw.length + 1);

    message->forwarded.length = properties_copy_forwarded(out, properties->raw);
    if (properties_have(properties, PROPERTY_MESSAGE_EXPIRY_INTERVAL)) {
        message->expiry = properties->message_expiry_interval;
    }
}

static void add_properties(struct packet *packet, struct known_message *message, uint8_t variant)
{
    struct slice raw = property_variants[variant & 7];

    FUZZ_CHECK(properties_read(&packet->properties, raw, P_PUBLISH) == REASON_SUCCESS);
    note_properties(message, &packet->properties);
}

/* Notes the packet as sent and not acknowledged; false if there is no room. */
static bool note_outgoing(struct world *world, struct peer *peer, const struct publish *publish,
                          uint16_t number)
{
    struct session_state *session = &peer->session;
    struct debt debt = {.type = publish->qos == QOS_1 ? PACKET_PUBACK : PACKET_PUBREC,
                        .packet_id = publish->packet_id,
                        .message = number};

    if (!owe(world, &peer->link.published, &debt)) {
        return false;
    }
    session->outgoing[session->outgoing_count++] = (struct outgoing){
        .packet_id = publish->packet_id,
        .message = number,
        .qos = (uint8_t)publish->qos,
        .serial = peer->link.serial,
    };
    return true;
}

static void write_delayed_topic(struct buffer *out, unsigned seconds, uint8_t topic)
{
    buffer_append_format(out, "$delayed/%u/%s", seconds, world_topics[topic]);
}

void peer_publish(struct world *world, struct peer *peer, uint8_t what, uint8_t how)
{
    static const uint16_t sizes[] = {4, 12, 150, 2500};
    struct packet packet = {.type = PACKET_PUBLISH};
    struct publish *publish = &packet.publish;
    struct buffer payload = {0}, delayed_topic = {0};
    uint8_t topic = what & 7, qos = (what >> 3 & 3) % 3;
    bool delayed = (what & 64) != 0;
    uint16_t number;

    if (!may_speak(peer) || !may_publish(world, peer, qos)) {
        return;
    }
    struct known_message *message = note_message(world, peer, topic, qos, &number);
    if (!message) {
        return;
    }
    message->retain = (what & 32) != 0;
    message->ordered = !delayed;
    world_payload(&payload, number, sizes[how >> 3 & 3]);
    if (what & 128 && message->retain) {
        buffer_release(&payload); /* removes the retained message */
    }
    message->payload_length = payload.length;
    *publish = (struct publish){.retain = message->retain,
                                .qos = qos,
                                .packet_id = qos ? free_identifier(peer) : 0,
                                .topic = slice_from_string(world_topics[topic]),
                                .payload = buffer_slice(&payload)};
    if (peer->link.version == MQTT_5) {
        add_properties(&packet, message, how & 7);
        peer->link.provoked |=
            world->options.validate_payload_format &&
            properties_have(&packet.properties, PROPERTY_PAYLOAD_FORMAT_INDICATOR);
    }
    if (delayed) {
        write_delayed_topic(&delayed_topic, how >> 5 & 3, topic);
        publish->topic = buffer_slice(&delayed_topic);
    } else if (peer->link.version == MQTT_5) {
        choose_alias(world, &peer->link, &packet, how >> 5 & 3, topic);
    }
    if (qos > 0 && !delayed && payload.length > 0 && message->expiry == UINT32_MAX &&
        world_topics[topic][0] != '$') {
        hope(world, peer, number);
    }
    if (qos == 0 || note_outgoing(world, peer, publish, number)) {
        peer_send(world, peer, &packet);
    }
    buffer_release(&payload);
    buffer_release(&delayed_topic);
}

void peer_publish_again(struct world *world, struct peer *peer, unsigned number)
{
    struct session_state *session = &peer->session;
    struct buffer payload = {0};

    if (session->outgoing_count == 0 || !may_speak(peer)) {
        return;
    }
    struct outgoing *outgoing = &session->outgoing[number % session->outgoing_count];
    struct known_message *message = &world->messages[outgoing->message];
    struct debt debt = {
        .type = PACKET_PUBREC, .packet_id = outgoing->packet_id, .message = outgoing->message};
    /* Only what the server certainly counts as a repetition: it resumed the session. */
    if (outgoing->qos != QOS_2 || outgoing->received || !peer->link.connected ||
        !message->ordered || !owe(world, &peer->link.published, &debt)) {
        return;
    }
    world_payload(&payload, outgoing->message, message->payload_length);
    message->repeated = true;
    outgoing->serial = peer->link.serial;
    peer_send(world, peer,
              &(struct packet){.type = PACKET_PUBLISH,
                               .publish = {.dup = true,
                                           .retain = message->retain,
                                           .qos = QOS_2,
                                           .packet_id = outgoing->packet_id,
                                           .topic = slice_from_string(world_topics[message->topic]),
                                           .payload = buffer_slice(&payload)}});
    buffer_release(&payload);
}

static void send_ack(struct world *world, struct peer *peer, enum packet_type type,
                     uint16_t packet_id, enum reason_code reason)
{
    struct packet packet = {.type = type, .ack = {packet_id, (uint8_t)reason}};

    peer_send(world, peer, &packet);
}

bool peer_release(struct world *world, struct peer *peer)
{
    struct session_state *session = &peer->session;

    for (unsigned i = 0; i < session->outgoing_count && may_speak(peer); i++) {
        struct outgoing *outgoing = &session->outgoing[i];
        struct debt debt = {.type = PACKET_PUBCOMP, .packet_id = outgoing->packet_id};
        bool due =
            outgoing->received && (!outgoing->released || outgoing->serial != peer->link.serial);
        if (due && peer->link.connected && owe(world, &peer->link.released, &debt)) {
            outgoing->released = true;
            outgoing->serial = peer->link.serial;
            send_ack(world, peer, PACKET_PUBREL, outgoing->packet_id, REASON_SUCCESS);
            return true;
        }
    }
    return false;
}

bool peer_acknowledge(struct world *world, struct peer *peer, unsigned number, bool refuse)
{
    struct session_state *session = &peer->session;

    if (number >= session->held_count || !may_speak(peer)) {
        return false;
    }
    struct held held = session->held[number];
    enum reason_code reason =
        refuse && peer->link.version == MQTT_5 ? REASON_UNSPECIFIED_ERROR : REASON_SUCCESS;
    if (held.serial != peer->link.serial || (held.received && !held.released)) {
        return false;
    }
    if (held.qos == QOS_2 && !held.received && reason == REASON_SUCCESS) {
        session->held[number].received = true;
        send_ack(world, peer, PACKET_PUBREC, held.packet_id, reason);
        return true;
    }
    session->held[number] = session->held[--session->held_count];
    if (held.qos == QOS_1) {
        send_ack(world, peer, PACKET_PUBACK, held.packet_id, reason);
    } else if (held.received) {
        send_ack(world, peer, PACKET_PUBCOMP, held.packet_id, REASON_SUCCESS);
    } else {
        send_ack(world, peer, PACKET_PUBREC, held.packet_id, reason);
    }
    return true;
}

void peer_acknowledge_nothing(struct world *world, struct peer *peer, uint8_t how)
{
    static const enum packet_type types[] = {PACKET_PUBACK, PACKET_PUBREC, PACKET_PUBREL,
                                             PACKET_PUBCOMP};
    enum packet_type type = types[how & 3];
    uint16_t packet_id = (uint16_t)(FIRST_UNUSED_IDENTIFIER + (how >> 2));
    struct debt debt = {.type = PACKET_PUBCOMP, .packet_id = packet_id};

    if (may_speak(peer) &&
        (type != PACKET_PUBREL || owe(world, &peer->link.released, &debt) != NULL)) {
        send_ack(world, peer, type, packet_id, REASON_SUCCESS);
    }
}
