/* The JSON that `pubgrid sub` prints: a string writer, a checking minifier and an indenter.
 *
 * The checker is a recursive descent over a slice, one function for each production of RFC 8259,
 * that copies tokens as they stand. So numbers keep their digits, which a reader that goes through
 * a double could not promise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <string.h>

#include "mqtt/utf8.h"

enum { DEPTH_MAX = 256 };

/* Length of the UTF-8 sequence that starts the text; 0 if it is malformed. */
static size_t sequence_length(struct slice text)
{
    uint8_t first = text.data[0];
    size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    if (length > text.length || !utf8_is_well_formed(slice_make(text.data, length))) {
        return 0;
    }
    return length;
}

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

void json_append_string(struct buffer *out, struct slice text)
{
    buffer_append_byte(out, '"');
    while (text.length > 0) {
        uint8_t byte = text.data[0];
        size_t length = sequence_length(text);

        if (length == 0) {
            buffer_append_string(out, "\xEF\xBF\xBD");
            length = 1;
        } else if (byte < 0x20 || byte == '"' || byte == '\\') {
            append_escaped(out, byte);
        } else {
            buffer_append(out, slice_make(text.data, length));
        }
        text = slice_from(text, length);
    }
    buffer_append_byte(out, '"');
}

struct reader {
    struct slice left;
    struct buffer *out;
    unsigned depth;
};

static bool read_value(struct reader *r);

static int peek(const struct reader *r)
{
    return r->left.length == 0 ? -1 : r->left.data[0];
}

static void take(struct reader *r, size_t count)
{
    buffer_append(r->out, slice_make(r->left.data, count));
    r->left = slice_from(r->left, count);
}

static bool take_if(struct reader *r, char expected)
{
    if (peek(r) != expected) {
        return false;
    }
    take(r, 1);
    return true;
}

static void skip_space(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r') {
        r->left = slice_from(r->left, 1);
    }
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(int byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool read_escape(struct reader *r)
{
    take(r, 1);
    if (take_if(r, 'u')) {
        for (int i = 0; i < 4; i++) {
            if (!is_hex(peek(r))) {
                return false;
            }
            take(r, 1);
        }
        return true;
    }
    if (peek(r) <= 0 || strchr("\"\\/bfnrt", peek(r)) == NULL) {
        return false;
    }
    take(r, 1);
    return true;
}

static bool read_string(struct reader *r)
{
    if (!take_if(r, '"')) {
        return false;
    }
    while (peek(r) >= 0x20 && peek(r) != '"') {
        size_t length = sequence_length(r->left);

        if (peek(r) == '\\') {
            if (!read_escape(r)) {
                return false;
            }
        } else if (length == 0) {
            return false;
        } else {
            take(r, length);
        }
    }
    return take_if(r, '"');
}

static bool read_digits(struct reader *r)
{
    if (!is_digit(peek(r))) {
        return false;
    }
    while (is_digit(peek(r))) {
        take(r, 1);
    }
    return true;
}

static bool read_number(struct reader *r)
{
    take_if(r, '-');
    if (!take_if(r, '0') && !read_digits(r)) {
        return false;
    }
    if (take_if(r, '.') && !read_digits(r)) {
        return false;
    }
    if (take_if(r, 'e') || take_if(r, 'E')) {
        if (!take_if(r, '+')) {
            take_if(r, '-');
        }
        return read_digits(r);
    }
    return true;
}

static bool read_word(struct reader *r)
{
    static const struct slice words[] = {
        {(const uint8_t *)"true", 4}, {(const uint8_t *)"false", 5}, {(const uint8_t *)"null", 4}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_starts_with(r->left, words[i])) {
            take(r, words[i].length);
            return true;
        }
    }
    return false;
}

static bool read_member(struct reader *r)
{
    skip_space(r);
    if (!read_string(r)) {
        return false;
    }
    skip_space(r);
    return take_if(r, ':') && read_value(r);
}

/* An object or an array: the same but for the brackets and what stands between the commas. */
static bool read_container(struct reader *r, char close, bool (*read_item)(struct reader *))
{
    bool good;

    if (++r->depth > DEPTH_MAX) {
        return false;
    }
    take(r, 1);
    skip_space(r);
    if (peek(r) != close) {
        do {
            good = read_item(r);
        } while (good && take_if(r, ','));
        if (!good) {
            return false;
        }
    }
    r->depth--;
    return take_if(r, close);
}

/* A value and the white space around it. */
static bool read_value(struct reader *r)
{
    bool good;

    skip_space(r);
    switch (peek(r)) {
    case '{':
        good = read_container(r, '}', read_member);
        break;
    case '[':
        good = read_container(r, ']', read_value);
        break;
    case '"':
        good = read_string(r);
        break;
    case 't':
    case 'f':
    case 'n':
        good = read_word(r);
        break;
    default:
        good = read_number(r);
        break;
    }
    skip_space(r);
    return good;
}

bool json_append_compact(struct buffer *out, struct slice text)
{
    struct reader r = {.left = text, .out = out};
    size_t before = out->length;

    if (read_value(&r) && r.left.length == 0) {
        return true;
    }
    out->length = before;
    return false;
}

static void append_line(struct buffer *out, unsigned depth)
{
    buffer_append_byte(out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        buffer_append_byte(out, '\t');
    }
}

static size_t string_length(struct slice text)
{
    size_t i = 1;

    while (text.data[i] != '"') {
        i += text.data[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

/* Objects get a line for each member, arrays stay on one line: cJSON's habit, hence mosquitto's. */
void json_append_indented(struct buffer *out, struct slice compact)
{
    bool in_object[DEPTH_MAX + 8] = {false};
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
