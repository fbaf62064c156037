/* Identities: struct, group list and all names in one allocation, freed with the last count;
 * attributes, which few have, in an arena of their own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/identity.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

static struct slice copy_name(uint8_t **end, struct slice name)
{
    struct slice copy = slice_make(*end, name.length);

    if (name.length > 0) {
        memcpy(*end, name.data, name.length);
    }
    *end += name.length;
    return copy;
}

static struct identity *make(struct slice user_name, const struct slice *groups, size_t group_count)
{
    size_t size = sizeof(struct identity) + group_count * sizeof(struct slice) + user_name.length;
    for (size_t i = 0; i < group_count; i++) {
        size += groups[i].length;
    }
    struct identity *identity = memory_allocate(size);
    struct slice *copies = (struct slice *)(identity + 1);
    uint8_t *end = (uint8_t *)(copies + group_count);

    atomic_init(&identity->references, 1);
    identity->anonymous = user_name.length == 0;
    identity->trusted = false;
    identity->attributes = NULL;
    identity->ground = 0;
    identity->memory = (struct arena){0};
    identity->user_name = copy_name(&end, user_name);
    identity->group_count = group_count;
    identity->groups = copies;
    for (size_t i = 0; i < group_count; i++) {
        copies[i] = copy_name(&end, groups[i]);
    }
    return identity;
}

/* Most of many idle clients are anonymous and in no group: they share one. Its first count is never
 * given up. */
static struct identity nobody = {.references = 1, .anonymous = true};

struct identity *identity_new(struct slice user_name, const struct slice *groups,
                              size_t group_count)
{
    return user_name.length == 0 && group_count == 0 ? identity_hold(&nobody)
                                                     : make(user_name, groups, group_count);
}

struct identity *identity_new_with_attributes(struct slice user_name, const struct slice *groups,
                                              size_t group_count,
                                              const struct attribute *attributes)
{
    struct identity *identity = identity_new(user_name, groups, group_count);

    if (attributes && identity != &nobody) {
        identity->attributes = attributes_copy(attributes, &identity->memory);
    }
    return identity;
}

struct identity *identity_new_trusted(struct slice user_name)
{
    struct identity *identity = make(user_name, NULL, 0);

    identity->trusted = true;
    return identity;
}

struct identity *identity_hold(struct identity *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void identity_release(struct identity *identity)
{
    if (!identity) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        arena_release(&identity->memory);
        free(identity);
    }
}
