/* What of the catalog is set at run time: it is heard from the broker, and changed there.
 *
 * A declared topic or domain without keys gets some, from the process with the number 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_CATALOG_STORE_H
#define PUBGRID_DISPATCH_CATALOG_STORE_H

#include "base/buffer.h"
#include "base/slice.h"
#include "client/settings_store.h"

struct grid;

/* Appends the place (catalog.h) of a source, or of its subscription `name` if that is not empty. */
void catalog_place_append(struct buffer *out, struct slice source_key, struct slice name);

struct catalog_store;

/* Sets grid->settings. Behind the catalog. */
struct catalog_store *catalog_store_new(struct grid *grid);
void catalog_store_free(struct catalog_store *store);
/* The broker is there. */
void catalog_store_connect(struct catalog_store *store);

/* Those that are declared and lack keys get some. */
void catalog_store_make_keys(struct catalog_store *store);

/* A change that nobody waits for: tried again until the broker has stored it. Empty JSON: takes the
 * settings away. */
void catalog_store_set(struct catalog_store *store, struct slice place, struct slice json);

#endif
