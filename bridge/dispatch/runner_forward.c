/* See runner_forward.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner_forward.h"

#include "dispatch/runner_state.h"
#include "dispatch/stored_event.h"

enum forward_answer runner_forward(struct runner *runner, struct slice source_key,
                                   const struct queued_event *event, struct door_load *load)
{
    static const enum forward_answer answers[] = {
        [DOOR_ACCEPTED] = FORWARD_DONE,
        [DOOR_WAITS] = FORWARD_WAITS,
        [DOOR_BUSY] = FORWARD_NOT_NOW,
        [DOOR_TOO_LARGE] = FORWARD_NOT_FITTING,
    };
    struct grid *grid = runner->grid;
    struct catalog_source *source = catalog_find(grid->catalog, source_key);
    const struct event *parts;

    if (!source) {
        return FORWARD_NO_TOPIC;
    }
    parts =
        stored_event_read(&runner->scratch, runner->gateway, source, event->schema, event->json);
    if (!parts) {
        return FORWARD_NOT_FITTING;
    }
    return answers[door_accept(grid->door, source, parts, 1, (uint8_t)(event->hops + 1), load)];
}
