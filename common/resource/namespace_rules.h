/* What the children of a namespace come to as a set of rules: its clients, and for each permission
 * binding the group's query and the space's templates (spec/eventgrid.md 6.3). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_NAMESPACE_RULES_H
#define PUBGRID_RESOURCE_NAMESPACE_RULES_H

#include <stddef.h>

#include "policy/rule_set.h"
#include "resource/namespace_child.h"

/* Adds them all, of whatever kind, in whatever order; the namespace's MQTT is enabled. A binding
 * whose group or space is not there lets nobody do anything, and the log says so. */
void namespace_rules_add(struct rule_set *set, const struct namespace_child *const *children,
                         size_t count);

#endif
