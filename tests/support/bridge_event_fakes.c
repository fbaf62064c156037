/* See bridge_event_fakes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge_event_fakes.h"

#include <stdlib.h>
#include <string.h>

#include "support/bridge_setup.h"

static const char *const system_events[SYSTEM_EVENTS] = {
    [SYSTEM_EVENT_CONNECT] = "connect",
    [SYSTEM_EVENT_CONNECTED] = "connected",
    [SYSTEM_EVENT_DISCONNECTED] = "disconnected",
    [SYSTEM_EVENT_JOINED] = "joined",
    [SYSTEM_EVENT_LEFT] = "left",
};

static bool is_handled(void *context, const struct client_event *event)
{
    const struct event_fakes *fakes = context;

    if (!event->is_user_event) {
        return fakes->system_events & SYSTEM_EVENT_BIT(event->system);
    }
    return fakes->user_events && (strcmp(fakes->user_events, "*") == 0 ||
                                  slice_equal(event->name, slice_from_string(fakes->user_events)));
}

static void put_named(struct buffer *out, const char *name, struct slice value)
{
    if (value.length > 0) {
        buffer_append_format(out, " %s=%.*s", name, SLICE_PRINT(value));
    }
}

static void put_pairs(struct buffer *out, const char *between, struct pairs pairs)
{
    for (size_t i = 0; i < pairs.count; i++) {
        buffer_append_format(out, " %.*s%s%.*s", SLICE_PRINT(pairs.items[i].key), between,
                             SLICE_PRINT(pairs.items[i].value));
    }
}

static void raise_event(void *context, const struct client_event *event, struct event_wait *wait)
{
    static const char *const types[] = {"json", "text", "binary", "protobuf"};
    struct event_fakes *fakes = context;
    struct buffer *out = &fakes->raised;

    buffer_append_format(out, "#%u ", event->number);
    if (event->is_user_event) {
        buffer_append_format(out, "user %.*s %s", SLICE_PRINT(event->name),
                             types[event->data.type]);
    } else {
        buffer_append_string(out, system_events[event->system]);
    }
    put_named(out, "user", event->user_id);
    put_named(out, "state", event->state);
    put_named(out, "cookies", event->cookies);
    put_named(out, "physical", event->physical_connection);
    put_named(out, "session", event->session);
    put_named(out, "type", event->content_type);
    put_pairs(out, ":", event->metadata);
    put_pairs(out, "~", event->properties);
    buffer_append_format(out, " [%.*s]\n", SLICE_PRINT(event->data.bytes));
    if (wait) {
        wait->call = (struct event_call *)(void *)fakes;
        if (fakes->waiting_count == EVENT_FAKES_WAITING_MAX) {
            abort();
        }
        fakes->waiting[fakes->waiting_count++] = wait;
    }
}

static void stop_waiting(struct event_fakes *fakes, size_t index)
{
    fakes->waiting[index]->call = NULL;
    fakes->waiting_count--;
    memmove(fakes->waiting + index, fakes->waiting + index + 1,
            (fakes->waiting_count - index) * sizeof(*fakes->waiting));
}

static void cancel_event(void *context, struct event_wait *wait)
{
    struct event_fakes *fakes = context;

    for (size_t i = 0; i < fakes->waiting_count; i++) {
        if (fakes->waiting[i] == wait) {
            buffer_append_string(&fakes->raised, "cancelled\n");
            stop_waiting(fakes, i);
            return;
        }
    }
    abort(); /* it waits for nothing */
}

static const struct events_ops fake_events = {
    .is_handled = is_handled,
    .raise = raise_event,
    .cancel = cancel_event,
};

struct events event_fakes_begin(struct event_fakes *fakes, struct hub_settings *hub)
{
    static const struct event_handler handler = {.url_template = "http://127.0.0.1/"};

    hub->event_handlers = &handler;
    hub->event_handler_count = 1;
    fakes->user_events = "*";
    fakes->system_events = UINT32_MAX & ~SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT);
    return (struct events){&fake_events, fakes};
}

void event_fakes_end(struct event_fakes *fakes)
{
    buffer_release(&fakes->raised);
}

void event_fakes_answer(struct event_fakes *fakes, const struct event_answer *answer)
{
    struct event_wait *wait = fakes->waiting_count > 0 ? fakes->waiting[0] : NULL;

    if (!wait) {
        abort();
    }
    stop_waiting(fakes, 0);
    wait->answered(wait, answer);
}

const char *event_fakes_raised(struct event_fakes *fakes)
{
    return setup_take_lines(&fakes->raised);
}
