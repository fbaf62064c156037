/* SipHash-1-3: a keyed hash that a peer who chooses the keys of a map cannot make collide.
 *
 * One compression round a word and three final ones: the choice of several language runtimes for
 * hash tables, at about twice the speed of the 2-4 variant.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_SIPHASH_H
#define PUBGRID_BASE_SIPHASH_H

#include <stdint.h>

#include "base/slice.h"

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash_13(struct slice bytes, const struct siphash_key *key);

#endif
