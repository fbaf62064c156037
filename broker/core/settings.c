/* Settings: options and access rules, counted, since the shards swap them one after the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/shard.h"

struct settings *settings_new(const struct core_options *options, struct rule_set *access)
{
    struct settings *settings = memory_allocate(sizeof(*settings));
    *settings = (struct settings){
        .references = 1,
        .options = *options,
        .access = access,
        .is_open = rule_set_is_empty(access),
    };
    return settings;
}

struct settings *settings_hold(struct settings *settings)
{
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return settings;
}

void settings_release(struct settings *settings)
{
    if (settings &&
        atomic_fetch_sub_explicit(&settings->references, 1, memory_order_acq_rel) == 1) {
        rule_set_free(settings->access);
        free(settings);
    }
}
