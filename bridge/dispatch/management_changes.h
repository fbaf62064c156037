/* Changes of Event Grid's settings, one after another: each is stored by the broker and heard by
 * all processes (client/settings_store.h) before the next one begins. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MANAGEMENT_CHANGES_H
#define PUBGRID_DISPATCH_MANAGEMENT_CHANGES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "client/settings_store.h"

struct grid;

/* Embedded by who waits. */
struct changes {
    /* Once, unless they were abandoned; also from inside changes_begin(). Not stored: the broker
     * refused one of them or is gone; those before it stay. */
    void (*done)(struct changes *changes, bool are_stored);
    struct grid *grid;
    struct buffer items; /* struct change */
    size_t next;
    struct settings_change stored;
    bool is_waiting;
};

void changes_init(struct changes *changes, struct grid *grid,
                  void (*done)(struct changes *changes, bool are_stored));
/* Adds one: what `place` is to say from then on; `settings` empty: nothing. Both are copied. */
void changes_add(struct changes *changes, struct slice place, struct slice settings);
void changes_begin(struct changes *changes);
/* Abandons what has not been done, and frees it. */
void changes_release(struct changes *changes);

#endif
