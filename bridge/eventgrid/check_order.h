/* The order in which the values of StringIn and NumberIn lie, for qsort() and bsearch(). Internal
 * to filter_check.c and filter_compile.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_CHECK_ORDER_H
#define PUBGRID_EVENTGRID_CHECK_ORDER_H

#include "eventgrid/filter_check.h"

/* Both are union check_value. */
static inline int check_number_order(const void *a, const void *b)
{
    double left = ((const union check_value *)a)->low, right = ((const union check_value *)b)->low;

    return (left > right) - (left < right);
}

/* Shorter ones come first: most comparisons end there. */
static inline int check_text_order(const void *a, const void *b)
{
    struct slice left = ((const union check_value *)a)->text,
                 right = ((const union check_value *)b)->text;

    if (left.length != right.length) {
        return left.length < right.length ? -1 : 1;
    }
    return left.length == 0 ? 0 : memcmp(left.data, right.data, left.length);
}

#endif
