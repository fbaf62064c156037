/* Rows and frames of the store as lines for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_STORE_DUMP_H
#define PUBGRID_BROKER_STORE_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/slice.h"

void store_dump_row(FILE *out, struct slice key, uint64_t stamp, struct slice value);
/* `replayed`: it counts at the next start; else it is there for its message only. */
void store_dump_frame(FILE *out, uint64_t position, struct slice payload, bool replayed);

#endif
