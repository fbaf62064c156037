/* Retained messages, shared by all shards: topic name -> the last message with RETAIN.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_RETAINED_H
#define PUBGRID_CORE_RETAINED_H

#include <stddef.h>

#include "base/clock.h"
#include "core/message.h"

struct retained;

struct retained *retained_new(void);
void retained_free(struct retained *retained);

/* Holds the message with a count of its own. An empty payload removes what was there
 * (MQTT-3.3.1-6). Returns the version of this change: a later one has a greater one, so that the
 * store, which may hear of two in the other order, keeps the same. Any thread. */
uint64_t retained_set(struct retained *retained, struct message *message);
/* The same for a message that was stored with this version; NULL: its removal was. */
void retained_restore(struct retained *retained, struct message *message, uint64_t version);

/* Messages that match `filter` and are not expired, one count each for the caller. Any thread. */
struct retained_matches {
    struct message **items; /* owned: retained_matches_release */
    size_t count, capacity;
};
void retained_match(struct retained *retained, struct slice filter, msec_t now,
                    struct retained_matches *out);
void retained_matches_release(struct retained_matches *matches);

/* Drops expired messages, at most `most` topics looked at per call (a slice of work); continues
 * where the last call stopped. What was dropped is in `dropped`, to be released by the caller; the
 * returned version is that of the first, the others follow. */
uint64_t retained_expire(struct retained *retained, msec_t now, size_t most,
                         struct retained_matches *dropped);
size_t retained_count(struct retained *retained);

#endif
