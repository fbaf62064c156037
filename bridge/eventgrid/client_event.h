/* What happens to MQTT clients, as events of their namespace (spec/eventgrid.md 2.3):
 * Microsoft.EventGrid.MQTTClientSessionConnected, ...Disconnected, MQTTClientCreatedOrUpdated,
 * MQTTClientDeleted, in the EventGrid schema. Pure.
 *
 * An event's id is made of what it tells, so that one which is told again has the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_CLIENT_EVENT_H
#define PUBGRID_EVENTGRID_CLIENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "mqtt/packet.h"

/* A session that was connected or disconnected. Borrowed. */
struct client_session_change {
    struct slice authentication_name, session;
    uint64_t number;     /* of the connection */
    struct slice reason; /* disconnectionReason; empty: it was connected */
    int64_t time_ms;
};

/* From what the broker tells (mqtt/life_cycle.h). False: it is something else. */
bool client_session_change_read(struct client_session_change *change, const struct packet *publish);
/* Append a JSON object. */
void client_session_event_append(struct buffer *out, struct slice namespace_name,
                                 const struct client_session_change *change);

/* A client resource that was made, changed, or deleted. */
struct client_change {
    struct slice name, authentication_name;
    bool is_deleted;
    int64_t created_ms;      /* 0: now, since nobody has kept it */
    bool is_enabled;         /* of one that is there */
    struct slice attributes; /* likewise; JSON object */
};

void client_event_append(struct buffer *out, struct slice namespace_name,
                         const struct client_change *change, int64_t now_ms);

#endif
