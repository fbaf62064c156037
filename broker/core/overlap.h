/* From what a match found to what each session gets: its own messages left out (No Local), and
 * overlapping subscriptions merged into one delivery with the highest QoS (MQTT-3.3.4-2) and all
 * identifiers (MQTT-3.3.4-4). The same walk says what is stored and what is delivered, so that both
 * agree, also on the order of several deliveries to one session.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_OVERLAP_H
#define PUBGRID_CORE_OVERLAP_H

#include "core/delivery.h"
#include "core/subscriptions.h"

struct overlap_walk {
    const struct message *message;
    const struct subscriber *items; /* sorted by overlap_sort() if sessions may come twice */
    size_t count, at;
    bool merges;
};

/* One delivery to be. */
struct overlap {
    struct subscriber subscriber;
    struct identifiers *identifiers; /* the caller's to free; NULL: subscriber.identifier */
};

/* Is it the subscriber's own message, which No Local leaves out? */
bool overlap_is_own(const struct subscriber *subscriber, const struct message *message);

void overlap_sort(struct subscriber *items, size_t count);
bool overlap_next(struct overlap_walk *walk, struct overlap *next);

/* What a subscription makes of a message's QoS. */
static inline uint8_t overlap_qos(const struct overlap *overlap, const struct message *message)
{
    return overlap->subscriber.qos < message->qos ? overlap->subscriber.qos : message->qos;
}

/* Does the store keep this delivery? */
static inline bool overlap_is_stored(const struct overlap *overlap, const struct message *message)
{
    return overlap->subscriber.durable_id != 0 && overlap_qos(overlap, message) > QOS_0;
}

#endif
