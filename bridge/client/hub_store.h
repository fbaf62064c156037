/* Settings of hubs that are set while the server runs: retained messages `$config/hubs/<hub>`,
 * which every bridge process hears, each over a connection to the broker of its own. What is in
 * them is for the listener to read (JSON, config/config.h).
 *
 * Each time the broker is there: begin() - changed() for each hub that has some - complete(); from
 * then on changed() as it happens. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_HUB_STORE_H
#define PUBGRID_CLIENT_HUB_STORE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/slice.h"

struct gateway;
struct hub_store;

/* --- implemented by the wiring --- */
struct hub_listener {
    void *context;
    void (*begin)(void *context); /* all are told anew; what is not told until complete() is gone */
    /* `settings` empty: the hub has none any more. Both are borrowed. */
    void (*changed)(void *context, struct slice hub, struct slice settings);
    void (*complete)(void *context);
    /* For client/hub_admin.h: appends all hubs, or what counts for one, as JSON. */
    void (*append_list)(void *context, struct buffer *out);
    void (*append_settings)(void *context, struct slice hub, struct buffer *out);
    /* Are these settings that changed() would take? False with lines in `error`. */
    bool (*check)(void *context, struct slice hub, struct slice settings, struct buffer *error);
};

/* --- */

/* Embedded by who waits until a change is stored. */
struct hub_change {
    /* Once, unless it was abandoned. Not stored: the broker refused it or is gone. */
    void (*done)(struct hub_change *change, bool is_stored);
    struct list link; /* the store's */
    unsigned packet_id;
};

struct hub_store *hub_store_new(struct gateway *gateway);
void hub_store_free(struct hub_store *store);
/* The broker is there. */
void hub_store_connect(struct hub_store *store);

/* Sets the settings of a hub; empty: takes them away. False, and no done(): the broker is not
 * there. */
bool hub_store_set(struct hub_store *store, struct slice hub, struct slice settings,
                   struct hub_change *change);
/* Nobody waits any more; harmless if it is done. */
void hub_store_abandon(struct hub_change *change);

#endif
