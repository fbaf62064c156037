/* Receivers of a queue: who waits, who is served, and who waits for what was acknowledged to be
 * stored. See pull_queue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/pull_queue.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/runner_state.h"

static struct pull_order *order_of(struct list *link)
{
    return CONTAINER_OF(link, struct pull_order, link);
}

static struct timers *timers_of(const struct feed *feed)
{
    return &feed->runner->gateway->timers;
}

void pull_order_forget_event(struct window_event *event, bool is_good)
{
    if (event->order) {
        event->order->has_failed |= !is_good;
        event->order = NULL;
        list_remove(&event->of_order);
    }
}

static void forget_events(struct pull_order *order)
{
    while (!list_is_empty(&order->events)) {
        pull_order_forget_event(CONTAINER_OF(order->events.next, struct window_event, of_order),
                                true);
    }
}

static void finish(struct pull_order *order, enum pull_outcome outcome)
{
    forget_events(order);
    timers_cancel(timers_of(order->feed), &order->too_late);
    list_remove(&order->link);
    order->feed = NULL;
    order->done(order, outcome);
}

static void finish_all(struct list *orders, enum pull_outcome outcome)
{
    while (!list_is_empty(orders)) {
        finish(order_of(orders->next), outcome);
    }
}

/* ---------------------------------------------------------------- events for a receiver */

static size_t found_count(const struct pull_order *order)
{
    return order->found.tokens.length / PULL_TOKEN_SIZE;
}

static bool has_room(const struct pull_order *order, const struct window_event *event)
{
    size_t bytes = order->found.events.length + event->event.json.length + PULL_EVENT_MARGIN;

    return found_count(order) == 0 ||
           (found_count(order) < order->wanted.events_max && bytes <= order->wanted.bytes_max);
}

static void give(struct feed *feed, struct pull_order *order, struct window_event *event,
                 const uint8_t *secret, msec_t now)
{
    struct pull_token token;

    pull_given_count(feed, event);
    pull_lock_event(feed, event, secret, now);
    token = pull_lock_token(feed, event);
    pull_event_append(&order->found.events, &token, event->event.attempts + 1, event->event.json,
                      found_count(order) == 0);
    pull_token_append_bytes(&order->found.tokens, &token);
}

/* What is ready, as far as it goes. */
static void serve(struct feed *feed, struct pull_order *order, msec_t now)
{
    uint8_t secrets[PULL_EVENTS_MAX][PULL_SECRET_SIZE];

    feed->runner->gateway->random(secrets, order->wanted.events_max * sizeof(secrets[0]));
    while (!list_is_empty(&feed->ready)) {
        struct window_event *event = window_event_of(feed->ready.next);
        if (feed_is_too_late(feed, event, now)) {
            feed_give_up(feed, event, DEAD_TIME_TO_LIVE, now);
        } else if (has_room(order, event)) {
            give(feed, order, event, secrets[found_count(order)], now);
        } else {
            break;
        }
    }
    pull_given_note(feed);
}

static void serve_all(struct feed *feed, msec_t now)
{
    struct pull_queue *queue = feed->pull;

    while (!list_is_empty(&queue->receivers) && !list_is_empty(&feed->ready) &&
           feed->window.session.state == SESSION_OPEN) {
        struct pull_order *order = order_of(queue->receivers.next);
        serve(feed, order, now);
        if (found_count(order) > 0) {
            finish(order, PULL_DONE);
        }
    }
}

msec_t pull_queue_next(const struct feed *feed)
{
    const struct list *locked = &feed->pull->locked;

    return list_is_empty(locked) ? MSEC_NEVER : window_event_of(locked->next)->due;
}

static void on_too_late(struct timer *timer, void *context)
{
    (void)context;
    finish(CONTAINER_OF(timer, struct pull_order, too_late), PULL_DONE);
}

/* Behind those that wait already. */
static void receive(struct feed *feed, struct pull_order *order)
{
    msec_t now = runner_now(feed->runner);

    list_add_last(&feed->pull->receivers, &order->link);
    timers_set(timers_of(feed), &order->too_late, now + order->wanted.wait_ms);
    feed_pump(feed);
}

/* ---------------------------------------------------------------- what is to be stored */

