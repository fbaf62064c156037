/* Topics of the bridge's own, beside the hubs: `$wps/<hub>/<what>/<connection id>[/<group>]`. Only
 * verified connections can use them.
 *
 *   gone   the will of each Web PubSub connection: its session has ended
 *   state  retained: the state that the connection has set for the group (group_state.c)
 *   away   retained: what the bridge knew of a reliable connection that is away (away.c)
 *   mark   a message of a connection to itself, behind what it asked for (webpubsub_pending.c)
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
    INTERNAL_KINDS,
};

struct internal_topic {
    enum internal_kind kind;
    struct slice hub, connection_id;
    struct slice group; /* escaped, as in the topic; empty unless INTERNAL_STATE */
};

/* Appends the topic. `connection_id` may be a wildcard; `group` is escaped here. */
void internal_topic_append(struct buffer *out, enum internal_kind kind, struct slice hub,
                           struct slice connection_id, struct slice group);
bool internal_topic_parse(struct slice topic, struct internal_topic *out);
static inline bool topic_is_internal(struct slice topic)
{
    return slice_starts_with(topic, SLICE_LITERAL("$wps/"));
}

#endif
