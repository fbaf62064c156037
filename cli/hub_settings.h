/* What `pubgrid hub` does with JSON: changes some settings of a hub, and shows to people what the
 * server answers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_HUB_SETTINGS_H
#define PUBGRID_CLI_HUB_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Appends the settings of `json` with those of `changes`, "name=value", in their place. A value is
 * JSON if it can be, else a text; eventHandlers may be a URL, which then gets all events. False,
 * after an error message, if a change has no name. */
bool hub_settings_change(struct slice json, char *const *changes, size_t count, struct buffer *out);

/* The answer of GET /api/hubs as a table. */
bool hub_print_list(struct slice json);

/* Prints the deliveries of an answer of GET :log that are not in the one before, oldest first;
 * `before` is that one's JSON (empty: none), and becomes this one's. False: it is no such answer.
 */
bool hub_print_log(struct slice json, bool as_json, struct buffer *before);
/* The answer of POST :check. False: it is no such answer. */
bool hub_print_check(struct slice json, bool as_json, bool *all_good);

#endif
