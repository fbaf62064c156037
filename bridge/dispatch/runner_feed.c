/* See runner_feed.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner_feed.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/dead_letter_name.h"
#include "dispatch/pull_queue.h"
#include "dispatch/runner_state.h"
#include "events/delivery_log.h"

static struct feed *feed_of(struct runner_session *session)
{
    return CONTAINER_OF(session, struct feed, window.session);
}

static struct timers *timers_of(const struct feed *feed)
{
    return &feed->runner->gateway->timers;
}

void feed_wake(struct feed *feed)
{
    msec_t now = runner_now(feed->runner);

    if (!timer_is_set(&feed->wake) || feed->wake.deadline > now) {
        timers_set(timers_of(feed), &feed->wake, now);
    }
}

/* ---------------------------------------------------------------- events that come */

static size_t window_of(const struct event_subscription *properties)
{
    const struct destination *destination = &properties->destination;
    size_t most = (size_t)destination->requests_max *
                  (destination->batch_events > 0 ? destination->batch_events : 1);

    if (destination->kind == DESTINATION_QUEUE) {
        return PULL_WINDOW;
    }
    most = most < FEED_WINDOW_MIN ? FEED_WINDOW_MIN : most;
    return most < FEED_WINDOW_MAX ? most : FEED_WINDOW_MAX;
}

static void note_expiry(struct feed *feed, const struct window_event *event)
{
    msec_t expires = event->event.published_ms + (msec_t)feed->properties->retry.time_to_live_ms;

    feed->sweep_at = expires < feed->sweep_at ? expires : feed->sweep_at;
}

static void on_event(struct runner_session *session, struct fanout *fanout, uint32_t sequence)
{
    struct feed *feed = feed_of(session);
    struct window_event *event = window_take(&feed->window, fanout, sequence);

    if (event) {
        note_expiry(feed, event);
        list_add_last(&feed->ready, &event->link);
        feed_wake(feed);
    }
}

/* ---------------------------------------------------------------- events that wait again */

void feed_hold_event(struct feed *feed, struct window_event *event, msec_t due)
{
    struct list *behind = feed->held.prev;

    list_remove(&event->link);
    if (!window_event_counts(event)) {
        window_event_forget(event);
        return;
    }
    event->due = due;
    while (behind != &feed->held && window_event_of(behind)->due > due) {
        behind = behind->prev;
    }
    list_insert_between(&event->link, behind, behind->next);
    feed_wake(feed);
}

void feed_put_back(struct feed *feed, struct list *events)
{
    while (!list_is_empty(events)) {
        struct window_event *event = window_event_of(events->prev);
        list_remove(&event->link);
        if (window_event_counts(event)) {
            list_insert_between(&event->link, &feed->ready, feed->ready.next);
            note_expiry(feed, event);
        } else {
            window_event_forget(event);
        }
    }
}

/* ---------------------------------------------------------------- the session */

static void on_connected(struct runner_session *session)
{
    struct feed *feed = feed_of(session);

    if (feed->pull) {
        pull_given_ask(feed);
    }
}

static void on_retained(struct runner_session *session, const struct trunk_retained *retained)
{
    pull_given_take(feed_of(session), retained);
}

static void on_opened(struct runner_session *session)
{
    feed_wake(feed_of(session));
}

static void on_confirmed(struct runner_session *session, bool is_good)
{
    struct feed *feed = feed_of(session);

    if (feed->pull) {
        pull_queue_settled(feed, is_good);
    }
}

static void on_ended(struct runner_session *session)
{
    struct feed *feed = feed_of(session);

    window_forget_all(&feed->ready);
    window_forget_all(&feed->held);
    if (feed->pull) {
        pull_queue_reset(feed);
    }
    event_file_forget(&feed->dead_letters);
    window_reset(&feed->window);
    feed->sweep_at = MSEC_NEVER;
}

static bool is_wanted(struct runner_session *session)
{
    struct feed *feed = feed_of(session);

    return runner_owns(feed->runner, buffer_slice(&feed->subscription->queue));
}

static const struct runner_session_events session_events = {
    .connected = on_connected,
    .retained = on_retained,
    .opened = on_opened,
    .event = on_event,
    .confirmed = on_confirmed,
    .ended = on_ended,
    .is_wanted = is_wanted,
};

/* ---------------------------------------------------------------- the feed */

