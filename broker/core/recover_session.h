/* One session on its way back from the store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_RECOVER_SESSION_H
#define PUBGRID_CORE_RECOVER_SESSION_H

#include "core/recover.h"
#include "core/session.h"
#include "mqtt/reader.h"

struct recovered {
    struct map_node by_number;
    uint64_t number;
    struct session *session;
    uint64_t stamp;              /* of its progress row: facts of its own before it are in there */
    uint64_t delivered_until;    /* the same for messages to it */
    uint32_t first;              /* deliveries before it are over */
    uint32_t sent_next;          /* when its connection came or went: those before it were sent */
    struct buffer sent;          /* uint32_t: of those before sent_next, the ones that are not */
    struct delivery_place found; /* where the last delivery was found */
    struct delivery_queue newer; /* deliveries whose numbers have wrapped */
    bool was_connected;
};

/* A message as one session gets it. */
struct recovered_message {
    uint64_t position;
    uint32_t length;
    uint8_t options; /* FACT_QOS | FACT_RETAIN */
    const uint32_t *identifiers;
    size_t identifier_count;
};

/* What is in rows. False: they make no sense. */
bool recovered_read_session(struct recovered *recovered, struct broker *broker,
                            struct reader *reader);
bool recovered_read_subscription(struct recovered *recovered, uint32_t number,
                                 struct reader *reader);
bool recovered_read_progress(struct recovered *recovered, uint64_t stamp, struct reader *reader);
bool recovered_read_deliveries(struct recovered *recovered, uint32_t chunk, struct reader *reader,
                               const struct recovery_pins *pins);

/* What is in frames. */
void recovered_deliver(struct recovered *recovered, const struct recovered_message *message,
                       const struct recovery_pins *pins);
/* `released`: not over, but received (PUBREC). `sent`: it was sent before. */
void recovered_end_delivery(struct recovered *recovered, uint32_t sequence, bool sent,
                            bool released, const struct recovery_pins *pins);

/* After the last frame: the queue is as it was. */
void recovered_complete(struct recovered *recovered);
/* After all are complete and in the tree: its will and its end. */
void recovered_arm(struct recovered *recovered, msec_t alive_until);

/* A time; one that is out of all reason fails the reader, so that sums of times stay numbers. */
msec_t recovered_read_time(struct reader *reader);
/* A message in a row; NULL: it is none. */
struct message *recovered_read_message(struct reader *reader);

#endif
