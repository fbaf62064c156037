/* Orders on their way to the process that runs the queue; see pull_desk.h.
 *
 * An inquiry outlives its errand: should the receiver have gone by the time that events come, these
 * are given back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/pull_desk.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/ownership.h"
#include "dispatch/runner_state.h"

enum {
    AGAIN_MS = 200,   /* an order that nobody could take is given again */
    TRYING_MS = 5000, /* so long, if its receiver does not wait longer */
    ANSWER_BYTES_MAX = 1 << 20,
};

struct pull_inquiry {
    struct staff_ask ask;
    struct runner *runner;
    struct list link;           /* in runner->inquiries */
    struct pull_errand *errand; /* NULL: nobody waits any more */
    struct buffer queue;
    bool is_answered;
    enum pull_outcome outcome;
    struct buffer lost; /* tokens of events that nobody waits for */
};

static void errand_try(struct pull_errand *errand);

/* ---------------------------------------------------------------- the end of an errand */

static void finish(struct pull_errand *errand, bool is_good)
{
    errand->runner = NULL;
    errand->done(errand, is_good);
}

static void on_again(struct timer *timer, void *context)
{
    (void)context;
    errand_try(CONTAINER_OF(timer, struct pull_errand, again));
}

static void try_later(struct pull_errand *errand)
{
    msec_t now = runner_now(errand->runner);

    if (now + AGAIN_MS < errand->deadline) {
        timers_set(&errand->runner->gateway->timers, &errand->again, now + AGAIN_MS);
    } else {
        finish(errand, false);
    }
}

static void take_outcome(struct pull_errand *errand, enum pull_outcome outcome)
{
    if (outcome == PULL_ELSEWHERE) {
        try_later(errand);
    } else {
        finish(errand, outcome == PULL_DONE);
    }
}

/* ---------------------------------------------------------------- to this process */

static void order_done(struct pull_order *order, enum pull_outcome outcome)
{
    struct pull_errand *errand = CONTAINER_OF(order, struct pull_errand, order);
    struct pull_found none = {0};

    if (outcome == PULL_DONE) {
        errand->found = order->found;
        order->found = none;
    }
    take_outcome(errand, outcome);
}

/* ---------------------------------------------------------------- to another one */

static void inquiry_free(struct pull_inquiry *inquiry)
{
    list_remove(&inquiry->link);
    buffer_release(&inquiry->queue);
    buffer_release(&inquiry->lost);
    free(inquiry);
}

static bool inquire(struct runner *runner, struct pull_errand *errand, const char *name,
                    const struct pull_wanted *wanted);

static void give_back(struct pull_inquiry *inquiry, const char *name)
{
    struct slice rest = buffer_slice(&inquiry->lost);
    struct pull_lock locks[PULL_EVENTS_MAX];
    struct pull_wanted wanted = {
        .operation = PULL_GIVE_BACK, .queue = buffer_slice(&inquiry->queue), .locks = locks};

    while (wanted.lock_count < PULL_EVENTS_MAX &&
           pull_token_take_bytes(&rest, &locks[wanted.lock_count].token)) {
        wanted.lock_count++;
    }
    if (wanted.lock_count > 0) {
        inquire(inquiry->runner, NULL, name, &wanted);
    }
}

static void take_answer(struct pull_inquiry *inquiry, struct slice answer)
{
    struct pull_errand *errand = inquiry->errand;
    struct pull_wanted nothing = {.operation = PULL_RECEIVE};
    struct pull_found found = {0};

    if (errand) {
        inquiry->is_answered =
            pull_answer_parse(answer, &errand->wanted, &inquiry->outcome, &errand->found);
    } else if (pull_answer_parse(answer, &nothing, &inquiry->outcome, &found)) {
        inquiry->lost = found.tokens;
        buffer_release(&found.events);
    }
}

static void answered(struct staff_ask *ask, struct slice answer)
{
    take_answer(CONTAINER_OF(ask, struct pull_inquiry, ask), answer);
}

