/* What the files of namespace_http.h share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_NAMESPACE_STATE_H
#define PUBGRID_DISPATCH_NAMESPACE_STATE_H

#include "base/list.h"
#include "base/uuid.h"
#include "client/gateway.h"
#include "dispatch/catalog.h"
#include "dispatch/door_state.h"
#include "dispatch/grid.h"
#include "dispatch/namespace_http.h"
#include "dispatch/pull_desk.h"
#include "eventgrid/pull_body.h"
#include "eventgrid/pull_request.h"

struct namespace_http {
    struct grid *grid;
    struct list publishings, pulls; /* calls that wait */
    struct uuid_series request_ids;
    struct buffer key, message; /* scratch */
};

/* A request that is being looked at. */
struct namespace_visit {
    struct namespace_http *http;
    const struct grid_request *request;
    struct grid_reply *reply;
    const struct pull_request *wanted;
    struct catalog_source *source; /* the topic */
};

/* --- namespace_http.c --- */

void namespace_answer(struct namespace_http *http, struct grid_reply *reply, struct slice body);
void namespace_refuse(struct namespace_http *http, struct grid_reply *reply,
                      const struct request_error *error);

/* --- namespace_publish.c --- */

void namespace_publish(const struct namespace_visit *visit);
void namespace_publishings_free(struct namespace_http *http);

/* --- namespace_pull.c --- */

void namespace_pull(const struct namespace_visit *visit);
void namespace_pulls_free(struct namespace_http *http);

#endif
