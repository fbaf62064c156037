/* Base64 by OpenSSL's block coder, with the checks that it leaves out: no white space, padding only
 * at the end, nothing longer than expected.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/base64.h"

#include <openssl/evp.h>
#include <string.h>

enum { BASE64_TEXT_MAX = 1024 };

void base64_append(struct buffer *out, struct slice bytes)
{
    uint8_t *text = buffer_reserve(out, (bytes.length + 2) / 3 * 4 + 1);
    out->length += (size_t)EVP_EncodeBlock(text, bytes.data, (int)bytes.length);
}

static bool is_base64_digit(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* Is the text whole groups of four digits, padded at the end only? */
static bool is_base64(struct slice text, size_t *padding)
{
    *padding = 0;
    if (text.length % 4 != 0) {
        return false;
    }
    while (*padding < 2 && *padding < text.length && text.data[text.length - 1 - *padding] == '=') {
        ++*padding;
    }
    for (size_t i = 0; i < text.length - *padding; i++) {
        if (!is_base64_digit(text.data[i])) {
            return false;
        }
    }
    return true;
}

bool base64_is_valid(struct slice text)
{
    size_t padding;

    return is_base64(text, &padding);
}

bool base64_decode(struct slice text, uint8_t *out, size_t size, size_t *length)
{
    uint8_t decoded[BASE64_TEXT_MAX / 4 * 3];
    size_t padding;
    *length = 0;
    if (text.length == 0 || text.length > BASE64_TEXT_MAX || !is_base64(text, &padding)) {
        return text.length == 0;
    }
    int written = EVP_DecodeBlock(decoded, text.data, (int)text.length);
    if (written < 0 || (size_t)written - padding > size) {
        return false;
    }
    *length = (size_t)written - padding;
    memcpy(out, decoded, *length);
    return true;
}

bool base64_append_decoded(struct buffer *out, struct slice text)
{
    size_t padding;
    if (text.length == 0 || text.length > INT32_MAX || !is_base64(text, &padding)) {
        return text.length == 0;
    }
    int written =
        EVP_DecodeBlock(buffer_reserve(out, text.length / 4 * 3), text.data, (int)text.length);
    if (written < 0) {
        return false;
    }
    out->length += (size_t)written - padding;
    return true;
}
