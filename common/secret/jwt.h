/* JSON Web Tokens: JWS compact form (RFC 7519, RFC 7515), signed with a shared key, as those of
 * spec/webpubsub.md 1.2, 4.1 and 6.2 are, or with a private one whose public key is known (spec/
 * eventgrid.md 6.2). Nothing here looks at what the claims say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_JWT_H
#define PUBGRID_SECRET_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "secret/jwt_key.h"
#include "json/json.h"

enum { JWT_SIZE_MAX = 16384 };

/* Was `token` signed with one of the keys? Then `claims` gets the payload, which
 * is a valid JSON object. Refused are tokens that are longer than JWT_SIZE_MAX, not strict
 * base64url, whose `alg` is not exactly the algorithm of that key, or that have a `crit` header.
 * All keys are tried, each in constant time. */
bool jwt_verify(struct slice token, const struct jwt_key *keys, size_t key_count,
                struct buffer *claims);
/* Does it look like a token (a header that is a JSON object, in front of two more parts)? */
bool jwt_is_one(struct slice token);

/* Appends the token with these claims, a JSON object, signed by HS256. */
void jwt_append(struct buffer *out, struct slice claims, struct slice key);

/* The claim of this name; the last one if there are several (RFC 7519 section 4). False: none. */
bool jwt_claim(const struct json_value *claims, const char *name, struct json_value *value);
/* A point in time (RFC 7519 section 2, NumericDate), in whole seconds. False: it is none, or is out
 * of all reason. */
bool jwt_time(const struct json_value *value, int64_t *seconds);

#endif
