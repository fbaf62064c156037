/* What a server has answered, JSON, for people to read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_ANSWER_H
#define PUBGRID_CLI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "json/json.h"

/* Prints JSON for people to read, or as it is. */
void answer_print(struct slice json, bool as_it_is);

/* The member's text, without quotes and control characters, in `text`; "" if it is none. */
const char *answer_text(const struct json_value *object, const char *name, struct buffer *text);
/* How many elements the member, an array, has; 0 if it is none. */
size_t answer_count(const struct json_value *object, const char *name);
/* The elements of the member `name`, an array; false: there is none. */
bool answer_walk(struct slice json, const char *name, struct json_walk *walk);

#endif