/* One question for all that has come meanwhile. */
static void settle(struct feed *feed)
{
    struct pull_queue *queue = feed->pull;

    if (list_is_empty(&queue->settling) && !list_is_empty(&queue->unsettled)) {
        list_move_all(&queue->settling, &queue->unsettled);
        if (!runner_session_confirm(&feed->window.session)) {
            finish_all(&queue->settling, PULL_UNAVAILABLE);
        }
    }
}

void pull_queue_settled(struct feed *feed, bool is_good)
{
    finish_all(&feed->pull->settling, is_good ? PULL_DONE : PULL_UNAVAILABLE);
    settle(feed);
}

/* Those of whose events nothing more is on its way. */
static void take_left(struct feed *feed)
{
    struct pull_queue *queue = feed->pull;
    struct list failed;

    list_init(&failed);
    LIST_FOREACH_SAFE (link, &queue->leaving) {
        const struct pull_order *order = order_of(link);
        if (order->has_failed || list_is_empty(&order->events)) {
            list_remove(link);
            list_add_last(order->has_failed ? &failed : &queue->unsettled, link);
        }
    }
    finish_all(&failed, PULL_UNAVAILABLE);
    settle(feed);
}

static void apply(struct feed *feed, struct pull_order *order)
{
    bool is_to_be_settled = pull_lock_apply(feed, order, runner_now(feed->runner));

    feed_wake(feed);
    if (is_to_be_settled) {
        list_add_last(&feed->pull->leaving, &order->link);
        take_left(feed);
    } else {
        finish(order, PULL_DONE);
    }
}

void pull_queue_pump(struct feed *feed, msec_t now)
{
    pull_lock_expire(feed, now);
    take_left(feed);
    if (!feed_is_over(feed)) {
        serve_all(feed, now);
    }
}

/* ---------------------------------------------------------------- orders */

void pull_order_begin(struct runner *runner, struct pull_order *order)
{
    struct feed *feed = runner_find_feed(runner, order->wanted.queue);

    list_init(&order->link);
    list_init(&order->events);
    order->has_failed = false;
    timer_init(&order->too_late, on_too_late);
    if (!feed || !feed->pull) {
        order->done(order, PULL_ELSEWHERE);
        return;
    }
    order->feed = feed;
    if (order->wanted.operation == PULL_RECEIVE) {
        receive(feed, order);
    } else {
        apply(feed, order);
    }
}

void pull_order_abandon(struct pull_order *order)
{
    if (order->feed) {
        forget_events(order);
        timers_cancel(timers_of(order->feed), &order->too_late);
        list_remove(&order->link);
        order->feed = NULL;
    }
}

void pull_order_hurry(struct pull_order *order)
{
    if (order->feed && timer_is_set(&order->too_late)) {
        finish(order, PULL_DONE);
    }
}

void pull_order_release(struct pull_order *order)
{
    pull_order_abandon(order);
    pull_found_release(&order->found);
}

/* ---------------------------------------------------------------- the queue */

struct pull_queue *pull_queue_new(const struct feed *feed)
{
    struct pull_queue *queue = memory_allocate_zero(sizeof(*queue));

    feed->runner->gateway->random(&queue->owner, sizeof(queue->owner));
    list_init(&queue->locked);
    list_init(&queue->receivers);
    list_init(&queue->leaving);
    list_init(&queue->settling);
    list_init(&queue->unsettled);
    return queue;
}

void pull_queue_reset(struct feed *feed)
{
    struct pull_queue *queue = feed->pull;

    window_forget_all(&queue->locked);
    queue->place_count = 0;
    queue->given_before = queue->given;
    queue->free_places.length = 0;
    finish_all(&queue->settling, PULL_UNAVAILABLE);
    finish_all(&queue->leaving, PULL_UNAVAILABLE);
    finish_all(&queue->unsettled, PULL_UNAVAILABLE);
}

void pull_queue_free(struct feed *feed)
{
    struct pull_queue *queue = feed->pull;

    feed->pull = NULL;
    finish_all(&queue->receivers, PULL_ELSEWHERE);
    free(queue->places);
    buffer_release(&queue->free_places);
    free(queue);
}
