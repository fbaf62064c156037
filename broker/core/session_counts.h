/* How many sessions each user has, of all shards, with or without a network connection: there may
 * be a bound (spec/eventgrid.md 6.2). Behind a short lock, since two shards may be asked at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SESSION_COUNTS_H
#define PUBGRID_CORE_SESSION_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct session_counts;
/* One user's; it lives as long as a session is counted in it. */
struct session_count;

struct session_counts *session_counts_new(void);
void session_counts_free(struct session_counts *counts);

/* Counts one more session of the user. NULL: there are `most` already. */
struct session_count *session_counts_take(struct session_counts *counts, struct slice user,
                                          uint32_t most);
/* Counts one less. Harmless with NULL. */
void session_counts_give(struct session_counts *counts, struct session_count *count);

#endif
