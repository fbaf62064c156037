/* Which events go out, how many at a time, and what an answer means for each. See runner_feed.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/attempt_log.h"
#include "dispatch/destination.h"
#include "dispatch/pull_queue.h"
#include "dispatch/runner_state.h"

enum {
    RUNS_MAX_OTHERS = 256, /* at a time, of destinations that are not webhooks */
    RATE_BURST_US = 20000, /* requests that may go out early, in time: timers are not exact */
    US_PER_S = 1000000,
};

static const struct destination_ops *const destinations[DESTINATION_KINDS] = {
    [DESTINATION_WEBHOOK] = &destination_webhook,
    [DESTINATION_WEB_PUB_SUB] = &destination_web_pub_sub,
    [DESTINATION_MQTT_TOPIC] = &destination_mqtt_topic,
    [DESTINATION_EVENT_TOPIC] = &destination_event_topic,
    [DESTINATION_QUEUE] = NULL, /* pull_queue.h */
};

/* ---------------------------------------------------------------- bounds */

static size_t runs_max(const struct event_subscription *properties)
{
    uint32_t wanted = properties->destination.requests_max;

    return properties->destination.kind == DESTINATION_WEBHOOK && wanted > 0 ? wanted
                                                                             : RUNS_MAX_OTHERS;
}

/* Does the rate let a request out? Counted as time: each takes a share of a second. */
static bool rate_allows(const struct feed *feed, msec_t now)
{
    return feed->properties->destination.requests_per_second == 0 ||
           feed->rate_due_us <= now * 1000 + RATE_BURST_US;
}

static void count_for_rate(struct feed *feed, msec_t now)
{
    uint32_t rate = feed->properties->destination.requests_per_second;

    if (rate > 0) {
        int64_t from = feed->rate_due_us > now * 1000 ? feed->rate_due_us : now * 1000;
        feed->rate_due_us = from + US_PER_S / rate;
    }
}

bool feed_is_too_late(const struct feed *feed, const struct window_event *event, msec_t now)
{
    return retry_is_too_late(&feed->properties->retry, event->event.published_ms, now);
}

void feed_give_up(struct feed *feed, struct window_event *event, enum dead_letter_reason reason,
                  msec_t now)
{
    struct attempt log = {.event_id = event->event.id, .number = event->event.attempts};

    if (event->event.attempts == 0) {
        event->event.outcome = feed->probation.until != 0 ? OUTCOME_PROBATION : OUTCOME_DELIVERING;
    }
    log.outcome = event->event.outcome;
    log.ended = now;
    attempt_log_add_last(&feed->log, &log, reason);
    feed_bury_event(feed, event, reason);
}

/* Topics that send to each other. */
static bool is_going_round(const struct feed *feed, const struct window_event *event)
{
    return feed->properties->destination.kind == DESTINATION_EVENT_TOPIC &&
           event->event.hops >= EVENT_HOPS_MAX;
}

/* ---------------------------------------------------------------- beginning */

/* The verdict was known before anything was sent. */
static void on_end(struct timer *timer, void *context)
{
    struct delivery_run *run = CONTAINER_OF(timer, struct delivery_run, end);

    (void)context;
    delivery_run_done(run, &(struct run_result){.verdict = *run->verdict});
}

void delivery_run_end_later(struct delivery_run *run, const struct delivery_verdict *verdict)
{
    run->verdict = verdict;
    timers_set(&run->feed->runner->gateway->timers, &run->end, run->began);
}

static struct delivery_run *run_new(struct feed *feed, msec_t now)
{
    struct delivery_run *run = memory_allocate_zero(sizeof(*run));

    run->feed = feed;
    run->properties = event_subscription_hold(feed->properties);
    run->ops = destinations[feed->properties->destination.kind];
    run->began = now;
    list_init(&run->events);
    timer_init(&run->end, on_end);
    list_add_last(&feed->runs, &run->link);
    feed->run_count++;
    return run;
}

static void run_free(struct delivery_run *run)
{
    list_remove(&run->link);
    run->feed->run_count--;
    timers_cancel(&run->feed->runner->gateway->timers, &run->end);
    event_subscription_release(run->properties);
    buffer_release(&run->url);
    buffer_release(&run->lines);
    buffer_release(&run->body);
    free(run);
}

