/* What the clients of the session-script target hear, and whether the server may say it.
 *
 * Each received packet must be a valid one for its client and fit what the client has asked for;
 * world_finish() then checks that nothing is missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "fuzz/session_world.h"
#include "mqtt/topic.h"

enum { ROUNDS_MAX = 20000 };

/* Must answers come in the order of the requests, none left out? */
static bool is_strict(const struct world *world, const struct peer *peer)
{
    return !world->wild && !peer->link.tiny;
}

/* --- sessions --- */

void peer_ended(struct peer *peer, msec_t from, msec_t to)
{
    struct session_state *session = &peer->session;

    session->ended_from = from;
    session->ended_to = to;
    if (session->expiry == 0) {
        session->exists = false;
    }
}

void peer_link_ended(struct world *world, struct peer *peer, msec_t from)
{
    const struct link *link = &peer->link;
    struct session_state *session = &peer->session;
    msec_t now = core_harness_now(world->harness);

    session->uncertain |= link->uncertain;
    session->acks_lost |= link->stalled || link->corked_bytes.length > 0;
    if (link->connected) {
        peer_ended(peer, link->stalled ? link->stalled_since : from, now);
    } else {
        /* Perhaps there was a CONNACK that did not get here. */
        session->uncertain |= link->stalled || link->tiny;
    }
}

/* Must or must not the server have the session that this CONNACK is about? */
static void check_presence(const struct world *world, const struct peer *peer, bool present)
{
    const struct session_state *session = &peer->session;
    const struct link *link = &peer->link;
    msec_t now = core_harness_now(world->harness);
    msec_t lifetime = (msec_t)session->expiry * 1000;
    bool never = session->expiry == NEVER_EXPIRES;
    bool mine = session->user == link->user && !link->clean_start && peer->index != PEERS - 1;

    if (session->exists && mine && !session->uncertain &&
        (never || session->ended_from + lifetime > now)) {
        FUZZ_CHECK(present);
    }
    if (link->clean_start || peer->index == PEERS - 1 ||
        (!session->uncertain && (!session->exists || session->user != link->user ||
                                 (!never && session->ended_to + lifetime <= now)))) {
        FUZZ_CHECK(!present);
    }
}

void world_note_wanted(struct session_state *session, const struct debt *debt)
{
    for (unsigned i = 0; i < debt->count; i++) {
        session->subscriptions[debt->filters[i]].firm = false;
        session->ever |= 1u << debt->filters[i];
        session->ever_local |= debt->options[i] & 4 ? 0 : 1u << debt->filters[i];
    }
}

/* What was sent ahead of CONNACK belongs to the new session. */
static void begin_session(struct peer *peer, bool unknown)
{
    struct session_state *session = &peer->session;
    const struct debts *subscribed = &peer->link.subscribed;
    unsigned kept = 0;

    for (unsigned i = 0; i < session->outgoing_count; i++) {
        if (session->outgoing[i].serial == peer->link.serial) {
            session->outgoing[kept++] = session->outgoing[i];
        }
    }
    memset(session->subscriptions, 0, sizeof(session->subscriptions));
    memset(session->expectations, 0, sizeof(session->expectations));
    memset(session->arrived, 0, sizeof(session->arrived));
    memset(session->copies, 0, sizeof(session->copies));
    session->outgoing_count = kept;
    session->held_count = session->receipt_count = 0;
    session->ever = session->ever_local = 0;
    session->unknown = unknown;
    session->first_serial = unknown ? 0 : peer->link.serial;
    session->lossy = session->acks_lost = false;
    for (unsigned d = subscribed->first; d < subscribed->end; d++) {
        if (subscribed->items[d].type == PACKET_SUBACK) {
            world_note_wanted(session, &subscribed->items[d]);
        }
    }
}

static void hear_connack(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct link *link = &peer->link;
    struct session_state *session = &peer->session;
    bool present = packet->connack.session_present;

    FUZZ_CHECK(!link->connected);
    if (packet->connack.reason != REASON_SUCCESS) {
        FUZZ_CHECK(!present);
        FUZZ_CHECK(world->wild || world->stopped || link->authenticating || link->provoked);
        return;
    }
    link->connected = true;
    if (!world->wild) {
        check_presence(world, peer, present);
    }
    if (!present || session->uncertain || world->wild) {
        begin_session(peer, present);
    }
    session->exists = true;
    session->uncertain = false;
    session->user = link->user;
    session->expiry = link->expiry;
    session->lossy |= link->packet_maximum > 0;
    link->first_receipt = session->receipt_count;
}

/* --- PUBLISH --- */

