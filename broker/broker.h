/* The broker as a whole: options in, a running server out. main.c starts, reloads and stops it;
 * nothing else knows all of its parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_BROKER_H
#define PUBGRID_BROKER_BROKER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "config/config.h"

struct server;

/* Opens the listeners and starts the workers. Takes over `options`. NULL, with a sentence in
 * `error` that says what to do, if something cannot be had. */
struct server *server_start(struct config *options, struct buffer *error);

/* New options, access rules, passwords and certificates for the running server; takes over
 * `options`. The log says what was kept because it needs a restart, or could not be loaded. */
void server_reload(struct server *server, struct config *options);

/* A descriptor that is readable when settings were changed that the broker follows itself: call
 * server_hear() then. */
int server_news(const struct server *server);
void server_hear(struct server *server);

/* Asks the workers for a sign of life and says whether all have given the last one. */
bool server_is_alive(struct server *server);
/* The store could not be opened when the server started, and now it can: stop and start again. */
bool server_wants_restart(struct server *server);

/* Tells the clients, waits until they have read it (some seconds at most), frees everything. */
void server_stop(struct server *server);

#endif
