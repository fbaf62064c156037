/* A network connection: from bytes to handlers, time-outs, and how it ends. See connection.h for
 * the states; connection_connect.c has the way from CONNECT to a session.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/connection.h"

#include <assert.h>

#include "base/log.h"
#include "core/alias.h"
#include "core/connect.h"
#include "core/reply.h"
#include "core/session.h"

/* Replies that may pile up unread, beyond the deliveries' bound, before reading stops. */
enum { REPLIES_UNREAD_MAX = 64 * 1024 };

static void connection_timer_fire(struct timer *timer, void *context);

/* --- states --- */

/* The one place where a connection's state changes. */
void connection_set_state(struct connection *connection, enum connection_state state)
{
    static const uint8_t allowed[] = {
        [CONNECTION_ACCEPTED] = 0,
        [CONNECTION_AUTHENTICATING] = 1 << CONNECTION_ACCEPTED,
        [CONNECTION_MOVING] = 1 << CONNECTION_ACCEPTED | 1 << CONNECTION_AUTHENTICATING,
        [CONNECTION_ATTACHED] =
            1 << CONNECTION_ACCEPTED | 1 << CONNECTION_AUTHENTICATING | 1 << CONNECTION_MOVING,
        [CONNECTION_CLOSING] = 1 << CONNECTION_ACCEPTED | 1 << CONNECTION_AUTHENTICATING |
                               1 << CONNECTION_MOVING | 1 << CONNECTION_ATTACHED,
        [CONNECTION_CLOSED] = 0xff,
    };
    assert(allowed[state] >> connection->state & 1);
    (void)allowed; /* in builds without assertions */
    connection->state = (uint8_t)state;
}

void connection_init(struct connection *connection, struct shard *shard,
                     const struct connection_carrier *carrier)
{
    const struct core_options *options = &shard->settings->options;
    *connection = (struct connection){
        .shard = shard,
        .carrier = carrier,
        .last_received = shard->now,
        .expires_at = MSEC_NEVER,
        .packet_size_max = options->maximum_packet_size,
        .peer_packet_size_max = PACKET_SIZE_MAX,
        .state = CONNECTION_ACCEPTED,
    };
    list_init(&connection->dirty);
    timer_init(&connection->timer, connection_timer_fire);
    timers_set(&shard->timers, &connection->timer, shard->now + options->connect_timeout_ms);
}

static bool is_over(const struct connection *connection)
{
    return connection->state >= CONNECTION_CLOSING;
}

void connection_close(struct connection *connection, enum reason_code reason, const char *text)
{
    if (is_over(connection)) {
        return;
    }
    struct shard *shard = connection->shard;
    connection->close_reason = (uint8_t)reason;
    timers_cancel(&shard->timers, &connection->timer);
    if (connection->output_waits) {
        /* Nothing comes before CONNACK, and that must not come: without a word. */
        output_clear(&connection->output, &shard->pool);
    }
    if (connection->state == CONNECTION_ATTACHED) {
        if (reason_is_error(reason) && !connection->output_waits) {
            reply_disconnect(connection, reason, text ? text : reason_text(reason));
        }
        connection_set_state(connection, CONNECTION_CLOSING);
        session_disconnect(connection->session, reason != REASON_NORMAL_DISCONNECTION);
    } else {
        counter_add(&shard->counters.connections_refused, 1);
        connection_set_state(connection, CONNECTION_CLOSING);
    }
    connection->output_waits = false;
    connection_mark_dirty(connection);
}

void connection_lost(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    timers_cancel(&connection->shard->timers, &connection->timer);
    bool attached = connection->state == CONNECTION_ATTACHED;
    connection_set_state(connection, CONNECTION_CLOSED);
    output_clear(&connection->output, &connection->shard->pool);
    if (attached) {
        session_disconnect(connection->session, true);
    }
}

bool connection_release(struct connection *connection)
{
    assert(is_over(connection));
    connection_lost(connection);
    if (connection->auth_pending) {
        return false;
    }
    list_remove(&connection->dirty);
    output_clear(&connection->output, &connection->shard->pool);
    aliases_free(connection->aliases_in);
    aliases_free(connection->aliases_out);
    connect_forget_greeting(connection);
    connect_forget_enhanced(connection);
    identity_release(connection->identity);
    connection->identity = NULL;
    return true;
}

