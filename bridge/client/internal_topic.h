/* Topics of the bridge's own, beside the hubs: `$wps/<hub>/<what>[/<connection id>][/<name>]`. Only
 * verified connections can use them.
 *
 *   gone   the will of each Web PubSub connection: its session has ended
 *   state  retained: the state that the connection has set for the group (group_state.c)
 *   away   retained: what the bridge knew of a reliable connection that is away (away.c)
 *   mark   a message of a connection to itself, behind what it asked for (webpubsub_pending.c)
 *   grant, deny  nobody publishes there: what the server has granted or revoked, as subscriptions
 * of the session, so that they outlive a recovery
 *   ask, answer, order, staff-up  see staff.h; the hub is empty
 *   all    messages of the server to all connections of the hub,
 *   user   to those of a user,
 *   conn   to one connection: each subscribes to the three when its session begins
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_INTERNAL_TOPIC_H
#define PUBGRID_CLIENT_INTERNAL_TOPIC_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum internal_kind {
    INTERNAL_GONE,
    INTERNAL_STATE,
    INTERNAL_AWAY,
    INTERNAL_MARK,
    INTERNAL_ALL,
    INTERNAL_USER,
    INTERNAL_CONN,
    INTERNAL_GRANT,
    INTERNAL_DENY,
    INTERNAL_ASK,
    INTERNAL_ANSWER,
    INTERNAL_STAFF_UP,
    INTERNAL_ORDER,
    INTERNAL_KINDS,
};

struct internal_topic {
    enum internal_kind kind;
    struct slice hub;
    struct slice connection_id; /* escaped, as in the topic; empty if the kind has none */
    struct slice name;          /* likewise: the group (state) or user, which may have levels */
};

/* Appends the topic. `connection_id` may be a wildcard, but for `conn`; `name` is escaped here.
 * What the kind does not have is left out. */
void internal_topic_append(struct buffer *out, enum internal_kind kind, struct slice hub,
                           struct slice connection_id, struct slice name);
bool internal_topic_parse(struct slice topic, struct internal_topic *out);
/* Is it one that the server's messages come on? */
bool internal_topic_is_from_server(enum internal_kind kind);
static inline bool topic_is_internal(struct slice topic)
{
    return slice_starts_with(topic, SLICE_LITERAL("$wps/"));
}

#endif
