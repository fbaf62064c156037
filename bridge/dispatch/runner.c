/* Which subscriptions this process runs. See runner.h.
 *
 * Looked at anew when the catalog, the processes or the broker's being there change; each change is
 * taken up from the loop, when all that comes with it has come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/staff.h"
#include "dispatch/archive_feed.h"
#include "dispatch/attempt_log.h"
#include "dispatch/catalog_store.h"
#include "dispatch/feed_state.h"
#include "dispatch/life_cycle.h"
#include "dispatch/ownership.h"
#include "dispatch/pull_desk.h"
#include "dispatch/queue_name.h"
#include "dispatch/route_feed.h"
#include "dispatch/runner_feed.h"
#include "dispatch/runner_state.h"

/* ---------------------------------------------------------------- whose it is */

bool runner_owns(const struct runner *runner, struct slice queue)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(runner->gateway->staff, names);

    return count > 0 && ownership_choose(queue, names, count) == 0;
}

static void look_later(struct runner *runner)
{
    timers_set(&runner->gateway->timers, &runner->look_again, runner_now(runner));
}

static void look_at(struct runner *runner, struct catalog_subscription *subscription)
{
    struct feed *feed = subscription->runner;
    bool is_ours = runner_owns(runner, buffer_slice(&subscription->queue));

    if (is_ours && !feed) {
        feed_new(runner, subscription);
    } else if (is_ours) {
        runner_session_wake(&feed->window.session);
    } else if (feed) {
        feed_free(feed);
    }
}

static void look_at_source(struct runner *runner, struct catalog_source *source)
{
    LIST_FOREACH (link, &source->subscriptions) {
        look_at(runner, CONTAINER_OF(link, struct catalog_subscription, link));
    }
    archive_feed_look(runner, source);
    route_feeds_look(runner, source);
}

/* It was taken out of the configuration file while the server was down: its session goes, too. */
static void end_leftover(void *context, const struct catalog_subscription *subscription)
{
    struct runner *runner = context;
    struct slice queue = buffer_slice(&subscription->queue);

    if (runner_owns(runner, queue)) {
        runner_session_erase(runner->gateway, &runner->erasures, queue);
        runner_store(runner, subscription, SLICE_EMPTY);
    }
}

enum { LOOK_SOON_MS = 50 };

/* While nothing is known of the processes, what runs goes on. */
static void on_look(struct timer *timer, void *context)
{
    struct runner *runner = CONTAINER_OF(timer, struct runner, look_again);
    struct catalog *catalog = runner->grid->catalog;
    struct catalog_source *source = NULL;

    (void)context;
    if (!catalog || !catalog_is_complete(catalog) || !staff_is_ready(runner->gateway->staff)) {
        timers_set(&runner->gateway->timers, timer, runner_now(runner) + LOOK_SOON_MS);
        return;
    }
    pull_desk_look(runner);
    while ((source = catalog_next(catalog, source))) {
        look_at_source(runner, source);
    }
    life_cycle_look(runner->life_cycle);
    catalog_each_leftover(catalog, end_leftover, runner);
    runner->has_looked = true;
}

static void staff_changed(void *context)
{
    look_later(context);
}

/* ---------------------------------------------------------------- the catalog */

void runner_store(struct runner *runner, const struct catalog_subscription *subscription,
                  struct slice settings)
{
    struct buffer place = {0};

    catalog_place_append(&place, buffer_slice(&subscription->source->key),
                         buffer_slice(&subscription->name));
    catalog_store_set(runner->grid->store, buffer_slice(&place), settings);
    buffer_release(&place);
}

static void on_subscription_changed(void *context, struct catalog_subscription *subscription)
{
    struct runner *runner = context;

    runner_session_keep(&runner->erasures, buffer_slice(&subscription->queue));
    if (subscription->runner) {
        feed_changed(subscription->runner);
    }
    look_later(context);
}

/* An endpoint that is told that its subscription is gone. */
struct farewell {
    struct consent consent;
    struct list link; /* in runner->farewells */
};

static void farewell_free(struct farewell *farewell)
{
    list_remove(&farewell->link);
    free(farewell);
}

static void farewell_said(struct consent *consent, enum validation_verdict verdict,
                          struct slice sentence)
{
    (void)verdict, (void)sentence;
    farewell_free(CONTAINER_OF(consent, struct farewell, consent));
}

static void say_farewell(struct runner *runner, const struct catalog_subscription *subscription)
{
    struct farewell *farewell = memory_allocate_zero(sizeof(*farewell));
    const struct catalog_source *source = subscription->source;

    farewell->consent.done = farewell_said;
    list_add_last(&runner->farewells, &farewell->link);
    if (!consent_say_farewell(&farewell->consent, runner->grid, subscription->properties,
                              &(struct consent_target){buffer_slice(&source->key),
                                                       buffer_slice(&subscription->name),
                                                       catalog_topic_id(source)})) {
        farewell_free(farewell);
    }
}

/* A queue whose subscription is gone, and which another process runs. Should that one be dead, or
 * die before it has ended the session, its heir does. */
