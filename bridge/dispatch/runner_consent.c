/* A webhook that the configuration file declares is asked for its consent by the process that runs
 * its subscription, again and again until it is there and agrees; until then events wait. What came
 * of it is stored, so that it is asked once. One that is set at run time, and whose consent by hand
 * has not come in time, has failed (spec/eventgrid.md 4.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "dispatch/runner_feed.h"
#include "dispatch/runner_state.h"
#include "dispatch/stored_subscription.h"

static const msec_t waits_ms[] = {5000, 30000, 60000, 300000}; /* the last one again and again */

enum { WAITS = sizeof(waits_ms) / sizeof(waits_ms[0]) };

bool feed_has_consent(const struct feed *feed)
{
    return feed->subscription->state == STATE_SUCCEEDED ||
           !consent_is_needed(feed->runner->grid, feed->properties);
}

/* What is set at run time is asked for by who sets it. */
static bool is_ours_to_ask(const struct feed *feed)
{
    enum subscription_state state = feed->subscription->state;

    return !feed->subscription->is_set && !feed_has_consent(feed) &&
           (state == STATE_CREATING || state == STATE_AWAITING_MANUAL_ACTION);
}

static void store(struct feed *feed, enum subscription_state state, struct slice reason)
{
    const struct catalog_subscription *subscription = feed->subscription;
    struct buffer settings = {0};

    if (subscription->state == state) {
        return;
    }
    stored_subscription_append(
        &settings, &(struct stored_subscription){
                       .name = buffer_slice(&subscription->name),
                       .properties = subscription->is_set ? buffer_slice(&feed->properties->json)
                                                          : SLICE_EMPTY,
                       .state = state,
                       .reason = reason,
                       .about = feed->properties,
                   });
    runner_store(feed->runner, subscription, buffer_slice(&settings));
    buffer_release(&settings);
}

static void ask_later(struct feed *feed)
{
    struct runner *runner = feed->runner;
    msec_t wait = waits_ms[feed->asked < WAITS ? feed->asked : WAITS - 1];

    feed->asked++;
    timers_set(&runner->gateway->timers, &feed->ask_again,
               runner_now(runner) + (msec_t)((double)wait * runner_scale(runner)));
}

/* Asks again also after success: should that not have been stored, it will be. */
static void on_verdict(struct consent *consent, enum validation_verdict verdict,
                       struct slice sentence)
{
    static const enum subscription_state states[] = {
        [VALIDATION_GOOD] = STATE_SUCCEEDED,
        [VALIDATION_BY_HAND] = STATE_AWAITING_MANUAL_ACTION,
        [VALIDATION_FAILED] = STATE_CREATING,
    };
    struct feed *feed = CONTAINER_OF(consent, struct feed, consent);

    if (verdict == VALIDATION_FAILED) {
        log_write(LOG_WARNING, "a webhook does not consent to events yet, it is asked again",
                  "queue=%s reason=\"%.*s\"", (const char *)feed->window.session.queue.data,
                  SLICE_PRINT(sentence)); /* printable, and longer than log_quote() shows */
    } else {
        store(feed, states[verdict], SLICE_EMPTY);
    }
    ask_later(feed);
}

/* It was set at run time, and its consent by hand may still come. */
static bool awaits_hand(const struct feed *feed)
{
    const struct catalog_subscription *subscription = feed->subscription;

    return subscription->is_set && subscription->state == STATE_AWAITING_MANUAL_ACTION &&
           subscription->consent_until_ms != 0;
}

static void on_ask_again(struct timer *timer, void *context)
{
    struct feed *feed = CONTAINER_OF(timer, struct feed, ask_again);

    (void)context;
    if (awaits_hand(feed)) {
        store(feed, STATE_FAILED,
              SLICE_LITERAL("The validation URL was not asked for within 10 minutes."));
    } else {
        feed_ask_consent(feed);
    }
}

void feed_init_consent(struct feed *feed)
{
    feed->consent.done = on_verdict;
    timer_init(&feed->ask_again, on_ask_again);
}

void feed_ask_consent(struct feed *feed)
{
    const struct catalog_subscription *subscription = feed->subscription;
    const struct catalog_source *source = subscription->source;

    if (!is_ours_to_ask(feed)) {
        feed_cancel_consent(feed);
        if (awaits_hand(feed)) {
            timers_set(&feed->runner->gateway->timers, &feed->ask_again,
                       subscription->consent_until_ms);
        }
        return;
    }
    if (!feed->consent.is_under_way && !timer_is_set(&feed->ask_again)) {
        consent_ask(&feed->consent, feed->runner->grid, feed->properties,
                    &(struct consent_target){buffer_slice(&source->key),
                                             buffer_slice(&subscription->name),
                                             catalog_topic_id(source)});
    }
}

void feed_cancel_consent(struct feed *feed)
{
    consent_abandon(&feed->consent);
    timers_cancel(&feed->runner->gateway->timers, &feed->ask_again);
    feed->asked = 0;
}
