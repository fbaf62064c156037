/* A channel: one of the many network connections of core that share a trunk. What an idle one costs
 * is this struct; what the peer's credit does not let out waits in its session.
 *
 *   OPEN --> open --CLOSE from either side--> the other side's CLOSE is awaited --> gone
 *
 * Its number is taken until both sides have said CLOSE. Output goes behind each other in the order
 * in which core makes it: control packets by way of `connection.output`, PUBLISHes straight into
 * what the trunk sends (trunk_output.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_CHANNEL_H
#define PUBGRID_NET_CHANNEL_H

#include "base/buffer.h"
#include "base/list.h"
#include "core/connection.h"
#include "trunk/trunk.h"

struct trunk;
struct worker;

struct channel {
    struct connection connection;
    struct identity *verified;    /* who it is, if the bridge knows; one count. If `is_named` it is
                                     not trusted, and only the name counts */
    struct session_bounds bounds; /* of its session */
    struct trunk *trunk;   /* NULL: it has died or both sides have closed, but core waits for an
                              answer */
    struct list waiting;   /* in trunk->waiting: to go on when the trunk has room; in
                              worker->channels_gone when it has none any more */
    struct list crediting; /* in trunk->crediting: credit is due to the bridge */
    struct buffer held;    /* input that waits while core takes none */
    uint64_t shared_in;    /* round of the trunk's output in which it is a target, plus one */
    uint32_t credit_most;  /* of both, at first */
    int32_t credit;        /* bytes that the bridge takes */
    int32_t input_credit;  /* bytes that the bridge may send */
    uint32_t input_used;   /* of those that came, not yet given back */
    uint32_t number;
    bool is_named;
    bool anonymous_allowed;
    bool paused;              /* while core takes no input: it waits in `held` */
    bool tells_subscriptions; /* of the session that it resumes; once */
    bool holds_credit;        /* for messages alone */
    bool close_sent, close_received;
    bool released;       /* core holds nothing of it any more */
    char peer_address[]; /* NUL-terminated */
};

/* A new connection of core; `open` is what the bridge says about it. */
struct channel *channel_open(struct trunk *trunk, const struct trunk_open *open);
/* Packets from the bridge. */
void channel_receive(struct channel *channel, struct slice packets);
/* The bridge has disposed of so many bytes. */
void channel_credit(struct channel *channel, uint32_t bytes);
/* It asks for retained messages. False: not in this way. */
bool channel_read_retained(struct channel *channel, const struct trunk_read *read);
/* The bridge's CLOSE: its browser is gone, or it answers ours. */
void channel_closed(struct channel *channel);
/* The trunk has room again. */
void channel_resume(struct channel *channel);
/* Credit for what was used, once half of all is due; 0: nothing yet. */
uint32_t channel_take_due(struct channel *channel);
/* The trunk is dead, or the worker ends: the connection is lost. Frees it, or leaves it to core. */
void channel_abort(struct channel *channel);
/* Ends a channel in worker->channels_gone: the answer that it waits for will not come. */
void channel_abandon(struct channel *channel);

#endif
