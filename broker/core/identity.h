/* Who a client is, as verified by the authenticator: immutable and counted, since a session keeps
 * it for access checks after its network connection is gone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_IDENTITY_H
#define PUBGRID_CORE_IDENTITY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "policy/attributes.h"

struct identity {
    _Atomic unsigned references;
    bool anonymous;         /* no user name was proven */
    bool trusted;           /* by the bridge, which decides itself what its clients may do: access
                               rules do not apply, reserved names are open */
    struct slice user_name; /* empty when anonymous; owned */
    size_t group_count;
    struct slice *groups;               /* owned */
    const struct attribute *attributes; /* that it has signed in with, by a token or a webhook */
    struct arena memory;                /* has the attributes */
    uint64_t ground; /* what the proof rests on, for the authenticator; 0: nothing that can go */
};

/* Copies the names; returns one count. `user_name` empty: anonymous. Not trusted. */
struct identity *identity_new(struct slice user_name, const struct slice *groups,
                              size_t group_count);
/* The same, with a copy of the attributes. */
struct identity *identity_new_with_attributes(struct slice user_name, const struct slice *groups,
                                              size_t group_count,
                                              const struct attribute *attributes);
struct identity *identity_new_trusted(struct slice user_name);
struct identity *identity_hold(struct identity *identity);
void identity_release(struct identity *identity);

#endif
