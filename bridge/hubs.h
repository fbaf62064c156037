/* The settings of all hubs: those of the configuration, and those that are set at run time
 * (client/settings_store.h), which go before.
 *
 * Each change makes a new table of them. Who came under an older one holds what he got of it
 * (access/hub.h); a table that nobody holds any more is freed at the next change.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_HUBS_H
#define PUBGRID_BRIDGE_HUBS_H

#include "access/hub.h"
#include "base/buffer.h"
#include "config/config.h"

struct hub_tables;

/* The configuration must live as long as the hubs. */
struct hub_tables *hub_tables_new(const struct config *config);
void hub_tables_free(struct hub_tables *hubs);
/* The table in force; the last one is "_default". */
const struct hub_settings *hub_tables_current(const struct hub_tables *hubs, size_t *count);

/* Another configuration is in force; the old one stays until hub_tables_free(). */
void hub_tables_set_config(struct hub_tables *hubs, const struct config *config);

/* What is set at run time is told anew: what has not come until hub_tables_complete() is gone. The
 * table changes at hub_tables_complete(), and from then on at each hub_tables_set(). */
void hub_tables_begin(struct hub_tables *hubs);
/* Empty JSON: the hub is again as configured. False, and nothing changes, if the name or the JSON
 * is not good; `error` says why in lines. */
bool hub_tables_set(struct hub_tables *hubs, struct slice name, struct slice json,
                    struct buffer *error);
void hub_tables_complete(struct hub_tables *hubs);
/* Would hub_tables_set() take it? False with lines in `error`. */
bool hub_settings_are_good(struct slice name, struct slice json, struct buffer *error);

/* Appends {"value":[{"name":"chat","source":"runTime","settings":{...}},...]}; the source is
 * "configuration" for others. */
void hub_tables_append_list(const struct hub_tables *hubs, struct buffer *out);
/* Appends the settings that count for the hub, as JSON. */
void hub_tables_append_settings(const struct hub_tables *hubs, struct slice name,
                                struct buffer *out);

#endif
