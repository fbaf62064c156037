/* Access: who may publish and subscribe to what. policy/rule_set.h and policy/rights.h say what the
 * rules mean; this adds what only the core knows of: identities, and what is the bridge's. A
 * trusted identity may do everything.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ACCESS_H
#define PUBGRID_CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "core/identity.h"
#include "mqtt/properties.h"
#include "policy/rights.h"
#include "policy/rule_set.h"

/* Who asks. What the rules come to for it is prepared when it is wanted first and stays in *rights,
 * which whoever keeps it frees, and empties when rules or identity change. */
struct asker {
    const struct rule_set *rules;
    const struct identity *identity;
    struct slice client_identifier;
    struct rights **rights;
};

/* PUBLISH to a topic name; also a will. */
bool access_may_publish(const struct asker *asker, struct slice topic);
/* SUBSCRIBE to a filter (without its $share prefix). */
enum access_filter access_check_filter(const struct asker *asker, struct slice filter);
/* One delivery of a subscription that is ACCESS_FILTER_PER_MESSAGE. */
bool access_may_receive(const struct asker *asker, struct slice topic);

/* May it be connected at all? Not if its client resource says that it is disabled. */
bool access_may_connect(const struct rule_set *rules, const struct identity *identity);
/* Must it go when `rules` take the place of `before`? If it may not be connected, or its client
 * resource was deleted (and not the whole namespace with it). */
bool access_must_go(const struct rule_set *before, const struct rule_set *rules,
                    const struct identity *identity);

/* Is there a user property whose name begins with `$wps.`? */
bool access_has_reserved_property(const struct properties *properties);

/* PUBLISH with these properties; also a will. The user properties whose names begin with `$wps.`
 * are what the bridge says to itself. */
static inline bool access_may_carry(const struct identity *identity,
                                    const struct properties *properties)
{
    return identity->trusted || !properties_have(properties, PROPERTY_USER_PROPERTY) ||
           !access_has_reserved_property(properties);
}

/* Client identifiers that only the bridge may have: they begin with `$wps/`. Of its own sessions,
 * not those of its browsers: `$wps//`; of those that hold events: `$wps//events/`; of those among
 * them through which MQTT messages become events: `$wps//events/routes/`. */
bool access_is_reserved_identifier(struct slice client_identifier);
bool access_is_bridge_identifier(struct slice client_identifier);
bool access_is_event_identifier(struct slice client_identifier);
bool access_is_route_identifier(struct slice client_identifier);

#endif
