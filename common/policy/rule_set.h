/* Who may do what, as a whole: the access rules of the configuration, the permission bindings of
 * the namespace (spec/eventgrid.md 6.3) and what is known of its clients (6.2). All of them become
 * rows of one set. It is made once, then immutable and shared by all threads; a change makes a new
 * one. policy/rights.h says what a set comes to for one client.
 *
 * A set without rules and bindings leaves everything open but the reserved topics. With at least
 * one rule, or in a namespace, only that is allowed which some rule or binding allows and
 * no denying rule forbids. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_RULE_SET_H
#define PUBGRID_POLICY_RULE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "policy/access_rule.h"
#include "policy/attributes.h"

struct rule_set;

/* --- making one; what is added is copied --- */

struct rule_set *rule_set_new(void);
/* Of access rules only. */
struct rule_set *rule_set_new_of_rules(const struct access_rule *rules, size_t count);
void rule_set_free(struct rule_set *set);
void rule_set_add_rule(struct rule_set *set, const struct access_rule *rule);
/* A namespace's MQTT is enabled: nothing is open any more without a rule or binding that says so.
 */
void rule_set_begin_namespace(struct rule_set *set);

/* A client group may do `action` with the topics of a topic space. */
struct access_binding {
    struct slice query; /* compiles; empty: everybody is in the group */
    const struct slice *templates;
    size_t template_count; /* each compiles */
    enum access_action action;
};
void rule_set_add_binding(struct rule_set *set, const struct access_binding *binding);

struct registered_client {
    struct slice name; /* its authentication name */
    bool is_enabled;   /* else it may do nothing */
    const struct attribute *attributes;
};
/* Of two clients of one name, ignoring case, the first counts. */
void rule_set_add_client(struct rule_set *set, const struct registered_client *client);

/* --- asking --- */

/* Neither rules nor bindings, clients or a namespace: nothing need be asked of it. */
bool rule_set_is_empty(const struct rule_set *set);
bool rule_set_has_namespace(const struct rule_set *set);
/* The client of that name, ignoring case; NULL: there is none. */
const struct registered_client *rule_set_client(const struct rule_set *set, struct slice name);

#endif
