/* CONNECT and AUTH: see connect.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/connect.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/reply.h"
#include "mqtt/placement.h"

static void refuse(struct connection *connection, enum reason_code reason, const char *text)
{
    reply_connack_refused(connection, reason, text);
    connection_close(connection, reason, NULL);
}

/* --- a CONNECT that cannot be decoded --- */

/* The protocol level, if the bytes begin with a CONNECT of a known protocol name. */
static int peek_level(struct slice in, bool *is_3_1)
{
    uint32_t length;
    int used = in.length > 1 ? varint_read(slice_from(in, 1), &length) : 0;
    if (used <= 0 || in.data[0] != PACKET_CONNECT << 4) {
        return -1;
    }
    static const struct slice names[] = {
        {(const uint8_t *)"\0\4MQTT", 6},
        {(const uint8_t *)"\0\6MQIsdp", 8},
    };
    struct slice body = slice_from(in, 1 + (size_t)used);
    for (int i = 0; i < 2; i++) {
        if (slice_starts_with(body, names[i]) && body.length > names[i].length) {
            *is_3_1 = i == 1;
            return body.data[names[i].length];
        }
    }
    return -1;
}

void connect_refuse_malformed(struct connection *connection, struct slice in,
                              enum reason_code reason)
{
    bool is_3_1 = false;
    int level = peek_level(in, &is_3_1);
    if (level < 0) {
        return; /* not MQTT at all: nothing that the peer would understand */
    }
    if (is_3_1) {
        LOG_LIMITED(LOG_INFO, "MQTT 3.1 refused", "peer=%s hint=\"use MQTT 3.1.1 or 5\"",
                    connection_origin(connection).peer_address);
    }
    /* A version that we do not know is answered in the form of the nearest that we do. */
    connection->version = is_3_1 || level <= MQTT_3_1_1 ? MQTT_3_1_1 : MQTT_5;
    reply_connack_refused(connection, reason, NULL);
}

/* --- limits from CONNECT --- */

static void take_limits(struct connection *connection, const struct packet *packet)
{
    const struct core_options *options = &connection->shard->settings->options;
    const struct properties *p = &packet->properties;
    uint16_t keep_alive = packet->connect.keep_alive;
    connection->send_maximum = options->inflight_maximum;
    if (packet->connect.version == MQTT_5) {
        if (properties_have(p, PROPERTY_RECEIVE_MAXIMUM)) {
            connection->send_maximum = p->receive_maximum;
        }
        if (properties_have(p, PROPERTY_MAXIMUM_PACKET_SIZE)) {
            connection->peer_packet_size_max = p->maximum_packet_size;
        }
        if (properties_have(p, PROPERTY_TOPIC_ALIAS_MAXIMUM)) {
            connection->peer_topic_alias_max = p->topic_alias_maximum < options->topic_alias_maximum
                                                   ? p->topic_alias_maximum
                                                   : options->topic_alias_maximum;
        }
        /* Only MQTT 5 can be told another keep alive. */
        if (options->keep_alive_maximum > 0 &&
            (keep_alive == 0 || keep_alive > options->keep_alive_maximum)) {
            keep_alive = options->keep_alive_maximum;
        }
    }
    connection->keep_alive = keep_alive;
}

/* 96 random bits in base 32, on this shard so that the connection need not move. */
static void assign_identifier(struct connection *connection)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    const struct broker *broker = connection->shard->broker;
    struct greeting *greeting = connection->greeting;
    do {
        uint8_t random[20];
        broker->random(random, sizeof(random));
        memcpy(greeting->assigned, "pg-", 3);
        for (size_t i = 0; i < sizeof(random); i++) {
            greeting->assigned[3 + i] = digits[random[i] & 31];
        }
        greeting->client_identifier = slice_make(greeting->assigned, 3 + sizeof(random));
    } while (placement_of(greeting->client_identifier, broker->shard_count) !=
             connection->shard->index);
    greeting->is_assigned = true;
}

/* --- the way into a session --- */

