/* Saving: a shard puts all that the log has told of its sessions into rows, so that the log up to
 * here need not be replayed (store_options.save).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SAVE_H
#define PUBGRID_CORE_SAVE_H

#include "core/session.h"

/* A slice of the work, a turn's worth; after the last one the batch says that the round is over.
 * shard_finish() calls it. */
void save_some(struct shard *shard);

#endif
