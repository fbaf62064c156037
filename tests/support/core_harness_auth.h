/* The harness's authenticator: a table of users, and one method of enhanced authentication.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CORE_HARNESS_AUTH_H
#define SUPPORT_CORE_HARNESS_AUTH_H

#include "core/authenticator.h"
#include "support/core_harness.h"

struct harness_auth {
    const struct core_harness_user *users;
    size_t user_count;
};

/* Fills `out`, which refers to `auth` from then on. */
void harness_auth_init(struct harness_auth *auth, const struct core_harness_user *users,
                       size_t user_count, struct authenticator *out);

#endif
