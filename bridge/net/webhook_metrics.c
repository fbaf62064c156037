/* See webhook_metrics.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/webhook_metrics.h"

#include "net/webhook.h"

static void each_hub(const void *context,
                     void (*visit)(void *visitor, struct slice hub,
                                   const struct event_statistics *statistics),
                     void *visitor)
{
    webhook_each_hub(context, visit, visitor);
}

static void gauges(const void *context, uint64_t *waiting, uint64_t *running)
{
    struct webhook_gauges now = webhook_gauges(context);

    *waiting = now.waiting;
    *running = now.running;
}

void webhook_show_metrics(struct metrics *metrics, const struct webhook *webhook)
{
    metrics->webhooks =
        webhook ? (struct webhook_source){each_hub, gauges, webhook} : (struct webhook_source){0};
}
