/* What a client has proven of itself, by whatever way it has signed in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_PROOF_H
#define PUBGRID_NET_PROOF_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "policy/attributes.h"
#include "json/json.h"

/* Zeroed memory is an empty one. */
struct proof {
    struct buffer name;                 /* the authentication name */
    struct arena memory;                /* of `attributes` */
    const struct attribute *attributes; /* that came along */
    int64_t expires_at;                 /* wall clock, ms since 1970; 0: it lasts */
    uint64_t ground;                    /* sign_in.h: what it rests on; 0: nothing that can go */
};

/* A member of an object that somebody trusted has written: an attribute, if its name and its value
 * may be those of one, else it is left out. `key` is raw, as json_next_member() gives it. */
void proof_take_attribute(struct proof *proof, struct slice key, const struct json_value *value);
/* Has it a name that a client of MQTT can have? Sessions, and events of what it does, go by it. */
bool proof_has_name(const struct proof *proof);
void proof_release(struct proof *proof);

#endif
