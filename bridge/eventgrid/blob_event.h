/* A change of a file as the event of a blob (spec/eventgrid.md 2.3): Microsoft.Storage.BlobCreated,
 * also for one that was overwritten, and BlobDeleted, in the EventGrid schema. Pure.
 *
 * The event's id is made of what it tells, so that one which is told again after a crash has the
 * same. The sequencer is a number with zeros in front: of two events of a blob the later one has
 * the greater one, also as text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_BLOB_EVENT_H
#define PUBGRID_EVENTGRID_BLOB_EVENT_H

#include "base/buffer.h"
#include "eventgrid/file_facts.h"

/* Where the files are. */
struct blob_place {
    struct slice container;
    struct slice directory; /* absolute */
    struct slice url;       /* what addresses begin with, before "/<path>"; empty: the directory's
                             * as a file:// URL */
};

struct blob_change {
    struct slice path;       /* within the directory; any bytes but NUL */
    struct file_facts facts; /* of one that is gone: what it was */
    bool is_gone;
    bool is_repeated; /* it was told before with these facts, and may be another all the same */
    uint64_t sequence;
    int64_t time_ms;
};

/* Appends a JSON object. Bytes of the path that are not UTF-8 become U+FFFD in texts, and stay what
 * they are in the address. */
void blob_event_append(struct buffer *out, const struct blob_place *place,
                       const struct blob_change *change);

#endif
