/* See runner_scram.h. Names as in RFC 5802, section 3.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH = 32, SALT_MAX = 96, TEXT_MAX = 512 };

struct key {
    uint8_t bytes[HASH];
};

static struct key hmac(const struct key *key, struct slice text)
{
    struct key out;

    HMAC(EVP_sha256(), key->bytes, HASH, text.data, text.length, out.bytes, NULL);
    return out;
}

static void append_base64(struct buffer *out, const struct key *key)
{
    unsigned char text[4 * (HASH / 3 + 1) + 1];
    int length = EVP_EncodeBlock(text, key->bytes, HASH);

    buffer_append(out, slice_make(text, (size_t)length));
}

/* EVP_DecodeBlock counts the padding as bytes. */
static int decode_base64(uint8_t *out, const char *text)
{
    size_t length = strlen(text);
    int got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)length);

    for (; length > 0 && text[length - 1] == '='; length--) {
        got--;
    }
    return got;
}

static bool salt_password(struct slice password, const char *salt_text, int iterations,
                          struct key *salted)
{
    uint8_t salt[SALT_MAX];
    int length = decode_base64(salt, salt_text);

    return length > 0 &&
           PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.length, salt, length,
                             iterations, EVP_sha256(), HASH, salted->bytes) == 1;
}

static void prove(const struct key *salted, struct slice auth_message, struct buffer *client_final,
                  struct buffer *server_final)
{
    struct key client = hmac(salted, SLICE_LITERAL("Client Key"));
    struct key server = hmac(salted, SLICE_LITERAL("Server Key"));
    struct key stored;

    EVP_Digest(client.bytes, HASH, stored.bytes, NULL, EVP_sha256(), NULL);
    struct key signature = hmac(&stored, auth_message);

    for (int i = 0; i < HASH; i++) {
        client.bytes[i] ^= signature.bytes[i];
    }
    buffer_append_string(client_final, ",p=");
    append_base64(client_final, &client);
    signature = hmac(&server, auth_message);
    buffer_append_string(server_final, "v=");
    append_base64(server_final, &signature);
}

bool scram_answer(const struct scram_exchange *exchange, struct buffer *client_final,
                  struct buffer *server_final)
{
    char text[TEXT_MAX] = "", nonce[TEXT_MAX], salt_text[SALT_MAX];
    struct buffer auth_message = {0};
    struct key salted;
    int iterations;

    if (exchange->challenge.length >= sizeof(text)) {
        return false;
    }
    memcpy(text, exchange->challenge.data, exchange->challenge.length);
    if (sscanf(text, "r=%511[^,],s=%95[^,],i=%d", nonce, salt_text, &iterations) != 3 ||
        !salt_password(exchange->password, salt_text, iterations, &salted)) {
        return false;
    }
    buffer_append_format(client_final, "c=biws,r=%s", nonce);
    buffer_append(&auth_message, exchange->client_first);
    buffer_append_format(&auth_message, ",%s,", text);
    buffer_append(&auth_message, buffer_slice(client_final));
    prove(&salted, buffer_slice(&auth_message), client_final, server_final);
    buffer_release(&auth_message);
    return true;
}
