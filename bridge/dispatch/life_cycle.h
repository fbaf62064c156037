/* What happens to MQTT clients, as events (spec/eventgrid.md 2.3) of the system topic of type
 * Microsoft.EventGrid.Namespaces whose source is the namespace. While there is no such topic, the
 * broker tells nothing (mqtt/life_cycle.h). One process hears what is told, with a durable session,
 * and tells of changes of client resources, too. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_LIFE_CYCLE_H
#define PUBGRID_DISPATCH_LIFE_CYCLE_H

#include <stdbool.h>

#include "dispatch/catalog.h"

struct life_cycle;
struct runner;

struct life_cycle *life_cycle_new(struct runner *runner);
void life_cycle_free(struct life_cycle *life_cycle);
/* Catalog, processes or the broker's being there have changed. */
void life_cycle_look(struct life_cycle *life_cycle);
/* Is what the broker tells heard, as far as that is up to this process? */
bool life_cycle_hears(const struct life_cycle *life_cycle);
/* A client was made, changed, or deleted (`is_deleted`), as all processes hear; or another child of
 * a namespace. */
void life_cycle_take_child(struct life_cycle *life_cycle, const struct catalog_child *child,
                           bool is_deleted);

#endif
