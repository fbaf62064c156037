/* What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677), and the arithmetic of
 * both sides. The password itself never crosses the wire.
 *
 *     $scram-sha-256$i=16384$<salt>$<stored key>$<server key>          the last three in base64
 *
 * A stolen password file allows guessing at the price of `i` PBKDF2 rounds, which is lower than
 * scrypt's; devices that do not need SCRAM can do without this part.
 * Passwords are taken as their UTF-8 bytes (no SASLprep).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_SCRAM_SECRET_H
#define PUBGRID_SECRET_SCRAM_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "secret/digest.h"
#include "secret/scrypt_secret.h"

enum { SCRAM_ITERATIONS_DEFAULT = 16384, SCRAM_ITERATIONS_MIN = 4096 };

struct scram_secret {
    uint32_t iterations;
    uint8_t salt[SECRET_SALT_MAX];
    uint8_t salt_length;
    uint8_t stored_key[DIGEST_SIZE], server_key[DIGEST_SIZE];
};

/* With a new random salt. */
void scram_secret_make(struct scram_secret *secret, struct slice password);
/* Fills the keys for the salt and iterations that are set. */
void scram_secret_derive(struct scram_secret *secret, struct slice password);
void scram_secret_print(const struct scram_secret *secret, struct buffer *out);
/* The text behind "$scram-sha-256$". NULL, or what is wrong with it. */
const char *scram_secret_parse(struct scram_secret *secret, struct slice text);

/* Did the client who sent `proof` know the password? */
bool scram_secret_verify(const struct scram_secret *secret, struct slice auth_message,
                         const uint8_t proof[DIGEST_SIZE]);
/* What the server proves itself with. */
void scram_secret_sign(const struct scram_secret *secret, struct slice auth_message,
                       uint8_t signature[DIGEST_SIZE]);
/* The client's side: proof of the password, for this salt and iterations. */
void scram_client_proof(const struct scram_secret *secret, struct slice password,
                        struct slice auth_message, uint8_t proof[DIGEST_SIZE]);

#endif
