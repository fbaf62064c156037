/* Overlapping subscriptions: see overlap.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/overlap.h"

#include <stdlib.h>

#include "base/memory.h"

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By session, then by what makes deliveries different. */
static int compare_items(const void *a, const void *b)
{
    const struct subscriber *x = a, *y = b;
    int order = compare(x->session.place, y->session.place);

    order = order ? order : compare(x->qos, y->qos);
    order = order ? order : compare(x->flags, y->flags);
    return order ? order : compare(x->identifier, y->identifier);
}

void overlap_sort(struct subscriber *items, size_t count)
{
    qsort(items, count, sizeof(*items), compare_items);
}

bool overlap_is_own(const struct subscriber *subscriber, const struct message *message)
{
    struct session_ref own =
        subscriber->flags & SUBSCRIBER_BRIDGE ? SESSION_REF_BRIDGE : subscriber->session;

    return (subscriber->flags & SUBSCRIBER_NO_LOCAL) && session_ref_equal(own, message->publisher);
}

/* Adds one more subscription of the session. */
static void merge(struct overlap *into, const struct subscriber *other, size_t most)
{
    struct subscriber *merged = &into->subscriber;

    merged->qos = other->qos > merged->qos ? other->qos : merged->qos;
    merged->flags |= other->flags & SUBSCRIBER_RETAIN_AS_PUBLISHED;
    /* One subscription with the full right to read is enough. */
    merged->flags &= (uint8_t) ~(~other->flags & SUBSCRIBER_PER_MESSAGE);
    if (other->identifier == 0) {
        return;
    }
    if (merged->identifier == 0) {
        merged->identifier = other->identifier;
        return;
    }
    struct identifiers *identifiers = into->identifiers;
    if (!identifiers) {
        identifiers = memory_allocate(sizeof(*identifiers) + most * sizeof(identifiers->values[0]));
        identifiers->count = 1;
        identifiers->values[0] = merged->identifier;
        into->identifiers = identifiers;
    }
    identifiers->values[identifiers->count++] = other->identifier;
}

/* Where the run of one session's subscriptions ends; a share group's choice is a delivery of its
 * own. */
static size_t run_end(const struct overlap_walk *walk)
{
    const struct subscriber *items = walk->items;
    size_t end = walk->at + 1;

    if (!walk->merges || items[walk->at].flags & SUBSCRIBER_SHARED) {
        return end;
    }
    while (end < walk->count && !(items[end].flags & SUBSCRIBER_SHARED) &&
           session_ref_equal(items[end].session, items[walk->at].session)) {
        end++;
    }
    return end;
}

bool overlap_next(struct overlap_walk *walk, struct overlap *next)
{
    while (walk->at < walk->count) {
        size_t end = run_end(walk);
        bool any = false;
        next->identifiers = NULL;
        for (size_t i = walk->at; i < end; i++) {
            const struct subscriber *item = &walk->items[i];
            if (overlap_is_own(item, walk->message)) {
                continue;
            }
            if (any) {
                merge(next, item, end - walk->at);
            } else {
                next->subscriber = *item;
                any = true;
            }
        }
        walk->at = end;
        if (any) {
            return true;
        }
    }
    return false;
}
