/* Connections of clients as messages to the bridge (mqtt/life_cycle.h), which makes events of them.
 * Not of the bridge's own sessions and browsers. While nobody listens, a connection costs a look at
 * one number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_LIFE_CYCLE_H
#define PUBGRID_CORE_LIFE_CYCLE_H

#include "core/session.h"

/* The session has a network connection now. */
void life_cycle_connected(const struct session *session);
/* It is about to lose it; `connection` is over. */
void life_cycle_disconnected(const struct session *session, const struct connection *connection);

#endif
