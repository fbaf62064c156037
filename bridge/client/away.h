/* What the bridge leaves with the broker of a reliable client that is away: how it reads. See
 * away.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_AWAY_H
#define PUBGRID_CLIENT_AWAY_H

#include <stdbool.h>

#include "base/slice.h"

struct away {
    struct slice acks;    /* ack_memory_import() */
    struct slice events;  /* event_queue_import(), event_queue_farewell(); empty: none are raised */
    struct slice streams; /* streams_import(), streams_cancel_exported() */
};

/* False if `bytes` are not such. */
bool away_parse(struct slice bytes, struct away *out);

#endif
