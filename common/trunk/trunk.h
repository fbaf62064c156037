/* The trunk: what a bridge process and one worker of the broker say to each other over a Unix
 * socket.
 *
 * Many virtual MQTT connections, called channels, share it. A frame is a length (4 bytes, big
 * endian, of what follows) and a msgpack array [kind, ...]. What an MQTT connection would carry
 * goes in BYTES, as whole control packets of one channel. Only a PUBLISH to clients is different:
 * it crosses once for all the channels that get it at the same QoS and version, with a list of
 * them; and those that go to the same list, one behind the other, cross in one frame.
 *
 *   bridge                          broker
 *   HELLO version, worker    ->
 *                            <-     HELLO version, worker, number of workers
 *   OPEN channel ...         ->
 *   BYTES channel, packets   <->    BYTES channel, packets
 *                            <-     PUBLISH [channel (, sequence)] ..., packets
 *                            <-     SUBSCRIPTIONS channel, filters
 *   READ channel, filter ... ->
 *                            <-     RETAINED channel, reason, messages ...
 *   CREDIT [channel, bytes]  <->    CREDIT [channel, bytes]
 *   CLOSE channel            <->    CLOSE channel, reason
 *
 * Channels: the bridge chooses the number, below TRUNK_CHANNELS_MAX, and may use it again once it
 * has both sent and received CLOSE for it. Either side may close first; the other answers with
 * CLOSE. A connection that ended in order says so with a DISCONNECT in BYTES before it.
 *
 * Credit: each side may have TRUNK_CREDIT bytes of packets (TRUNK_CREDIT_WIDE in a channel that was
 * opened with TRUNK_WIDE; BYTES, and the packets of a PUBLISH
 * once for each of its channels) on their way in a channel; what the other has disposed of (the
 * broker: used; the bridge: written to the browser) comes back as CREDIT. Whoever has credit left
 * may send one packet that is longer than what is left. So a browser that does not read holds back
 * its own session and nothing else (design.md section 6, invariant 10). CREDIT may come late: it is
 * ignored for a channel that is no more, and beyond what a side may have.
 *
 * Sequences: a PUBLISH at QoS > 0 has in place of the packet identifier the number of the delivery
 * among those of its session; the packet identifier is its low half (core/delivery.h). The packet
 * identifier inside `packets`, which then has one, is 0: the bridge puts it in. Further packets of
 * the frame have the numbers that follow: what waited in a session, or comes to it alone.
 *
 * Subscriptions: whoever opens a channel with TRUNK_TELLS_SUBSCRIPTIONS is told, behind CONNACK and
 * before all deliveries, what the session is subscribed to that CONNECT has resumed. So a bridge
 * that has never seen a connection knows its groups.
 *
 * Reading: the retained messages of a filter, those that the channel's session may read, without
 * subscribing to it: in an order, a part at a time, so that any number of them can be walked. Each
 * READ gets one RETAINED, in turn. Those need no credit: a bridge that wants to hold back what
 * comes does not READ on.
 *
 * Decoding is pure, allocates nothing that it keeps, and trusts nobody: what it hands out lies
 * inside its input. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TRUNK_TRUNK_H
#define PUBGRID_TRUNK_TRUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/slice.h"

enum {
    TRUNK_VERSION = 5,
    TRUNK_CHANNELS_MAX = 1 << 20,
    TRUNK_CREDIT = 64 * 1024,            /* bytes a channel and direction */
    TRUNK_CREDIT_WIDE = 1024 * 1024,     /* where one channel has what a thousand devices send */
    TRUNK_PEER_MAX = 255,                /* bytes */
    TRUNK_USER_MAX = 65535,              /* bytes */
    TRUNK_TOPIC_MAX = 65535,             /* bytes */
    TRUNK_READ_MAX = 100,                /* messages of a RETAINED */
    TRUNK_FRAME_MAX = 272 * 1024 * 1024, /* bytes, enough for the longest packet and all channels;
                                            a longer one is an error as soon as it begins */
    TRUNK_ANY_WORKER = 0xffff, /* HELLO of a bridge that does not know how many there are */
};

