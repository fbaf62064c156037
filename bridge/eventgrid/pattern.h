/* Patterns in which `*` stands for any characters, also none, and `?` for one. A pattern matches
 * the whole of a text, in time that is linear in it whatever the pattern: all its positions are
 * tried side by side, a bit each. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PATTERN_H
#define PUBGRID_EVENTGRID_PATTERN_H

#include <stdbool.h>

#include "base/slice.h"

enum { PATTERN_MAX = 512 }; /* characters */

struct pattern;

/* UTF-8; NULL if it is too long. */
struct pattern *pattern_new(struct slice text);
void pattern_free(struct pattern *pattern);
bool pattern_matches(const struct pattern *pattern, struct slice text);

#endif
