/* Event Grid's part of the wiring: configuration becomes options, and the world outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_EVENT_GRID_H
#define PUBGRID_BRIDGE_EVENT_GRID_H

struct config;
struct event_grid;
struct gateway;
struct grid;
struct uv_loop_s;

/* NULL: it cannot start, which is logged; there is no Event Grid then. */
struct event_grid *event_grid_start(struct uv_loop_s *loop, struct gateway *gateway,
                                    const struct config *config);
struct grid *event_grid_of(struct event_grid *event_grid);
/* Another configuration is in force. */
void event_grid_set_config(struct event_grid *event_grid, const struct config *config);
/* Before the gateway ends: `stopped` is called from the loop when nothing is left of it. */
void event_grid_stop(struct event_grid *event_grid, void (*stopped)(void *context), void *context);

#endif
