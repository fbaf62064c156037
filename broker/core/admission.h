/* May the client of a CONNECT have its session? It is known who it is; what is left are the bounds
 * and whose the client identifier is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ADMISSION_H
#define PUBGRID_CORE_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/connection.h"
#include "core/session.h"
#include "core/session_counts.h"
#include "mqtt/packet.h"

/* The Session Expiry Interval that CONNECT asks for; 3.1.1 knows only now and never. */
uint32_t admission_wanted_expiry(const struct packet *connect);
/* Is it the same user's connection as that of before? */
bool admission_same_user(const struct session *session, const struct connection *connection);

/* Why a client is not let in. */
struct refusal {
    enum reason_code reason; /* REASON_SUCCESS: it is */
    const char *text;
};

/* `session` has the client identifier now (NULL: there is none), and goes on if `resumed`, else it
 * gives way to a new one. That is counted for its user then: *counted is the caller's (NULL: it is
 * nobody's). */
struct refusal admission_check(const struct connection *connection, const struct packet *connect,
                               const struct session *session, bool resumed,
                               struct session_count **counted);
/* Counts a session that takes the place of one which was to be resumed, whatever the bound. NULL:
 * it is nobody's. */
struct session_count *admission_count(const struct connection *connection);

#endif
