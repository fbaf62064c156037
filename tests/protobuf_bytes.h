/* Protobuf messages written for people: as in bytes.h, with [ ] around what has its length in
 * front.
 *
 *     "32 [ 0A ['g1'] 10 01 ]"     joinGroup: field 6 { field 1 "g1", field 2 the number 1 }
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_PROTOBUF_BYTES_H
#define PUBGRID_TESTS_PROTOBUF_BYTES_H

#include "bytes.h"
#include "mqtt/packet.h"

static inline void protobuf_bytes_append(struct buffer *out, const char *text)
{
    size_t starts[8], depth = 0;
    char part[512];
    size_t length = 0;
    bool quoted = false;

    for (; *text; text++) {
        bool is_bracket = !quoted && (*text == '[' || *text == ']');

        quoted ^= *text == '\'';
        if (!is_bracket) {
            part[length++] = *text;
            continue;
        }
        part[length] = '\0';
        bytes_append(out, part);
        length = 0;
        if (*text == '[') {
            starts[depth++] = out->length;
        } else {
            varint_insert_length(out, starts[--depth]); /* MQTT's form is protobuf's */
        }
    }
    part[length] = '\0';
    bytes_append(out, part);
}

#endif
