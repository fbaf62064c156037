/* scrypt by OpenSSL, and its text. See scrypt_secret.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/scrypt_secret.h"

#include <openssl/evp.h>

#include "base/random.h"
#include "secret/text.h"

enum {
    COST_MIN = 10,
    COST_MAX = 20,
    BLOCK_MAX = 32,
    PARALLEL_MAX = 16,
    MEMORY_MAX = 1 << 30, /* of one computation */
};

static uint64_t memory_of(const struct scrypt_secret *secret)
{
    return 128 * (uint64_t)secret->block_size *
           ((UINT64_C(1) << secret->cost_log2) + secret->parallel + 2);
}

static bool compute(const struct scrypt_secret *secret, struct slice password,
                    uint8_t out[DIGEST_SIZE])
{
    const char *text = password.length > 0 ? (const char *)password.data : "";
    return EVP_PBE_scrypt(text, password.length, secret->salt, secret->salt_length,
                          UINT64_C(1) << secret->cost_log2, secret->block_size, secret->parallel,
                          2 * memory_of(secret), out, DIGEST_SIZE) == 1;
}

bool scrypt_secret_make(struct scrypt_secret *secret, struct slice password)
{
    *secret = (struct scrypt_secret){
        .cost_log2 = SCRYPT_COST_DEFAULT,
        .block_size = SCRYPT_BLOCK_DEFAULT,
        .parallel = SCRYPT_PARALLEL_DEFAULT,
        .salt_length = SECRET_SALT_SIZE,
    };
    random_bytes(secret->salt, secret->salt_length);
    return compute(secret, password, secret->hash);
}

bool scrypt_secret_verify(const struct scrypt_secret *secret, struct slice password)
{
    uint8_t hash[DIGEST_SIZE];
    return compute(secret, password, hash) && digest_equal(hash, secret->hash);
}

void scrypt_secret_print(const struct scrypt_secret *secret, struct buffer *out)
{
    buffer_append_format(out, "$scrypt$ln=%u,r=%u,p=%u$", secret->cost_log2, secret->block_size,
                         secret->parallel);
    text_append_bytes(out, slice_make(secret->salt, secret->salt_length), '$');
    text_append_bytes(out, slice_make(secret->hash, DIGEST_SIZE), '\0');
}

const char *scrypt_secret_parse(struct scrypt_secret *secret, struct slice text)
{
    size_t salt_length;
    *secret = (struct scrypt_secret){0};
    if (!text_take_number(&text, "ln=", ',', &secret->cost_log2) ||
        !text_take_number(&text, "r=", ',', &secret->block_size) ||
        !text_take_number(&text, "p=", '$', &secret->parallel)) {
        return "$scrypt$ is followed by ln=15,r=8,p=1$salt$hash";
    }
    if (secret->cost_log2 < COST_MIN || secret->cost_log2 > COST_MAX || secret->block_size < 1 ||
        secret->block_size > BLOCK_MAX || secret->parallel < 1 || secret->parallel > PARALLEL_MAX ||
        memory_of(secret) > MEMORY_MAX) {
        return "scrypt's ln is 10 to 20, r 1 to 32, p 1 to 16, and 128 * r * 2^ln at most 1 GiB";
    }
    if (!text_take_bytes(&text, '$', secret->salt, SECRET_SALT_MAX, &salt_length) ||
        salt_length < 8) {
        return "scrypt's salt is 8 to 64 bytes in base64";
    }
    secret->salt_length = (uint8_t)salt_length;
    if (!text_take_digest(&text, '\0', secret->hash)) {
        return "scrypt's hash is 32 bytes in base64";
    }
    return NULL;
}
