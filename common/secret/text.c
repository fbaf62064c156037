/* Fields of the secrets' texts. See text.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/text.h"

#include "secret/base64.h"

enum { NUMBER_DIGITS_MAX = 9 };

void text_append_bytes(struct buffer *out, struct slice bytes, char end)
{
    base64_append(out, bytes);
    if (end != '\0') {
        buffer_append_byte(out, (uint8_t)end);
    }
}

bool text_take_field(struct slice *text, char end, struct slice *field)
{
    if (end == '\0') {
        *field = *text;
        *text = SLICE_EMPTY;
        return true;
    }
    const uint8_t *at = text->length > 0 ? memchr(text->data, end, text->length) : NULL;
    if (!at) {
        return false;
    }
    *field = slice_make(text->data, (size_t)(at - text->data));
    *text = slice_from(*text, field->length + 1);
    return true;
}

bool text_take_number(struct slice *text, const char *prefix, char end, uint32_t *value)
{
    struct slice field, name = slice_from_string(prefix);
    if (!text_take_field(text, end, &field) || !slice_starts_with(field, name)) {
        return false;
    }
    field = slice_from(field, name.length);
    if (field.length == 0 || field.length > NUMBER_DIGITS_MAX) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < field.length; i++) {
        if (field.data[i] < '0' || field.data[i] > '9') {
            return false;
        }
        *value = *value * 10 + (uint32_t)(field.data[i] - '0');
    }
    return true;
}

bool text_take_bytes(struct slice *text, char end, uint8_t *out, size_t size, size_t *length)
{
    struct slice field;
    return text_take_field(text, end, &field) && base64_decode(field, out, size, length);
}

bool text_take_digest(struct slice *text, char end, uint8_t out[DIGEST_SIZE])
{
    size_t length;
    return text_take_bytes(text, end, out, DIGEST_SIZE, &length) && length == DIGEST_SIZE;
}
