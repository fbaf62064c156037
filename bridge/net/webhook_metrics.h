/* The webhooks' counters among the metrics of the process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBHOOK_METRICS_H
#define PUBGRID_NET_WEBHOOK_METRICS_H

#include "client/metrics.h"

struct webhook;

/* NULL: they are shown no longer. */
void webhook_show_metrics(struct metrics *metrics, const struct webhook *webhook);

#endif
