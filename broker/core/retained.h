/* Retained messages, shared by all shards: topic name -> the last message with RETAIN.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_RETAINED_H
#define PUBGRID_CORE_RETAINED_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "core/message.h"

struct retained;

struct retained *retained_new(void);
void retained_free(struct retained *retained);

/* Holds the message with a count of its own. An empty payload removes what was there
 * (MQTT-3.3.1-6). Returns the version of this change: a later one has a greater one, so that the
 * store, which may hear of two in the other order, keeps the same, and tells the time of it. Any
 * thread. */
uint64_t retained_set(struct retained *retained, struct message *message, msec_t now);
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

/* A part of what matches a filter, in the order of its topics' levels. */
enum { RETAINED_PAGE_MAX = 100 };
struct retained_question {
    struct slice filter;
    struct slice behind; /* this topic; empty: from the beginning */
    msec_t now;
    size_t most;  /* messages, at most RETAINED_PAGE_MAX, */
    size_t looks; /* and nodes of the tree, with a message or without */
};
struct retained_item {
    struct message *message; /* one count */
    msec_t modified_at;      /* when it was set; 0: that is not known */
};
struct retained_page {
    struct retained_item items[RETAINED_PAGE_MAX];
    size_t count;
    struct buffer next; /* the topic behind which the next part begins; empty: there is none */
};
/* The page is to be released. Any thread. */
void retained_read(struct retained *retained, const struct retained_question *question,
                   struct retained_page *page);
void retained_page_release(struct retained_page *page);

/* Drops expired messages, at most `most` topics looked at per call (a slice of work); continues
 * where the last call stopped. What was dropped is in `dropped`, to be released by the caller; the
 * returned version is that of the first, the others follow. */
uint64_t retained_expire(struct retained *retained, msec_t now, size_t most,
                         struct retained_matches *dropped);
size_t retained_count(struct retained *retained);
/* Those of them whose topics begin with $: what the server tells, not what clients do. */
size_t retained_internal_count(struct retained *retained);

#endif
