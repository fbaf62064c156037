/* See management_changes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/management_changes.h"

#include "dispatch/grid.h"

struct change {
    struct buffer place, settings;
};

static struct change *change_at(const struct changes *changes, size_t index)
{
    return (struct change *)(void *)changes->items.data + index;
}

static size_t change_count(const struct changes *changes)
{
    return changes->items.length / sizeof(struct change);
}

/* --- one --- */

static void go_on(struct changes *changes);

static void stored(struct settings_change *change, bool is_stored)
{
    struct changes *changes = CONTAINER_OF(change, struct changes, stored);

    changes->is_waiting = false;
    if (is_stored) {
        changes->next++;
        go_on(changes);
    } else {
        changes->done(changes, false);
    }
}

static void go_on(struct changes *changes)
{
    const struct change *change;

    if (changes->next == change_count(changes)) {
        changes->done(changes, true);
        return;
    }
    change = change_at(changes, changes->next);
    changes->is_waiting = true;
    changes->stored = (struct settings_change){.done = stored};
    if (!settings_store_set(changes->grid->settings, buffer_slice(&change->place),
                            buffer_slice(&change->settings), &changes->stored)) {
        changes->is_waiting = false;
        changes->done(changes, false);
    }
}

/* --- all --- */

void changes_init(struct changes *changes, struct grid *grid,
                  void (*done)(struct changes *changes, bool are_stored))
{
    *changes = (struct changes){.grid = grid, .done = done};
}

void changes_add(struct changes *changes, struct slice place, struct slice settings)
{
    struct change change = {{0}, {0}};

    buffer_append(&change.place, place);
    buffer_append(&change.settings, settings);
    buffer_append(&changes->items, slice_make(&change, sizeof(change)));
}

void changes_begin(struct changes *changes)
{
    go_on(changes);
}

void changes_release(struct changes *changes)
{
    if (changes->is_waiting) {
        settings_store_abandon(&changes->stored);
        changes->is_waiting = false;
    }
    for (size_t i = 0; i < change_count(changes); i++) {
        buffer_release(&change_at(changes, i)->place);
        buffer_release(&change_at(changes, i)->settings);
    }
    buffer_release(&changes->items);
}
