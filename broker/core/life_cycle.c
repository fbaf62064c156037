/* See life_cycle.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/life_cycle.h"

#include "core/access.h"
#include "core/delayed.h"
#include "mqtt/life_cycle.h"
#include "mqtt/publisher.h"
#include "mqtt/user_property.h"

/* disconnectionReason (spec/eventgrid.md 2.3) of what the server has closed a connection with. */
static const struct {
    uint8_t reason;
    const char *name;
} closings[] = {
    {REASON_MALFORMED_PACKET, "ClientError"},
    {REASON_PROTOCOL_ERROR, "ClientError"},
    {REASON_BAD_USER_NAME_OR_PASSWORD, "ClientAuthenticationError"},
    {REASON_BAD_AUTHENTICATION_METHOD, "ClientAuthenticationError"},
    {REASON_MAXIMUM_CONNECT_TIME, "ClientAuthenticationError"}, /* its sign-in has expired */
    {REASON_NOT_AUTHORIZED, "ClientAuthorizationError"},
    {REASON_BANNED, "IpForbidden"},
    {REASON_SERVER_BUSY, "ServerError"},
    {REASON_UNSPECIFIED_ERROR, "ServerError"},
    {REASON_IMPLEMENTATION_SPECIFIC_ERROR, "ServerError"},
    {REASON_SERVER_SHUTTING_DOWN, "ServerInitiatedDisconnect"},
    {REASON_ADMINISTRATIVE_ACTION, "ServerInitiatedDisconnect"},
    {REASON_USE_ANOTHER_SERVER, "ServerInitiatedDisconnect"},
    {REASON_SERVER_MOVED, "ServerInitiatedDisconnect"},
    {REASON_KEEP_ALIVE_TIMEOUT, "ConnectionLost"},
    {REASON_SESSION_TAKEN_OVER, "SessionTakenOver"},
    {REASON_QUOTA_EXCEEDED, "QuotaExceeded"},
    {REASON_RECEIVE_MAXIMUM_EXCEEDED, "QuotaExceeded"},
    {REASON_PACKET_TOO_LARGE, "QuotaExceeded"},
    {REASON_MESSAGE_RATE_TOO_HIGH, "QuotaExceeded"},
    {REASON_CONNECTION_RATE_EXCEEDED, "QuotaExceeded"},
};

static const char *reason_of(const struct session *session, const struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return "ConnectionLost";
    }
    if (connection->close_reason == REASON_SUCCESS) {
        return "ClientInitiatedDisconnect";
    }
    if (session->overflowed) {
        return "SessionOverflow";
    }
    for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++) {
        if (closings[i].reason == connection->close_reason) {
            return closings[i].name;
        }
    }
    return "ClientError"; /* the other reasons are about a packet that it has sent */
}

static bool is_told(const struct session *session)
{
    unsigned listeners =
        atomic_load_explicit(&session->shard->broker->life_cycle_listeners, memory_order_relaxed);

    return listeners > 0 && !session->identity->trusted &&
           !access_is_reserved_identifier(session_client_identifier(session));
}

static void tell(const struct session *session, const char *reason)
{
    struct shard *shard = session->shard;
    struct buffer list = {0};
    struct message *message;

    if (!session->identity->anonymous) {
        write_user_property(&list, PUBLISHER_NAME, session->identity->user_name);
    }
    write_user_property(&list, LIFE_CYCLE_SESSION, session_client_identifier(session));
    write_user_number(&list, LIFE_CYCLE_NUMBER, session->connection_number);
    write_user_number(&list, PUBLISHER_RECEIVED, (uint64_t)shard->now);
    if (reason) {
        write_user_property(&list, LIFE_CYCLE_REASON, slice_from_string(reason));
    }
    message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL(LIFE_CYCLE_TOPIC),
        .properties = buffer_slice(&list),
        .forwards_all = true,
        .expires_at = MSEC_NEVER,
        .publisher = SESSION_REF_NONE,
        .qos = QOS_1,
    });
    delayed_publish_now(shard, message);
    message_release(message);
    buffer_release(&list);
}

void life_cycle_connected(const struct session *session)
{
    if (is_told(session)) {
        tell(session, NULL);
    }
}

void life_cycle_disconnected(const struct session *session, const struct connection *connection)
{
    if (is_told(session)) {
        tell(session, reason_of(session, connection));
    }
}
