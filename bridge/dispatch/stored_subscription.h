/* What is stored of an event subscription (catalog.h): settings that were made at run time, and
 * what its webhook has said. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_STORED_SUBSCRIPTION_H
#define PUBGRID_DISPATCH_STORED_SUBSCRIPTION_H

#include "base/buffer.h"
#include "dispatch/catalog.h"

struct stored_subscription {
    struct slice name;
    struct slice properties; /* empty: those of the configuration file */
    enum subscription_state state;
    struct slice reason;                    /* of the state; empty: none */
    const struct event_subscription *about; /* what the webhook was asked: its URL, its schema */
    int64_t consent_until_ms; /* Unix time; STATE_AWAITING_MANUAL_ACTION becomes STATE_FAILED then;
                               * 0: it does not */
};

/* Appends it as JSON. */
void stored_subscription_append(struct buffer *out, const struct stored_subscription *stored);

#endif
