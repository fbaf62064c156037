/* See feed_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/feed_state.h"

#include "base/timestamp.h"
#include "dispatch/destination.h"
#include "dispatch/pull_queue.h"
#include "dispatch/runner_state.h"
#include "json/json.h"

/* The whole travels between processes as a text of at most 64 KiB; an event's id alone can take 6.
 */
enum { EVENTS_SHOWN = 50, EVENTS_BYTES = 48 * 1024 };

/* Where events are while they are in memory (runner_feed.h). */
struct place {
    const char *state, *count_name;
    bool is_with_somebody; /* so its delivery of now counts */
    bool has_due;
};

enum { AT_RECEIVER, AT_DESTINATION, READY, HELD, PLACES };

static const struct place places[PLACES] = {
    [AT_RECEIVER] = {"Locked", "locked", true, true},
    [AT_DESTINATION] = {"Delivering", "delivering", true, false},
    [READY] = {"Ready", "ready", false, false},
    [HELD] = {"Held", "held", false, true},
};

struct telling {
    struct buffer events; /* JSON, without the brackets */
    unsigned shown;
    size_t counts[PLACES];
};

static void append_event(struct buffer *out, const struct window_event *event,
                         const struct place *place)
{
    buffer_append_string(out, "{\"eventId\":");
    json_append_string(out, event->event.id);
    buffer_append_format(out, ",\"state\":\"%s\",\"deliveryCount\":%u,\"publishTime\":\"",
                         place->state, event->event.attempts + place->is_with_somebody);
    timestamp_append(out, event->event.published_ms);
    buffer_append_byte(out, '"');
    if (place->has_due) {
        buffer_append_string(out, ",\"until\":\"");
        timestamp_append(out, event->due);
        buffer_append_byte(out, '"');
    }
    buffer_append_byte(out, '}');
}

static void tell(struct telling *telling, const struct list *events, int where)
{
    LIST_FOREACH (link, events) {
        telling->counts[where]++;
        if (telling->shown < EVENTS_SHOWN && telling->events.length < EVENTS_BYTES) {
            buffer_append_string(&telling->events, telling->shown++ > 0 ? "," : "");
            append_event(&telling->events, CONTAINER_OF(link, struct window_event, link),
                         &places[where]);
        }
    }
}

static size_t count_receivers(const struct feed *feed)
{
    size_t count = 0;

    if (feed->pull) {
        LIST_FOREACH (link, &feed->pull->receivers) {
            count++;
        }
    }
    return count;
}

void feed_append_state(struct buffer *out, const struct feed *feed)
{
    struct telling telling = {0};

    if (feed->pull) {
        tell(&telling, &feed->pull->locked, AT_RECEIVER);
    }
    LIST_FOREACH (link, &feed->runs) {
        tell(&telling, &CONTAINER_OF(link, struct delivery_run, link)->events, AT_DESTINATION);
    }
    tell(&telling, &feed->ready, READY);
    tell(&telling, &feed->held, HELD);
    buffer_append_format(out, "{\"process\":%u", feed->runner->gateway->index);
    for (int i = 0; i < PLACES; i++) {
        buffer_append_format(out, ",\"%s\":%zu", places[i].count_name, telling.counts[i]);
    }
    buffer_append_format(out, ",\"receivers\":%zu,\"events\":[", count_receivers(feed));
    buffer_append(out, buffer_slice(&telling.events));
    buffer_append_string(out, "]}");
    buffer_release(&telling.events);
}
