/* Locks of a queue's events, and what their holders do with them. See pull_queue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"
#include "dispatch/attempt_log.h"
#include "dispatch/pull_queue.h"
#include "dispatch/runner_state.h"

enum { PLACES_FIRST = 128 };

/* ---------------------------------------------------------------- places */

static uint32_t take_place(struct pull_queue *queue)
{
    uint32_t place;

    if (queue->free_places.length == 0) {
        place = queue->place_count++;
        if (place % PLACES_FIRST == 0) {
            queue->places = memory_resize(queue->places,
                                          (place + PLACES_FIRST) * sizeof(struct window_event *));
        }
        return place;
    }
    queue->free_places.length -= sizeof(place);
    memcpy(&place, queue->free_places.data + queue->free_places.length, sizeof(place));
    return place;
}

static void free_place(struct pull_queue *queue, uint32_t place)
{
    queue->places[place] = NULL;
    buffer_append(&queue->free_places, slice_make(&place, sizeof(place)));
}

struct pull_token pull_lock_token(const struct feed *feed, const struct window_event *event)
{
    struct pull_token token = {.owner = feed->pull->owner, .place = event->place};

    memcpy(token.secret, event->secret, sizeof(token.secret));
    return token;
}

/* NULL: the lock is lost. */
static struct window_event *find(const struct feed *feed, const struct pull_token *token)
{
    const struct pull_queue *queue = feed->pull;
    struct window_event *event =
        token->place < queue->place_count ? queue->places[token->place] : NULL;
    struct pull_token own;

    if (!event) {
        return NULL;
    }
    own = pull_lock_token(feed, event);
    return pull_token_equal(&own, token) ? event : NULL;
}

/* ---------------------------------------------------------------- locking */

static msec_t scaled(const struct feed *feed, msec_t ms)
{
    return (msec_t)((double)ms * runner_scale(feed->runner));
}

/* At its place among the others; nearly always that is the last one. */
static void set_due(struct feed *feed, struct window_event *event, msec_t now)
{
    struct list *locked = &feed->pull->locked, *behind;

    event->due = now + scaled(feed, feed->properties->destination.lock_ms);
    list_remove(&event->link);
    behind = locked->prev;
    while (behind != locked && window_event_of(behind)->due > event->due) {
        behind = behind->prev;
    }
    list_insert_between(&event->link, behind, behind->next);
}

void pull_lock_event(struct feed *feed, struct window_event *event,
                     const uint8_t secret[PULL_SECRET_SIZE], msec_t now)
{
    event->place = take_place(feed->pull);
    feed->pull->places[event->place] = event;
    memcpy(event->secret, secret, sizeof(event->secret));
    event->locked_at = now;
    set_due(feed, event, now);
    window_event_lend(event);
}

/* It is in no list afterwards. */
static void unlock(struct feed *feed, struct window_event *event)
{
    free_place(feed->pull, event->place);
    list_remove(&event->link);
}

/* ---------------------------------------------------------------- what becomes of an event */

/* The attempt that the lock was has come to this. */
static struct attempt end_attempt(struct window_event *event, enum delivery_outcome outcome,
                                  msec_t now)
{
    event->event.attempts++;
    event->event.attempted_ms = event->locked_at;
    event->event.outcome = outcome;
    event->event.status = 0;
    return (struct attempt){
        .event_id = event->event.id,
        .number = event->event.attempts,
        .outcome = outcome,
        .ended = now,
        .latency_us = (uint32_t)((now - event->locked_at) * 1000),
    };
}

static void bury(struct feed *feed, struct window_event *event, const struct attempt *attempt,
                 enum dead_letter_reason reason)
{
    attempt_log_add_last(&feed->log, attempt, reason);
    feed_bury_event(feed, event, reason);
}