static struct held *find_held(struct session_state *session, uint16_t packet_id)
{
    for (unsigned i = 0; i < session->held_count; i++) {
        if (session->held[i].packet_id == packet_id) {
            return &session->held[i];
        }
    }
    return NULL;
}

static void check_window(const struct world *world, const struct peer *peer)
{
    const struct session_state *session = &peer->session;
    uint32_t maximum =
        peer->link.receive_maximum ? peer->link.receive_maximum : world->options.inflight_maximum;
    unsigned unacknowledged = 0;

    for (unsigned i = 0; i < session->held_count; i++) {
        unacknowledged += session->held[i].serial == peer->link.serial;
    }
    FUZZ_CHECK(unacknowledged <= maximum);
}

/* Notes a PUBLISH of QoS 1 or 2; true if the client has the message already. */
static bool hold(struct world *world, struct peer *peer, const struct publish *publish,
                 uint16_t number)
{
    struct session_state *session = &peer->session;
    struct held *held = find_held(session, publish->packet_id);

    /* DUP is for what was sent on an earlier connection of the session. */
    FUZZ_CHECK(!publish->dup || session->first_serial != peer->link.serial);
    if (held) {
        /* The same identifier again: only the same message, on another connection. */
        FUZZ_CHECK(publish->dup);
        FUZZ_CHECK(held->serial != peer->link.serial);
        FUZZ_CHECK(held->qos == publish->qos);
        FUZZ_CHECK(world->wild || held->message == number);
        held->serial = peer->link.serial;
        /* It did not learn of the PUBREC: it wants another (MQTT-4.3.3-10). */
        held->received = held->released = false;
    } else if (session->held_count == HELD_MAX) {
        world->exhausted = true;
    } else {
        session->held[session->held_count++] = (struct held){.packet_id = publish->packet_id,
                                                             .message = number,
                                                             .qos = (uint8_t)publish->qos,
                                                             .serial = peer->link.serial};
    }
    check_window(world, peer);
    return held != NULL;
}

/* The topic, through the alias: within the maximum, and known. */
static struct slice resolve_topic(struct link *link, const struct packet *packet)
{
    struct slice topic = packet->publish.topic;

    if (!properties_have(&packet->properties, PROPERTY_TOPIC_ALIAS)) {
        FUZZ_CHECK(topic.length > 0);
        return topic;
    }
    uint16_t alias = packet->properties.topic_alias;
    FUZZ_CHECK(alias >= 1 && alias <= link->alias_maximum);
    struct buffer *known = &link->topics_in[alias];
    if (topic.length > 0) {
        known->length = 0;
        buffer_append(known, topic);
    }
    FUZZ_CHECK(known->length > 0);
    return buffer_slice(known);
}

static uint16_t number_of(const struct world *world, struct slice payload)
{
    if (world->wild || payload.length < 4) {
        return NO_MESSAGE;
    }
    uint16_t number = (uint16_t)(payload.data[0] << 8 | payload.data[1]);
    uint16_t inverse = (uint16_t)(payload.data[2] << 8 | payload.data[3]);
    FUZZ_CHECK((number ^ inverse) == 0xffff);
    FUZZ_CHECK(number < world->message_count);
    return number;
}

static void check_properties(const struct known_message *message, const struct packet *packet)
{
    const struct properties *p = &packet->properties;
    struct buffer forwarded = {0};

    forwarded.length =
        properties_copy_forwarded(buffer_reserve(&forwarded, p->raw.length + 1), p->raw);
    FUZZ_CHECK(slice_equal(buffer_slice(&forwarded), buffer_slice(&message->forwarded)));
    buffer_release(&forwarded);
    bool expires = properties_have(p, PROPERTY_MESSAGE_EXPIRY_INTERVAL);
    FUZZ_CHECK(expires == (message->expiry != UINT32_MAX));
    FUZZ_CHECK(!expires || p->message_expiry_interval <= message->expiry);
}

static void check_content(const struct world *world, const struct peer *peer, uint16_t number,
                          struct slice topic, const struct packet *packet)
{
    const struct known_message *message = &world->messages[number];
    struct buffer payload = {0};

    FUZZ_CHECK(slice_equal(topic, slice_from_string(world_topics[message->topic])));
    world_payload(&payload, number, message->payload_length);
    FUZZ_CHECK(slice_equal(packet->publish.payload, buffer_slice(&payload)));
    buffer_release(&payload);
    FUZZ_CHECK(packet->publish.qos <= message->qos);
    FUZZ_CHECK(!packet->publish.retain || message->retain);
    if (peer->link.version == MQTT_5 && !message->repeated) {
        check_properties(message, packet);
    }
}