static void take_event(struct delivery_run *run, struct window_event *event)
{
    list_remove(&event->link);
    list_add_last(&run->events, &event->link);
    run->count++;
}

/* What is at hand and may go together (3.6). */
static void fill(struct delivery_run *run, size_t count_max, msec_t now)
{
    const struct destination *destination = &run->properties->destination;
    struct feed *feed = run->feed;
    const struct window_event *first = window_event_of(feed->ready.next);
    size_t bytes = first->event.json.length;

    take_event(run, window_event_of(feed->ready.next));
    while (run->ops->may_share && run->count < count_max && !list_is_empty(&feed->ready)) {
        struct window_event *next = window_event_of(feed->ready.next);
        bytes += next->event.json.length + 1;
        if (bytes > destination->batch_bytes || feed_is_too_late(feed, next, now) ||
            !run->ops->may_share(run->properties, &first->event, &next->event)) {
            return;
        }
        take_event(run, next);
    }
}

static bool begin_run(struct feed *feed, bool is_trial, msec_t now)
{
    struct delivery_run *run = run_new(feed, now);

    fill(run, is_trial ? 1 : run->properties->destination.batch_events, now);
    count_for_rate(feed, now);
    if (run->ops->begin(run)) {
        return true;
    }
    feed->probation.is_trying &= !is_trial;
    feed->paused_until = now + FEED_NOT_NOW_MS;
    feed_put_back(feed, &run->events);
    run_free(run);
    return false;
}

/* False: no other now. */
static bool begin_next(struct feed *feed, msec_t now)
{
    enum probation_answer answer = PROBATION_GO;
    struct window_event *first;

    if (list_is_empty(&feed->ready) || feed->run_count >= runs_max(feed->properties) ||
        feed->paused_until > now || !rate_allows(feed, now)) {
        return false;
    }
    first = window_event_of(feed->ready.next);
    if (feed_is_too_late(feed, first, now) || is_going_round(feed, first)) {
        feed_give_up(feed, first,
                     is_going_round(feed, first) ? DEAD_TOO_MANY_HOPS : DEAD_TIME_TO_LIVE, now);
        return true;
    }
    if (feed->properties->retry.has_probation) {
        answer = probation_ask(&feed->probation, now);
    }
    return answer != PROBATION_WAIT && begin_run(feed, answer == PROBATION_TRY_ONE, now);
}

/* ---------------------------------------------------------------- waiting */

static void release_held(struct feed *feed, msec_t now)
{
    while (!list_is_empty(&feed->held) && window_event_of(feed->held.next)->due <= now) {
        struct window_event *event = window_event_of(feed->held.next);
        if (event->is_dying) {
            feed_bury_event(feed, event, event->reason);
            continue;
        }
        list_remove(&event->link);
        list_add_last(&feed->ready, &event->link);
        feed->sweep_at = now; /* it may be old */
    }
}

/* Those that cannot go out now, and will be too old before they can. */
static void sweep(struct feed *feed, msec_t now)
{
    msec_t life = (msec_t)feed->properties->retry.time_to_live_ms, next = MSEC_NEVER;

    LIST_FOREACH_SAFE (link, &feed->ready) {
        struct window_event *event = window_event_of(link);
        msec_t expires = event->event.published_ms + life;
        if (feed_is_too_late(feed, event, now)) {
            feed_give_up(feed, event, DEAD_TIME_TO_LIVE, now);
        } else if (expires < next) {
            next = expires;
        }
    }
    feed->sweep_at = next < now + FEED_SWEEP_MS ? now + FEED_SWEEP_MS : next;
}

static void earlier(msec_t *deadline, msec_t other)
{
    *deadline = other < *deadline ? other : *deadline;
}

