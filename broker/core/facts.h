/* What core writes into the store: frames of the log and keyed rows, byte by byte. The reading side
 * is core/recover.c. docs/store-format.md explains how they work together.
 *
 * v: varint64; bytes: v length and so many bytes; u32: big endian. A session is named by its
 * durable number, which is never used twice.
 *
 * Frames:
 *   FACT_MESSAGE       v publisher (0: no durable session, or not QoS 2), v packet identifier,
 *                      v expires at (ms since 1970; 0: never), flags, v number of groups, groups,
 *                      if FACT_TOLD v bytes that are told, message (topic length, topic, property
 *                      length, properties, payload, what is told of who published)
 *                      group: options, v number of identifiers, identifiers, recipient set
 *   FACT_DONE          v session, u32 sequence, v count (at most FACT_RUN_MAX): acknowledged
 *   FACT_DROPPED       the same: never sent, and never will be
 *   FACT_RELEASED      v session, u32 sequence: PUBREC came
 *   FACT_RECEIVED_END  v session, v packet identifier: PUBREL came for a QoS 2 message
 *
 * Rows (S is 'S' and the session's number, big endian):
 *   S 'a'       session: who it is, whether it is connected, its expiry, what was sent, its will,
 *               fact_session_flags
 *   S 'f' u32   a subscription
 *   S 'p'       progress: see struct progress; its stamp says which frames it knows
 *   S 'q' u32   deliveries whose sequence number >> CHUNK_BITS is this: v count, then for each
 *               v sequence in the chunk, v position (the first; then the difference), v length,
 *               options, v number of identifiers, identifiers
 *   'R' hash    retained message (16 bytes of hash of the topic); versioned
 *   'D' u64     delayed message
 *
 * options: FACT_QOS | FACT_RETAIN; flags: also FACT_TOLD
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_FACTS_H
#define PUBGRID_CORE_FACTS_H

#include "core/delivery.h"
#include "core/session.h"
#include "mqtt/reader.h"

enum { CORE_FORMAT_VERSION = 3, CHUNK_BITS = 10, FACT_KEY_MAX = 24 };

enum fact_kind {
    FACT_MESSAGE = 1,
    FACT_DONE = 2,
    FACT_DROPPED = 3,
    FACT_RELEASED = 4,
    FACT_RECEIVED_END = 5,
};

enum { FACT_QOS = 3, FACT_RETAIN = 1 << 2, FACT_TOLD = 1 << 3 };

/* At the end of a session's row; rows of format 1 have none. */
enum fact_session_flags {
    FACT_TRUSTED = 1 << 0,    /* its client is the bridge's */
    FACT_BOUNDED = 1 << 1,    /* v messages, v bytes follow: struct session_bounds */
    FACT_OVERFLOWED = 1 << 2, /* it has come to more than that, and is about to end */
    FACT_ATTRIBUTES = 1 << 3, /* its client's, which follow: core/fact_attributes.h */
    FACT_NUMBERED = 1 << 4,   /* v number of its last network connection follows */
};

/* The most deliveries that one FACT_DONE or FACT_DROPPED is about. */
enum { FACT_RUN_MAX = 1 << 16 };

/* A key of a row. */
struct fact_key {
    uint8_t bytes[FACT_KEY_MAX];
    size_t length;
};

static inline struct slice fact_key_slice(const struct fact_key *key)
{
    return slice_make(key->bytes, key->length);
}

struct fact_key fact_session_key(uint64_t session); /* the prefix of all its rows */
struct fact_key fact_row_key(uint64_t session, char kind);
struct fact_key fact_numbered_key(uint64_t session, char kind, uint32_t number);
struct fact_key fact_delayed_key(uint64_t number);
struct fact_key fact_retained_key(struct slice topic);

/* --- frames --- */

/* Recipients of a message that get it in the same way. */
struct fact_group {
    uint8_t options;
    const uint32_t *identifiers;
    size_t identifier_count;
    const uint64_t *sessions; /* ascending */
    size_t session_count;
};

/* `groups` 0: only that the message has been received. Returns the offset of the frame. */
uint32_t fact_message(struct batch *batch, const struct message *message, uint64_t publisher,
                      uint16_t packet_id, const struct fact_group *groups, size_t group_count);
void fact_deliveries(struct batch *batch, enum fact_kind kind, uint64_t session, uint32_t sequence,
                     uint32_t count);
void fact_released(struct batch *batch, uint64_t session, uint32_t sequence);
void fact_received_end(struct batch *batch, uint64_t session, uint16_t packet_id);

/* How many bytes are told, behind the flags that say whether any are. */
uint64_t fact_take_told(struct reader *reader, uint8_t flags);

/* The message of a FACT_MESSAGE, one count; NULL: it is none. */
struct message *fact_read_message(struct slice payload);

/* --- rows --- */

void fact_put_session(struct batch *batch, const struct session *session);
void fact_put_subscription(struct batch *batch, const struct session *session,
                           const struct session_subscription *subscription);
void fact_delete_subscription(struct batch *batch, const struct session *session, uint32_t number);
void fact_put_retained(struct batch *batch, const struct message *message, uint64_t version);
void fact_delete_retained(struct batch *batch, struct slice topic, uint64_t version);
void fact_put_delayed(struct batch *batch, uint64_t number, msec_t due,
                      const struct message *message);
/* Message in a row: v expires at, flags, if FACT_TOLD v bytes that are told, bytes. */
void fact_append_message(struct buffer *out, const struct message *message);
/* Reads one, one count; NULL: it is none. */
struct message *fact_take_message(struct reader *reader);

#endif
