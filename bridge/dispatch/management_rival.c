/* Two processes that are asked at the same moment to enable MQTT in two namespaces find nothing in
 * the way, each by what it has heard. When a change is in force everybody has heard it, so at the
 * latest the second of them sees both; then one is taken back:
 *
 *     that of the later name at once, that of the earlier one when the other is still there after
 *     a while, since it was answered before
 *
 * which leaves one, whatever the order in which they are seen. What the broker goes by meanwhile is
 * its choice (broker/namespaces.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/gateway.h"
#include "dispatch/management_call.h"

enum {
    PATIENCE_MS = 3000, /* more than a change takes to be stored and heard */
    AGAIN_MS = 50,
};

static bool has_mqtt(const struct catalog_source *source)
{
    return source->name.kind == SOURCE_NAMESPACE && source->properties->spaces.is_enabled;
}

/* NULL: there is none, or the call's own has no MQTT. */
static const struct catalog_source *find_rival(const struct management_call *call)
{
    const struct catalog *catalog = call->grid->catalog;
    const struct catalog_source *own = catalog_find(catalog, buffer_slice(&call->key));
    const struct catalog_source *other = NULL;

    if (!own || !has_mqtt(own)) {
        return NULL;
    }
    while ((other = catalog_next(catalog, other)) != NULL && (other == own || !has_mqtt(other))) {
    }
    return other;
}

static void taken_back(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);

    if (are_stored) {
        management_refuse(call, 400, "InvalidRequest", MANAGEMENT_SECOND_MQTT);
    } else {
        management_refuse_for_now(call);
    }
}

static void take_back(struct management_call *call)
{
    changes_release(&call->changes);
    changes_init(&call->changes, call->grid, taken_back);
    changes_add(&call->changes, buffer_slice(&call->key), buffer_slice(&call->before));
    changes_begin(&call->changes);
}

static void on_again(struct timer *timer, void *context)
{
    (void)context;
    management_settle_rivalry(CONTAINER_OF(timer, struct management_call, again));
}

void management_settle_rivalry(struct management_call *call)
{
    struct gateway *gateway = call->grid->gateway;
    const struct catalog_source *rival = find_rival(call);
    msec_t now = gateway_now(gateway);
    bool is_first = rival && slice_compare(buffer_slice(&call->key), buffer_slice(&rival->key)) < 0;

    if (call->give_up == 0) {
        call->give_up = now + PATIENCE_MS;
        timer_init(&call->again, on_again);
    }
    if (!rival) {
        management_answer_source(call);
    } else if (is_first && now < call->give_up) {
        timers_set(&gateway->timers, &call->again, now + AGAIN_MS);
    } else {
        take_back(call);
    }
}
