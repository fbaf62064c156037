/* What a client has proven. See proof.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/proof.h"

#include "mqtt/utf8.h"

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

bool proof_has_name(const struct proof *proof)
{
    struct slice name = buffer_slice(&proof->name);
    return name.length > 0 && name.length <= UINT16_MAX && utf8_is_valid_string(name);
}

void proof_release(struct proof *proof)
{
    buffer_release(&proof->name);
    arena_release(&proof->memory);
    proof->attributes = NULL;
}
