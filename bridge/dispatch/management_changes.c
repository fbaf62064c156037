/* See management_changes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/management_changes.h"

#include "client/gateway.h"
#include "client/rest_question.h"
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

/* --- the end --- */

static void ignore_answer(struct staff_ask *ask, struct slice answer)
{
    (void)ask, (void)answer;
}

/* Who is silent is taken for dead. */
static void round_done(struct staff_ask *ask, bool complete)
{
    struct changes *changes = CONTAINER_OF(ask, struct changes, round);

    (void)complete;
    changes->is_asking = false;
    changes->done(changes, true);
}

/* Asks for what nobody has: the log of no queue. */
static void ask_round(struct changes *changes)
{
    struct rest_operation nothing = {.kind = REST_EVENT_LOG, .page_size = 1};
    struct buffer question = {0};

    rest_question_append(&question, &nothing);
    changes->round = (struct staff_ask){.answered = ignore_answer, .done = round_done};
    changes->is_asking = true;
    if (!staff_ask(changes->grid->gateway->staff, &changes->round, buffer_slice(&question))) {
        round_done(&changes->round, false);
    }
    buffer_release(&question);
}

/* --- one --- */

static void go_on(struct changes *changes);

/* Who has stored it will hear of it; who is too late goes on all the same. */
static void look(struct changes *changes)
{
    if (changes->is_stored && changes->is_heard) {
        timers_cancel(&changes->grid->gateway->timers, &changes->timer);
        changes->is_waiting = false;
        changes->next++;
        go_on(changes);
    }
}

static void waited(struct timer *timer, void *context)
{
    struct changes *changes = CONTAINER_OF(timer, struct changes, timer);

    (void)context;
    changes->is_heard = true;
    look(changes);
}

static void stored(struct settings_change *change, bool is_stored)
{
    struct changes *changes = CONTAINER_OF(change, struct changes, stored);
    struct gateway *gateway = changes->grid->gateway;

    if (!is_stored) {
        changes->is_waiting = false;
        changes->done(changes, false);
        return;
    }
    changes->is_stored = true;
    timers_set(&gateway->timers, &changes->timer, gateway_now(gateway) + CHANGES_HEARD_MS);
    look(changes);
}

static void go_on(struct changes *changes)
{
    const struct change *change;

    if (changes->next == change_count(changes)) {
        ask_round(changes);
        return;
    }
    change = change_at(changes, changes->next);
    changes->is_stored = changes->is_heard = false;
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
    timer_init(&changes->timer, waited);
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

void changes_heard(struct changes *changes, struct slice place)
{
    if (changes->is_waiting &&
        slice_equal(buffer_slice(&change_at(changes, changes->next)->place), place)) {
        changes->is_heard = true;
        look(changes);
    }
}

void changes_release(struct changes *changes)
{
    if (changes->is_waiting) {
        if (!changes->is_stored) {
            settings_store_abandon(&changes->stored);
        }
        timers_cancel(&changes->grid->gateway->timers, &changes->timer);
        changes->is_waiting = false;
    }
    if (changes->is_asking) {
        staff_forget_ask(&changes->round);
    }
    for (size_t i = 0; i < change_count(changes); i++) {
        buffer_release(&change_at(changes, i)->place);
        buffer_release(&change_at(changes, i)->settings);
    }
    buffer_release(&changes->items);
}
