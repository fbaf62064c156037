/* Lists and counts of the registry, for the REST API: pages sorted by name, so that the last name
 * of one says where the next begins, whatever comes and goes meanwhile.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REST_LIST_H
#define PUBGRID_CLIENT_REST_LIST_H

#include <stddef.h>

#include "base/buffer.h"
#include "client/registry.h"
#include "client/rest_question.h"
#include "rest/operation.h"

/* The most names whose hashes an answer to REST_COUNT has; beyond, who has the same name at two
 * processes is counted twice. */
enum { REST_HASHES_MAX = 30000 };

/* The members of the operation's target, in no order; the caller frees the array. */
struct member **rest_list_members(const struct registry_hub *hub,
                                  const struct rest_operation *operation, size_t *count);
/* Answers REST_LIST, REST_LIST_GROUPS, REST_LIST_USERS or REST_COUNT: a page of items, or the
 * hashes of users and of groups, each run of them with its length before it. */
void rest_list(const struct registry_hub *hub, const struct rest_operation *operation,
               struct rest_answer *answer, struct buffer *items);

/* The order of names in lists: by bytes, as of strcmp(). */
int rest_name_compare(struct slice a, struct slice b);
/* Takes items of several processes together: sorts them by name and adds the numbers of those of
 * the same name. `items` is struct rest_item. Returns how many are left. */
size_t rest_list_merge(struct rest_item *items, size_t count);

#endif