static bool any_matches(uint32_t filters, struct slice topic)
{
    struct slice name;

    for (unsigned i = 0; i < FILTERS; i++) {
        struct slice filter = slice_from_string(world_filters[i]);
        topic_filter_split_share(filter, &name, &filter);
        if (filters >> i & 1 && topic_matches(filter, topic)) {
            return true;
        }
    }
    return false;
}

static void check_subscribed(const struct world *world, const struct peer *peer, uint16_t number,
                             const struct publish *publish, struct slice topic)
{
    const struct session_state *session = &peer->session;
    const struct known_message *message = &world->messages[number];
    bool own = !publish->retain && message->ordered && message->serial == peer->link.serial;

    FUZZ_CHECK(any_matches(own ? session->ever_local : session->ever, topic));
}

/* Same publisher, topic and QoS (as published and as delivered): in the order of publishing, on one
 * connection, and for what comes for the first time also across connections (MQTT-4.6.0-6). */
static void check_order(const struct world *world, const struct peer *peer, uint16_t number,
                        const struct publish *publish)
{
    const struct session_state *session = &peer->session;
    const struct known_message *message = &world->messages[number];

    for (unsigned i = session->receipt_count; i-- > 0;) {
        const struct receipt *receipt = &session->receipts[i];
        const struct known_message *other = &world->messages[receipt->message];
        bool same_connection = i >= peer->link.first_receipt;
        bool comparable = same_connection || (!publish->dup && !receipt->dup);
        if (comparable && other->serial == message->serial && other->topic == message->topic &&
            other->qos == message->qos && receipt->qos == publish->qos) {
            FUZZ_CHECK(receipt->message <= number);
            return;
        }
    }
}

static void note_receipt(struct world *world, struct peer *peer, uint16_t number,
                         const struct publish *publish, bool held_already)
{
    struct session_state *session = &peer->session;
    const uint32_t shared = 1u << 7 | 1u << 8 | 1u << 9;
    bool new = publish->qos == QOS_2 ? !held_already : !publish->dup;

    session->arrived[number] = 1;
    if (publish->retain) {
        return;
    }
    if (new && !world->options.overlapping_separately && !session->unknown && !session->acks_lost &&
        (session->ever & shared) == 0) {
        session->copies[number]++;
        FUZZ_CHECK(session->copies[number] == 1);
    }
    if (!world->messages[number].ordered) {
        return;
    }
    check_order(world, peer, number, publish);
    if (session->receipt_count == RECEIPTS_MAX) {
        world->exhausted = true;
        return;
    }
    session->receipts[session->receipt_count++] =
        (struct receipt){number, (uint8_t)publish->qos, publish->dup};
}

static void hear_publish(struct world *world, struct peer *peer, const struct packet *packet)
{
    const struct publish *publish = &packet->publish;
    struct slice topic = resolve_topic(&peer->link, packet);
    uint16_t number = number_of(world, publish->payload);
    bool held_already = publish->qos > QOS_0 && hold(world, peer, publish, number);

    if (number == NO_MESSAGE) {
        return;
    }
    check_content(world, peer, number, topic, packet);
    if (!peer->session.unknown) {
        check_subscribed(world, peer, number, publish, topic);
    }
    note_receipt(world, peer, number, publish, held_already);
}

/* --- answers --- */

/* The oldest of these debts must be this one. */
static const struct debt *settle(const struct world *world, const struct peer *peer,
                                 struct debts *debts, uint8_t type, uint16_t packet_id)
{
    if (!is_strict(world, peer)) {
        return NULL;
    }
    FUZZ_CHECK(debts->first < debts->end);
    const struct debt *debt = &debts->items[debts->first++];
    FUZZ_CHECK(debt->type == type);
    FUZZ_CHECK(debt->packet_id == packet_id);
    return debt;
}

/* The server has taken the message: whose subscription is still the same will get it. */
static void confirm(struct world *world, uint16_t number)
{
    for (int p = 0; p < PEERS; p++) {
        struct session_state *session = &world->peers[p].session;
        struct expectation *expectation = &session->expectations[number];
        const struct subscription_state *subscription =
            &session->subscriptions[expectation->filter];
        if (expectation->hoped && !expectation->firm) {
            expectation->firm =
                subscription->firm && subscription->generation == expectation->generation;
            expectation->hoped = expectation->firm;
        }
    }
}

