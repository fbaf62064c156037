/* An event on its way to event handlers and listeners, and what a handler answers
 * (spec/webpubsub.md section 7): the neutral form between the clients, which raise events, and the
 * requests made of them.
 *
 * All slices are borrowed: of an event during the call that raises it, of an answer while it is
 * handed over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_EVENT_H
#define PUBGRID_EVENTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "base/slice.h"
#include "wire/message.h"

/* One event (7.1). */
struct client_event {
    const struct hub_settings *settings;
    struct slice hub;   /* lower case */
    bool is_user_event; /* else `system` */
    enum system_event system;
    struct slice name;  /* of a user event; system events have the name of their kind */
    struct slice group; /* of JOINED and LEFT, for the handlers' filters; it is in `data`, too */
    struct slice connection_id, user_id;
    struct slice subprotocol;         /* empty: no header */
    struct slice state;               /* ce-connectionState; empty: none */
    struct slice cookies;             /* as an answer gave them; empty: none */
    struct slice physical_connection; /* MQTT; empty: no header */
    struct slice session;             /* MQTT; empty: no header */
    uint32_t number;                  /* ce-id */
    struct payload data;              /* the body; system events: JSON */
    struct slice content_type;        /* MQTT; empty: by the data's type */
    struct pairs metadata;
    struct pairs properties; /* MQTT, user properties: headers mqtt-* (5.2) */
};

struct event_answer {
    /* The HTTP status; 0: no answer (no handler, refused, timed out, failed the preflight), and
     * `error` says what happened. */
    int status;
    const char *error;
    struct payload
        data; /* type by Content-Type, and what it says it is; empty: nothing is sent on */
    bool has_state;
    struct slice state; /* ce-connectionState, if has_state */
    bool has_cookies;
    struct slice cookies; /* if has_cookies: to be given with the next event of this connection.
                             Opaque: it knows which upstream each is for (events/cookies.h) */
    struct slice content_type; /* as it came; empty: none */
    struct pairs metadata;
    struct pairs properties; /* headers mqtt-*, without the prefix (5.2) */
};

static inline bool event_answer_is_success(const struct event_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

#endif
