/* Requests of `pubgrid hub` to the server's REST API, with a token signed by the server's key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_HUB_REQUEST_H
#define PUBGRID_CLI_HUB_REQUEST_H

#include <stdbool.h>

#include "access_options.h"
#include "base/buffer.h"

struct hub_server;

/* NULL after an error message. */
struct hub_server *hub_server_open(const struct access_options *options, bool is_insecure);
void hub_server_close(struct hub_server *server);

struct hub_request {
    const char *method;
    const char *hub;          /* NULL: /api/hubs */
    const char *action;       /* ":log"; NULL: the hub itself */
    struct slice query, body; /* empty: none */
};

/* True if it was answered with success; the body is then in `answer`, in place of what was there,
 * with a NUL behind it. Else false after an error message. */
bool hub_server_ask(struct hub_server *server, const struct hub_request *request,
                    struct buffer *answer);

#endif
