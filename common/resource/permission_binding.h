/* A permission binding of a namespace: a client group may publish or subscribe to a topic space
 * (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_PERMISSION_BINDING_H
#define PUBGRID_RESOURCE_PERMISSION_BINDING_H

#include <stdbool.h>

#include "base/slice.h"

struct permission_binding {
    struct slice group; /* name of a client group, or $all */
    struct slice space; /* name of a topic space */
    bool has_permission;
    bool is_publisher; /* else Subscriber */
};

#endif
