/* What a source keeps of the events that it has accepted (resource/topic.h: retention_days), and
 * how they are delivered once more. Any process can replay.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ARCHIVE_H
#define PUBGRID_DISPATCH_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dispatch/job.h"

struct runner;

struct replay {
    struct slice source_key;
    int64_t since_ms, until_ms; /* accepted then: from .. on, and before .. (0: until now) */
    struct slice event_id;      /* only this one; empty: all */
    const struct slice *names;  /* [name_count] of the subscriptions that get them; 0: all */
    size_t name_count;
};

/* Puts those events on the queues of the subscriptions whose filters take them, as if they had just
 * been published. `replay` is copied. */
void archive_replay(struct runner *runner, const struct replay *replay, struct job *job);

#endif
