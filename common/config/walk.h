/* One pass over the text of a configuration file, event by event, before libcyaml loads it. It
 *   - names every key that is not in the schema, with its line and the nearest one that is;
 *   - names every value of the wrong shape, and keys that stand twice;
 *   - notes where each key stands, for the checks of values that come later;
 *   - writes the text anew with short forms made long: a listener that is only an address becomes
 *     a section with that address, and nothing at all where a section or list belongs an empty one;
 *   - keeps what the schema has as CYAML_IGNORE, with all that is below it, as JSON (tree.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_WALK_H
#define PUBGRID_CONFIG_WALK_H

#include <cyaml/cyaml.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "config/positions.h"

/* Appends the text for libcyaml to `out`. False with a `path:line: ...` line in `error` for each
 * mistake. */
bool yaml_walk(struct slice text, const char *path, const cyaml_schema_value_t *schema,
               struct yaml_positions *positions, struct buffer *out, struct buffer *error);

#endif
