/* The settings of hubs over the REST API, beyond Azure: REST_HUBS, REST_HUB, REST_SET_HUB,
 * REST_RESET_HUB, and REST_CHECK_HUB. What is set is stored by the broker and reaches all bridge
 * processes (client/settings_store.h, of which it is `hub_settings_kind`).
 *
 * Called by client/rest.c, whose rules hold: an operation is answered once, now or later.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_HUB_ADMIN_H
#define PUBGRID_CLIENT_HUB_ADMIN_H

#include "client/rest.h"
#include "client/settings_store.h"

extern const struct settings_kind hub_settings_kind;

/* --- implemented by the wiring; with the context of `settings` --- */
struct hub_listener {
    struct settings_listener settings; /* a place is a hub */
    /* Appends all hubs, or what counts for one, as JSON. */
    void (*append_list)(void *context, struct buffer *out);
    void (*append_settings)(void *context, struct slice hub, struct buffer *out);
    /* Are these settings that changed() would take? False with lines in `error`. */
    bool (*check)(void *context, struct slice hub, struct slice settings, struct buffer *error);
};

/* --- */

/* Is it an operation of these? Then it carries it out. */
bool hub_admin_carry_out(struct gateway *gateway, const struct rest_operation *operation,
                         struct rest_reply *reply);
/* As rest_abandon(); harmless if nothing is under way. */
void hub_admin_abandon(struct rest_reply *reply);

#endif
