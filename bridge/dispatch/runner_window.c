/* See runner_window.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner_window.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

/* A copy of the packet that is read in place. NULL: it is no event. */
static struct window_event *read_event(struct slice packet)
{
    static const struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    struct window_event *event = memory_allocate(sizeof(*event) + packet.length);
    struct packet publish;

    *event = (struct window_event){.length = packet.length};
    memcpy(event->bytes, packet.data, packet.length);
    list_init(&event->link);
    list_init(&event->of_order);
    if (packet_decode(&publish, slice_make(event->bytes, packet.length), &limits) <= 0 ||
        publish.type != PACKET_PUBLISH ||
        !queued_event_read(&event->event, publish.publish.payload, &publish.properties)) {
        free(event);
        return NULL;
    }
    event->is_repeated = publish.publish.dup;
    return event;
}

struct window_event *window_take(struct event_window *window, const struct fanout *fanout,
                                 uint32_t sequence)
{
    struct runner_session *session = &window->session;
    struct window_event *event = read_event(fanout->packet);

    if (!event) {
        LOG_LIMITED(LOG_WARNING, "a message in a queue of events is none", "queue=%s",
                    (const char *)session->queue.data);
        own_channel_acknowledge(&session->own, sequence);
        own_channel_credit(&session->own, fanout->packet.length);
        return NULL;
    }
    event->window = window;
    event->sequence = sequence;
    event->connection = session->connections;
    window->count++;
    window->bytes += event->length;
    if (window->bytes <= WINDOW_BYTES_MAX) {
        own_channel_credit(&session->own, event->length);
    } else {
        window->credit_owed += event->length;
    }
    return event;
}

void window_reset(struct event_window *window)
{
    window->count = window->bytes = window->lent = window->credit_owed = 0;
}

bool window_event_counts(const struct window_event *event)
{
    const struct runner_session *session = &event->window->session;

    return event->connection == session->connections && session->own.is_connected;
}

static void give_owed_credit(struct event_window *window)
{
    if (window->credit_owed > 0 && window->bytes <= WINDOW_BYTES_MAX) {
        own_channel_credit(&window->session.own, window->credit_owed);
        window->credit_owed = 0;
    }
}

void window_event_lend(struct window_event *event)
{
    struct event_window *window = event->window;

    if (window_event_counts(event) && !event->is_lent &&
        window->lent + event->length <= WINDOW_LENT_MAX) {
        event->is_lent = true;
        window->bytes -= event->length;
        window->lent += event->length;
        give_owed_credit(window);
    }
}

void window_event_take_back(struct window_event *event)
{
    struct event_window *window = event->window;

    if (window_event_counts(event) && event->is_lent) {
        event->is_lent = false;
        window->bytes += event->length;
        window->lent -= event->length;
    }
}

void window_event_forget(struct window_event *event)
{
    struct event_window *window = event->window;

    if (window_event_counts(event)) {
        window->count--;
        *(event->is_lent ? &window->lent : &window->bytes) -= event->length;
        give_owed_credit(window);
    }
    list_remove(&event->link);
    list_remove(&event->of_order);
    free(event);
}

void window_event_acknowledge(struct window_event *event)
{
    if (window_event_counts(event)) {
        own_channel_acknowledge(&event->window->session.own, event->sequence);
    }
    window_event_forget(event);
}

void window_event_acknowledge_with_others(struct window_event *event)
{
    if (window_event_counts(event)) {
        write_ack(&event->window->session.own.gateway->packet, PACKET_PUBACK,
                  (uint16_t)event->sequence);
    }
    window_event_forget(event);
}

void window_forget_all(struct list *events)
{
    while (!list_is_empty(events)) {
        window_event_forget(window_event_of(events->next));
    }
}

void window_forget_orphans(struct list *events)
{
    LIST_FOREACH_SAFE (link, events) {
        struct window_event *event = window_event_of(link);
        if (!window_event_counts(event)) {
            window_event_forget(event);
        }
    }
}
