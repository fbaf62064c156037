/* Settings that are set while the server runs: retained messages below one place, as
 * `$config/hubs/<hub>`, which every bridge process hears over a connection to the broker of the
 * store's own. What is in them is for the listener to read (JSON).
 *
 * Each time the broker is there: begin() - changed() for each place that has some - complete();
 * from then on changed() as it happens.
 *
 * A change is done when the broker has stored it and each living process, this one included, has
 * heard it (settings_heard.h): who is answered then finds it wherever he asks. If the broker itself
 * follows what is said there (who may publish and subscribe), it has it in force before that: it
 * publishes the marks of changes that it has on SETTINGS_APPLIED. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_SETTINGS_STORE_H
#define PUBGRID_CLIENT_SETTINGS_STORE_H

#include <stdbool.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/timers.h"
#include "client/staff.h"

struct gateway;
struct settings_store;

/* Which settings: of those whose topics begin so. Outlives the store. */
struct settings_kind {
    struct slice prefix;   /* "$config/hubs/" */
    const char *places;    /* the filter behind it: "+", or "#" for places of several levels */
    const char *role;      /* of the store's connection; each kind has its own */
    struct slice followed; /* the broker follows the places that begin so; empty: none */
};

/* The payload is marks (settings_heard.h), one behind the other. */
#define SETTINGS_APPLIED SLICE_LITERAL("$config/applied")

/* --- implemented by who wants them --- */
struct settings_listener {
    void *context;
    void (*begin)(void *context); /* all are told anew; what is not told until complete() is gone */
    /* `place`: the topic behind the prefix. `settings` empty: there are none any more. Both are
     * borrowed. */
    void (*changed)(void *context, struct slice place, struct slice settings);
    void (*complete)(void *context);
};

/* --- */

/* Embedded by who waits until a change counts. */
struct settings_change {
    /* Once, unless it was abandoned: stored, and heard by all, but for those that are too late. Not
     * stored: the broker refused it or is gone. */
    void (*done)(struct settings_change *change, bool is_stored);
    struct list link; /* the store's */
    struct settings_store *store;
    struct staff_ask round; /* asks who has heard it */
    uint32_t number;        /* of its mark */
    unsigned packet_id;
    struct timer timer; /* of waiting until the broker has it in force */
    bool is_stored;     /* and waits for that */
    bool is_followed;   /* the broker follows it, and has it not in force yet */
    bool is_asking;
};

struct settings_store *settings_store_new(struct gateway *gateway,
                                          const struct settings_kind *kind);
void settings_store_free(struct settings_store *store);
/* The broker is there. The listener outlives the store. */
void settings_store_connect(struct settings_store *store, const struct settings_listener *listener);

/* Sets the settings of a place; empty: takes them away. False, and no done(): the broker is not
 * there. */
bool settings_store_set(struct settings_store *store, struct slice place, struct slice settings,
                        struct settings_change *change);
/* Nobody waits any more; harmless if it is done. */
void settings_store_abandon(struct settings_change *change);

/* Another process, or this one, asks whether it has heard a change. False: the question is about
 * something else. */
bool settings_take_question(struct gateway *gateway, const struct staff_asker *asker,
                            struct slice question);

#endif
