/* The configured hubs as the bridge's layers want them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_HUBS_H
#define PUBGRID_BRIDGE_HUBS_H

#include "access/hub.h"
#include "config/config.h"

/* As many as there are in the configuration, the last one "_default". The caller frees the array;
 * names, handlers and listeners stay the configuration's, which must live
 * as long. */
struct hub_settings *hubs_from_config(const struct config *config);

#endif
