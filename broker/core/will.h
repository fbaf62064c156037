/* The Will Message (MQTT 5 section 3.1.2.5): made at CONNECT, published when the network
 * connection ends without a proper DISCONNECT, after its delay or when the session ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_WILL_H
#define PUBGRID_CORE_WILL_H

#include "core/session.h"

/* Replaces the session's will by the one in CONNECT (none, if it has none). */
void will_set(struct session *session, const struct will *will);
void will_drop(struct session *session);
/* Publishes and drops it; harmless without one. Not published: topics that the client may not
 * publish to. */
void will_publish(struct session *session);

#endif