static struct outgoing *find_outgoing(struct session_state *session, uint16_t packet_id)
{
    for (unsigned i = 0; i < session->outgoing_count; i++) {
        if (session->outgoing[i].packet_id == packet_id) {
            return &session->outgoing[i];
        }
    }
    return NULL;
}

static void forget_outgoing(struct session_state *session, struct outgoing *outgoing)
{
    /* Keeps the order: the script names messages by it. */
    size_t after = (size_t)(&session->outgoing[session->outgoing_count] - (outgoing + 1));

    memmove(outgoing, outgoing + 1, after * sizeof(*outgoing));
    session->outgoing_count--;
}

static void hear_published(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct session_state *session = &peer->session;
    const struct debt *debt =
        settle(world, peer, &peer->link.published, (uint8_t)packet->type, packet->ack.packet_id);
    struct outgoing *outgoing = find_outgoing(session, packet->ack.packet_id);
    bool refused = reason_is_error(packet->ack.reason);

    if (debt && !refused) {
        confirm(world, debt->message);
    }
    if (!outgoing) {
        return;
    }
    if (packet->type == PACKET_PUBACK || refused) {
        forget_outgoing(session, outgoing);
    } else {
        outgoing->received = true;
    }
}

static void hear_pubcomp(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct session_state *session = &peer->session;
    struct outgoing *outgoing = find_outgoing(session, packet->ack.packet_id);

    settle(world, peer, &peer->link.released, PACKET_PUBCOMP, packet->ack.packet_id);
    if (outgoing && outgoing->released) {
        forget_outgoing(session, outgoing);
    }
}

static void hear_pubrel(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct session_state *session = &peer->session;
    struct held *held = find_held(session, packet->ack.packet_id);
    bool sure = !world->wild && !session->unknown && !session->acks_lost;

    if (held) {
        FUZZ_CHECK(held->qos == QOS_2);
        FUZZ_CHECK(!sure || held->received);
        held->received = held->released = true;
        held->serial = peer->link.serial;
        return;
    }
    peer_send(world, peer,
              &(struct packet){.type = PACKET_PUBCOMP, .ack = {packet->ack.packet_id, 0}});
}

/* Will another SUBSCRIBE or UNSUBSCRIBE change it? */
static bool is_changing(const struct debts *debts, uint8_t filter)
{
    for (unsigned d = debts->first; d < debts->end; d++) {
        for (unsigned i = 0; i < debts->items[d].count; i++) {
            if (debts->items[d].filters[i] == filter) {
                return true;
            }
        }
    }
    return false;
}

static void note_granted(struct peer *peer, const struct debt *debt, unsigned i, uint8_t code)
{
    struct subscription_state *subscription = &peer->session.subscriptions[debt->filters[i]];

    FUZZ_CHECK(code >= 0x80 || code == (debt->options[i] & 3));
    *subscription = (struct subscription_state){
        .firm = code < 0x80 && !is_changing(&peer->link.subscribed, debt->filters[i]),
        .qos = code,
        .no_local = debt->options[i] & 4,
        .generation = ++peer->generation,
    };
}

static void hear_subscribed(struct world *world, struct peer *peer, const struct packet *packet)
{
    const struct suback *suback = &packet->suback;
    const struct debt *debt =
        settle(world, peer, &peer->link.subscribed, (uint8_t)packet->type, suback->packet_id);

    if (!debt) {
        return;
    }
    if (packet->type == PACKET_UNSUBACK && peer->link.version == MQTT_3_1_1) {
        FUZZ_CHECK(suback->codes.length == 0);
        return;
    }
    FUZZ_CHECK(suback->codes.length == debt->count);
    for (unsigned i = 0; i < debt->count && packet->type == PACKET_SUBACK; i++) {
        note_granted(peer, debt, i, suback->codes.data[i]);
    }
}

static void hear_pingresp(struct world *world, struct peer *peer, const struct packet *packet)
{
    (void)packet;
    if (is_strict(world, peer)) {
        FUZZ_CHECK(peer->link.pings > 0);
        peer->link.pings--;
    }
}

static void hear_disconnect(struct world *world, struct peer *peer, const struct packet *packet)
{
    uint8_t reason = packet->disconnect.reason;

    FUZZ_CHECK(peer->link.version == MQTT_5);
    FUZZ_CHECK(world->wild || peer->link.provoked || reason == REASON_SESSION_TAKEN_OVER ||
               reason == REASON_KEEP_ALIVE_TIMEOUT || reason == REASON_SERVER_SHUTTING_DOWN);
    peer->link.disconnected = true;
}

static void hear_auth(struct world *world, struct peer *peer, const struct packet *packet)
{
    (void)packet;
    FUZZ_CHECK(world->wild || peer->link.authenticating);
}

