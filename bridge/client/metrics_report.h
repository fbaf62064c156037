/* How this process's counters get to the others and to /metrics: each process publishes its own
 * under `$SYS/bridge/<index>/` and hears those of the others and the broker's, so any of them can
 * tell all. A connection to the broker without a browser.
 *
 * What changed is published every mqtt.sys_interval, retained at QoS 0: the broker stores nothing
 * of it. A process that is not heard of any more is left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_REPORT_H
#define PUBGRID_CLIENT_METRICS_REPORT_H

struct gateway;
struct reporter;

struct reporter *reporter_new(struct gateway *gateway);
void reporter_free(struct reporter *reporter);
/* The broker is there. */
void reporter_connect(struct reporter *reporter);

#endif
