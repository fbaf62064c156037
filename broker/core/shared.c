/* Round robin in a share group: see shared.h.
 *
 * The turn counts on by one a message, and past the members that were skipped; threads that match
 * at the same time draw different turns. It may wrap: that costs one unfair choice in four billion.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/shared.h"

#include <stdlib.h>

#include "base/memory.h"

struct share_group *share_group_new(struct slice text)
{
    struct share_group *group = memory_allocate(sizeof(*group) + text.length);

    group->filter = NULL;
    group->next = group->previous = NULL;
    group->members = (struct subscriber_set){0};
    atomic_init(&group->turn, 0);
    group->length = (uint16_t)text.length;
    memcpy(group->text, text.data, text.length);
    return group;
}

void share_group_free(struct share_group *group)
{
    subscriber_set_release(&group->members);
    free(group);
}

/* Steps from `start` to the next member with the flag; `count` if there is none. */
static uint32_t steps_to(const struct subscriber_set *members, uint32_t start, uint8_t flag)
{
    const struct subscriber *items = subscriber_set_items(members);

    for (uint32_t steps = 0; steps < members->count; steps++) {
        uint32_t index = start + steps;
        index = index < members->count ? index : index - members->count;
        if (items[index].flags & flag) {
            return steps;
        }
    }
    return members->count;
}

bool share_group_choose(struct share_group *group, struct subscriber *chosen)
{
    const struct subscriber_set *members = &group->members;
    uint32_t count = members->count;
    uint32_t start = atomic_fetch_add_explicit(&group->turn, 1, memory_order_relaxed) % count;
    uint32_t steps = steps_to(members, start, SUBSCRIBER_ONLINE);

    if (steps == count) {
        steps = steps_to(members, start, SUBSCRIBER_DURABLE);
    }
    if (steps == count) {
        return false;
    }
    if (steps > 0) {
        atomic_fetch_add_explicit(&group->turn, steps, memory_order_relaxed);
    }
    *chosen = subscriber_set_items(members)[(start + steps) % count];
    chosen->flags |= SUBSCRIBER_SHARED;
    return true;
}