/* The CONNECT again, from our own copy of its bytes. */
static void decode_copy(const struct connection *connection, struct packet *packet)
{
    struct packet_limits limits = {.packet_size_max = PACKET_SIZE_MAX};
    ssize_t size =
        packet_decode(packet, buffer_slice(&connection->greeting->connect_packet), &limits);
    assert(size > 0);
    (void)size;
}

void connect_forget_greeting(struct connection *connection)
{
    struct greeting *greeting = connection->greeting;
    if (greeting) {
        buffer_release(&greeting->connect_packet);
        buffer_release(&greeting->auth_reply_data);
        free(greeting);
        connection->greeting = NULL;
    }
}

static void finish(struct connection *connection, const struct packet *packet)
{
    session_connect(connection, packet);
    if (connection->state == CONNECTION_ATTACHED) {
        connection_start_timer(connection);
    }
    connect_forget_greeting(connection);
}

static void enter(struct connection *connection, const struct packet *packet)
{
    struct shard *shard = connection->shard;
    unsigned target =
        placement_of(connection_client_identifier(connection), shard->broker->shard_count);
    if (shard->stopping) {
        refuse(connection, REASON_SERVER_UNAVAILABLE, NULL); /* 0x8B is for DISCONNECT only */
    } else if (target == shard->index) {
        finish(connection, packet);
    } else {
        connection_set_state(connection, CONNECTION_MOVING);
        connection->target = (uint8_t)target;
        timers_cancel(&shard->timers, &connection->timer);
        connection_mark_dirty(connection);
    }
}

void connection_adopt(struct connection *connection, struct shard *shard)
{
    assert(connection->state == CONNECTION_MOVING && connection->target == shard->index);
    connection->shard = shard;
    if (shard->stopping) {
        refuse(connection, REASON_SERVER_UNAVAILABLE, NULL); /* 0x8B is for DISCONNECT only */
        return;
    }
    struct packet packet;
    decode_copy(connection, &packet);
    finish(connection, &packet);
}

/* --- authentication --- */

/* An empty method is no method: the authenticator knows none of that name. */
static void begin_enhanced(struct connection *connection, struct slice method)
{
    if (method.length > 0) {
        connection->enhanced = memory_allocate_zero(sizeof(*connection->enhanced));
        buffer_append(&connection->enhanced->method, method);
    }
}

void connect_forget_enhanced(struct connection *connection)
{
    const struct authenticator *authenticator = &connection->shard->broker->authenticator;
    struct enhanced_authentication *enhanced = connection->enhanced;
    if (!enhanced) {
        return;
    }
    if (enhanced->state && authenticator->forget) {
        authenticator->forget(authenticator->context, connection);
    }
    buffer_release(&enhanced->method);
    free(enhanced);
    connection->enhanced = NULL;
}

static void send_auth(struct connection *connection, enum reason_code reason, struct slice data)
{
    struct packet packet = {.type = PACKET_AUTH, .auth = {.reason = (uint8_t)reason}};
    packet.properties.present = PROPERTY_BIT(AUTHENTICATION_METHOD);
    packet.properties.authentication_method = connection_authentication_method(connection);
    if (data.length > 0) {
        packet.properties.present |= PROPERTY_BIT(AUTHENTICATION_DATA);
        packet.properties.authentication_data = data;
    }
    reply_packet(connection, &packet);
}

static bool will_is_allowed(const struct connection *connection, const struct will *will)
{
    struct rights *rights = NULL; /* of this question only: there is no session yet */
    struct asker asker = {connection->shard->settings->access, connection->identity,
                          connection_client_identifier(connection), &rights};
    bool is_allowed = !will->present || (access_may_publish(&asker, will->topic) &&
                                         access_may_carry(connection->identity, &will->properties));
    rights_free(rights);
    return is_allowed;
}

static void take_identity(struct connection *connection, const struct auth_answer *answer)
{
    identity_release(connection->identity);
    connection->identity = answer->identity;
    connection->expires_at = answer->expires_at > 0 ? answer->expires_at : MSEC_NEVER;
}