enum trunk_kind {
    TRUNK_HELLO = 0,
    TRUNK_OPEN = 1,
    TRUNK_BYTES = 2,
    TRUNK_PUBLISH = 3,
    TRUNK_CREDIT_BACK = 4,
    TRUNK_CLOSE = 5,
    TRUNK_SUBSCRIPTIONS = 6,
    TRUNK_READ = 7,
    TRUNK_RETAINED = 8,
};

struct trunk_hello {
    uint32_t version;
    uint32_t worker;       /* that the bridge wants to talk to; TRUNK_ANY_WORKER */
    uint32_t worker_count; /* from the broker; 0 from a bridge */
};

enum trunk_open_flags {
    TRUNK_VERIFIED = 1 << 0,    /* the bridge knows who it is: `user`; no authentication, no access
                                   rules, reserved topics and client identifiers open */
    TRUNK_IS_LOOPBACK = 1 << 1, /* the browser is on this machine: auth.allow_anonymous auto */
    TRUNK_BOUNDED = 1 << 2,     /* a session that passes the bounds below ends, and its connection
                                   with it (reason 0x97), instead of losing messages */
    TRUNK_TELLS_SUBSCRIPTIONS = 1 << 3,
    TRUNK_HOLDS_CREDIT = 1 << 4, /* the bridge keeps messages, and bounds them by credit that it
                                    holds back: other packets do not wait for any */
    TRUNK_NAMED = 1 << 5, /* the bridge knows who it is, `user`, and no more than that: access rules
                             count, but reserved client identifiers are open */
    TRUNK_WIDE = 1 << 6,  /* credit in both directions is TRUNK_CREDIT_WIDE */
};

static inline uint32_t trunk_credit_most(uint32_t open_flags)
{
    return open_flags & TRUNK_WIDE ? TRUNK_CREDIT_WIDE : TRUNK_CREDIT;
}

struct trunk_open {
    uint32_t channel;
    uint32_t flags;          /* enum trunk_open_flags */
    struct slice peer;       /* "127.0.0.1:1234", for logs */
    struct slice user;       /* empty: anonymous */
    uint32_t queue_messages; /* TRUNK_BOUNDED: the most that may wait in the session, */
    uint64_t queue_bytes;    /* and unacknowledged */
};

struct trunk_bytes {
    uint32_t channel;
    struct slice packets; /* whole MQTT control packets */
};

struct trunk_publish {
    uint8_t version;      /* enum protocol_version in which `packets` are written */
    bool has_sequences;   /* QoS > 0 */
    struct slice targets; /* walk with trunk_next_target() */
    struct slice packets; /* PUBLISHes, whole ones; with sequences their packet identifiers are 0 */
};

struct trunk_target {
    uint32_t channel;
    uint32_t sequence; /* of the first packet; 0 without sequences */
};

/* The number behind this one: the low half is never 0. */
static inline uint32_t trunk_next_sequence(uint32_t sequence)
{
    return (sequence + 1) & 0xffff ? sequence + 1 : sequence + 2;
}

/* The number so many packets behind this one; 0 stays 0. */
static inline uint32_t trunk_sequence_behind(uint32_t sequence, size_t packets)
{
    enum { LOW = 0xffff }; /* values of a low half */
    uint64_t place = (uint64_t)(sequence >> 16) * LOW + (sequence & LOW) - 1 + packets;

    return sequence == 0 || packets == 0 ? sequence
                                         : (uint32_t)(place / LOW << 16 | (place % LOW + 1));
}

struct trunk_credit {
    struct slice items; /* walk with trunk_next_credit() */
};

struct trunk_credit_item {
    uint32_t channel;
    uint32_t bytes;
};

struct trunk_close {
    uint32_t channel;
    uint32_t reason; /* MQTT 5 reason code: why; 0 from a bridge: the browser is gone */
};

struct trunk_subscriptions {
    uint32_t channel;
    struct slice filters; /* walk with trunk_next_filter() */
};

