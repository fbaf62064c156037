/* SCRAM-SHA-256's arithmetic (RFC 5802 section 3), and the text of its keys. See scram_secret.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/scram_secret.h"

#include "base/random.h"
#include "secret/text.h"

enum { ITERATIONS_MAX = 10000000 };

static struct slice digest_slice(const uint8_t digest[DIGEST_SIZE])
{
    return slice_make(digest, DIGEST_SIZE);
}

static void exclusive_or(uint8_t to[DIGEST_SIZE], const uint8_t with[DIGEST_SIZE])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        to[i] ^= with[i];
    }
}

static void client_key(const struct scram_secret *secret, struct slice password,
                       uint8_t salted[DIGEST_SIZE], uint8_t key[DIGEST_SIZE])
{
    digest_pbkdf2(password, slice_make(secret->salt, secret->salt_length), secret->iterations,
                  salted);
    digest_hmac(digest_slice(salted), SLICE_LITERAL("Client Key"), key);
}

void scram_secret_derive(struct scram_secret *secret, struct slice password)
{
    uint8_t salted[DIGEST_SIZE], key[DIGEST_SIZE];
    client_key(secret, password, salted, key);
    digest_sha256(digest_slice(key), secret->stored_key);
    digest_hmac(digest_slice(salted), SLICE_LITERAL("Server Key"), secret->server_key);
    digest_wipe(salted, sizeof(salted));
    digest_wipe(key, sizeof(key));
}

void scram_secret_make(struct scram_secret *secret, struct slice password)
{
    *secret = (struct scram_secret){
        .iterations = SCRAM_ITERATIONS_DEFAULT,
        .salt_length = SECRET_SALT_SIZE,
    };
    random_bytes(secret->salt, secret->salt_length);
    scram_secret_derive(secret, password);
}

void scram_secret_print(const struct scram_secret *secret, struct buffer *out)
{
    buffer_append_format(out, "$scram-sha-256$i=%u$", secret->iterations);
    text_append_bytes(out, slice_make(secret->salt, secret->salt_length), '$');
    text_append_bytes(out, digest_slice(secret->stored_key), '$');
    text_append_bytes(out, digest_slice(secret->server_key), '\0');
}

const char *scram_secret_parse(struct scram_secret *secret, struct slice text)
{
    size_t salt_length;
    *secret = (struct scram_secret){0};
    if (!text_take_number(&text, "i=", '$', &secret->iterations)) {
        return "$scram-sha-256$ is followed by i=16384$salt$storedkey$serverkey";
    }
    if (secret->iterations < SCRAM_ITERATIONS_MIN || secret->iterations > ITERATIONS_MAX) {
        return "SCRAM's i is 4096 to 10000000";
    }
    if (!text_take_bytes(&text, '$', secret->salt, SECRET_SALT_MAX, &salt_length) ||
        salt_length < 8) {
        return "SCRAM's salt is 8 to 64 bytes in base64";
    }
    secret->salt_length = (uint8_t)salt_length;
    if (!text_take_digest(&text, '$', secret->stored_key) ||
        !text_take_digest(&text, '\0', secret->server_key)) {
        return "SCRAM's stored key and server key are 32 bytes in base64 each";
    }
    return NULL;
}

bool scram_secret_verify(const struct scram_secret *secret, struct slice auth_message,
                         const uint8_t proof[DIGEST_SIZE])
{
    uint8_t key[DIGEST_SIZE], stored[DIGEST_SIZE];
    digest_hmac(digest_slice(secret->stored_key), auth_message, key);
    exclusive_or(key, proof); /* the client key, if the proof is right */
    digest_sha256(digest_slice(key), stored);
    bool equal = digest_equal(stored, secret->stored_key);
    digest_wipe(key, sizeof(key));
    return equal;
}

void scram_secret_sign(const struct scram_secret *secret, struct slice auth_message,
                       uint8_t signature[DIGEST_SIZE])
{
    digest_hmac(digest_slice(secret->server_key), auth_message, signature);
}

void scram_client_proof(const struct scram_secret *secret, struct slice password,
                        struct slice auth_message, uint8_t proof[DIGEST_SIZE])
{
    uint8_t salted[DIGEST_SIZE], stored[DIGEST_SIZE], signature[DIGEST_SIZE];
    client_key(secret, password, salted, proof);
    digest_sha256(digest_slice(proof), stored);
    digest_hmac(digest_slice(stored), auth_message, signature);
    exclusive_or(proof, signature);
    digest_wipe(salted, sizeof(salted));
}
