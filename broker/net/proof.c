/* What a client has proven. See proof.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/proof.h"

void proof_take_attribute(struct proof *proof, struct slice key, const struct json_value *value)
{
    struct attribute attribute;
    if (!attribute_key_is_valid(key) || attribute_read(value, &proof->memory, &attribute) != NULL) {
        return;
    }
    struct attribute *own = arena_allocate(&proof->memory, sizeof(*own));
    *own = attribute;
    own->key = arena_copy(&proof->memory, key);
    own->next = proof->attributes; /* found first: of several the last one counts */
    proof->attributes = own;
}

void proof_release(struct proof *proof)
{
    buffer_release(&proof->name);
    arena_release(&proof->memory);
    proof->attributes = NULL;
}
