/* What a set of rules comes to for one client: who it is and what is in its attributes is looked at
 * once, so that asking of a topic is only a matter of comparing filters.
 *
 * Reserved are topics that begin with `$`. Clients may read `$SYS/#` and publish to
 * `$delayed/<seconds>/<topic>` (checked as <topic>); anything else under `$` is closed unless the
 * filter of an allowing rule, or a template of a binding, itself begins with `$` and matches. A
 * client that is registered and disabled may do nothing. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_RIGHTS_H
#define PUBGRID_POLICY_RIGHTS_H

#include <stdbool.h>

#include "base/slice.h"
#include "policy/attributes.h"
#include "policy/rule_set.h"

struct rights;

/* Whether the client is registered is looked up here. Keeps nothing of `set` and `client`. */
struct rights *rights_prepare(const struct rule_set *set, const struct client_profile *client);
void rights_free(struct rights *rights);

/* PUBLISH to a topic name; one delivery of it. */
bool rights_may_publish(const struct rights *rights, struct slice topic);
bool rights_may_receive(const struct rights *rights, struct slice topic);

/* SUBSCRIBE to a filter (without its $share prefix). */
enum access_filter {
    ACCESS_FILTER_REFUSED,     /* nothing that it matches may be read; or more than the bindings'
                                  templates cover, and no access rule allows a part of it */
    ACCESS_FILTER_PER_MESSAGE, /* wider than the right to read: check each delivery */
    ACCESS_FILTER_GRANTED,     /* everything that it matches may be read */
};
enum access_filter rights_check_filter(const struct rights *rights, struct slice filter);

/* What holds of a topic where a set is empty. */
bool rights_open_to_all(enum access_action action, struct slice topic);

#endif