/* Who runs the queue; NULL: it is not known now. */
static const char *find_owner(const struct runner *runner, struct slice queue, bool *is_this)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(runner->gateway->staff, names), owner;

    if (count == 0) {
        return NULL;
    }
    owner = ownership_choose(queue, names, count);
    *is_this = owner == 0;
    return names[owner];
}

static void inquiry_done(struct staff_ask *ask, bool complete)
{
    struct pull_inquiry *inquiry = CONTAINER_OF(ask, struct pull_inquiry, ask);
    struct pull_errand *errand = inquiry->errand;
    enum pull_outcome outcome = inquiry->is_answered ? inquiry->outcome : PULL_UNAVAILABLE;
    bool is_this = true;

    (void)complete;
    if (inquiry->lost.length > 0) {
        const char *owner = find_owner(inquiry->runner, buffer_slice(&inquiry->queue), &is_this);
        if (owner && !is_this) {
            give_back(inquiry, owner);
        }
    }
    inquiry_free(inquiry);
    if (errand) {
        errand->inquiry = NULL;
        take_outcome(errand, outcome);
    }
}

static bool inquire(struct runner *runner, struct pull_errand *errand, const char *name,
                    const struct pull_wanted *wanted)
{
    struct pull_inquiry *inquiry = memory_allocate_zero(sizeof(*inquiry));
    struct buffer bytes = {0};
    bool is_sent;

    inquiry->ask.answered = answered;
    inquiry->ask.done = inquiry_done;
    inquiry->runner = runner;
    inquiry->errand = errand;
    buffer_append(&inquiry->queue, wanted->queue);
    list_add_last(&runner->inquiries, &inquiry->link);
    pull_wanted_append(&bytes, wanted);
    is_sent = staff_order(runner->gateway->staff, &inquiry->ask, name, buffer_slice(&bytes),
                          (msec_t)wanted->wait_ms + STAFF_TIMEOUT_MS);
    buffer_release(&bytes);
    if (!is_sent) {
        inquiry_free(inquiry);
    } else if (errand) {
        errand->inquiry = inquiry;
    }
    return is_sent;
}

/* ---------------------------------------------------------------- errands */

static uint32_t wait_left(const struct pull_errand *errand)
{
    msec_t left = errand->deadline - runner_now(errand->runner);

    left = left > 0 ? left : 0;
    return left < errand->wanted.wait_ms ? (uint32_t)left : errand->wanted.wait_ms;
}

static void errand_try(struct pull_errand *errand)
{
    struct runner *runner = errand->runner;
    struct pull_wanted wanted = errand->wanted;
    bool is_this = false;
    const char *owner = find_owner(runner, wanted.queue, &is_this);

    wanted.wait_ms = wait_left(errand);
    if (owner && is_this) {
        errand->order.wanted = wanted;
        pull_order_begin(runner, &errand->order);
    } else if (!owner || !inquire(runner, errand, owner, &wanted)) {
        try_later(errand);
    }
}

void pull_errand_begin(struct runner *runner, struct pull_errand *errand)
{
    msec_t wait = errand->wanted.wait_ms;

    errand->runner = runner;
    errand->wanted.bytes_max = ANSWER_BYTES_MAX;
    errand->deadline = runner_now(runner) + (wait > TRYING_MS ? wait : TRYING_MS);
    errand->order.done = order_done;
    timer_init(&errand->again, on_again);
    errand_try(errand);
}

static void abandon(struct pull_errand *errand)
{
    if (!errand->runner) {
        return;
    }
    timers_cancel(&errand->runner->gateway->timers, &errand->again);
    pull_order_abandon(&errand->order);
    if (errand->inquiry) {
        errand->inquiry->errand = NULL;
        staff_hurry(&errand->inquiry->ask);
        errand->inquiry = NULL;
    }
    errand->runner = NULL;
}

void pull_errand_release(struct pull_errand *errand)
{
    abandon(errand);
    pull_order_release(&errand->order);
    pull_found_release(&errand->found);
}

/* ---------------------------------------------------------------- orders of other processes */

