/* What may wait in a session, and be unacknowledged, that must not lose a message: one that comes
 * to more ends instead. Without bounds of its own a session drops what is too much.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SESSION_BOUNDS_H
#define PUBGRID_CORE_SESSION_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

struct session_bounds {
    uint64_t bytes;
    uint32_t messages;
    bool given;
};

#endif
