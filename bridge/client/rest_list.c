/* See rest_list.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---------------------------------------------------------------- members */

static struct member **of_hub(const struct registry_hub *hub, size_t *count)
{
    struct member **members = memory_allocate((hub->members.count + 1) * sizeof(struct member *));
    const struct map_node *node = NULL;

    *count = 0;
    while ((node = map_next(&hub->members, node))) {
        members[(*count)++] = CONTAINER_OF(node, struct member, by_id);
    }
    return members;
}

static struct member **of_user(const struct registry_user *user, size_t *count)
{
    uint32_t length = user ? user->name.count : 0;
    struct member **members = memory_allocate((length + 1) * sizeof(struct member *));

    *count = 0;
    if (user) {
        LIST_FOREACH (link, &user->members) {
            members[(*count)++] = CONTAINER_OF(link, struct member, of_user);
        }
    }
    return members;
}

static struct member **of_group(const struct registry_group *group, size_t *count)
{
    uint32_t length = group ? group->name.count : 0;
    struct member **members = memory_allocate((length + 1) * sizeof(struct member *));

    *count = length;
    for (uint32_t i = 0; i < length; i++) {
        members[i] = group->members[i].member;
    }
    return members;
}

static struct member **of_connection(struct member *member, size_t *count)
{
    struct member **members = memory_allocate(sizeof(struct member *));

    *count = member != NULL;
    members[0] = member;
    return members;
}

struct member **rest_list_members(const struct registry_hub *hub,
                                  const struct rest_operation *operation, size_t *count)
{
    switch (operation->target) {
    case TARGET_HUB:
        return of_hub(hub, count);
    case TARGET_USER:
        return of_user(registry_find_user(hub, operation->name), count);
    case TARGET_GROUP:
        return of_group(registry_find_group(hub, operation->name), count);
    case TARGET_CONNECTION:
        break;
    }
    return of_connection(registry_find(hub, operation->name), count);
}

/* ---------------------------------------------------------------- pages */

int rest_name_compare(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_items(const void *a, const void *b)
{
    const struct rest_item *one = a, *other = b;

    return rest_name_compare(one->name, other->name);
}

/* The first items behind `after`, as a heap whose root is the last of them. */
struct page {
    struct rest_item *items; /* [most] */
    uint32_t count, most;
    struct slice after;
};

static void sink(struct page *page, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < page->count &&
            compare_items(&page->items[child], &page->items[child + 1]) < 0) {
            child++;
        }
        if (child >= page->count || compare_items(&page->items[at], &page->items[child]) >= 0) {
            return;
        }
        struct rest_item item = page->items[at];
        page->items[at] = page->items[child];
        page->items[child] = item;
        at = child;
    }
}

static void offer(struct page *page, const struct rest_item *item)
{
    if (rest_name_compare(item->name, page->after) <= 0 && page->after.length > 0) {
        return;
    }
    if (page->count < page->most) {
        page->items[page->count++] = *item;
        if (page->count == page->most) { /* from now on it is a heap */
            for (uint32_t at = page->count; at-- > 0;) {
                sink(page, at);
            }
        }
    } else if (page->most > 0 && compare_items(item, &page->items[0]) < 0) {
        page->items[0] = *item;
        sink(page, 0);
    }
}

static void offer_members(struct page *page, const struct registry_hub *hub,
                          const struct rest_operation *operation)
{
    size_t count;
    struct member **members = rest_list_members(hub, operation, &count);

    for (size_t i = 0; i < count; i++) {
        if (members[i]->is_open) {
            offer(page, &(struct rest_item){member_id(members[i]), member_user(members[i]), 1});
        }
    }
    free(members);
}

static void offer_names(struct page *page, const struct map *names)
{
    const struct map_node *node = NULL;

    while ((node = map_next(names, node))) {
        const struct registry_name *name = CONTAINER_OF(node, const struct registry_name, node);
        offer(page, &(struct rest_item){registry_text(name), SLICE_EMPTY, name->count});
    }
}

/* ---------------------------------------------------------------- counts */

/* The same at every process. */
static void put_hashes(struct buffer *out, const struct map *names)
{
    const struct map_node *node = NULL;
    uint32_t left = names->count < REST_HASHES_MAX ? names->count : REST_HASHES_MAX;

    buffer_append_u32(out, left);
    while (left-- > 0 && (node = map_next(names, node))) {
        uint64_t hash =
            hash_fixed(registry_text(CONTAINER_OF(node, const struct registry_name, node)));
        buffer_append_u32(out, (uint32_t)(hash >> 32));
        buffer_append_u32(out, (uint32_t)hash);
    }
}

void rest_list(const struct registry_hub *hub, const struct rest_operation *operation,
               struct rest_answer *answer, struct buffer *items)
{
    struct page page = {.most = operation->page_size, .after = operation->continuation};

    answer->connections = hub->open;
    answer->users = hub->users.count;
    answer->groups = hub->groups.count;
    if (operation->kind == REST_COUNT) {
        put_hashes(items, &hub->users);
        put_hashes(items, &hub->groups);
        return;
    }
    page.items = memory_allocate((page.most + 1) * sizeof(*page.items));
    if (operation->kind == REST_LIST) {
        offer_members(&page, hub, operation);
    } else {
        offer_names(&page, operation->kind == REST_LIST_USERS ? &hub->users : &hub->groups);
    }
    for (uint32_t i = 0; i < page.count; i++) {
        rest_item_append(items, &page.items[i]);
    }
    free(page.items);
}

/* ---------------------------------------------------------------- of several processes */

size_t rest_list_merge(struct rest_item *items, size_t count)
{
    size_t kept = 0;

    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_items);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && slice_equal(items[kept - 1].name, items[i].name)) {
            items[kept - 1].number += items[i].number;
        } else {
            items[kept++] = items[i];
        }
    }
    return kept;
}
