/* The harness's authenticator: a table of users (none: every name is taken, and a password `20s x`
 * is good for 20 seconds), and two methods of enhanced authentication: CHALLENGE, with a question
 * and an answer, and TOKEN, whose data `20s bob` is who it is for how long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CORE_HARNESS_AUTH_H
#define SUPPORT_CORE_HARNESS_AUTH_H

#include "core/authenticator.h"
#include "support/core_harness.h"

struct harness_auth {
    const struct core_harness_user *users;
    size_t user_count;
    const msec_t *now;
};

/* Fills `out`, which refers to `auth` from then on. */
void harness_auth_init(struct harness_auth *auth, const struct core_harness_user *users,
                       size_t user_count, const msec_t *now, struct authenticator *out);

#endif
