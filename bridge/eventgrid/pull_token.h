/* Lock tokens (spec/eventgrid.md 5.3): which event of a queue a receiver has locked. A token names
 * the run of the queue's owner, a place in that one's table, and a secret of that one lock, so that
 * nobody guesses it and none counts longer than its lock. To its holders it is an opaque text,
 * base64. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PULL_TOKEN_H
#define PUBGRID_EVENTGRID_PULL_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum {
    PULL_SECRET_SIZE = 12,
    PULL_TOKEN_SIZE = 8 + 4 + PULL_SECRET_SIZE, /* bytes, and four characters for three */
    PULL_TOKEN_LENGTH = PULL_TOKEN_SIZE / 3 * 4,
};

struct pull_token {
    uint64_t owner; /* random, of the time that a process owns the queue */
    uint32_t place;
    uint8_t secret[PULL_SECRET_SIZE];
};

/* Is it the same lock? In the same time, whatever they are. */
bool pull_token_equal(const struct pull_token *a, const struct pull_token *b);

/* As bytes, among processes; as text, for receivers. The parsers are false if it is none. */
void pull_token_append_bytes(struct buffer *out, const struct pull_token *token);
bool pull_token_take_bytes(struct slice *bytes, struct pull_token *out);
void pull_token_append(struct buffer *out, const struct pull_token *token);
bool pull_token_parse(struct slice text, struct pull_token *out);

#endif
