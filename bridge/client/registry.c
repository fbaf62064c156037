/* See registry.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "rest/filter.h"

/* ---------------------------------------------------------------- names */

static struct slice hub_key(const struct map_node *node)
{
    const struct registry_hub *hub = CONTAINER_OF(node, struct registry_hub, node);

    return slice_make(hub->text, hub->length);
}

static struct slice name_key(const struct map_node *node)
{
    return registry_text(CONTAINER_OF(node, struct registry_name, node));
}

static struct slice member_key(const struct map_node *node)
{
    return member_id(CONTAINER_OF(node, struct member, by_id));
}

/* Memory of `size` bytes whose last member is a name, at `at`. */
static void *name_new(struct map *map, struct slice text, size_t size, size_t at)
{
    uint8_t *memory = memory_allocate_zero(size + text.length);
    struct registry_name *name = (struct registry_name *)(void *)(memory + at);

    name->length = (uint32_t)text.length;
    memcpy(name->text, text.data, text.length);
    map_insert(map, &name->node);
    return memory;
}

/* ---------------------------------------------------------------- hubs */

struct registry_hub *registry_find_hub(const struct registry *registry, struct slice hub)
{
    struct map_node *node = map_find(&registry->hubs, hub);

    return node ? CONTAINER_OF(node, struct registry_hub, node) : NULL;
}

static struct registry_hub *hub_for(struct registry *registry, struct slice name)
{
    struct registry_hub *hub = registry_find_hub(registry, name);

    if (!hub) {
        hub = memory_allocate_zero(sizeof(*hub) + name.length);
        hub->length = (uint32_t)name.length;
        memcpy(hub->text, name.data, name.length);
        map_init(&hub->members, member_key);
        map_init(&hub->users, name_key);
        map_init(&hub->groups, name_key);
        map_insert(&registry->hubs, &hub->node);
    }
    return hub;
}

static void hub_release(struct registry *registry, struct registry_hub *hub)
{
    if (hub->members.count == 0) {
        map_remove(&registry->hubs, &hub->node);
        map_release(&hub->members);
        map_release(&hub->users);
        map_release(&hub->groups);
        free(hub);
    }
}

void registry_init(struct registry *registry)
{
    map_init(&registry->hubs, hub_key);
}

void registry_release(struct registry *registry)
{
    assert(registry->hubs.count == 0);
    map_release(&registry->hubs);
    free(registry->names);
}

/* ---------------------------------------------------------------- users */

struct registry_user *registry_find_user(const struct registry_hub *hub, struct slice user)
{
    struct map_node *node = map_find(&hub->users, user);

    return node ? CONTAINER_OF(node, struct registry_user, name.node) : NULL;
}

static void set_user(struct member *member, struct slice text)
{
    struct registry_user *user = registry_find_user(member->hub, text);

    if (!user) {
        user = name_new(&member->hub->users, text, sizeof(*user),
                        offsetof(struct registry_user, name));
        list_init(&user->members);
    }
    list_add_last(&user->members, &member->of_user);
    user->name.count++;
    member->user = user;
}

static void unset_user(struct member *member)
{
    struct registry_user *user = member->user;

    if (user) {
        list_remove(&member->of_user);
        member->user = NULL;
        if (--user->name.count == 0) {
            map_remove(&member->hub->users, &user->name.node);
            free(user);
        }
    }
}

/* ---------------------------------------------------------------- groups */

struct registry_group *registry_find_group(const struct registry_hub *hub, struct slice group)
{
    struct map_node *node = map_find(&hub->groups, group);

    return node ? CONTAINER_OF(node, struct registry_group, name.node) : NULL;
}

/* Room for one more behind `count`. */
static struct membership *grow(struct membership *items, uint32_t count)
{
    bool is_full = (count & (count - 1)) == 0; /* a power of two, or 0 */

    return is_full ? memory_resize(items, (count > 0 ? 2 * (size_t)count : 1) * sizeof(*items))
                   : items;
}

static struct membership *groups_of(const struct member *member)
{
    return member->group_count > 1 ? member->groups
                                   : (struct membership *)(uintptr_t)&member->group;
}

/* Room for one more group of the member; the only one lives in the member itself. */
static struct membership *grow_groups(struct member *member)
{
    struct membership *groups;

