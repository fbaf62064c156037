/* What a feed has in memory, told to people: how many events are ready, locked, under way, and the
 * first of them. What waits beyond is the broker's to tell. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FEED_STATE_H
#define PUBGRID_DISPATCH_FEED_STATE_H

#include "dispatch/runner_feed.h"

/* Appends {"process","ready","locked","delivering","held","receivers","events":[..]}; each event is
 * {"eventId","state","deliveryCount","publishTime","until"}. */
void feed_append_state(struct buffer *out, const struct feed *feed);

#endif
