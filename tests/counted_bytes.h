/* Protobuf messages and MQTT packets written for people: as in bytes.h, with [ ] around what has
 * its length in front, in the form that both use, and < > around the text of an MQTT string.
 *
 *     "32 [0A ['g1'] 10 01]"     joinGroup: field 6 { field 1 "g1", field 2 the number 1 }
 *     "30 [<a/b> 00 'x']"        PUBLISH of x to a/b
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_COUNTED_BYTES_H
#define PUBGRID_TESTS_COUNTED_BYTES_H

#include "base/memory.h"
#include "bytes.h"
#include "mqtt/packet.h"

/* What stands between two brackets. */
static inline void counted_bytes_plain(struct buffer *out, const char *text, size_t length)
{
    char *copy = memory_copy_string(slice_make(text, length));

    bytes_append(out, copy);
    free(copy);
}

/* Up to the next bracket that is not in quotes. */
static inline size_t counted_bytes_next(const char *text)
{
    bool quoted = false;
    size_t length = 0;

    for (; text[length] && (quoted || !strchr("[]<", text[length])); length++) {
        quoted ^= text[length] == '\'';
    }
    return length;
}

static inline void counted_bytes_append(struct buffer *out, const char *text)
{
    size_t starts[8] = {0}, depth = 0;

    for (;;) {
        size_t length = counted_bytes_next(text);

        counted_bytes_plain(out, text, length);
        text += length;
        if (*text == '\0') {
            return;
        }
        if (*text == '[') {
            starts[depth++] = out->length;
        } else if (*text == ']') {
            varint_insert_length(out, starts[--depth]);
        } else {
            length = strcspn(text, ">") - 1;
            buffer_append_u16(out, (uint16_t)length);
            buffer_append(out, slice_make(text + 1, length));
            text += length + 1;
        }
        text += 1;
    }
}

#endif
