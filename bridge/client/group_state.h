/* Group state, presence: each connection may have one small string map in each group
 * (spec/webpubsub.md 2.6).
 *
 * It is a retained message on `$wps/<hub>/state/<connection id>/<group>`, a JSON object. So the
 * broker keeps it, every bridge process sees it, a snapshot is what a new subscriber gets as
 * retained, and it outlives a recovery. An empty message is a state that was cleared or whose
 * connection has ended.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_GROUP_STATE_H
#define PUBGRID_CLIENT_GROUP_STATE_H

#include "base/buffer.h"
#include "client/fanout.h"
#include "wire/codec.h"

enum {
    GROUP_STATE_PAIRS_MAX = 64,
    GROUP_STATE_BYTES_MAX = 8 * 1024, /* of all keys and values */
};

/* Appends the body of an update of one item, made of a message about it. */
void group_state_put_update(struct buffer *body, const struct codec *codec,
                            const struct fanout *fanout);
/* Appends the PUBLISH that clears a state. `topic` is that of the state, `at` Unix ms. */
void group_state_write_clear(struct buffer *packet, struct slice topic, int64_t at);

#endif