/* --- everything --- */

typedef void hear_function(struct world *world, struct peer *peer, const struct packet *packet);

static hear_function *const hearers[16] = {
    [PACKET_CONNACK] = hear_connack,   [PACKET_PUBLISH] = hear_publish,
    [PACKET_PUBACK] = hear_published,  [PACKET_PUBREC] = hear_published,
    [PACKET_PUBREL] = hear_pubrel,     [PACKET_PUBCOMP] = hear_pubcomp,
    [PACKET_SUBACK] = hear_subscribed, [PACKET_UNSUBACK] = hear_subscribed,
    [PACKET_PINGRESP] = hear_pingresp, [PACKET_DISCONNECT] = hear_disconnect,
    [PACKET_AUTH] = hear_auth,
};

static void hear(struct world *world, struct peer *peer, const struct packet *packet)
{
    struct link *link = &peer->link;

    FUZZ_CHECK(!link->disconnected);
    FUZZ_CHECK(link->connected || link->tiny || packet->type == PACKET_CONNACK ||
               packet->type == PACKET_AUTH);
    FUZZ_CHECK(hearers[packet->type]);
    hearers[packet->type](world, peer, packet);
}

/* Returns whether anything came. */
static bool listen(struct world *world, struct peer *peer)
{
    struct link *link = &peer->link;

    if (!link->core || link->closed) {
        return false;
    }
    struct buffer *received = core_link_received(link->core);
    struct slice bytes = fuzz_copy(buffer_slice(received)), rest = bytes;
    struct packet_limits limits = {
        .version = link->version, .packet_size_max = PACKET_SIZE_MAX, .from_server = true};
    struct packet packet;

    buffer_consume(received, received->length);
    while (rest.length > 0) {
        ssize_t size = packet_decode(&packet, rest, &limits);
        FUZZ_CHECK(size > 0);
        FUZZ_CHECK(link->packet_maximum == 0 || (size_t)size <= link->packet_maximum);
        hear(world, peer, &packet);
        rest = slice_from(rest, (size_t)size);
    }
    fuzz_free(bytes);
    if (core_link_is_closed(link->core) && core_link_received(link->core)->length == 0) {
        link->closed = true;
        peer_link_ended(world, peer, world->before);
        return true;
    }
    return bytes.length > 0;
}

static bool acknowledge_all(struct world *world, struct peer *peer)
{
    bool any = false;

    if (!peer->automatic || peer->link.corked) {
        return false;
    }
    for (unsigned i = 0; i < peer->session.held_count;) {
        if (peer_acknowledge(world, peer, i, false)) {
            any = true;
        } else {
            i++;
        }
    }
    while (peer_release(world, peer)) {
        any = true;
    }
    return any;
}

void world_observe(struct world *world)
{
    unsigned rounds = 0;
    bool any;

    do {
        any = false;
        for (int p = 0; p < PEERS; p++) {
            any |= listen(world, &world->peers[p]);
            any |= acknowledge_all(world, &world->peers[p]);
        }
        FUZZ_CHECK(++rounds < ROUNDS_MAX);
    } while (any);
}

static void check_complete(const struct world *world, const struct peer *peer)
{
    const struct session_state *session = &peer->session;
    const struct link *link = &peer->link;

    FUZZ_CHECK(link->published.first == link->published.end);
    FUZZ_CHECK(link->released.first == link->released.end);
    FUZZ_CHECK(link->subscribed.first == link->subscribed.end);
    FUZZ_CHECK(link->pings == 0);
    for (unsigned i = 0; i < session->held_count; i++) {
        FUZZ_CHECK(session->held[i].serial != link->serial);
    }
    if (session->unknown || session->lossy || world->options.queue_messages_maximum < 100) {
        return;
    }
    for (unsigned i = 0; i < world->message_count; i++) {
        FUZZ_CHECK(!session->expectations[i].firm || session->arrived[i]);
    }
}

void world_finish(struct world *world)
{
    world->before = core_harness_now(world->harness);
    core_harness_hold_commits(world->harness, false);
    for (int p = 0; p < PEERS; p++) {
        struct peer *peer = &world->peers[p];
        peer_cork(world, peer, false);
        peer_stall(world, peer, false);
        peer->automatic = true;
    }
    world_observe(world);
    for (int p = 0; p < PEERS; p++) {
        const struct peer *peer = &world->peers[p];
        if (peer->link.connected && !peer->link.closed && is_strict(world, peer) &&
            !world->exhausted) {
            check_complete(world, peer);
        }
    }
}
