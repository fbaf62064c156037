/* Wildcard rules of roles (spec/webpubsub.md 1.3): `?` is one character but a dot, `*` any number
 * of them, `**` any number of any characters; a backslash takes the meaning from \ * and ?.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NAMES_ROLE_PATTERN_H
#define PUBGRID_NAMES_ROLE_PATTERN_H

#include <stdbool.h>

#include "base/slice.h"

enum {
    ROLE_PATTERN_MAX = 1024, /* characters, */
    ROLE_PATTERN_BYTES_MAX = 4 * ROLE_PATTERN_MAX,
    ROLE_PATTERN_STARS = 5,
};

/* NULL, or what is wrong with the pattern. */
const char *role_pattern_check(struct slice pattern);
/* Does a good pattern match the group name? With `is_filter` it is a topic filter, and must match
 * whatever its + and # stand for: they must fall to a `**`. */
bool role_pattern_matches(struct slice pattern, struct slice group, bool is_filter);

#endif
