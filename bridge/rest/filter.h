/* The `filter` of REST calls, a subset of OData (spec/webpubsub.md 6.8): compiled once, run for
 * each connection. Bounded: depth, clauses, bytes; no allocation while it runs. Pure.
 *
 * What the fact sheet leaves open: letters are counted as Unicode characters, tolower and toupper
 * change ASCII letters only, a function of null is null, substring beyond a text's ends is cut to
 * it, and what does not fit in 8 KiB is null.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_FILTER_H
#define PUBGRID_REST_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

enum {
    FILTER_BYTES_MAX = 16384,
    FILTER_DEPTH_MAX = 100,  /* parentheses, `not` and calls within each other */
    FILTER_CLAUSES_MAX = 100 /* each of comparisons, of and/or, and of calls */
};

struct filter; /* immutable */

/* A connection as a filter sees it, or something that has a name. */
struct filter_subject {
    struct slice user_id; /* data NULL: it has none (null) */
    struct slice connection_id;
    struct slice protocol;      /* "" without subprotocol */
    const struct slice *groups; /* [group_count] */
    size_t group_count;
    struct slice name; /* of filter_compile_names(): in lower case */
};

/* NULL: it is wrong, and `error` has the sentence for the answer. `text` is copied; if it is blank,
 * the filter takes everybody. */
struct filter *filter_compile(struct slice text, struct buffer *error);
/* The same for lists of things with names (spec/eventgrid.md 8.1): `name` is all that the filter
 * knows of them, and is compared without regard to case. */
struct filter *filter_compile_names(struct slice text, struct buffer *error);
void filter_free(struct filter *filter);
bool filter_matches(const struct filter *filter, const struct filter_subject *subject);

#endif
