/* See staff_answer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/staff_answer.h"

#include "mqtt/reader.h"

enum { PIECE = 0x80 };

void staff_answer_append(struct buffer *out, const struct staff_answer *answer, size_t most,
                         size_t *at)
{
    struct slice rest = slice_from(answer->bytes, *at);
    bool is_piece = answer->bytes.length > most;

    rest.length = rest.length < most ? rest.length : most;
    buffer_append_u32(out, answer->number);
    buffer_append_byte(out, (uint8_t)(answer->name.length | (is_piece ? PIECE : 0)));
    buffer_append(out, answer->name);
    if (is_piece) {
        buffer_append_u32(out, (uint32_t)*at);
        buffer_append_u32(out, (uint32_t)answer->bytes.length);
    }
    buffer_append(out, rest);
    *at += rest.length;
}

bool staff_answer_parse(struct slice body, struct staff_answer *out)
{
    struct reader reader = reader_make(body);
    uint8_t length;

    *out = (struct staff_answer){.number = reader_u32(&reader)};
    length = reader_u8(&reader);
    out->is_piece = (length & PIECE) != 0;
    out->name = reader_take(&reader, length % PIECE);
    if (out->is_piece) {
        out->begins = reader_u32(&reader);
        out->whole = reader_u32(&reader);
    }
    out->bytes = reader_rest(&reader);
    return !reader.failed && out->name.length > 0 &&
           (!out->is_piece ||
            (out->whole <= STAFF_ANSWER_MAX && out->begins <= out->whole && out->bytes.length > 0 &&
             out->bytes.length <= out->whole - out->begins));
}

bool staff_pieces_take(struct staff_pieces *pieces, const struct staff_answer *answer,
                       struct slice *whole)
{
    *whole = answer->bytes;
    if (!answer->is_piece) {
        return true;
    }
    if (answer->begins == 0) {
        pieces->bytes.length = 0;
        pieces->number = answer->number;
    }
    if (answer->number != pieces->number || answer->begins != pieces->bytes.length) {
        staff_pieces_release(pieces); /* one is missing */
        return false;
    }
    buffer_append(&pieces->bytes, answer->bytes);
    *whole = buffer_slice(&pieces->bytes);
    return pieces->bytes.length == answer->whole;
}

void staff_pieces_release(struct staff_pieces *pieces)
{
    buffer_release(&pieces->bytes);
}
