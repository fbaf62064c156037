/* See pull_token.h. Numbers are big endian.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/pull_token.h"

#include "secret/base64.h"

static uint64_t read_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static void write_number(uint8_t *bytes, size_t size, uint64_t number)
{
    while (size > 0) {
        bytes[--size] = (uint8_t)number;
        number >>= 8;
    }
}

static void to_bytes(const struct pull_token *token, uint8_t bytes[PULL_TOKEN_SIZE])
{
    write_number(bytes, 8, token->owner);
    write_number(bytes + 8, 4, token->place);
    memcpy(bytes + 12, token->secret, PULL_SECRET_SIZE);
}

static void from_bytes(const uint8_t bytes[PULL_TOKEN_SIZE], struct pull_token *out)
{
    out->owner = read_number(bytes, 8);
    out->place = (uint32_t)read_number(bytes + 8, 4);
    memcpy(out->secret, bytes + 12, PULL_SECRET_SIZE);
}

bool pull_token_equal(const struct pull_token *a, const struct pull_token *b)
{
    uint8_t differences = 0;

    for (size_t i = 0; i < PULL_SECRET_SIZE; i++) {
        differences |= (uint8_t)(a->secret[i] ^ b->secret[i]);
    }
    return differences == 0 && a->owner == b->owner && a->place == b->place;
}

void pull_token_append_bytes(struct buffer *out, const struct pull_token *token)
{
    uint8_t bytes[PULL_TOKEN_SIZE];

    to_bytes(token, bytes);
    buffer_append(out, slice_make(bytes, sizeof(bytes)));
}

bool pull_token_take_bytes(struct slice *bytes, struct pull_token *out)
{
    if (bytes->length < PULL_TOKEN_SIZE) {
        return false;
    }
    from_bytes(bytes->data, out);
    *bytes = slice_from(*bytes, PULL_TOKEN_SIZE);
    return true;
}

void pull_token_append(struct buffer *out, const struct pull_token *token)
{
    uint8_t bytes[PULL_TOKEN_SIZE];

    to_bytes(token, bytes);
    base64_append(out, slice_make(bytes, sizeof(bytes)));
}

bool pull_token_parse(struct slice text, struct pull_token *out)
{
    uint8_t bytes[PULL_TOKEN_SIZE];
    size_t length;

    if (text.length != PULL_TOKEN_LENGTH || !base64_decode(text, bytes, sizeof(bytes), &length) ||
        length != sizeof(bytes)) {
        return false;
    }
    from_bytes(bytes, out);
    return true;
}
