/* Access rules: who may publish and subscribe to what. Immutable once built, shared by all
 * threads; a reload builds a new set.
 *
 * Without any rule everything is allowed except the reserved topics. With at least one rule a
 * topic is allowed only if some allowing rule names it and no denying rule does.
 * Reserved: topics that begin with `$`. Clients may read `$SYS/#` and publish to
 * `$delayed/<seconds>/<topic>` (checked as <topic>); anything else under `$` is closed unless an
 * allowing rule's filter itself begins with `$` and matches. A trusted identity may do everything.
 *
 * In filters of rules %u stands for the user name and %c for the client identifier, each inside
 * or as one level; a name that contains + # or / never matches through a substitution, nor does one
 * that would make a filter begin with `$`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ACCESS_H
#define PUBGRID_CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "config/access_rule.h"
#include "core/identity.h"
#include "mqtt/properties.h"

struct access_rules;

/* Copies everything. `count` 0: no rules. The filters were checked by the caller. */
struct access_rules *access_rules_new(const struct access_rule *rules, size_t count);
void access_rules_free(struct access_rules *rules);

/* PUBLISH to a topic name; also a will. */
bool access_may_publish(const struct access_rules *rules, const struct identity *identity,
                        struct slice client_identifier, struct slice topic);

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

/* SUBSCRIBE to a filter (without its $share prefix). */
enum access_filter {
    ACCESS_FILTER_REFUSED,     /* nothing that it matches may be read: reason 0x87 */
    ACCESS_FILTER_PER_MESSAGE, /* wider than the right to read: check each delivery */
    ACCESS_FILTER_GRANTED,     /* everything that it matches may be read */
};
enum access_filter access_check_filter(const struct access_rules *rules,
                                       const struct identity *identity,
                                       struct slice client_identifier, struct slice filter);

/* One delivery of a subscription that is ACCESS_FILTER_PER_MESSAGE. */
bool access_may_receive(const struct access_rules *rules, const struct identity *identity,
                        struct slice client_identifier, struct slice topic);

#endif
