/* Management over HTTP: Azure Resource Manager's paths (spec/eventgrid.md 8.1), the same in short
 * and what Azure does not have under /api/eventgrid/ (docs/eventgrid.md), and the URL for consent
 * by hand (4.7).
 *
 *     request -> who may (management_access.h) -> operation (management_path.h)
 *             -> catalog, catalog store, runner -> reply (arm_reply.h)
 *
 * What is changed is stored by the broker before it is answered, and all processes have heard of it
 * by then (client/settings_store.h). Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MANAGEMENT_H
#define PUBGRID_DISPATCH_MANAGEMENT_H

#include <stdbool.h>

#include "dispatch/call.h"

struct management;

struct management *management_new(struct grid *grid);
void management_free(struct management *management);
/* Is this a path of management's? */
bool management_is_path(struct slice target);
/* Answers at once or later; sets `reply->call` and `reply->abandon` if later. */
void management_call(struct management *management, const struct grid_request *request,
                     struct grid_reply *reply);

#endif
