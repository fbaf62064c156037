/* See filter_set.h. The filters of all subscriptions are one program over one table of values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_set.h"

#include <stdlib.h>

#include "base/memory.h"
#include "eventgrid/filter_check.h"

struct filter_set {
    struct filter_program program;
    size_t count;
    struct check_range *filters; /* [count] */
    uint32_t *taken;             /* [count]: what the last event has found */
};

struct filter_set *filter_set_new(const struct event_filter *const *filters, size_t count)
{
    struct filter_set *set = memory_allocate_zero(sizeof(*set));

    filter_program_init(&set->program);
    set->count = count;
    set->filters = memory_allocate(count * sizeof(*set->filters));
    set->taken = memory_allocate(count * sizeof(*set->taken));
    for (size_t i = 0; i < count; i++) {
        set->filters[i] = filter_program_add(&set->program, filters[i]);
    }
    event_values_prepare(&set->program.values);
    return set;
}

void filter_set_free(struct filter_set *set)
{
    if (set) {
        filter_program_release(&set->program);
        free(set->filters);
        free(set->taken);
        free(set);
    }
}

static bool takes(const struct filter_program *program, struct check_range range)
{
    for (uint32_t i = 0; i < range.count; i++) {
        if (!check_holds(program, &program->checks[range.first + i])) {
            return false;
        }
    }
    return true;
}

const uint32_t *filter_set_match(struct filter_set *set, const struct event *event, size_t *count)
{
    *count = 0;
    if (set->program.check_count > 0) {
        event_values_read(&set->program.values, event);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (takes(&set->program, set->filters[i])) {
            set->taken[(*count)++] = (uint32_t)i;
        }
    }
    return set->taken;
}
