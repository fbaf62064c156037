/* The JSON writer: strings, a minifier that refuses what is not valid, and an indenter.
 *
 * Tokens are copied as they stand. So numbers keep their digits, which a reader that goes through a
 * double could not promise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "mqtt/utf8.h"
#include "json/json.h"
#include "json/scan.h"

static void append_escaped(struct buffer *out, uint8_t byte)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; letters[i] != '\0'; i += 2) {
        if ((uint8_t)letters[i] == byte) {
            buffer_append_byte(out, '\\');
            buffer_append_byte(out, (uint8_t)letters[i + 1]);
            return;
        }
    }
    buffer_append_format(out, "\\u%04x", byte);
}

/* Appends the character that the text begins with, which is not plain; returns its bytes. */
static size_t append_special(struct buffer *out, struct slice text)
{
    size_t length = utf8_character_length(text);

    if (length == 0) {
        buffer_append_string(out, "\xEF\xBF\xBD");
        return 1;
    }
    if (length == 1) {
        append_escaped(out, text.data[0]);
    } else {
        buffer_append(out, slice_make(text.data, length));
    }
    return length;
}

void json_append_string(struct buffer *out, struct slice text)
{
    buffer_append_byte(out, '"');
    while (text.length > 0) {
        size_t plain = (size_t)(scan_plain(text.data, text.data + text.length) - text.data);

        buffer_append(out, slice_make(text.data, plain));
        text = slice_from(text, plain);
        if (text.length > 0) {
            text = slice_from(text, append_special(out, text));
        }
    }
    buffer_append_byte(out, '"');
}

/* Bytes of the string that the text begins with, quotes included. */
static size_t string_length(struct slice text)
{
    size_t i = 1;

    while (text.data[i] != '"') {
        i += text.data[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

bool json_append_compact(struct buffer *out, struct slice text)
{
    struct json_value value;

    if (!json_parse(text, &value)) {
        return false;
    }
    text = value.text;
    while (text.length > 0) {
        size_t length = text.data[0] == '"' ? string_length(text) : 1;

        if (!is_space(text.data[0])) {
            buffer_append(out, slice_make(text.data, length));
        }
        text = slice_from(text, length);
    }
    return true;
}

static void append_line(struct buffer *out, unsigned depth)
{
    buffer_append_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        buffer_append_byte(out, '\t');
    }
}

/* Objects get a line for each member, arrays stay on one line: cJSON's habit, hence mosquitto's. */
void json_append_indented(struct buffer *out, struct slice compact)
{
    bool in_object[JSON_DEPTH_MAX + 1] = {false};
    unsigned depth = 0;

    while (compact.length > 0) {
        uint8_t byte = compact.data[0];
        size_t length = byte == '"' ? string_length(compact) : 1;
        bool empty = byte == '{' && compact.data[1] == '}';

        if (byte == '{' || byte == '[') {
            in_object[++depth] = byte == '{';
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
        if (byte == '}') {
            append_line(out, depth);
        }
        buffer_append(out, slice_make(compact.data, length));
        if (byte == ':') {
            buffer_append_byte(out, '\t');
        } else if ((byte == '{' && !empty) || (byte == ',' && in_object[depth])) {
            append_line(out, depth);
        } else if (byte == ',') {
            buffer_append_byte(out, ' ');
        }
        compact = slice_from(compact, length);
    }
}