/* The client of a CONNECT has proven who it is. */
static void let_in(struct connection *connection, struct auth_answer *answer)
{
    take_identity(connection, answer);
    connection->greeting->auth_reply_data = answer->data;
    answer->data = (struct buffer){0};
    struct packet packet;
    decode_copy(connection, &packet);
    if (will_is_allowed(connection, &packet.connect.will)) {
        enter(connection, &packet);
    } else {
        refuse(connection, REASON_NOT_AUTHORIZED,
               "the access rules do not let this client publish its will");
    }
}

/* An attached client has proven it again: that does not make somebody else of it. */
static void let_stay(struct connection *connection, struct auth_answer *answer)
{
    if (!slice_equal(connection->identity->user_name, answer->identity->user_name)) {
        identity_release(answer->identity);
        connection_close(connection, REASON_NOT_AUTHORIZED, NULL);
        return;
    }
    connection->enhanced->once_again = false;
    take_identity(connection, answer);
    connection_start_timer(connection);
    session_set_identity(connection->session, answer->identity);
    session_put_row(connection->session);
    session_update_subscriptions(connection->session, true);
    send_auth(connection, REASON_SUCCESS, buffer_slice(&answer->data));
}

static void turn_away(struct connection *connection, enum reason_code reason)
{
    if (connection->state == CONNECTION_ATTACHED) {
        connection_close(connection, reason, NULL);
        return;
    }
    LOG_LIMITED(LOG_WARNING, "authentication failed", "client=%s peer=%s reason=\"%s\"",
                log_quote(connection_client_identifier(connection)),
                connection_origin(connection).peer_address, reason_text(reason));
    refuse(connection, reason, NULL);
}

/* The verdict on a CONNECT, on an exchange that began with it, or on a re-authentication. */
static void judge(struct connection *connection, enum auth_verdict verdict,
                  struct auth_answer *answer)
{
    switch (verdict) {
    case AUTH_ACCEPTED:
        if (connection->state == CONNECTION_ATTACHED) {
            let_stay(connection, answer);
        } else {
            let_in(connection, answer);
        }
        break;
    case AUTH_REFUSED:
        turn_away(connection, answer->reason);
        break;
    case AUTH_CONTINUE:
        send_auth(connection, REASON_CONTINUE_AUTHENTICATION, buffer_slice(&answer->data));
        break;
    case AUTH_PENDING:
        connection->auth_pending = true;
        break;
    }
    buffer_release(&answer->data);
}

bool connection_is_still_good(const struct connection *connection)
{
    const struct authenticator *authenticator = &connection->shard->broker->authenticator;

    return !authenticator->still_good ||
           authenticator->still_good(authenticator->context, connection->identity);
}

void connection_authenticated(struct connection *connection, enum auth_verdict verdict,
                              struct auth_answer *answer)
{
    assert(connection->auth_pending && verdict != AUTH_PENDING);
    connection->auth_pending = false;
    /* It may have ended meanwhile; the driver waits for this to free it. */
    if (connection->state >= CONNECTION_CLOSING) {
        identity_release(answer->identity);
        buffer_release(&answer->data);
    } else {
        connection->last_received = connection->shard->now; /* it could not say more until now */
        judge(connection, verdict, answer);
        if (connection->state == CONNECTION_ATTACHED) {
            connection_start_timer(connection);
        }
    }
    connection_mark_dirty(connection);
}

static enum auth_verdict ask_authenticator(struct connection *connection,
                                           const struct packet *packet, struct auth_answer *answer)
{
    const struct authenticator *authenticator = &connection->shard->broker->authenticator;
    struct identity *verified = connection_origin(connection).verified;
    if (packet->type == PACKET_AUTH) {
        return authenticator->exchange(authenticator->context, connection, packet, answer);
    }
    if (verified && !connection->enhanced) {
        answer->identity = identity_hold(verified);
        return AUTH_ACCEPTED;
    }
    if (authenticator->connect && !verified) {
        return authenticator->connect(authenticator->context, connection, packet, answer);
    }
    if (connection->enhanced) {
        answer->reason = REASON_BAD_AUTHENTICATION_METHOD;
        return AUTH_REFUSED;
    }
    struct slice user = connection_origin(connection).proven_name;
    if (user.length == 0 && packet->connect.has_user_name) {
        user = packet->connect.user_name;
    }
    answer->identity = identity_new(user, NULL, 0);
    return AUTH_ACCEPTED;
}

