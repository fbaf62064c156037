/* What a server keeps of a password that clients send in the clear (CONNECT's Password, over TLS):
 * its scrypt hash (RFC 7914).
 *
 *     $scrypt$ln=15,r=8,p=1$<salt>$<hash>          salt and hash in base64
 *
 * ln is the base-2 logarithm of the cost; one computation takes 128 * r * 2^ln bytes of memory
 * (32 MiB by default) and some 60 ms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_SCRYPT_SECRET_H
#define PUBGRID_SECRET_SCRYPT_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "secret/digest.h"

enum {
    SCRYPT_COST_DEFAULT = 15,
    SCRYPT_BLOCK_DEFAULT = 8,
    SCRYPT_PARALLEL_DEFAULT = 1,
    SECRET_SALT_SIZE = 16,
    SECRET_SALT_MAX = 64,
};

struct scrypt_secret {
    uint32_t cost_log2, block_size, parallel; /* ln, r, p */
    uint8_t salt[SECRET_SALT_MAX];
    uint8_t salt_length;
    uint8_t hash[DIGEST_SIZE];
};

/* With a new random salt and the default cost. False if memory is short. */
bool scrypt_secret_make(struct scrypt_secret *secret, struct slice password);
/* False also if memory is short. Slow: not on a worker. */
bool scrypt_secret_verify(const struct scrypt_secret *secret, struct slice password);
void scrypt_secret_print(const struct scrypt_secret *secret, struct buffer *out);
/* The text behind "$scrypt$". NULL, or what is wrong with it. */
const char *scrypt_secret_parse(struct scrypt_secret *secret, struct slice text);

#endif
