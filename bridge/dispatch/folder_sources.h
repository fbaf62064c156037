/* The folders that are sources of events (event_grid.sources): each is watched by one of the
 * processes, as ownership.h says. When that one dies, another one goes on with what the state file
 * says; who takes it over waits a moment, so that two views of who is there do not fight.
 * Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_FOLDER_SOURCES_H
#define PUBGRID_DISPATCH_FOLDER_SOURCES_H

#include "base/slice.h"

struct folder_sources;
struct grid;

struct folder_sources *folder_sources_new(struct grid *grid);
void folder_sources_free(struct folder_sources *sources);
/* What the configuration declares (catalog_set_declared()): of the same JSON the member "sources".
 */
void folder_sources_set_declared(struct folder_sources *sources, struct slice json);

#endif
