/* Where each key of a configuration file stands: "listeners.0.address" -> line. Keys whose values
 * are taken as JSON have that here, too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_POSITIONS_H
#define PUBGRID_CONFIG_POSITIONS_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/map.h"

struct yaml_positions;

struct yaml_positions *yaml_positions_new(void);
void yaml_positions_free(struct yaml_positions *positions);
size_t yaml_positions_count(const struct yaml_positions *positions);
/* Line of a key, or of the nearest one above it that is there; 0 if none is. */
unsigned yaml_line(const struct yaml_positions *positions, const char *key);
/* The JSON of a key; empty if it is not there. */
struct slice yaml_json(const struct yaml_positions *positions, const char *key);

/* --- for the walk that finds them --- */

struct yaml_position {
    struct map_node node;
    struct slice key; /* owned */
    unsigned line;
    struct buffer json; /* empty: it is not taken as JSON */
};

/* NULL: no such key. */
struct yaml_position *yaml_position(const struct yaml_positions *positions, struct slice key);
/* The key must not be there yet. */
void yaml_note(struct yaml_positions *positions, struct slice key, unsigned line);

#endif