struct visitor {
    struct pull_order order;
    struct list link; /* in runner->visitors */
    struct runner *runner;
    struct staff_asker asker;
    struct buffer queue, locks;
};

static void visitor_free(struct visitor *visitor)
{
    list_remove(&visitor->link);
    pull_order_release(&visitor->order);
    buffer_release(&visitor->queue);
    buffer_release(&visitor->locks);
    free(visitor);
}

static void visitor_served(struct pull_order *order, enum pull_outcome outcome)
{
    struct visitor *visitor = CONTAINER_OF(order, struct visitor, order);
    struct staff *staff = visitor->runner->gateway->staff;
    struct buffer bytes = {0};

    pull_answer_append(&bytes, outcome, &order->wanted, &order->found);
    staff_answer(staff, &visitor->asker, buffer_slice(&bytes));
    buffer_release(&bytes);
    visitor_free(visitor);
}

/* Bytes of events that an answer of one message has room for; one that is larger comes alone. */
static uint32_t room_for_events(const struct staff *staff, uint32_t wanted)
{
    size_t others = PULL_EVENTS_MAX * PULL_TOKEN_SIZE + 16, most = staff_answer_max(staff);

    return most > others && most - others < wanted ? (uint32_t)(most - others) : wanted;
}

static void take_order(void *context, const struct staff_asker *asker, struct slice bytes)
{
    struct runner *runner = context;
    struct visitor *visitor = memory_allocate_zero(sizeof(*visitor));
    struct pull_wanted *wanted = &visitor->order.wanted;

    visitor->runner = runner;
    visitor->asker = *asker;
    visitor->order.done = visitor_served;
    list_add_last(&runner->visitors, &visitor->link);
    if (!pull_wanted_parse(bytes, &visitor->locks, wanted)) {
        visitor_free(visitor); /* of another version: its asker gives up in a while */
        return;
    }
    buffer_append(&visitor->queue, wanted->queue);
    wanted->queue = buffer_slice(&visitor->queue);
    wanted->bytes_max = room_for_events(runner->gateway->staff, wanted->bytes_max);
    pull_order_begin(runner, &visitor->order);
}

static void forget_order(void *context, const struct staff_asker *asker)
{
    struct runner *runner = context;

    LIST_FOREACH (link, &runner->visitors) {
        struct visitor *visitor = CONTAINER_OF(link, struct visitor, link);
        if (visitor->asker.number == asker->number &&
            strcmp(visitor->asker.name, asker->name) == 0) {
            pull_order_hurry(&visitor->order);
            return;
        }
    }
}

/* ---------------------------------------------------------------- the desk */

void pull_desk_open(struct runner *runner)
{
    list_init(&runner->visitors);
    list_init(&runner->inquiries);
    runner->order_taker = (struct order_taker){runner, take_order, forget_order};
    runner->gateway->order_taker = &runner->order_taker;
}

static bool is_there(const struct runner *runner, const char *name)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(runner->gateway->staff, names), i = 0;

    while (i < count && strcmp(names[i], name) != 0) {
        i++;
    }
    return i < count;
}

/* Nobody hears an answer to those that have gone; so no event is locked for them. */
void pull_desk_look(struct runner *runner)
{
    LIST_FOREACH_SAFE (link, &runner->visitors) {
        struct visitor *visitor = CONTAINER_OF(link, struct visitor, link);
        if (!is_there(runner, visitor->asker.name)) {
            visitor_free(visitor);
        }
    }
}

void pull_desk_close(struct runner *runner)
{
    runner->gateway->order_taker = NULL;
    LIST_FOREACH_SAFE (link, &runner->visitors) {
        visitor_free(CONTAINER_OF(link, struct visitor, link));
    }
    LIST_FOREACH_SAFE (link, &runner->inquiries) {
        struct pull_inquiry *inquiry = CONTAINER_OF(link, struct pull_inquiry, link);
        staff_forget_ask(&inquiry->ask);
        inquiry_free(inquiry);
    }
}
