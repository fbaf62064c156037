/* Access, see access.h. Without rules nothing is prepared at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/access.h"

static const struct rights *rights_of(const struct asker *asker)
{
    if (!*asker->rights) {
        const struct identity *identity = asker->identity;
        *asker->rights =
            rights_prepare(asker->rules, &(struct client_profile){
                                             .authentication_name = identity->user_name,
                                             .client_identifier = asker->client_identifier,
                                             .groups = identity->groups,
                                             .group_count = identity->group_count,
                                             .attributes = identity->attributes,
                                         });
    }
    return *asker->rights;
}

/* Nothing need be looked up: who asks may do everything, or nobody has said anything and the topic
 * is not reserved. */
static bool is_free(const struct asker *asker, struct slice topic)
{
    return asker->identity->trusted ||
           (rule_set_is_empty(asker->rules) && topic.length > 0 && topic.data[0] != '$');
}

bool access_may_publish(const struct asker *asker, struct slice topic)
{
    return is_free(asker, topic) || rights_may_publish(rights_of(asker), topic);
}

bool access_may_receive(const struct asker *asker, struct slice topic)
{
    return is_free(asker, topic) || rights_may_receive(rights_of(asker), topic);
}

enum access_filter access_check_filter(const struct asker *asker, struct slice filter)
{
    return is_free(asker, filter) ? ACCESS_FILTER_GRANTED
                                  : rights_check_filter(rights_of(asker), filter);
}

/* --- clients of the namespace --- */

/* Its client resource; NULL: it has none. */
static const struct registered_client *registration(const struct rule_set *rules,
                                                    const struct identity *identity)
{
    return identity->trusted || identity->anonymous ? NULL
                                                    : rule_set_client(rules, identity->user_name);
}

bool access_may_connect(const struct rule_set *rules, const struct identity *identity)
{
    const struct registered_client *client = registration(rules, identity);
    return !client || client->is_enabled;
}

bool access_must_go(const struct rule_set *before, const struct rule_set *rules,
                    const struct identity *identity)
{
    const struct registered_client *client = registration(rules, identity);
    if (client) {
        return !client->is_enabled;
    }
    return rule_set_has_namespace(rules) && registration(before, identity);
}

/* --- what is the bridge's --- */

bool access_has_reserved_property(const struct properties *properties)
{
    return properties_have_user_prefix(properties, SLICE_LITERAL("$wps."));
}

bool access_is_reserved_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps/"));
}

bool access_is_bridge_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//"));
}

bool access_is_event_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//events/"));
}

bool access_is_route_identifier(struct slice client_identifier)
{
    return slice_starts_with(client_identifier, SLICE_LITERAL("$wps//events/routes/"));
}
