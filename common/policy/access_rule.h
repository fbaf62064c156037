/* One access rule as it is configured: who may, or may not, publish and subscribe to what.
 * policy/rule_set.h says what a set of them means.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_ACCESS_RULE_H
#define PUBGRID_POLICY_ACCESS_RULE_H

#include <stdbool.h>

#include "base/slice.h"

enum access_action { ACCESS_PUBLISH = 1, ACCESS_SUBSCRIBE = 2 }; /* may be or-ed */

/* Whom a rule is about: the names are exact (that of a client of the namespace: in any case), "*"
 * is everybody; user and group empty: everybody, anonymous clients too. "anonymous" as group names
 * the clients without a user name. */
struct access_rule {
    struct slice user, group;
    int actions; /* enum access_action, or-ed */
    bool deny;
    struct slice filter; /* topic filter with %u and %c */
};

#endif
