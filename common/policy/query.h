/* The query that says which clients are in a client group (spec/eventgrid.md 6.3):
 *
 *     attributes.type = 'sensor' AND (attributes.floor IN [1, 2] OR authenticationName = "boss")
 *
 * Compiled once, asked for each client. AND binds stronger than OR; keywords in any case. < <= > >=
 * compare integers. Of an attribute with several texts, any one may be equal; <> and != are the
 * contrary of that. A client without the attribute is in no comparison's group, also not in that of
 * <>. authenticationName is compared ignoring case, as Azure finds clients by it. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_QUERY_H
#define PUBGRID_POLICY_QUERY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "policy/attributes.h"

enum { QUERY_BYTES_MAX = 4096, QUERY_DEPTH_MAX = 32 /* of parentheses */ };

struct query;

/* NULL with `position N: what is to stand there` in `error` (N counts characters from 1). Keeps no
 * slice of `text`. */
struct query *query_compile(struct slice text, struct buffer *error);
void query_free(struct query *query);
bool query_matches(const struct query *query, const struct client_profile *client);

#endif
