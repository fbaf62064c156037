/* Who gets the events of a source: its subscriptions and those of its domain, with their filters
 * compiled together when the first event comes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/catalog_entries.h"

static void forget_own(struct catalog_source *source)
{
    if (source->is_prepared) {
        filter_set_free(source->filters);
        free(source->targets);
        source->filters = NULL;
        source->targets = NULL;
        source->target_count = 0;
        source->is_prepared = false;
    }
}

void targets_forget(struct catalog_source *source)
{
    forget_own(source);
    LIST_FOREACH (link, &source->topics) {
        forget_own(CONTAINER_OF(link, struct catalog_source, topic_link));
    }
}

/* Who is about to ask for consent has the events wait for it. */
bool catalog_subscription_counts(const struct catalog_subscription *subscription)
{
    return subscription->state == STATE_SUCCEEDED || subscription->state == STATE_CREATING;
}

static void add_targets(struct catalog_source *source, const struct list *subscriptions)
{
    LIST_FOREACH (link, subscriptions) {
        struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        if (catalog_subscription_counts(subscription)) {
            source->targets[source->target_count++] = subscription;
        }
    }
}

void catalog_prepare(struct catalog_source *source)
{
    const struct event_filter **filters;
    size_t most = source->subscription_count;

    if (source->is_prepared) {
        return;
    }
    most += source->domain ? source->domain->subscription_count : 0;
    source->targets = memory_allocate((most + 1) * sizeof(struct catalog_subscription *));
    add_targets(source, &source->subscriptions);
    if (source->domain) {
        add_targets(source, &source->domain->subscriptions);
    }
    filters = memory_allocate((most + 1) * sizeof(*filters));
    for (size_t i = 0; i < source->target_count; i++) {
        filters[i] = &source->targets[i]->properties->filter;
    }
    source->filters = filter_set_new(filters, source->target_count);
    source->is_prepared = true;
    free(filters);
}
