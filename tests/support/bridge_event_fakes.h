/* An event handler of our own making, for tests of bridge/client: what is raised is kept as lines
 * of text, `#1 connected user=ada state=s [{}]`, and the test answers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_EVENT_FAKES_H
#define PUBGRID_TESTS_BRIDGE_EVENT_FAKES_H

#include "access/hub.h"
#include "base/buffer.h"
#include "client/events.h"

enum { EVENT_FAKES_WAITING_MAX = 8 };

struct event_fakes {
    struct buffer raised;
    struct event_wait *waiting[EVENT_FAKES_WAITING_MAX]; /* the oldest first */
    size_t waiting_count;
    const char *user_events; /* that are handled: "*", one name; NULL: none */
    uint32_t system_events;  /* SYSTEM_EVENT_BITs */
};

/* The hub has a handler, for all events but connect. */
struct events event_fakes_begin(struct event_fakes *fakes, struct hub_settings *hub);
void event_fakes_end(struct event_fakes *fakes);
/* To the oldest event. */
void event_fakes_answer(struct event_fakes *fakes, const struct event_answer *answer);
/* What was raised since the last call, NUL-terminated; valid until the next. */
const char *event_fakes_raised(struct event_fakes *fakes);

#endif