/* --- time-outs --- */

/* One and a half times what the client was told, MQTT-3.1.2-22. */
static msec_t keep_alive_ms(const struct connection *connection)
{
    return (msec_t)connection->keep_alive * 1500;
}

/* Until when the peer must have sent something. */
static msec_t silence_deadline(const struct connection *connection)
{
    return connection->keep_alive > 0 ? connection->last_received + keep_alive_ms(connection)
                                      : MSEC_NEVER;
}

void connection_start_timer(struct connection *connection)
{
    struct timers *timers = &connection->shard->timers;
    msec_t silence = silence_deadline(connection);
    msec_t deadline = silence < connection->expires_at ? silence : connection->expires_at;
    if (deadline < MSEC_NEVER) {
        timers_set(timers, &connection->timer, deadline);
    } else {
        timers_cancel(timers, &connection->timer);
    }
}

static void fire_unattached(struct connection *connection)
{
    LOG_LIMITED(LOG_INFO, "not connected in time", "peer=%s",
                connection_origin(connection).peer_address);
    if (connection->auth_pending) {
        /* It is we who are late. */
        reply_connack_refused(connection, REASON_SERVER_BUSY, NULL);
    }
    connection_close(connection, REASON_UNSPECIFIED_ERROR, NULL);
}

static void connection_timer_fire(struct timer *timer, void *context)
{
    struct shard *shard = context;
    struct connection *connection = CONTAINER_OF(timer, struct connection, timer);
    if (connection->state != CONNECTION_ATTACHED) {
        fire_unattached(connection);
    } else if (connection->auth_pending) {
        /* It shows anew who it is and is not read from meanwhile: the answer starts the timer. */
    } else if (connection->expires_at <= shard->now) {
        LOG_LIMITED(LOG_INFO, "sign-in has expired", "client=%s",
                    log_quote(session_client_identifier(connection->session)));
        connection_close(connection, REASON_MAXIMUM_CONNECT_TIME,
                         "what this client has signed in with has expired");
    } else if (silence_deadline(connection) <= shard->now) {
        LOG_LIMITED(LOG_INFO, "keep alive time-out", "client=%s",
                    log_quote(session_client_identifier(connection->session)));
        connection_close(connection, REASON_KEEP_ALIVE_TIMEOUT, NULL);
    } else {
        connection_start_timer(connection); /* lazy: it was not moved with every packet */
    }
}

/* --- packets of an attached client --- */

static enum reason_code receive_pingreq(struct session *session, const struct packet *packet)
{
    (void)packet;
    reply_pingresp(session->connection);
    return REASON_SUCCESS;
}

