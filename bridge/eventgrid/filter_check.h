/* Filters compiled into checks: a comparison of the value in one slot with values that lie ready,
 * folded and in order. All checks of a filter must hold. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_FILTER_CHECK_H
#define PUBGRID_EVENTGRID_FILTER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "eventgrid/filter_values.h"
#include "resource/subscription.h"

struct pattern;

union check_value {
    struct {
        double low, high;
    };
    bool truth;
    struct {
        struct slice text;
        uint64_t letters; /* letters_of() */
    };
    struct pattern *pattern; /* owned; NULL: matches nothing */
};

struct check {
    uint8_t operation; /* enum filter_operator; a simple filter is FILTER_STRING_... */
    bool on_arrays;
    uint32_t slot;
    uint32_t count; /* of values, or of a FILTER_ANY's alternatives */
    uint32_t first; /* of these, in the program */
    union check_value *values;
    const struct advanced_filter *source; /* NULL: a simple filter */
};

struct filter_program {
    struct event_values values;
    struct check *checks; /* [check_count] */
    uint32_t check_count, check_capacity;
};

/* A filter's checks. */
struct check_range {
    uint32_t first, count;
};

void filter_program_init(struct filter_program *program);
void filter_program_release(struct filter_program *program);
struct check_range filter_program_add(struct filter_program *program,
                                      const struct event_filter *filter);
/* All filters are there: event_values_read() may be called, then checks hold or not. */
bool check_holds(const struct filter_program *program, const struct check *check);

#endif
