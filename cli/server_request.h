/* Requests of commands to a running server's REST API, with a token signed by the server's key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SERVER_REQUEST_H
#define PUBGRID_CLI_SERVER_REQUEST_H

#include <stdbool.h>

#include "access_options.h"
#include "base/buffer.h"

struct server;

/* NULL after an error message. */
struct server *server_open(const struct access_options *options, bool is_insecure);
void server_close(struct server *server);

struct server_request {
    const char *method;
    struct slice path;        /* "/api/hubs/chat", encoded */
    struct slice query, body; /* empty: none */
    const char *content_type; /* of the body; NULL: application/json */
    const char *header;       /* a line more: "name: value"; NULL: none */
};

/* True if it was answered with success; the body is then in `answer`, in place of what was there,
 * with a NUL behind it. Else false after an error message. */
bool server_ask(struct server *server, const struct server_request *request, struct buffer *answer);

#endif