static enum reason_code receive_disconnect(struct session *session, const struct packet *packet)
{
    struct connection *connection = session->connection;
    if (properties_have(&packet->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        uint32_t seconds = packet->properties.session_expiry_interval;
        if (session->expiry_interval == 0 && seconds > 0) {
            return REASON_PROTOCOL_ERROR; /* MQTT 5 section 3.14.2.2.2 */
        }
        session_set_expiry(session, seconds);
    }
    /* Nothing is sent after a DISCONNECT: straight to CLOSED semantics, without a reply. */
    timers_cancel(&connection->shard->timers, &connection->timer);
    connection_set_state(connection, CONNECTION_CLOSING);
    connection->output_waits = false; /* whoever leaves before CONNACK has seen enough */
    session_disconnect(session, packet->disconnect.reason != REASON_NORMAL_DISCONNECTION);
    connection_mark_dirty(connection);
    return REASON_SUCCESS;
}

static enum reason_code receive_unexpected(struct session *session, const struct packet *packet)
{
    (void)session;
    (void)packet;
    return REASON_PROTOCOL_ERROR; /* a second CONNECT (MQTT-3.1.0-2), or a server's packet */
}

typedef enum reason_code receive_function(struct session *session, const struct packet *packet);

static receive_function *const receivers[16] = {
    [0] = receive_unexpected,
    [PACKET_CONNECT] = receive_unexpected,
    [PACKET_CONNACK] = receive_unexpected,
    [PACKET_PUBLISH] = session_receive_publish,
    [PACKET_PUBACK] = session_receive_puback,
    [PACKET_PUBREC] = session_receive_pubrec,
    [PACKET_PUBREL] = session_receive_pubrel,
    [PACKET_PUBCOMP] = session_receive_pubcomp,
    [PACKET_SUBSCRIBE] = session_receive_subscribe,
    [PACKET_SUBACK] = receive_unexpected,
    [PACKET_UNSUBSCRIBE] = session_receive_unsubscribe,
    [PACKET_UNSUBACK] = receive_unexpected,
    [PACKET_PINGREQ] = receive_pingreq,
    [PACKET_PINGRESP] = receive_unexpected,
    [PACKET_DISCONNECT] = receive_disconnect,
    [PACKET_AUTH] = connect_reauthenticate,
};

static void log_protocol_error(const struct connection *connection, enum reason_code reason)
{
    struct slice client = connection->session ? session_client_identifier(connection->session)
                                              : connection_client_identifier(connection);
    LOG_LIMITED(LOG_INFO, "protocol error", "client=%s peer=%s reason=\"%s\"", log_quote(client),
                connection_origin(connection).peer_address, reason_text(reason));
}

static void receive_packet(struct connection *connection, const struct packet *packet,
                           struct slice bytes)
{
    if (connection->state != CONNECTION_ATTACHED) {
        connect_receive(connection, packet, bytes);
        return;
    }
    enum reason_code reason = receivers[packet->type](connection->session, packet);
    if (reason != REASON_SUCCESS) {
        log_protocol_error(connection, reason);
        connection_close(connection, reason, NULL);
    }
}

static void receive_malformed(struct connection *connection, struct slice in,
                              enum reason_code reason)
{
    log_protocol_error(connection, reason);
    if (connection->state == CONNECTION_ACCEPTED) {
        connect_refuse_malformed(connection, in, reason);
    } else if (!reason_allowed_from(true, PACKET_DISCONNECT, (uint8_t)reason)) {
        reason = REASON_PROTOCOL_ERROR; /* what is wrong with a second CONNECT does not matter */
    }
    connection_close(connection, reason, NULL);
}

/* --- input and output --- */

bool connection_wants_input(const struct connection *connection)
{
    return !is_over(connection) && !connection->auth_pending &&
           connection->state != CONNECTION_MOVING && !connection->input_paused;
}

/* A peer that sends requests and reads no replies is not read from until it does. */
static void check_unread_replies(struct connection *connection)
{
    const struct core_options *options = &connection->shard->settings->options;
    if (connection->output.pending > (size_t)options->output_bytes_maximum + REPLIES_UNREAD_MAX) {
        connection->input_paused = true;
        LOG_LIMITED(LOG_INFO, "client does not read", "peer=%s unread_bytes=%u",
                    connection_origin(connection).peer_address, connection->output.pending);
    }
}

size_t connection_receive(struct connection *connection, struct slice in)
{
    struct shard *shard = connection->shard;
    size_t used = 0;
    struct packet packet;
    while (used < in.length && connection_wants_input(connection)) {
        struct slice rest = slice_from(in, used);
        /* Made here, not once: then the compiler knows what is in it. */
        const struct packet_limits limits = {
            .version = connection->version,
            .packet_size_max = connection->packet_size_max,
        };
        ssize_t size = packet_decode(&packet, rest, &limits);
        if (size == 0) {
            break;
        }
        if (size < 0) {
            receive_malformed(connection, rest, (enum reason_code) - size);
            break;
        }
        used += (size_t)size;
        connection->last_received = shard->now;
        counter_add(&shard->counters.packets_received, 1);
        receive_packet(connection, &packet, slice_make(rest.data, (size_t)size));
        check_unread_replies(connection);
    }
    return is_over(connection) ? in.length : used;
}

void connection_writable(struct connection *connection)
{
    connection->input_paused = false;
    if (connection->session) {
        session_send_waiting(connection->session);
    }
}
