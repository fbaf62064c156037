/* What management answers: resources as Azure Resource Manager shows them (spec/eventgrid.md 3.1,
 * 8.1), and pages of lists. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ARM_REPLY_H
#define PUBGRID_DISPATCH_ARM_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "dispatch/catalog.h"

/* --- resources --- */

/* This server: as the client reaches it ("http://host:port"), and the host that it is known by. */
struct arm_server {
    struct slice base_url, host;
};

void arm_append_source(struct buffer *out, const struct catalog_source *source,
                       const struct arm_server *server);
void arm_append_keys(struct buffer *out, const struct catalog_source *source);
void arm_append_subscription(struct buffer *out, const struct catalog_subscription *subscription);
void arm_append_child(struct buffer *out, const struct catalog_child *child);
void arm_append_full_url(struct buffer *out, const struct catalog_subscription *subscription);
void arm_append_attributes(struct buffer *out, const struct catalog_subscription *subscription);
/* What the provider can do: {"value":[..]}. */
void arm_append_operations(struct buffer *out);

/* --- lists: what is told in order, cut into pages --- */

struct filter; /* rest/filter.h, of names */

/* An item's place in the order: a source's key, and in it a subscription's or a child's name. */
struct arm_place {
    struct slice source_key, name; /* name: empty for a source */
    bool name_has_case;            /* names that differ in case only are two */
};

struct arm_page {
    struct buffer *out;
    const struct filter *filter; /* NULL: all */
    struct slice skip_token;     /* empty: from the first one on */
    uint32_t left;               /* how many fit */
    size_t count;
    struct buffer last; /* place of the last one */
    bool has_more;
};

/* Appends the beginning. */
void arm_page_begin(struct arm_page *page, struct buffer *out, const struct filter *filter,
                    struct slice skip_token, uint32_t most);
/* Does the item called `name` belong to the page? Then the caller appends it to `page->out`. */
bool arm_page_takes(struct arm_page *page, struct slice name, const struct arm_place *place);
/* Appends the end, with "nextLink": `link`, which ends in "?" or "&", and the place to go on from;
 * null behind the last page. */
void arm_page_end(struct arm_page *page, struct slice link);

#endif
