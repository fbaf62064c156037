/* Which groups a user is in, asked at each authentication. Immutable once made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_GROUPS_H
#define PUBGRID_NET_GROUPS_H

#include <stddef.h>

#include "base/slice.h"

/* A group and who is in it. */
struct group_members {
    const char *name;
    char *const *users;
    size_t user_count;
};

struct groups;

/* Copies everything. */
struct groups *groups_new(const struct group_members *groups, size_t count);
void groups_free(struct groups *groups);
/* The groups of a user: *count names, valid as long as `groups`. */
const struct slice *groups_of(const struct groups *groups, struct slice user_name, size_t *count);

#endif
