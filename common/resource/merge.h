/* PATCH of resources: the members of one object take the places of those of another. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_MERGE_H
#define PUBGRID_RESOURCE_MERGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "json/json.h"

/* Does the member `given` take the place of `key`? Both as they stand between their quotes. */
typedef bool member_replaces(struct slice given, struct slice key);

/* Of the same name. */
bool member_is_same(struct slice given, struct slice key);

/* Appends the object `before` without those of its members that a member of the object `change`
 * replaces, and then those of `change` that are not null. */
void members_merge(struct buffer *out, const struct json_value *before,
                   const struct json_value *change, member_replaces *replaces);

#endif
