/* A session by value: worker, slot and generation. Refs are copied freely between threads; only
 * the worker that owns the session turns one into a pointer, and a stale one resolves to NULL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SESSION_REF_H
#define PUBGRID_CORE_SESSION_REF_H

#include <stdbool.h>
#include <stdint.h>

enum { SHARDS_MAX = 256, SESSION_SLOTS_MAX = 1 << 24 };

struct session_ref {
    uint32_t place;      /* worker << 24 | slot */
    uint32_t generation; /* 0 only in those below */
};

#define SESSION_REF_NONE ((struct session_ref){0, 0})
/* Any session of the bridge's own, as the publisher of a message. */
#define SESSION_REF_BRIDGE ((struct session_ref){1, 0})

static inline unsigned session_ref_shard(struct session_ref ref)
{
    return ref.place >> 24;
}

static inline uint32_t session_ref_slot(struct session_ref ref)
{
    return ref.place & (SESSION_SLOTS_MAX - 1);
}

static inline bool session_ref_equal(struct session_ref a, struct session_ref b)
{
    return a.place == b.place && a.generation == b.generation;
}

#endif