/* When something may begin that could not now. A run that ends wakes the feed anyway. */
static void set_wake(struct feed *feed, msec_t now)
{
    struct timers *timers = &feed->runner->gateway->timers;
    msec_t next = MSEC_NEVER;

    if (!list_is_empty(&feed->held)) {
        earlier(&next, window_event_of(feed->held.next)->due);
    }
    if (feed->pull) {
        earlier(&next, pull_queue_next(feed));
    }
    if (!list_is_empty(&feed->ready)) {
        earlier(&next, feed->sweep_at);
        if (feed->paused_until > now) {
            earlier(&next, feed->paused_until);
        }
        if (!rate_allows(feed, now)) {
            earlier(&next, (feed->rate_due_us - RATE_BURST_US + 999) / 1000);
        }
        if (feed->probation.until > now && !feed->probation.is_trying) {
            earlier(&next, feed->probation.until);
        }
    }
    if (next == MSEC_NEVER) {
        timers_cancel(timers, &feed->wake);
    } else {
        timers_set(timers, &feed->wake, next > now ? next : now + 1);
    }
}

static void drop_all(struct feed *feed)
{
    while (!list_is_empty(&feed->ready)) {
        feed_drop_event(feed, window_event_of(feed->ready.next));
    }
}

void feed_pump(struct feed *feed)
{
    msec_t now = runner_now(feed->runner);

    release_held(feed, now);
    if (feed->pull) {
        pull_queue_pump(feed, now);
    }
    if (feed_is_over(feed)) {
        drop_all(feed);
    } else if (!feed->pull && feed_has_consent(feed)) {
        while (begin_next(feed, now)) {
        }
    }
    if (list_is_empty(&feed->ready)) {
        feed->sweep_at = MSEC_NEVER;
    } else if (feed->sweep_at <= now) {
        sweep(feed, now);
    }
    set_wake(feed, now);
}

/* ---------------------------------------------------------------- what it came to */

static uint32_t random_u32(const struct feed *feed)
{
    uint32_t random;

    feed->runner->gateway->random(&random, sizeof(random));
    return random;
}

/* What follows for one event; `log` has what is to be told of it. */
static void follow(struct delivery_run *run, struct window_event *event,
                   const struct run_result *result, struct attempt *log)
{
    struct feed *feed = run->feed;
    struct runner *runner = feed->runner;
    struct retry_decision decision;

    if (result->verdict.outcome == OUTCOME_DELIVERED) {
        feed_statistics(feed)->delivered++;
        attempt_log_add(&feed->log, log);
        window_event_acknowledge(event);
        return;
    }
    feed_statistics(feed)->attempts_failed++;
    decision = retry_decide(&run->properties->retry, &result->verdict, event->event.attempts,
                            event->event.published_ms, log->ended, random_u32(feed));
    if (decision.is_dead) {
        attempt_log_add_last(&feed->log, log, decision.reason);
        feed_bury_event(feed, event, decision.reason);
    } else {
        msec_t delay = (msec_t)(1000.0 * decision.delay_s * runner_scale(runner));
        log->next = log->ended + delay;
        attempt_log_add(&feed->log, log);
        feed_retry_event(feed, event, delay);
    }
}

void delivery_run_done(struct delivery_run *run, const struct run_result *result)
{
    struct feed *feed = run->feed;
    msec_t now = runner_now(feed->runner);

    if (run->properties->retry.has_probation) {
        probation_note(&feed->probation, &result->verdict, now, runner_scale(feed->runner));
    }
    LIST_FOREACH_SAFE (link, &run->events) {
        struct window_event *event = window_event_of(link);
        struct attempt log = {
            .event_id = event->event.id,
            .number = ++event->event.attempts,
            .status = result->status,
            .outcome = result->verdict.outcome,
            .ended = now,
            .latency_us = (uint32_t)((now - run->began) * 1000),
        };
        event->event.attempted_ms = now;
        event->event.outcome = result->verdict.outcome;
        event->event.status = result->status;
        follow(run, event, result, &log);
    }
    run_free(run);
    feed_wake(feed);
}

void feed_cancel_runs(struct feed *feed)
{
    LIST_FOREACH_SAFE (link, &feed->runs) {
        struct delivery_run *run = CONTAINER_OF(link, struct delivery_run, link);
        run->ops->cancel(run);
        window_forget_all(&run->events);
        run_free(run);
    }
}
