/* Topics of namespaces over HTTP (spec/eventgrid.md section 5): publishers, and receivers of
 * subscriptions that have a queue.
 *
 *     namespace_http.c      which topic and subscription a request is for, whether it may come in
 *     namespace_publish.c   :publish
 *     namespace_pull.c      :receive, :acknowledge, :release, :reject, :renewLock
 *
 * A path without a namespace (eventgrid/pull_request.h) means the one that the host's first label
 * names, else the one called `default`, else the only one. Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_NAMESPACE_HTTP_H
#define PUBGRID_DISPATCH_NAMESPACE_HTTP_H

#include "dispatch/call.h"

struct grid;
struct namespace_http;

struct namespace_http *namespace_http_new(struct grid *grid);
/* Before the door and the runner are: nobody gets an answer any more. */
void namespace_http_free(struct namespace_http *http);

bool namespace_http_is_path(struct slice target);
void namespace_http_call(struct namespace_http *http, const struct grid_request *request,
                         struct grid_reply *reply);

#endif