static void on_wake(struct timer *timer, void *context)
{
    (void)context;
    feed_pump(CONTAINER_OF(timer, struct feed, wake));
}

/* Deleted by itself (3.1); one of the configuration file only delivers nothing any more. */
static void on_expired(struct timer *timer, void *context)
{
    struct feed *feed = CONTAINER_OF(timer, struct feed, expires);
    const struct catalog_subscription *subscription = feed->subscription;

    (void)context;
    if (subscription->is_declared) {
        feed_wake(feed);
    } else {
        runner_store(feed->runner, subscription, SLICE_EMPTY);
    }
}

bool feed_is_over(const struct feed *feed)
{
    int64_t expires = feed->properties->expires_ms;

    return expires != 0 && expires <= runner_now(feed->runner);
}

static void take_properties(struct feed *feed)
{
    struct event_subscription *old = feed->properties;
    const struct dead_letter *dead_letter;

    feed->properties = event_subscription_hold(feed->subscription->properties);
    if (old && !consent_is_alike(old, feed->properties)) {
        feed_cancel_consent(feed); /* it is to something else */
    }
    event_subscription_release(old);
    if (feed->properties->destination.kind == DESTINATION_QUEUE && !feed->pull) {
        feed->pull = pull_queue_new(feed);
    }
    dead_letter = &feed->properties->dead_letter;
    if (dead_letter->kind == DEAD_LETTER_FILES) {
        feed->folder.length = 0;
        dead_letter_folder_append(&feed->folder, feed->subscription);
    }
    timers_cancel(timers_of(feed), &feed->expires);
    if (feed->properties->expires_ms != 0) {
        timers_set(timers_of(feed), &feed->expires, feed->properties->expires_ms);
    }
}

struct feed *feed_new(struct runner *runner, struct catalog_subscription *subscription)
{
    struct feed *feed = memory_allocate_zero(sizeof(*feed));

    feed->runner = runner;
    feed->subscription = subscription;
    feed->sweep_at = MSEC_NEVER;
    list_init(&feed->ready);
    list_init(&feed->held);
    list_init(&feed->leaving);
    list_init(&feed->runs);
    timer_init(&feed->wake, on_wake);
    timer_init(&feed->expires, on_expired);
    event_file_init(&feed->dead_letters, &dead_letter_file, runner);
    feed->dead_letters.counter = &feed_statistics(feed)->dead_lettered;
    feed->dead_letters.dropped = &feed_statistics(feed)->dropped;
    feed_init_consent(feed);
    take_properties(feed);
    runner_session_init(&feed->window.session, runner->gateway, &session_events,
                        buffer_slice(&subscription->queue), (uint16_t)window_of(feed->properties));
    list_add_last(&runner->feeds, &feed->link);
    subscription->runner = feed;
    runner_session_connect(&feed->window.session);
    feed_ask_consent(feed);
    return feed;
}

/* The window is that of the connection: one that is to be another is connected anew. */
void feed_changed(struct feed *feed)
{
    uint16_t window;

    take_properties(feed);
    window = (uint16_t)window_of(feed->properties);
    feed->probation = (struct probation){.is_trying = feed->probation.is_trying};
    feed->rate_due_us = 0;
    if (window != feed->window.session.window) {
        runner_session_close(&feed->window.session);
        on_ended(&feed->window.session);
        feed->window.session.window = window;
        runner_session_connect(&feed->window.session);
    }
    if (feed->pull && feed->properties->destination.kind != DESTINATION_QUEUE) {
        pull_queue_free(feed); /* its window was another, so nothing is locked any more */
    }
    feed_ask_consent(feed);
    feed_wake(feed);
}

void feed_free(struct feed *feed)
{
    feed->subscription->runner = NULL;
    list_remove(&feed->link);
    runner_session_close(&feed->window.session);
    feed_cancel_runs(feed);
    feed_cancel_leaving(feed);
    event_file_release(&feed->dead_letters);
    feed_cancel_consent(feed);
    on_ended(&feed->window.session);
    if (feed->pull) {
        pull_queue_free(feed);
    }
    timers_cancel(timers_of(feed), &feed->wake);
    timers_cancel(timers_of(feed), &feed->expires);
    runner_session_release(&feed->window.session);
    event_subscription_release(feed->properties);
    buffer_release(&feed->folder);
    delivery_log_free(feed->log);
    free(feed);
}
