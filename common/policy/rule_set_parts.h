/* Between rule_set.c and rights.c: the rows of a set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_RULE_SET_PARTS_H
#define PUBGRID_POLICY_RULE_SET_PARTS_H

#include "base/arena.h"
#include "base/map.h"
#include "policy/query.h"
#include "policy/rule_set.h"
#include "policy/template.h"

enum rule_kind {
    RULE_DENIES,
    RULE_ALLOWS,
    RULE_BINDS, /* a permission binding: a filter that is wider is refused, not checked for each
                   message */
};

struct rule {
    struct rule *next;
    enum rule_kind kind;
    int actions;              /* enum access_action, or-ed */
    struct slice user, group; /* of the configuration; empty: everybody */
    struct query *query;      /* of a binding; NULL: everybody */
    struct topic_template **templates;
    size_t template_count;
};

struct rule_set {
    struct arena memory;
    struct rule *first, **end;
    struct map clients; /* struct client_entry by name in lower case */
    bool is_closed, has_namespace;
};

#endif
