/* The way to the broker as a client sees it: an MQTT connection of its own, whoever carries it.
 * Behind it is the trunk (bridge/net/link_trunk.c); tests have their own link_ops.
 *
 * A channel is embedded in its client. Everything runs on the bridge's one thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_LINK_H
#define PUBGRID_CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

struct channel;
struct fanout;
struct link;
struct trunk_retained;

struct link_open {
    struct slice placement; /* client identifier that decides on the worker; empty: any */
    uint32_t flags;         /* enum trunk_open_flags */
    struct slice peer, user;
    uint32_t queue_messages;
    uint64_t queue_bytes;
};

/* Which retained messages are to be read (common/trunk/trunk.h, Reading). Borrowed. */
struct link_read {
    struct slice filter;
    struct slice behind; /* this topic; empty: from the beginning */
    uint32_t most;
    bool with_content; /* then one */
};

/* --- implemented by the link --- */
struct link_ops {
    /* Opens a virtual network connection; CONNECT goes first. */
    void (*open)(struct link *link, struct channel *channel, const struct link_open *open);
    /* Whole MQTT packets. */
    void (*send)(struct link *link, struct channel *channel, struct slice packets);
    /* So many bytes of packets from the broker were disposed of. */
    void (*credit)(struct link *link, struct channel *channel, uint32_t bytes);
    /* The connection is gone; no event comes for it any more. Harmless if it is not open. */
    void (*close)(struct link *link, struct channel *channel);
    /* Is it worth sending more now, or has the broker not used what it has? channel_events.writable
     * says when it is again. */
    bool (*may_send)(const struct link *link, const struct channel *channel);
    /* All trunks are up. */
    bool (*is_ready)(const struct link *link);
    /* Reads retained messages, as the session of the channel may: channel_events.retained. */
    void (*read)(struct link *link, struct channel *channel, const struct link_read *read);
};

/* --- implemented by the client --- */
struct channel_events {
    /* One whole control packet, but for a PUBLISH. The link gives its credit back itself. */
    void (*packet)(struct channel *channel, struct slice packet);
    /* A PUBLISH, shared with other channels; `sequence` 0 at QoS 0. link->credit(fanout's packet
     * length) is due once it was written or dropped. */
    void (*publish)(struct channel *channel, struct fanout *fanout, uint32_t sequence);
    /* What the session is subscribed to that CONNECT has resumed, if the channel was opened with
     * TRUNK_TELLS_SUBSCRIPTIONS; before all deliveries. Walk with trunk_next_filter(). NULL: not
     * wanted. */
    void (*subscriptions)(struct channel *channel, struct slice filters);
    /* The answer to a read(), in turn. NULL: never asked for. */
    void (*retained)(struct channel *channel, const struct trunk_retained *retained);
    /* may_send() is true again. */
    void (*writable)(struct channel *channel);
    /* The broker ended the connection (MQTT reason); the channel is closed. */
    void (*closed)(struct channel *channel, uint8_t reason);
    /* The broker is gone; the channel is closed. link_listener.ready says when it is back. */
    void (*lost)(struct channel *channel);
};

struct channel {
    const struct channel_events *events; /* set before open */
    /* The link's, zero before. */
    uint32_t number;
    uint16_t trunk; /* which worker */
    bool is_open;
    uint32_t credit_most;  /* bytes that may be on their way, in both directions */
    uint32_t credit_due;   /* bytes disposed of and not yet told */
    uint32_t on_the_way;   /* bytes sent and not yet used */
    struct buffer backlog; /* packets that wait for credit; released when the channel closes, */
    size_t backlog_sent;   /* bytes at its front that do not wait any more */
};

/* Bytes that wait for credit. */
static inline size_t channel_backlog(const struct channel *channel)
{
    return channel->backlog.length - channel->backlog_sent;
}

struct link {
    const struct link_ops *ops;
    void *context;                 /* of the ops */
    void (*ready)(void *listener); /* the broker is (again) there */
    void *listener;
};

#endif
