/* Topic aliases of one network connection, both directions (MQTT 5 section 3.3.2.3.4). They live
 * and die with the connection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ALIAS_H
#define PUBGRID_CORE_ALIAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct aliases;

struct aliases *aliases_new(void);
void aliases_free(struct aliases *aliases);

/* Towards us: the client's alias -> topic. The alias was checked against the maximum. */
void aliases_set(struct aliases *aliases, uint16_t alias, struct slice topic);
/* False if the alias was never set. The slice is valid until the next aliases_set. */
bool aliases_topic(const struct aliases *aliases, uint16_t alias, struct slice *topic);

/* Towards the client: the alias for a topic, assigning the next one up to `maximum`. Returns 0
 * when there is none; *known tells whether the client has it already. */
uint16_t aliases_for_topic(struct aliases *aliases, struct slice topic, uint16_t maximum,
                           bool *known);

#endif
