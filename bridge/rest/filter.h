/* The `filter` of REST calls, a subset of OData (spec/webpubsub.md 6.8): compiled once, run for
 * each connection. Bounded: depth, clauses, bytes; no allocation while it runs. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_FILTER_H
#define PUBGRID_REST_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

struct filter; /* immutable */

/* A connection as a filter sees it. */
struct filter_subject {
    struct slice user_id; /* data NULL: it has none (null) */
    struct slice connection_id;
    struct slice protocol;      /* "" without subprotocol */
    const struct slice *groups; /* [group_count] */
    size_t group_count;
};

/* NULL: it is wrong, and `error` has the sentence for the answer. `text` is copied. */
struct filter *filter_compile(struct slice text, struct buffer *error);
void filter_free(struct filter *filter);
bool filter_matches(const struct filter *filter, const struct filter_subject *subject);

#endif
