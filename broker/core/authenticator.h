/* How core asks who a client is. Core knows no passwords: broker/net/auth.c implements this table,
 * and tests bring their own.
 *
 * Called on the shard that read the CONNECT, which may not be the one that will own the session.
 * The functions must not block: what is slow (password hashes) answers AUTH_PENDING and later, on
 * the shard's thread, connection_authenticated().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_AUTHENTICATOR_H
#define PUBGRID_CORE_AUTHENTICATOR_H

#include "base/buffer.h"
#include "base/clock.h"
#include "core/identity.h"
#include "mqtt/packet.h"

struct connection;

enum auth_verdict {
    AUTH_ACCEPTED, /* answer->identity is set (one count, core's from then on) */
    AUTH_REFUSED,  /* answer->reason says why (REASON_NOT_AUTHORIZED,
                      REASON_BAD_USER_NAME_OR_PASSWORD, REASON_BAD_AUTHENTICATION_METHOD, ...) */
    AUTH_CONTINUE, /* enhanced authentication: send AUTH 0x18 with answer->data */
    AUTH_PENDING,  /* connection_authenticated() will tell */
};

struct auth_answer {
    enum reason_code reason;
    struct identity *identity;
    msec_t expires_at; /* what the client has shown is good until then, by the shards' clock; 0: for
                          as long as it stays connected */
    struct buffer data; /* Authentication Data for AUTH or CONNACK; core releases it */
};

struct authenticator {
    void *context;
    /* A CONNECT that passed all protocol checks. `packet` borrows connection-owned bytes that stay
     * valid while the answer is pending. If the client asked for enhanced authentication, state may
     * be kept in connection->enhanced. NULL: everybody is let in, under the user name that CONNECT
     * says. */
    enum auth_verdict (*connect)(void *context, struct connection *connection,
                                 const struct packet *packet, struct auth_answer *answer);
    /* An AUTH packet (0x18 or 0x19) of an ongoing exchange or of a re-authentication. Its method
     * is the one of CONNECT (core checked, MQTT-4.12.0-5, MQTT-4.12.1-1). A re-authentication that
     * makes somebody else of the client is refused by core. */
    enum auth_verdict (*exchange)(void *context, struct connection *connection,
                                  const struct packet *packet, struct auth_answer *answer);
    /* The connection ends: free connection->enhanced->state. Not called while an answer is pending.
     */
    void (*forget)(void *context, struct connection *connection);
    /* Is what the client has shown still worth something? Asked when the settings have changed, and
     * when it begins. NULL: always. */
    bool (*still_good)(void *context, const struct identity *identity);
};

#endif
