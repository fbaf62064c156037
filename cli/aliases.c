/* Topic aliases, in an array that grows to the highest alias seen (65,535 at most).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "aliases.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static size_t find_alias(const MQTTProperties *properties)
{
    for (int i = 0; i < properties->count; i++) {
        if (properties->array[i].identifier == MQTTPROPERTY_CODE_TOPIC_ALIAS) {
            return properties->array[i].value.integer2;
        }
    }
    return 0;
}

static void remember(struct aliases *aliases, size_t alias, struct slice topic)
{
    if (alias >= aliases->count) {
        size_t count = alias + 1;

        aliases->topics = memory_resize(aliases->topics, count * sizeof(*aliases->topics));
        memset(aliases->topics + aliases->count, 0,
               (count - aliases->count) * sizeof(*aliases->topics));
        aliases->count = count;
    }
    free((void *)(uintptr_t)aliases->topics[alias].data);
    aliases->topics[alias] = slice_make(memory_copy_string(topic), topic.length);
}

struct slice aliases_resolve(struct aliases *aliases, struct slice topic,
                             const MQTTProperties *properties)
{
    size_t alias = find_alias(properties);

    if (alias == 0) {
        return topic;
    }
    if (topic.length == 0) {
        return alias < aliases->count ? aliases->topics[alias] : topic;
    }
    remember(aliases, alias, topic);
    return topic;
}

void aliases_forget(struct aliases *aliases)
{
    for (size_t i = 0; i < aliases->count; i++) {
        free((void *)(uintptr_t)aliases->topics[i].data);
    }
    free(aliases->topics);
    *aliases = (struct aliases){0};
}
