/* YAML to JSON, event by event, by the core schema of YAML 1.2 (10.3): what is plain may be a
 * number, true, false or null; what is in quotes is a text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_TREE_H
#define PUBGRID_CONFIG_TREE_H

#include <stdbool.h>
#include <yaml.h>

#include "base/buffer.h"

/* Each appends, with a comma in front where one belongs. */
void tree_begin(struct buffer *json, bool is_sequence);
void tree_end(struct buffer *json, bool is_sequence);
/* Of a scalar event. */
void tree_append_key(struct buffer *json, const yaml_event_t *scalar);
/* NULL, or why it cannot be JSON; then null is appended. */
const char *tree_append_scalar(struct buffer *json, const yaml_event_t *scalar);

#endif
