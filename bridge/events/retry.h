/* When a request to a webhook is made again (spec/webpubsub.md 7.6): what may pass by itself is
 * tried again after 1, 3 and then every 5 seconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_RETRY_H
#define PUBGRID_EVENTS_RETRY_H

#include <stdint.h>

enum { RETRY_NEVER = -1 };

/* Milliseconds to wait behind attempt number `attempt` (from 1 on) of at most `attempts`, which
 * ended with this HTTP status (0: the network failed). RETRY_NEVER: that was the last one. */
int32_t retry_delay_ms(int status, uint32_t attempt, uint32_t attempts);

#endif
