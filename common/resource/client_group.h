/* A client group of a namespace: the clients that a query takes (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_CLIENT_GROUP_H
#define PUBGRID_RESOURCE_CLIENT_GROUP_H

#include "base/slice.h"

/* The group that every client is in; it needs no resource. */
#define CLIENT_GROUP_ALL SLICE_LITERAL("$all")

struct client_group {
    struct slice query; /* compiles (policy/query.h) */
};

#endif