struct legacy {
    struct list link; /* in runner->legacies */
    struct runner *runner;
    struct buffer queue;
    struct timer timer;
};

enum { LEGACY_MS = 10000 }; /* by then a process that does not answer is known to be gone */

static void legacy_free(struct legacy *legacy)
{
    timers_cancel(&legacy->runner->gateway->timers, &legacy->timer);
    list_remove(&legacy->link);
    buffer_release(&legacy->queue);
    free(legacy);
}

static void on_legacy(struct timer *timer, void *context)
{
    struct legacy *legacy = CONTAINER_OF(timer, struct legacy, timer);
    struct slice queue = buffer_slice(&legacy->queue);

    (void)context;
    if (runner_owns(legacy->runner, queue)) {
        runner_drop_session(legacy->runner, queue);
    }
    legacy_free(legacy);
}

static void leave_to_others(struct runner *runner, struct slice queue)
{
    struct legacy *legacy = memory_allocate_zero(sizeof(*legacy));

    legacy->runner = runner;
    buffer_append(&legacy->queue, queue);
    timer_init(&legacy->timer, on_legacy);
    timers_set(&runner->gateway->timers, &legacy->timer, runner_now(runner) + LEGACY_MS);
    list_add_last(&runner->legacies, &legacy->link);
}

/* It is still said, but cannot be in force: its topic has another schema now, say. Who mends that
 * wants what has waited. */
static bool is_only_wrong(const struct catalog_subscription *subscription)
{
    return subscription->source->is_there && (subscription->is_declared || subscription->is_set);
}

/* Its owner ends the session, even if it has not come to run it. */
static void on_subscription_removed(void *context, struct catalog_subscription *subscription)
{
    struct runner *runner = context;
    struct slice queue = buffer_slice(&subscription->queue);

    bool is_ours = subscription->runner || runner_owns(runner, queue);

    if (subscription->runner) {
        feed_free(subscription->runner);
    }
    look_later(runner); /* what is left over of it */
    if (is_only_wrong(subscription)) {
        return;
    }
    if (!is_ours) {
        leave_to_others(runner, queue);
        return;
    }
    runner_session_erase(runner->gateway, &runner->erasures, queue);
    if (consent_is_needed(runner->grid, subscription->properties)) {
        say_farewell(runner, subscription);
    }
}

static void on_source_changed(void *context, struct catalog_source *source)
{
    route_feeds_change(context, source, source->properties);
    look_later(context);
}

/* What there is from the start is no news. */
static void on_child_changed(void *context, const struct catalog_child *child)
{
    struct runner *runner = context;

    if (runner->has_looked) {
        life_cycle_take_child(runner->life_cycle, child, false);
    }
}

static void on_child_removed(void *context, const struct catalog_child *child)
{
    struct runner *runner = context;

    if (runner->has_looked) {
        life_cycle_take_child(runner->life_cycle, child, true);
    }
}

static void on_source_removed(void *context, struct catalog_source *source)
{
    archive_feed_remove(context, source);
    route_feeds_change(context, source, NULL);
}

/* ---------------------------------------------------------------- sessions to be */

struct making {
    struct runner_session session;
    struct list link; /* in runner->makings */
    struct runner_wait *wait;
    struct timer too_late;
};

enum { MAKING_WINDOW = 1, MAKING_MS = 10000 };

static void making_free(struct making *making)
{
    timers_cancel(&making->session.own.gateway->timers, &making->too_late);
    making->wait->under_way = NULL;
    list_remove(&making->link);
    runner_session_release(&making->session);
    free(making);
}

static void making_done(struct making *making, bool is_there)
{
    struct runner_wait *wait = making->wait;

    making_free(making);
    wait->done(wait, is_there);
}

static struct making *making_of(struct runner_session *session)
{
    return CONTAINER_OF(session, struct making, session);
}

static void session_is_there(struct runner_session *session)
{
    making_done(making_of(session), true);
}

static void making_ended(struct runner_session *session)
{
    (void)session; /* it is tried again until it is too late */
}

static bool making_is_wanted(struct runner_session *session)
{
    (void)session;
    return true;
}

static const struct runner_session_events making_events = {
    .opened = session_is_there,
    .ended = making_ended,
    .is_wanted = making_is_wanted,
};

static void on_too_late(struct timer *timer, void *context)
{
    (void)context;
    making_done(CONTAINER_OF(timer, struct making, too_late), false);
}

void runner_make_session(struct runner *runner, struct slice queue, struct runner_wait *wait)
{
    struct making *making = memory_allocate_zero(sizeof(*making));

    runner_session_keep(&runner->erasures, queue);
    making->wait = wait;
    wait->under_way = making;
    runner_session_init(&making->session, runner->gateway, &making_events, queue, MAKING_WINDOW);
    timer_init(&making->too_late, on_too_late);
    timers_set(&runner->gateway->timers, &making->too_late, runner_now(runner) + MAKING_MS);
    list_add_last(&runner->makings, &making->link);
    runner_session_connect(&making->session);
}

