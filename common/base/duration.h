/* Spans of time as ISO 8601 writes them: "P1D", "PT1H30M", "P0DT23H12M". Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_DURATION_H
#define PUBGRID_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Weeks, days, hours, minutes and whole seconds; years and months, which are not always as long,
 * only as 0. False: it is none, or longer than 2^32 seconds. */
bool duration_parse(struct slice text, uint64_t *ms);
/* Whole seconds of it: "P1DT30M", "PT0S". */
void duration_append(struct buffer *out, uint64_t ms);

#endif
