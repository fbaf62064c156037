/* From CONNECT to a session: protocol checks, authentication (also enhanced: AUTH), and the move
 * to the shard that owns the session. Internal to core's connection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_CONNECT_H
#define PUBGRID_CORE_CONNECT_H

#include "core/connection.h"
#include "core/session.h"

/* A packet before the connection is attached: CONNECT first, then only AUTH or DISCONNECT. `bytes`
 * is the packet as it came. */
void connect_receive(struct connection *connection, const struct packet *packet,
                     struct slice bytes);
/* The first packet could not be decoded: answers CONNACK if it is a CONNECT of some version. */
void connect_refuse_malformed(struct connection *connection, struct slice in,
                              enum reason_code reason);
/* AUTH of an attached client. */
enum reason_code connect_reauthenticate(struct session *session, const struct packet *packet);

/* connection.c */
void connection_set_state(struct connection *connection, enum connection_state state);
/* Of an attached connection: keep alive, and the end of what the client has shown. */
void connection_start_timer(struct connection *connection);

/* Frees connection->greeting, if there is one; and connection->enhanced. */
void connect_forget_greeting(struct connection *connection);
void connect_forget_enhanced(struct connection *connection);

#endif
