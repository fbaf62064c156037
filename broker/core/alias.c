/* Topic aliases: an array by alias, and a map by topic for the ones that we assign.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/alias.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

struct alias {
    struct map_node by_topic;
    uint16_t number;
    size_t length;
    char topic[];
};

struct aliases {
    struct alias **items; /* by number - 1; NULL: not set */
    size_t count;         /* length of items */
    struct map by_topic;  /* only of aliases that we assigned */
};

static struct slice alias_key(const struct map_node *node)
{
    const struct alias *alias =
        CONTAINER_OF((struct map_node *)(uintptr_t)node, struct alias, by_topic);
    return slice_make(alias->topic, alias->length);
}

struct aliases *aliases_new(void)
{
    struct aliases *aliases = memory_allocate_zero(sizeof(*aliases));
    map_init(&aliases->by_topic, alias_key);
    return aliases;
}

void aliases_free(struct aliases *aliases)
{
    if (!aliases) {
        return;
    }
    for (size_t i = 0; i < aliases->count; i++) {
        free(aliases->items[i]);
    }
    free(aliases->items);
    map_release(&aliases->by_topic);
    free(aliases);
}

static struct alias *alias_new(uint16_t number, struct slice topic)
{
    struct alias *alias = memory_allocate(sizeof(*alias) + topic.length);
    alias->number = number;
    alias->length = topic.length;
    memcpy(alias->topic, topic.data, topic.length);
    return alias;
}

static struct alias **alias_place(struct aliases *aliases, uint16_t number)
{
    if (aliases->count < number) {
        aliases->items = memory_resize(aliases->items, number * sizeof(struct alias *));
        memset(&aliases->items[aliases->count], 0,
               (number - aliases->count) * sizeof(struct alias *));
        aliases->count = number;
    }
    return &aliases->items[number - 1];
}

void aliases_set(struct aliases *aliases, uint16_t alias, struct slice topic)
{
    struct alias **place = alias_place(aliases, alias);
    if (*place && slice_equal(topic, slice_make((*place)->topic, (*place)->length))) {
        return;
    }
    free(*place);
    *place = alias_new(alias, topic);
}

bool aliases_topic(const struct aliases *aliases, uint16_t alias, struct slice *topic)
{
    if (!aliases || alias == 0 || alias > aliases->count || !aliases->items[alias - 1]) {
        return false;
    }
    const struct alias *found = aliases->items[alias - 1];
    *topic = slice_make(found->topic, found->length);
    return true;
}

uint16_t aliases_for_topic(struct aliases *aliases, struct slice topic, uint16_t maximum,
                           bool *known)
{
    uint64_t hash = hash_seeded(topic);
    struct map_node *node = map_find_hashed(&aliases->by_topic, topic, hash);
    *known = node != NULL;
    if (node) {
        return CONTAINER_OF(node, struct alias, by_topic)->number;
    }
    if (aliases->count >= maximum) {
        return 0;
    }
    uint16_t number = (uint16_t)(aliases->count + 1);
    struct alias **place = alias_place(aliases, number);
    *place = alias_new(number, topic);
    map_insert_hashed(&aliases->by_topic, &(*place)->by_topic, hash);
    return number;
}
