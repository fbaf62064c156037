/* See match.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/match.h"

#include "access/characters.h"
#include "events/statistics.h"
#include "names/role_pattern.h"

bool event_pattern_matches(struct slice pattern, struct slice name)
{
    while (pattern.length > 0) {
        struct slice item = trim_blanks(take_up_to(&pattern, ','));
        if (slice_equal(item, SLICE_LITERAL("*")) ||
            (item.length > 0 && equal_ignoring_case(item, name))) { /* 1.1 */
            return true;
        }
    }
    return false;
}

static bool takes(const char *user_pattern, uint32_t system_events,
                  const struct client_event *event)
{
    if (!event->is_user_event) {
        return (system_events & SYSTEM_EVENT_BIT(event->system)) != 0;
    }
    return user_pattern && event_pattern_matches(slice_from_string(user_pattern), event->name);
}

static bool group_passes(const char *const *filters, const struct client_event *event)
{
    bool is_of_group = !event->is_user_event &&
                       (event->system == SYSTEM_EVENT_JOINED || event->system == SYSTEM_EVENT_LEFT);

    if (!is_of_group || !filters) {
        return true;
    }
    for (; *filters; filters++) {
        if (role_pattern_matches(slice_from_string(*filters), event->group, false)) {
            return true;
        }
    }
    return false;
}

const struct event_handler *event_handler_find(const struct hub_settings *settings,
                                               const struct client_event *event)
{
    for (size_t i = 0; i < settings->event_handler_count; i++) {
        const struct event_handler *handler = &settings->event_handlers[i];
        if (takes(handler->user_event_pattern, handler->system_events, event) &&
            group_passes(handler->group_filters, event)) {
            return handler;
        }
    }
    return NULL;
}

bool event_listener_takes(const struct event_listener *listener, const struct client_event *event)
{
    bool is_connect = !event->is_user_event && event->system == SYSTEM_EVENT_CONNECT;

    return !is_connect && takes(listener->user_event_pattern, listener->system_events, event) &&
           group_passes(listener->group_filters, event);
}

bool event_is_listened_to(const struct hub_settings *settings, const struct client_event *event)
{
    for (size_t i = 0; i < settings->event_listener_count; i++) {
        if (event_listener_takes(&settings->event_listeners[i], event)) {
            return true;
        }
    }
    return false;
}

struct slice event_name(const struct client_event *event)
{
    return event->is_user_event ? event->name : slice_from_string(event_kind_names[event->system]);
}
