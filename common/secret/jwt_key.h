/* A key that tokens are verified with. Each belongs to exactly one algorithm, which is how a token
 * cannot choose: a public key never serves as a shared secret, nor a secret as a public key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_JWT_KEY_H
#define PUBGRID_SECRET_JWT_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

enum jwt_algorithm {
    JWT_HS256, /* HMAC with SHA-256 */
    JWT_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
    JWT_ES256, /* ECDSA with P-256 and SHA-256 */
};

struct digest_key; /* secret/digest.h */
struct evp_pkey_st;

struct jwt_key {
    enum jwt_algorithm algorithm;
    struct digest_key *shared;      /* HS256 */
    struct evp_pkey_st *public_key; /* RS256, ES256; may be used by many threads at once */
};

/* As the header of a token names it. */
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* The signature of the bytes, as it stands in a token (RFC 7518 section 3), by this key? */
bool jwt_key_verify(const struct jwt_key *key, struct slice bytes, struct slice signature);

/* Public keys that were read. Zeroed memory: none. */
struct jwt_key_list {
    struct jwt_key *keys; /* owned, with the public keys in them */
    size_t count;
};

/* Adds the public key of each certificate and each key in the PEM text. False, with a sentence in
 * `error` and the list as it was, if there is none, or one is neither RSA of at least 2048 bits nor
 * of the curve P-256. */
bool jwt_key_list_add_pem(struct jwt_key_list *list, struct slice pem, struct buffer *error);
void jwt_key_list_release(struct jwt_key_list *list);

#endif
