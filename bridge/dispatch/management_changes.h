/* Changes of Event Grid's settings, one after another: each is stored by the broker and heard by
 * this process before the next one begins. At the end all processes are asked for a sign of life:
 * who gives one has heard what came to it before, so whoever is answered then finds the changes
 * wherever he goes. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MANAGEMENT_CHANGES_H
#define PUBGRID_DISPATCH_MANAGEMENT_CHANGES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/timers.h"
#include "client/settings_store.h"
#include "client/staff.h"

struct grid;

enum { CHANGES_HEARD_MS = 5000 }; /* what is stored counts as heard by then */

/* Embedded by who waits. */
struct changes {
    /* Once, unless they were abandoned; also from inside changes_begin(). Not stored: the broker
     * refused one of them or is gone; those before it stay. */
    void (*done)(struct changes *changes, bool are_stored);
    struct grid *grid;
    struct buffer items; /* struct change */
    size_t next;
    struct settings_change stored;
    struct timer timer;
    struct staff_ask round;
    bool is_waiting, is_stored, is_heard, is_asking;
};

void changes_init(struct changes *changes, struct grid *grid,
                  void (*done)(struct changes *changes, bool are_stored));
/* Adds one: what `place` is to say from then on; `settings` empty: nothing. Both are copied. */
void changes_add(struct changes *changes, struct slice place, struct slice settings);
void changes_begin(struct changes *changes);
/* The catalog has been told of this place. */
void changes_heard(struct changes *changes, struct slice place);
/* Abandons what has not been done, and frees it. */
void changes_release(struct changes *changes);

#endif
