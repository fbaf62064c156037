/* Which of the living bridge processes runs a subscription: rendezvous hashing. All that know the
 * same processes agree without asking, and when one comes or goes only its own share moves. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_OWNERSHIP_H
#define PUBGRID_DISPATCH_OWNERSHIP_H

#include <stddef.h>

#include "base/slice.h"

/* The place in `names` of the process that runs what is called `key`; the order of the names does
 * not matter. `count` is at least 1. */
size_t ownership_choose(struct slice key, const char *const *names, size_t count);

#endif
