/* Asks a webhook whether it wants a subscription's events, or tells it that there will be no more
 * (eventgrid/validation.h): the requests, and what comes of them. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_CONSENT_H
#define PUBGRID_DISPATCH_CONSENT_H

#include "dispatch/outside.h"
#include "eventgrid/validation.h"
#include "resource/subscription.h"

struct grid;

/* Does a subscription with these properties need the consent of its endpoint? */
bool consent_is_needed(const struct grid *grid, const struct event_subscription *subscription);

/* Would the same be asked for both: the same endpoint, for events in the same schema? */
bool consent_is_alike(const struct event_subscription *one, const struct event_subscription *other);

/* Whose consent; all of it is copied. */
struct consent_target {
    struct slice source_key, name; /* of the subscription */
    struct slice topic_id;         /* the source's resource id */
};

/* Embedded by who waits; zeroed memory but for `done` is good. */
struct consent {
    /* Later, once, unless it was abandoned. `sentence`: why not; borrowed. */
    void (*done)(struct consent *consent, enum validation_verdict verdict, struct slice sentence);
    bool is_under_way;
    /* While it is: */
    struct grid *grid;
    struct event_subscription *subscription; /* one count */
    struct outside_request request;
    struct validation validation; /* its slices point into `texts` */
    struct validation_request sent;
    struct buffer url, texts;
};

void consent_ask(struct consent *consent, struct grid *grid,
                 struct event_subscription *subscription, const struct consent_target *target);
/* Nobody waits any more; harmless if it is done. */
void consent_abandon(struct consent *consent);

/* Says that the subscription is gone; done() then comes whatever the answer. False, and no done():
 * its schema has no words for that. */
bool consent_say_farewell(struct consent *consent, struct grid *grid,
                          struct event_subscription *subscription,
                          const struct consent_target *target);

#endif
