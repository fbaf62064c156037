/* What follows when an event could not be delivered: a copy that waits in the broker, or its end.
 * The event itself is acknowledged when that is safe, so a crash in between only makes a second
 * copy.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "dispatch/pull_queue.h"
#include "dispatch/runner_feed.h"
#include "dispatch/runner_state.h"

/* ---------------------------------------------------------------- again */

static void copy_acknowledged(struct staff_sent *sent, uint8_t reason)
{
    struct window_event *event = CONTAINER_OF(sent, struct window_event, sent);
    struct feed *feed = CONTAINER_OF(event->window, struct feed, window);

    if (reason_is_error(reason)) { /* it cannot be kept there, so the event waits here */
        pull_order_forget_event(event, true);
        feed_hold_event(feed, event, event->due);
    } else {
        window_event_acknowledge(event);
    }
    feed_wake(feed);
}

void feed_retry_event(struct feed *feed, struct window_event *event, msec_t delay_ms)
{
    struct gateway *gateway = feed->runner->gateway;
    struct publication publication = {.data = {DATA_JSON, event->event.json}, .is_plain = true};

    list_remove(&event->link);
    if (!window_event_counts(event)) {
        window_event_forget(event);
        return;
    }
    event->due = gateway_now(gateway) + delay_ms;
    gateway->topic.length = gateway->properties.length = 0;
    if (delay_ms > 0) { /* whole seconds, and never before its time */
        buffer_append_format(&gateway->topic, "$delayed/%lld/", (long long)(delay_ms + 999) / 1000);
    }
    buffer_append(&gateway->topic, buffer_slice(&feed->subscription->queue));
    queued_event_append_properties(&gateway->properties, &event->event);
    publication.topic = buffer_slice(&gateway->topic);
    publication.user_properties = buffer_slice(&gateway->properties);
    event->sent.acknowledged = copy_acknowledged;
    if (staff_publish(gateway->staff, &publication, &event->sent)) {
        list_add_last(&feed->leaving, &event->link);
    } else {
        pull_order_forget_event(event, true);
        feed_hold_event(feed, event, event->due);
    }
}

void feed_cancel_leaving(struct feed *feed)
{
    LIST_FOREACH_SAFE (link, &feed->leaving) {
        struct window_event *event = window_event_of(link);
        if (event->is_dying) {
            door_forget(feed->runner->grid->door, &event->load);
        } else {
            staff_forget_sent(&event->sent);
        }
        window_event_forget(event);
    }
}

/* ---------------------------------------------------------------- no more */

void feed_drop_event(struct feed *feed, struct window_event *event)
{
    feed_statistics(feed)->dropped++;
    window_event_acknowledge(event);
}

void feed_bury_event(struct feed *feed, struct window_event *event, enum dead_letter_reason reason)
{
    list_remove(&event->link);
    event->reason = reason;
    if (!window_event_counts(event)) {
        window_event_forget(event);
        return;
    }
    event->is_dying = true;
    switch (feed->properties->dead_letter.kind) {
    case DEAD_LETTER_NONE:
        feed_drop_event(feed, event);
        break;
    case DEAD_LETTER_FILES:
        if (event_file_is_failing(&feed->dead_letters)) {
            pull_order_forget_event(event, false);
        }
        event_file_add(&feed->dead_letters, event);
        break;
    case DEAD_LETTER_TOPIC:
        dead_letter_send(feed, event);
        break;
    }
}
