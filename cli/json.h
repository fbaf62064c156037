/* JSON for `pubgrid sub -F %j`: write strings, check a text and take its white space out, indent.
 *
 * Strict RFC 8259 both ways: what is written is always valid, and a payload that is not valid JSON
 * is refused rather than passed on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_JSON_H
#define PUBGRID_CLI_JSON_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Appends the quoted string; bytes that are not UTF-8 become U+FFFD. */
void json_append_string(struct buffer *out, struct slice text);

/* Appends one JSON value without the white space around its tokens. False (and `out` as it was) if
 * `text` is not exactly one valid value, or nests deeper than 256 levels. */
bool json_append_compact(struct buffer *out, struct slice text);

/* Appends compact, valid JSON with a line for each member of an object, indented with tabs. */
void json_append_indented(struct buffer *out, struct slice compact);

#endif
