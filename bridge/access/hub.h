/* Hubs: their settings, and how groups become topics. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_HUB_H
#define PUBGRID_ACCESS_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "config/event_handler.h"
#include "names/names.h"

/* What a hub allows (spec/webpubsub.md section 8, and beyond). Immutable; made by the wiring. */
struct hub_settings {
    const char *name;           /* lower case; "_default": every hub that is not declared */
    bool anonymous_allowed;     /* anonymousConnectPolicy */
    bool retained_on_join;      /* beyond Azure: a new member gets the group's retained message */
    bool wildcards;             /* beyond Azure: a group name with + or # is a topic filter */
    bool protobuf_json_as_text; /* 3.3 */
    uint32_t keep_alive_s;      /* WebSocket pings, 1 to 120 */
    uint32_t recovery_s;        /* a reliable connection that dropped is kept that long */
    uint32_t queue_messages;    /* the most that waits for a client, */
    uint64_t queue_bytes;       /* beyond: closed with 1008 */
    uint32_t reliable_messages; /* the same for what a reliable client has not acknowledged */
    uint64_t reliable_bytes;
    const struct event_handler *event_handlers; /* [event_handler_count], in order */
    size_t event_handler_count;
    const struct event_listener *event_listeners; /* [event_listener_count] */
    size_t event_listener_count;
    size_t *users; /* counts who holds them; NULL: they stay as long as the process */
};

/* The settings of the hub `name` (lower case); the last ones if it is not declared. */
const struct hub_settings *hub_settings_find(const struct hub_settings *hubs, size_t count,
                                             struct slice name);

/* Settings can change while the process runs: whoever keeps a pointer to some holds them. */
static inline void hub_settings_hold(const struct hub_settings *settings)
{
    if (settings->users) {
        ++*settings->users;
    }
}

static inline void hub_settings_release(const struct hub_settings *settings)
{
    if (settings->users) {
        --*settings->users;
    }
}

/* Appends the name with + # % and control characters percent-escaped, so that it is no wildcard. */
void topic_append_escaped(struct buffer *out, struct slice name);
/* Appends what topic_append_escaped() made it from; a % without the two hex digits of an ASCII
 * character stays, so that UTF-8 stays UTF-8. */
void topic_append_unescaped(struct buffer *out, struct slice topic);

#endif
