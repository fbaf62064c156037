/* The settings of hubs over the REST API, beyond Azure: REST_HUBS, REST_HUB, REST_SET_HUB,
 * REST_RESET_HUB, and REST_CHECK_HUB. What is set is stored by the broker and reaches all bridge
 * processes (client/hub_store.h).
 *
 * Called by client/rest.c, whose rules hold: an operation is answered once, now or later.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_HUB_ADMIN_H
#define PUBGRID_CLIENT_HUB_ADMIN_H

#include "client/rest.h"

/* Is it an operation of these? Then it carries it out. */
bool hub_admin_carry_out(struct gateway *gateway, const struct rest_operation *operation,
                         struct rest_reply *reply);
/* As rest_abandon(); harmless if nothing is under way. */
void hub_admin_abandon(struct rest_reply *reply);

#endif
