/* Bounds and owners of sessions, at CONNECT. See admission.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/admission.h"

#include "core/access.h"

uint32_t admission_wanted_expiry(const struct packet *connect)
{
    if (connect->connect.version != MQTT_5) {
        return connect->connect.clean_start ? 0 : SESSION_NEVER_EXPIRES;
    }
    return properties_have(&connect->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)
               ? connect->properties.session_expiry_interval
               : 0;
}

bool admission_same_user(const struct session *session, const struct connection *connection)
{
    return session->identity->trusted == connection->identity->trusted &&
           slice_equal(session->identity->user_name, connection->identity->user_name);
}

static const struct refusal no_refusal = {REASON_SUCCESS, NULL};

/* A new session that the store cannot keep would be a promise that is not kept, and so would the
 * end of one that the store cannot forget. (Full, it can: the reserve is for that.) */
static struct refusal refusal_of_store(const struct connection *connection,
                                       const struct packet *packet, const struct session *session,
                                       bool resumed)
{
    const struct shard *shard = connection->shard;
    bool is_bridge = access_is_bridge_identifier(connection_client_identifier(connection));
    int state = atomic_load_explicit(shard->broker->store_state, memory_order_relaxed);
    bool wants_stored =
        admission_wanted_expiry(packet) > 0 && session_expiry_bound(shard, is_bridge) > 0;
    bool ends_stored = session && session_is_durable(session) && (!resumed || !wants_stored);
    if (wants_stored && !resumed && shard_store_refusal(shard) != REASON_SUCCESS) {
        return (struct refusal){REASON_SERVER_UNAVAILABLE, "the store can take no new session now"};
    }
    if (ends_stored && state != STORE_OK && state != STORE_FULL) {
        return (struct refusal){REASON_SERVER_UNAVAILABLE,
                                "the store cannot forget the session of before now"};
    }
    return no_refusal;
}

/* NULL: it is nobody's, or refused. */
static struct session_count *count(const struct connection *connection, uint32_t most,
                                   bool *is_refused)
{
    *is_refused = false;
    return access_is_reserved_identifier(connection_client_identifier(connection))
               ? NULL /* the bridge's, for this user */
               : sessions_count_user(connection->shard, connection->identity, most, is_refused);
}

struct session_count *admission_count(const struct connection *connection)
{
    bool is_refused;
    return count(connection, UINT32_MAX, &is_refused);
}

/* A new session counts for its user (*counted) before the one that it replaces counts no more. */
static struct refusal refusal_of_count(const struct connection *connection,
                                       const struct session *session,
                                       struct session_count **counted)
{
    uint32_t most = connection->shard->settings->options.user_sessions_maximum;
    bool replaces_own = session && admission_same_user(session, connection);
    bool is_refused;
    *counted = count(connection, most == 0 ? UINT32_MAX : most + replaces_own, &is_refused);
    return is_refused ? (struct refusal){REASON_QUOTA_EXCEEDED,
                                         "this user has as many sessions as one may have"}
                      : no_refusal;
}

struct refusal admission_check(const struct connection *connection, const struct packet *connect,
                               const struct session *session, bool resumed,
                               struct session_count **counted)
{
    const struct shard *shard = connection->shard;
    /* By the rules of the shard that checks its sessions when they change: on its way here from
     * another one the client is in nobody's list. */
    if (!access_may_connect(shard->settings->access, connection->identity)) {
        return (struct refusal){REASON_NOT_AUTHORIZED, "this client is disabled"};
    }
    if (!connection_is_still_good(connection)) {
        return (struct refusal){REASON_NOT_AUTHORIZED,
                                "what this client has signed in with is no good any more"};
    }
    if (session && shard->settings->options.identifiers_are_owned &&
        !connection->identity->trusted && !admission_same_user(session, connection)) {
        return (struct refusal){REASON_NOT_AUTHORIZED,
                                "a session with this client identifier is another user's"};
    }
    struct refusal refusal = refusal_of_store(connection, connect, session, resumed);
    if (refusal.reason == REASON_SUCCESS && !resumed) {
        refusal = refusal_of_count(connection, session, counted);
    }
    return refusal;
}
