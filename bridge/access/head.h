/* Header lines of an HTTP answer, as they came.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_HEAD_H
#define PUBGRID_ACCESS_HEAD_H

#include <stdbool.h>

#include "base/slice.h"

struct header {
    struct slice name, value; /* without white space around them */
};

/* Takes the next line that is "name: value" from the front; others, the status line too, are passed
 * over. False at the end. */
bool head_next(struct slice *head, struct header *header);

/* `name` in lower case. */
bool head_name_is(const struct header *header, const char *name);

#endif
