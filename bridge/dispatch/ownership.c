/* See ownership.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/ownership.h"

#include <assert.h>
#include <string.h>

#include "base/siphash.h"

/* How much the process wants the key: the key's hash under one that the name makes. */
static uint64_t weigh(struct slice key, const char *name)
{
    static const struct siphash_key of_names = {UINT64_C(0x7075626772696421),
                                                UINT64_C(0x6f776e6572736869)};
    struct siphash_key of_keys = {siphash_13(slice_from_string(name), &of_names), of_names.k1};

    return siphash_13(key, &of_keys);
}

size_t ownership_choose(struct slice key, const char *const *names, size_t count)
{
    size_t best = 0;
    uint64_t best_weight = 0;

    assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t weight = weigh(key, names[i]);
        bool is_better = i == 0 || weight > best_weight ||
                         (weight == best_weight &&
                          strcmp(names[i], names[best]) > 0); /* any order, one winner */
        if (is_better) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}
