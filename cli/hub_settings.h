/* What `pubgrid hub` does with JSON: changes some settings of a hub, and shows to people what the
 * server answers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_HUB_SETTINGS_H
#define PUBGRID_CLI_HUB_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "json/json.h"

/* Appends the settings of `json` with those of `changes`, "name=value", in their place. A value is
 * JSON if it can be, else a text; eventHandlers may be a URL, which then gets all events. False,
 * after an error message, if a change has no name. */
bool hub_settings_change(struct slice json, char *const *changes, size_t count, struct buffer *out);

/* The answer of GET /api/hubs as a table. */
bool hub_print_list(struct slice json);

/* A delivery of an answer of GET :log, in a line. */
void hub_print_delivery(const struct json_value *delivery);
/* The answer of POST :check. False: it is no such answer. */
bool hub_print_check(struct slice json, bool as_json, bool *all_good);

#endif