/* For another receiver, unless that were too many. */
static void give_again(struct feed *feed, struct window_event *event, enum delivery_outcome outcome,
                       msec_t delay, msec_t now)
{
    struct attempt attempt;

    unlock(feed, event);
    feed_statistics(feed)->attempts_failed++;
    attempt = end_attempt(event, outcome, now);
    if (event->event.attempts >= feed->properties->retry.attempts_max) {
        bury(feed, event, &attempt, DEAD_ATTEMPTS);
        return;
    }
    attempt.next = now + delay;
    attempt_log_add(&feed->log, &attempt);
    feed_retry_event(feed, event, delay);
}

void pull_lock_expire(struct feed *feed, msec_t now)
{
    const struct list *locked = &feed->pull->locked;

    while (!list_is_empty(locked) && window_event_of(locked->next)->due <= now) {
        give_again(feed, window_event_of(locked->next), OUTCOME_LOCK_EXPIRED, 0, now);
    }
}

/* ---------------------------------------------------------------- operations */

/* False: it cannot be done any more. */
typedef bool lock_function(struct feed *feed, struct window_event *event,
                           const struct pull_wanted *wanted, msec_t now);

static bool acknowledge(struct feed *feed, struct window_event *event,
                        const struct pull_wanted *wanted, msec_t now)
{
    struct attempt attempt;

    (void)wanted;
    unlock(feed, event);
    attempt = end_attempt(event, OUTCOME_DELIVERED, now);
    attempt_log_add(&feed->log, &attempt);
    feed_statistics(feed)->delivered++;
    window_event_acknowledge_with_others(event);
    return true;
}

static bool release(struct feed *feed, struct window_event *event, const struct pull_wanted *wanted,
                    msec_t now)
{
    give_again(feed, event, OUTCOME_RELEASED, scaled(feed, (msec_t)wanted->delay_s * 1000), now);
    return true;
}

static bool reject(struct feed *feed, struct window_event *event, const struct pull_wanted *wanted,
                   msec_t now)
{
    struct attempt attempt;

    (void)wanted;
    unlock(feed, event);
    feed_statistics(feed)->attempts_failed++;
    attempt = end_attempt(event, OUTCOME_REJECTED, now);
    bury(feed, event, &attempt, DEAD_REJECTED);
    return true;
}

static bool renew(struct feed *feed, struct window_event *event, const struct pull_wanted *wanted,
                  msec_t now)
{
    (void)wanted;
    if (now - event->locked_at > scaled(feed, PULL_RENEW_MS)) {
        return false;
    }
    set_due(feed, event, now);
    return true;
}

static bool give_back(struct feed *feed, struct window_event *event,
                      const struct pull_wanted *wanted, msec_t now)
{
    struct list events;

    (void)wanted, (void)now;
    unlock(feed, event);
    list_init(&events);
    list_add_last(&events, &event->link);
    window_event_take_back(event);
    feed_put_back(feed, &events);
    return true;
}

static const struct {
    lock_function *apply;
    bool is_settled; /* what it comes to is answered when the broker has stored it */
} operations[] = {
    [PULL_ACKNOWLEDGE] = {acknowledge, true}, [PULL_RELEASE] = {release, true},
    [PULL_REJECT] = {reject, true},           [PULL_RENEW_LOCK] = {renew, false},
    [PULL_GIVE_BACK] = {give_back, false},
};

bool pull_lock_apply(struct feed *feed, struct pull_order *order, msec_t now)
{
    const struct pull_wanted *wanted = &order->wanted;
    size_t done = 0;

    pull_lock_expire(feed, now);
    for (size_t i = 0; i < wanted->lock_count; i++) {
        struct pull_lock *lock = &wanted->locks[i];
        struct window_event *event = find(feed, &lock->token);
        if (event && operations[wanted->operation].is_settled) {
            event->order = order;
            list_add_last(&order->events, &event->of_order);
        }
        bool is_done = event && operations[wanted->operation].apply(feed, event, wanted, now);
        lock->result = is_done ? PULL_SUCCEEDED : PULL_TOKEN_LOST;
        done += is_done;
    }
    own_channel_send(&feed->window.session.own);
    return done > 0 && operations[wanted->operation].is_settled;
}
