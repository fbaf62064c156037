/* jwt_verify() with keys that are not prepared, for tests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_JWT_CHECK_H
#define PUBGRID_TESTS_JWT_CHECK_H

#include "secret/digest.h"
#include "secret/jwt.h"

enum { JWT_CHECK_KEYS_MAX = 4 };

static inline bool jwt_check(struct slice token, const struct slice *keys, size_t count,
                             struct buffer *claims)
{
    struct jwt_key prepared[JWT_CHECK_KEYS_MAX];

    for (size_t i = 0; i < count; i++) {
        prepared[i] = (struct jwt_key){.algorithm = JWT_HS256, .shared = digest_key_new(keys[i])};
    }
    bool good = jwt_verify(token, prepared, count, claims);
    for (size_t i = 0; i < count; i++) {
        digest_key_free(prepared[i].shared);
    }
    return good;
}

#endif