    if (member->group_count == 0) {
        return &member->group;
    }
    if (member->group_count == 1) {
        groups = memory_allocate(2 * sizeof(*groups));
        groups[0] = member->group;
        member->groups = groups;
    } else {
        member->groups = grow(member->groups, member->group_count);
    }
    return member->groups + member->group_count;
}

/* The last one moves to the place that becomes free. */
static void shrink_groups(struct member *member, uint32_t place)
{
    struct membership *groups = groups_of(member);
    uint32_t last = member->group_count - 1;

    groups[place] = groups[last];
    if (place < last) {
        groups[place].group->members[groups[place].place].place = place;
    }
    if (member->group_count == 2) {
        member->group = groups[0];
        free(groups);
    }
    member->group_count--;
}

/* The place of the group among those of the member; group_count: it is not there. */
static uint32_t place_of(const struct member *member, const struct registry_group *group)
{
    uint32_t place = 0;

    while (place < member->group_count && groups_of(member)[place].group != group) {
        place++;
    }
    return place;
}

bool registry_join(struct member *member, struct slice name)
{
    struct registry_group *group = registry_find_group(member->hub, name);

    if (!group) {
        group = name_new(&member->hub->groups, name, sizeof(*group),
                         offsetof(struct registry_group, name));
    } else if (place_of(member, group) < member->group_count) {
        return false;
    }
    group->members = grow(group->members, group->name.count);
    *grow_groups(member) = (struct membership){.group = group, .place = group->name.count};
    group->members[group->name.count] =
        (struct membership){.member = member, .place = member->group_count};
    member->group_count++;
    group->name.count++;
    return true;
}

/* In both arrays the last one moves to the place that becomes free. */
static void leave_at(struct member *member, uint32_t place)
{
    struct membership left = groups_of(member)[place];
    struct registry_group *group = left.group;
    struct membership *moved = &group->members[left.place];

    *moved = group->members[--group->name.count];
    groups_of(moved->member)[moved->place].place = left.place;
    shrink_groups(member, place);
    if (group->name.count == 0) {
        map_remove(&member->hub->groups, &group->name.node);
        free(group->members);
        free(group);
    }
}

bool registry_leave(struct member *member, struct slice name)
{
    struct registry_group *group = registry_find_group(member->hub, name);
    uint32_t place = group ? place_of(member, group) : member->group_count;

    if (place == member->group_count) {
        return false;
    }
    leave_at(member, place);
    return true;
}

struct slice registry_group_of(const struct member *member, uint32_t number)
{
    return registry_text(&groups_of(member)[number].group->name);
}

/* ---------------------------------------------------------------- members */

struct member *registry_find(const struct registry_hub *hub, struct slice id)
{
    struct map_node *node = map_find(&hub->members, id);

    return node ? CONTAINER_OF(node, struct member, by_id) : NULL;
}

void registry_add(struct registry *registry, struct member *member, struct slice hub,
                  struct slice id)
{
    assert(!member->hub && id.length <= UINT16_MAX);
    member->id = id.data;
    member->id_length = (uint16_t)id.length;
    member->hub = hub_for(registry, hub);
    map_insert(&member->hub->members, &member->by_id);
}

void registry_open(struct member *member, struct slice user)
{
    if (member->is_open || !member->hub) {
        return;
    }
    member->is_open = true;
    member->hub->open++;
    if (user.length > 0) {
        set_user(member, user);
    }
}

void registry_remove(struct registry *registry, struct member *member)
{
    struct registry_hub *hub = member->hub;

    if (!hub) {
        return;
    }
    while (member->group_count > 0) {
        leave_at(member, member->group_count - 1);
    }
    unset_user(member);
    hub->open -= member->is_open;
    member->is_open = false;
    map_remove(&hub->members, &member->by_id);
    member->hub = NULL;
    hub_release(registry, hub);
}

void registry_describe(struct registry *registry, const struct member *member,
                       struct filter_subject *out)
{
    if (member->group_count > registry->names_capacity) {
        registry->names_capacity = 2 * (size_t)member->group_count;
        registry->names =
            memory_resize(registry->names, registry->names_capacity * sizeof(*registry->names));
    }
    for (uint32_t i = 0; i < member->group_count; i++) {
        registry->names[i] = registry_group_of(member, i);
    }
    out->user_id = member_user(member);
    out->connection_id = member_id(member);
    out->groups = registry->names;
    out->group_count = member->group_count;
}
