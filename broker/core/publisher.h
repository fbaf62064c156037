/* What the sessions of routes are told of who publishes (mqtt/publisher.h): a list of user
 * properties that a message carries behind its payload, in memory and in the store, and that only
 * these sessions get. While there is no such session no message has any, and it costs a look at one
 * number; nor have messages of the bridge's own sessions, which routes never hear (No Local).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_PUBLISHER_H
#define PUBGRID_CORE_PUBLISHER_H

#include "core/session.h"

/* What is said of a message that comes now; see publisher_told(). */
struct slice publisher_describe(struct session *session);
/* What has been described is not true any more. */
void publisher_forget(struct shard *shard);

/* The list, valid until the next one is made. */
static inline struct slice publisher_told(struct session *session)
{
    unsigned listeners =
        atomic_load_explicit(&session->shard->broker->publisher_listeners, memory_order_relaxed);

    return __builtin_expect(listeners > 0, 0) && !session->is_bridge ? publisher_describe(session)
                                                                     : SLICE_EMPTY;
}

#endif
