/* Settings: options and access rules, counted, since the shards swap them one after the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "core/shard.h"

struct settings *settings_new(const struct core_options *options, struct access_rules *access)
{
    struct settings *settings = memory_allocate(sizeof(*settings));
    *settings = (struct settings){.references = 1, .options = *options, .access = access};
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
        access_rules_free(settings->access);
        free(settings);
    }
}
