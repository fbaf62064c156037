/* SHA-256 and what is made of it, through OpenSSL. A failure of these means that OpenSSL has no
 * memory or no SHA-256: the program ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_DIGEST_H
#define PUBGRID_SECRET_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { DIGEST_SIZE = 32 };

void digest_sha256(struct slice bytes, uint8_t out[DIGEST_SIZE]);
void digest_hmac(struct slice key, struct slice bytes, uint8_t out[DIGEST_SIZE]);
/* digest_hmac() with a key that was prepared, for a sixth of the time. Not by two threads at once.
 */
struct digest_key;
struct digest_key *digest_key_new(struct slice key);
void digest_key_hmac(struct digest_key *key, struct slice bytes, uint8_t out[DIGEST_SIZE]);
/* Wipes it. Harmless with NULL. */
void digest_key_free(struct digest_key *key);
void digest_pbkdf2(struct slice password, struct slice salt, unsigned iterations,
                   uint8_t out[DIGEST_SIZE]);
/* The time that it takes does not tell where the difference is. */
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);
/* The same for secrets of any length, which is no secret itself. */
bool digest_equal_texts(struct slice a, struct slice b);
/* Overwrites a secret that is no longer needed; the compiler does not leave it out. */
void digest_wipe(void *bytes, size_t length);
/* The same for all of its memory, which is freed then. */
void digest_wipe_buffer(struct buffer *secret);

#endif
