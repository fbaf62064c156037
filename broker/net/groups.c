/* Users to groups. See groups.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/groups.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

struct member {
    struct map_node node;
    struct slice user; /* owned */
    size_t group_count;
    struct slice *groups; /* owned array; the names are struct groups' */
};

struct groups {
    struct map members;
    size_t name_count;
    struct slice names[]; /* owned */
};

static struct slice key_of_member(const struct map_node *node)
{
    return CONTAINER_OF(node, struct member, node)->user;
}

static struct slice copy_name(const char *name)
{
    struct slice borrowed = slice_from_string(name);
    return slice_make(memory_copy_string(borrowed), borrowed.length);
}

static void free_name(struct slice name)
{
    free((void *)(uintptr_t)name.data);
}

static struct member *find_member(const struct groups *groups, struct slice user)
{
    struct map_node *node = map_find(&groups->members, user);
    return node ? CONTAINER_OF(node, struct member, node) : NULL;
}

static void add_member(struct groups *groups, const char *user, struct slice group)
{
    struct member *member = find_member(groups, slice_from_string(user));
    if (!member) {
        member = memory_allocate_zero(sizeof(*member));
        member->user = copy_name(user);
        map_insert(&groups->members, &member->node);
    }
    member->groups =
        memory_resize(member->groups, (member->group_count + 1) * sizeof(*member->groups));
    member->groups[member->group_count++] = group;
}

struct groups *groups_new(const struct group_members *groups, size_t count)
{
    struct groups *made = memory_allocate_zero(sizeof(*made) + count * sizeof(made->names[0]));
    map_init(&made->members, key_of_member);
    made->name_count = count;
    for (size_t i = 0; i < count; i++) {
        made->names[i] = copy_name(groups[i].name);
        for (size_t u = 0; u < groups[i].user_count; u++) {
            add_member(made, groups[i].users[u], made->names[i]);
        }
    }
    return made;
}

void groups_free(struct groups *groups)
{
    struct map_node *node = map_next(&groups->members, NULL);
    while (node) {
        struct map_node *next = map_next(&groups->members, node);
        struct member *member = CONTAINER_OF(node, struct member, node);
        free_name(member->user);
        free(member->groups);
        free(member);
        node = next;
    }
    map_release(&groups->members);
    for (size_t i = 0; i < groups->name_count; i++) {
        free_name(groups->names[i]);
    }
    free(groups);
}

const struct slice *groups_of(const struct groups *groups, struct slice user_name, size_t *count)
{
    const struct member *member = find_member(groups, user_name);
    *count = member ? member->group_count : 0;
    return member ? member->groups : NULL;
}
