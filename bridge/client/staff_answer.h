/* What an answer over the staff is as bytes: one message, or pieces of what is longer than a
 * message may be, one behind the other. Pure, and it trusts nobody.
 *
 *     number of the question (4), length of a name (1), the name of who answers, bytes
 *     the same with 128 added to the length: a piece; before its bytes stand where it begins (4)
 * and the length of the whole (4)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_STAFF_ANSWER_H
#define PUBGRID_CLIENT_STAFF_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { STAFF_ANSWER_MAX = 4 << 20 /* bytes of all pieces */ };

struct staff_answer {
    uint32_t number;
    struct slice name, bytes;
    bool is_piece;
    uint32_t begins, whole; /* of a piece */
};

/* Appends the message with at most `most` bytes of the answer from *at on, which steps behind them;
 * the last one is followed by none when *at is the answer's length. */
void staff_answer_append(struct buffer *out, const struct staff_answer *answer, size_t most,
                         size_t *at);
/* False: it is none. Slices are of `body`. */
bool staff_answer_parse(struct slice body, struct staff_answer *out);

/* The pieces of one process, which sends those of an answer without others between them. Zeroed
 * memory is good. */
struct staff_pieces {
    struct buffer bytes;
    uint32_t number;
};

/* True: *whole is the whole answer, valid until the next one is taken. */
bool staff_pieces_take(struct staff_pieces *pieces, const struct staff_answer *answer,
                       struct slice *whole);
void staff_pieces_release(struct staff_pieces *pieces);

#endif
