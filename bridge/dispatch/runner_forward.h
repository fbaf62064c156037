/* Events that go on to another event topic, as deliveries or as dead letters. A topic may lead
 * back: so the topics that an event has passed are counted. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_FORWARD_H
#define PUBGRID_DISPATCH_RUNNER_FORWARD_H

#include "dispatch/door.h"
#include "eventgrid/queued.h"

struct runner;

enum { EVENT_HOPS_MAX = 8 }; /* event topics that an event may pass */

enum forward_answer {
    FORWARD_DONE,        /* nobody there takes it */
    FORWARD_WAITS,       /* load->done() follows */
    FORWARD_NOT_NOW,     /* nothing was sent */
    FORWARD_NO_TOPIC,    /* there is none of that key */
    FORWARD_NOT_FITTING, /* the topic's schema is another, or demands what it lacks; or the event
                          * has grown too long on its way */
};

enum forward_answer runner_forward(struct runner *runner, struct slice source_key,
                                   const struct queued_event *event, struct door_load *load);

#endif