void runner_forget_wait(struct runner_wait *wait)
{
    if (wait->under_way) {
        making_free(wait->under_way);
    }
}

void runner_drop_session(struct runner *runner, struct slice queue)
{
    struct catalog_source *source = NULL;

    while ((source = catalog_next(runner->grid->catalog, source))) {
        LIST_FOREACH (link, &source->subscriptions) {
            if (slice_equal(
                    buffer_slice(&CONTAINER_OF(link, struct catalog_subscription, link)->queue),
                    queue)) {
                return;
            }
        }
    }
    runner_session_erase(runner->gateway, &runner->erasures, queue);
}

/* ---------------------------------------------------------------- the log, the queue */

struct feed *runner_find_feed(const struct runner *runner, struct slice queue)
{
    LIST_FOREACH (link, &runner->feeds) {
        struct feed *feed = CONTAINER_OF(link, struct feed, link);
        if (slice_equal(buffer_slice(&feed->subscription->queue), queue)) {
            return feed;
        }
    }
    return NULL;
}

static const struct delivery_log *find_log(void *context, struct slice queue)
{
    struct feed *feed = runner_find_feed(context, queue);

    return feed ? feed->log : NULL;
}

static bool append_state(void *context, struct slice queue, struct buffer *out)
{
    const struct feed *feed = runner_find_feed(context, queue);

    if (feed) {
        feed_append_state(out, feed);
    }
    return feed != NULL;
}

/* ---------------------------------------------------------------- making and ending */

struct runner *runner_new(struct grid *grid)
{
    struct runner *runner = memory_allocate_zero(sizeof(*runner));

    runner->grid = grid;
    runner->gateway = grid->gateway;
    runner->catalog_listener = (struct catalog_listener){
        .context = runner,
        .subscription_changed = on_subscription_changed,
        .subscription_removed = on_subscription_removed,
        .source_changed = on_source_changed,
        .source_removed = on_source_removed,
        .child_changed = on_child_changed,
        .child_removed = on_child_removed,
    };
    runner->staff_listener = (struct staff_listener){runner, staff_changed};
    runner->logs = (struct event_logs){runner, find_log, attempt_append_json, append_state};
    list_init(&runner->feeds);
    list_init(&runner->archives);
    list_init(&runner->routes);
    list_init(&runner->makings);
    list_init(&runner->erasures);
    list_init(&runner->farewells);
    list_init(&runner->legacies);
    list_init(&runner->jobs);
    timer_init(&runner->look_again, on_look);
    runner->life_cycle = life_cycle_new(runner);
    staff_set_listener(grid->gateway->staff, &runner->staff_listener);
    grid->gateway->event_logs = &runner->logs;
    pull_desk_open(runner);
    return runner;
}

const struct catalog_listener *runner_catalog_listener(const struct runner *runner)
{
    return &runner->catalog_listener;
}

bool runner_hears(const struct runner *runner)
{
    return runner->has_looked && route_feeds_are_open(runner) &&
           life_cycle_hears(runner->life_cycle);
}

/* Who shares the work out is known later: the staff says so. */
void runner_connect(struct runner *runner)
{
    LIST_FOREACH (link, &runner->feeds) {
        runner_session_connect(&CONTAINER_OF(link, struct feed, link)->window.session);
    }
    LIST_FOREACH (link, &runner->makings) {
        runner_session_connect(&CONTAINER_OF(link, struct making, link)->session);
    }
    archive_feeds_connect(runner);
    route_feeds_connect(runner);
    runner_session_erase_again(&runner->erasures);
    look_later(runner);
}

void runner_free(struct runner *runner)
{
    staff_set_listener(runner->gateway->staff, NULL);
    runner->gateway->event_logs = NULL;
    pull_desk_close(runner);
    timers_cancel(&runner->gateway->timers, &runner->look_again);
    LIST_FOREACH_SAFE (link, &runner->feeds) {
        feed_free(CONTAINER_OF(link, struct feed, link));
    }
    LIST_FOREACH_SAFE (link, &runner->makings) {
        making_free(CONTAINER_OF(link, struct making, link));
    }
    LIST_FOREACH_SAFE (link, &runner->farewells) {
        struct farewell *farewell = CONTAINER_OF(link, struct farewell, link);
        consent_abandon(&farewell->consent);
        farewell_free(farewell);
    }
    LIST_FOREACH_SAFE (link, &runner->legacies) {
        legacy_free(CONTAINER_OF(link, struct legacy, link));
    }
    LIST_FOREACH_SAFE (link, &runner->jobs) {
        job_abandon(CONTAINER_OF(link, struct running_job, link)->job);
    }
    archive_feeds_free(runner);
    route_feeds_free(runner);
    life_cycle_free(runner->life_cycle);
    runner_session_forget_erasures(&runner->erasures);
    stored_event_scratch_release(&runner->scratch);
    route_wrapper_release(&runner->wrapper);
    buffer_release(&runner->event_id);
    free(runner);
}
