/* A PUBLISH that goes to many clients is encoded once per (protocol version, QoS, RETAIN): the
 * first receiver's bytes, still in its output, are what the others get; only the packet identifier
 * differs.
 *
 * Valid while one message is delivered on one shard, in which time no output is written or
 * dropped; the router opens and closes that time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ENCODING_H
#define PUBGRID_CORE_ENCODING_H

#include <stddef.h>
#include <stdint.h>

struct message;

/* One encoding, complete and contiguous. */
struct encoding {
    const uint8_t *bytes;
    uint16_t length;
    uint16_t packet_id_at; /* offset; 0 at QoS 0 */
};

/* Deliveries of one message at one time in one form (protocol version, QoS, RETAIN) are the same
 * bytes but for the packet identifier. */
enum { PUBLISH_FORMS = 2 * 3 * 2 };

struct encodings {
    const struct message *message; /* NULL: none is being delivered to many */
    uint32_t known;                /* bit i: items[i] is valid */
    struct encoding items[PUBLISH_FORMS];
};

static inline void encodings_open(struct encodings *encodings, const struct message *message)
{
    encodings->message = message;
    encodings->known = 0;
}

static inline void encodings_close(struct encodings *encodings)
{
    encodings->message = NULL;
}

#endif
