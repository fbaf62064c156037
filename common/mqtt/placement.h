/* Which worker a session belongs to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_PLACEMENT_H
#define PUBGRID_MQTT_PLACEMENT_H

#include "base/map.h"

/* The same in the broker and in the bridge, for one number of workers. */
static inline unsigned placement_of(struct slice client_identifier, unsigned workers)
{
    return workers < 2 ? 0 : (unsigned)(hash_fixed(client_identifier) % workers);
}

#endif
