/* Requests of commands to the management API of Event Grid, and how its answers are shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_GRID_REQUEST_H
#define PUBGRID_CLI_GRID_REQUEST_H

#include <stdbool.h>

#include "base/buffer.h"
#include "look_options.h"
#include "server_request.h"
#include "json/json.h"

/* Appends a slash and a segment, or only what is to be encoded. */
void grid_append_segment(struct buffer *path, const char *name);
void grid_append_encoded(struct buffer *path, struct slice text);

/* GET, or what `method` says, at a path below /api/eventgrid. */
bool grid_ask(struct server *server, const char *method, const struct buffer *path,
              struct slice query, struct slice body, struct buffer *answer);
/* Asks, and prints the answer, or what `print` (NULL: none) says of it. Releases the path. */
bool grid_do(const struct look_options *look, struct server *server, const char *method,
             struct buffer *path, struct slice body, void (*print)(struct slice answer));
/* Prints all pages of a list, an item at a time, below `head`. */
bool grid_print_list(const struct look_options *look, struct server *server,
                     const struct buffer *path, const char *head,
                     void (*print)(const struct json_value *item, const void *context),
                     const void *context);
/* After an error message. */
bool grid_not_understood(void);

/* For grid_do(). */
void grid_say_deleted(struct slice answer);
void grid_say_what_is_there(struct slice answer);
void grid_print_keys(struct slice answer);

#endif