static void authenticate(struct connection *connection, const struct packet *packet)
{
    struct auth_answer answer = {.reason = REASON_NOT_AUTHORIZED};
    enum auth_verdict verdict = ask_authenticator(connection, packet, &answer);
    judge(connection, verdict, &answer);
}

/* AUTH must name the method of CONNECT, and there must have been one (MQTT-4.12.0-5, -6). */
static bool method_matches(const struct connection *connection, const struct packet *packet)
{
    return connection->enhanced &&
           properties_have(&packet->properties, PROPERTY_AUTHENTICATION_METHOD) &&
           slice_equal(packet->properties.authentication_method,
                       connection_authentication_method(connection));
}

enum reason_code connect_reauthenticate(struct session *session, const struct packet *packet)
{
    struct connection *connection = session->connection;
    bool begins = packet->auth.reason == REASON_RE_AUTHENTICATE;
    if (!method_matches(connection, packet) || begins == connection->enhanced->once_again) {
        return REASON_PROTOCOL_ERROR;
    }
    connection->enhanced->once_again = true;
    authenticate(connection, packet);
    return REASON_SUCCESS;
}

/* --- CONNECT --- */

static enum reason_code check_connect(const struct connection *connection,
                                      const struct packet *packet)
{
    const struct core_options *options = &connection->shard->settings->options;
    if (packet->connect.will.present && packet->connect.will.retain && !options->retain_available) {
        return REASON_RETAIN_NOT_SUPPORTED;
    }
    const struct connection_origin origin = connection_origin(connection);
    if (!origin.verified && origin.proven_name.length == 0 &&
        access_is_reserved_identifier(connection_client_identifier(connection))) {
        return REASON_CLIENT_IDENTIFIER_NOT_VALID;
    }
    return REASON_SUCCESS;
}

static void receive_connect(struct connection *connection, const struct packet *packet,
                            struct slice bytes)
{
    connection->version = (uint8_t)packet->connect.version;
    connection->greeting = memory_allocate_zero(sizeof(*connection->greeting));
    buffer_append(&connection->greeting->connect_packet, bytes);
    struct packet copy;
    decode_copy(connection, &copy);
    take_limits(connection, &copy);
    connection->greeting->client_identifier = copy.connect.client_identifier;
    if (copy.connect.client_identifier.length == 0) {
        assign_identifier(connection);
    }
    enum reason_code reason = check_connect(connection, &copy);
    if (reason != REASON_SUCCESS) {
        refuse(connection, reason, NULL);
        return;
    }
    if (properties_have(&copy.properties, PROPERTY_AUTHENTICATION_METHOD)) {
        begin_enhanced(connection, copy.properties.authentication_method);
    }
    connection_set_state(connection, CONNECTION_AUTHENTICATING);
    authenticate(connection, &copy);
}

void connect_receive(struct connection *connection, const struct packet *packet, struct slice bytes)
{
    if (connection->state == CONNECTION_ACCEPTED) {
        if (packet->type == PACKET_CONNECT) {
            receive_connect(connection, packet, bytes);
        } else {
            connection_close(connection, REASON_PROTOCOL_ERROR, NULL); /* MQTT-3.1.0-1 */
        }
        return;
    }
    bool is_answer = packet->type == PACKET_AUTH &&
                     packet->auth.reason == REASON_CONTINUE_AUTHENTICATION &&
                     method_matches(connection, packet);
    if (is_answer) {
        authenticate(connection, packet);
    } else if (packet->type == PACKET_DISCONNECT) {
        connection_close(connection, REASON_NORMAL_DISCONNECTION, NULL);
    } else {
        refuse(connection, REASON_PROTOCOL_ERROR, NULL);
    }
}