struct trunk_read {
    uint32_t channel;
    bool with_content;   /* payload and properties of one message, or what is told of several */
    uint32_t most;       /* messages, from 1 to TRUNK_READ_MAX; 1 with content */
    struct slice filter; /* no $share */
    struct slice behind; /* this topic the answer begins; empty: at the beginning */
};

struct trunk_retained {
    uint32_t channel;
    uint32_t reason;   /* MQTT 5 reason code: why there is nothing; 0: there is no such reason */
    struct slice next; /* where the next READ begins; empty: there is no more */
    struct slice messages; /* walk with trunk_next_message() */
};

struct trunk_message {
    uint64_t modified_at; /* ms since 1970; 0: not known */
    uint64_t expires_at;  /* likewise; 0: it does not */
    uint32_t size;        /* bytes of topic, properties and payload, even if those are left out */
    struct slice packet;  /* PUBLISH of MQTT 5, as it was published; its packet identifier is 1 */
};

struct trunk_frame {
    enum trunk_kind kind;
    union {
        struct trunk_hello hello;
        struct trunk_open open;
        struct trunk_bytes bytes;
        struct trunk_publish publish;
        struct trunk_credit credit;
        struct trunk_close close;
        struct trunk_subscriptions subscriptions;
        struct trunk_read read;
        struct trunk_retained retained;
    };
};

/* > 0: bytes used, *out is filled (its slices borrow `in`); 0: more bytes are needed; -1:
 * malformed. Everything that can be told from the frame alone is checked: kinds, types, numbers,
 * and that `targets`, `items`, `filters` and `messages` are made of whole entries with channels
 * below TRUNK_CHANNELS_MAX.
 */
ssize_t trunk_decode(struct trunk_frame *out, struct slice in);
/* Size of the frame that starts at `in`, its length included: > 0; 0: not yet known; -1: too long.
 */
ssize_t trunk_frame_size(struct slice in);

bool trunk_next_target(const struct trunk_publish *publish, struct slice *rest,
                       struct trunk_target *target);
bool trunk_next_filter(struct slice *rest, struct slice *filter);
bool trunk_next_credit(struct slice *rest, struct trunk_credit_item *item);
bool trunk_next_message(struct slice *rest, struct trunk_message *message);

/* The frame that a buffer ends with, if there is room for more packets in it. Zeroed: none. Set it
 * to zero when the front of the buffer is taken away. */
struct trunk_tail {
    size_t frame; /* where it starts, */
    size_t run;   /* where the run of its packets starts, */
    size_t end;   /* and where it ends: the length of the buffer as long as nothing is behind it */
    uint32_t receiver; /* stands for how it begins, if it goes to one channel; 0: to several */
    uint32_t next;     /* sequence of a packet that may be put behind; 0: one without */
};

/* Each appends one frame. Those with a tail put the packets into the last frame if it is for the
 * same receivers. */
void trunk_put_hello(struct buffer *out, const struct trunk_hello *hello);
void trunk_put_open(struct buffer *out, const struct trunk_open *open);
void trunk_put_bytes(struct buffer *out, struct trunk_tail *tail, uint32_t channel,
                     struct slice packets);
void trunk_put_close(struct buffer *out, uint32_t channel, uint32_t reason);
void trunk_put_credit(struct buffer *out, const struct trunk_credit_item *items, size_t count);
/* `filters`: made with trunk_append_filter(). */
void trunk_put_subscriptions(struct buffer *out, const struct trunk_subscriptions *subscriptions);
void trunk_append_filter(struct buffer *filters, struct slice filter);
void trunk_put_read(struct buffer *out, const struct trunk_read *read);
/* `messages`: made with trunk_append_message(). */
void trunk_put_retained(struct buffer *out, const struct trunk_retained *retained);
void trunk_append_message(struct buffer *messages, const struct trunk_message *message);
/* The targets are those of the array, not `publish->targets`. */
void trunk_put_publish(struct buffer *out, struct trunk_tail *tail,
                       const struct trunk_publish *publish, const struct trunk_target *targets,
                       size_t count);

#endif
