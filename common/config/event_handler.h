/* Event handlers and listeners of a hub: where its events go (spec/webpubsub.md 7.2, 7.7, section
 * 8). Immutable, parts of struct hub_settings; made from the configuration or from `$config/`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_EVENT_HANDLER_H
#define PUBGRID_CONFIG_EVENT_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum system_event {
    SYSTEM_EVENT_CONNECT,
    SYSTEM_EVENT_CONNECTED,
    SYSTEM_EVENT_DISCONNECTED,
    SYSTEM_EVENT_JOINED, /* of a group: groupPresenceEvents */
    SYSTEM_EVENT_LEFT,
    SYSTEM_EVENTS
};

#define SYSTEM_EVENT_BIT(event) (1u << (event))

/* A webhook. Strings are not owned by it, but by whoever made the hub's settings. */
struct event_handler {
    const char *url_template;         /* with {hub} and {event} */
    const char *user_event_pattern;   /* "*", a name, or names with commas between; "": none */
    uint32_t system_events;           /* SYSTEM_EVENT_BITs */
    const char *const *group_filters; /* of JOINED and LEFT, as in roles (1.3): "room.*";
                                         NULL-terminated; NULL: all groups */
    uint32_t timeout_ms;              /* of one request */
    uint32_t attempts;                /* the most, of a request that fails in a way that may pass */
    bool skips_validation;            /* no preflight (7.3) */
};

/* Where copies of events go: never `connect`, and no answer is used. */
struct event_listener {
    const char *topic;              /* MQTT topic, with {hub} and {event} */
    const char *user_event_pattern; /* as above */
    uint32_t system_events;
    const char *const *group_filters; /* as above */
};

#endif
