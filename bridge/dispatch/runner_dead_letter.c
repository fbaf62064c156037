/* Dead letters as files (spec/eventgrid.md 3.8), or to an event topic.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "dispatch/dead_letter_name.h"
#include "dispatch/pull_order.h"
#include "dispatch/runner_feed.h"
#include "dispatch/runner_forward.h"
#include "dispatch/runner_state.h"
#include "eventgrid/dead_letter.h"
#include "eventgrid/delivery.h"

enum { GIVE_UP_MS = 4 * 60 * 60 * 1000 };

static void append_path(struct event_file *file, const struct window_event *first,
                        struct buffer *out)
{
    struct feed *feed = CONTAINER_OF(file, struct feed, dead_letters);
    struct gateway *gateway = feed->runner->gateway;
    struct buffer guid = {0};

    (void)first;
    dead_letter_name_append(&guid, buffer_slice(&feed->subscription->queue), gateway->random);
    dead_letter_append_path(out, buffer_slice(&feed->folder), gateway_now(gateway),
                            buffer_slice(&guid));
    buffer_release(&guid);
}

/* With the headers that a push has, but for what is secret. */
static void append_of_namespace(struct buffer *out, const struct feed *feed,
                                const struct window_event *event)
{
    struct buffer attributes = {0};

    delivery_append_open_attributes(&attributes, feed->properties, &event->event);
    dead_letter_append_of_namespace(out, &event->event, event->reason, buffer_slice(&attributes));
    buffer_release(&attributes);
}

static void append(struct buffer *out, const struct window_event *event, bool is_first)
{
    const struct feed *feed = CONTAINER_OF(event->window, struct feed, window);

    buffer_append_byte(out, is_first ? '[' : ',');
    if (feed->properties->of_namespace) {
        append_of_namespace(out, feed, event);
    } else {
        dead_letter_append(out, &event->event, event->reason);
    }
}

/* Who has rejected them does not wait for another try. */
static void ended(struct event_file *file, bool is_good)
{
    struct list *const lists[] = {&file->written, &file->waiting};

    for (size_t i = 0; !is_good && i < sizeof(lists) / sizeof(lists[0]); i++) {
        LIST_FOREACH (link, lists[i]) {
            pull_order_forget_event(window_event_of(link), false);
        }
    }
    feed_wake(CONTAINER_OF(file, struct feed, dead_letters));
}

const struct event_file_kind dead_letter_file = {
    .task = FILE_WRITE,
    .root = ROOT_DEAD_LETTERS,
    .give_up_ms = GIVE_UP_MS,
    .append_path = append_path,
    .append = append,
    .end = "]",
    .ended = ended,
};

/* ---------------------------------------------------------------- to an event topic */

enum { AGAIN_MS = 10000 };

/* What the topic cannot take now waits. */
static void send_later(struct feed *feed, struct window_event *event)
{
    pull_order_forget_event(event, false);
    feed_hold_event(feed, event,
                    runner_now(feed->runner) + (msec_t)(AGAIN_MS * runner_scale(feed->runner)));
}

static void sent(struct door_load *load, bool is_accepted)
{
    struct window_event *event = CONTAINER_OF(load, struct window_event, load);
    struct feed *feed = CONTAINER_OF(event->window, struct feed, window);

    if (is_accepted) {
        feed_statistics(feed)->dead_lettered++;
        window_event_acknowledge(event);
        feed_wake(feed);
    } else {
        send_later(feed, event);
    }
}

static void refuse(struct feed *feed, struct window_event *event, const char *reason)
{
    LOG_LIMITED(LOG_ERROR, "a dead letter is dropped", "queue=%s topic=%s reason=\"%s\"",
                (const char *)feed->window.session.queue.data,
                log_quote(feed->properties->dead_letter.source_key), reason);
    feed_drop_event(feed, event);
}

static enum forward_answer forward(struct feed *feed, struct window_event *event)
{
    struct queued_event letter = event->event;
    struct buffer json = {0};
    enum forward_answer answer;

    dead_letter_append(&json, &event->event, event->reason);
    letter.json = buffer_slice(&json);
    event->load.done = sent;
    answer = runner_forward(feed->runner, feed->properties->dead_letter.source_key, &letter,
                            &event->load);
    buffer_release(&json);
    return answer;
}

void dead_letter_send(struct feed *feed, struct window_event *event)
{
    if (event->event.hops >= EVENT_HOPS_MAX) {
        refuse(feed, event, "it has passed too many event topics");
        return;
    }
    switch (forward(feed, event)) {
    case FORWARD_DONE:
        feed_statistics(feed)->dead_lettered++;
        window_event_acknowledge(event);
        break;
    case FORWARD_WAITS:
        list_add_last(&feed->leaving, &event->link);
        break;
    case FORWARD_NOT_NOW:
    case FORWARD_NO_TOPIC:
        send_later(feed, event);
        break;
    case FORWARD_NOT_FITTING:
        refuse(feed, event, "the topic does not take it");
        break;
    }
}
