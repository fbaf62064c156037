/* The store of durable_world.h: for its own files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_DURABLE_STORE_H
#define SUPPORT_DURABLE_STORE_H

#include "support/durable_world.h"

/* Takes the batch over and posts what it sealed. */
void durable_store_commit(struct durable_world *world, struct batch *batch);
/* Answers all; true if there was any. */
bool durable_store_read(struct durable_world *world, struct mail_list *reads);
/* Recovery from rows and frames. Pins are counted anew. */
bool durable_store_load(struct durable_world *world, msec_t alive_until, struct buffer *error);
void durable_store_release(struct durable_world *world);

#endif
