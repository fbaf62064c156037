/* Topic templates (spec/eventgrid.md 6.3): topic filters with variables in whole levels or in parts
 * of them, which are put in when it is known who the client is.
 *
 *     devices/${client.authenticationName}/tele/+     areas/${client.attributes.area}/#
 *     factory/${client.authenticationName|.plant1}    ${dollar}SYS/#
 *
 * Nothing is widened through a variable: a value that is empty or has / + or # in it makes no
 * filter, nor does one that would put a `$` at the beginning. Each text of an attribute that has
 * several makes a filter of its own.
 *
 * The filters of access rules, with %u and %c, are compiled to the same form. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_TEMPLATE_H
#define PUBGRID_POLICY_TEMPLATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "policy/attributes.h"

enum {
    TEMPLATE_BYTES_MAX = 256,
    TEMPLATE_LEVELS_MAX = 8,
    TEMPLATE_FILTERS_MAX = 1024, /* that attributes with several texts may make of one */
};

struct topic_template;

/* NULL with `position N: what is wrong` in `error` (N counts characters from 1). Keeps no slice of
 * `text`. */
struct topic_template *topic_template_compile(struct slice text, struct buffer *error);
/* Of a valid topic filter with %u (the authentication name) and %c (the client identifier). */
struct topic_template *topic_template_from_rule(struct slice filter);
void topic_template_free(struct topic_template *topic_template);

/* Takes one of the filters, which is valid until it returns. */
typedef void template_taker(void *context, struct slice filter);
/* The filters that it comes to for this client; none if it has not what the variables name. False,
 * and none at all: they would be more than TEMPLATE_FILTERS_MAX. */
bool topic_template_expand(const struct topic_template *topic_template,
                           const struct client_profile *client, template_taker *take,
                           void *context);

#endif
