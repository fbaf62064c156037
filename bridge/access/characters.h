/* What the parsers of roles and URLs share: one %xx, ASCII without case.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_CHARACTERS_H
#define PUBGRID_ACCESS_CHARACTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The byte that the %xx at the front stands for, or -1 if there is none. */
int percent_decode(struct slice text);

uint8_t ascii_lower(uint8_t c);
bool equal_ignoring_case(struct slice a, struct slice b);

#endif
