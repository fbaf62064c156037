/* See pull_wire.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/pull_wire.h"

#include "mqtt/reader.h"

enum { VERSION = 1 };

/* ---------------------------------------------------------------- orders */

void pull_wanted_append(struct buffer *out, const struct pull_wanted *wanted)
{
    buffer_append_byte(out, VERSION);
    buffer_append_byte(out, (uint8_t)wanted->operation);
    buffer_append_u32(out, wanted->events_max);
    buffer_append_u32(out, wanted->bytes_max);
    buffer_append_u32(out, wanted->wait_ms);
    buffer_append_u32(out, wanted->delay_s);
    buffer_append_u32(out, (uint32_t)wanted->queue.length);
    buffer_append(out, wanted->queue);
    for (size_t i = 0; i < wanted->lock_count; i++) {
        pull_token_append_bytes(out, &wanted->locks[i].token);
    }
}

static bool take_locks(struct slice rest, struct buffer *locks)
{
    struct pull_lock lock = {.result = PULL_SUCCEEDED};
    size_t count = 0;

    while (count < PULL_TOKENS_MAX && pull_token_take_bytes(&rest, &lock.token)) {
        buffer_append(locks, slice_make(&lock, sizeof(lock)));
        count++;
    }
    return rest.length == 0;
}

bool pull_wanted_parse(struct slice bytes, struct buffer *locks, struct pull_wanted *out)
{
    struct reader reader = reader_make(bytes);
    bool is_known = reader_u8(&reader) == VERSION;

    *out = (struct pull_wanted){.operation = reader_u8(&reader)};
    out->events_max = reader_u32(&reader);
    out->bytes_max = reader_u32(&reader);
    out->wait_ms = reader_u32(&reader);
    out->delay_s = reader_u32(&reader);
    out->queue = reader_take(&reader, reader_u32(&reader));
    locks->length = 0;
    if (!is_known || reader.failed || out->operation < PULL_RECEIVE ||
        out->operation > PULL_GIVE_BACK || out->events_max > PULL_EVENTS_MAX ||
        !take_locks(reader_rest(&reader), locks)) {
        return false;
    }
    out->locks = pull_locks_in(locks, &out->lock_count);
    return true;
}

/* ---------------------------------------------------------------- answers */

void pull_answer_append(struct buffer *out, enum pull_outcome outcome,
                        const struct pull_wanted *wanted, const struct pull_found *found)
{
    buffer_append_byte(out, VERSION);
    buffer_append_byte(out, (uint8_t)outcome);
    if (outcome != PULL_DONE) {
        return;
    }
    for (size_t i = 0; i < wanted->lock_count; i++) {
        buffer_append_byte(out, (uint8_t)wanted->locks[i].result);
    }
    if (wanted->operation == PULL_RECEIVE) {
        buffer_append_u32(out, (uint32_t)(found->tokens.length / PULL_TOKEN_SIZE));
        buffer_append(out, buffer_slice(&found->tokens));
        buffer_append(out, buffer_slice(&found->events));
    }
}

static bool take_results(struct reader *reader, const struct pull_wanted *wanted)
{
    for (size_t i = 0; i < wanted->lock_count; i++) {
        uint8_t result = reader_u8(reader);
        if (result >= PULL_RESULTS) {
            return false;
        }
        wanted->locks[i].result = (enum pull_result)result;
    }
    return true;
}

static bool take_found(struct reader *reader, struct pull_found *found)
{
    uint32_t count = reader_u32(reader);

    if (count > PULL_EVENTS_MAX) {
        return false;
    }
    buffer_append(&found->tokens, reader_take(reader, (size_t)count * PULL_TOKEN_SIZE));
    buffer_append(&found->events, reader_rest(reader));
    return !reader->failed;
}

bool pull_answer_parse(struct slice bytes, const struct pull_wanted *wanted,
                       enum pull_outcome *outcome, struct pull_found *found)
{
    struct reader reader = reader_make(bytes);
    uint8_t version = reader_u8(&reader), said = reader_u8(&reader);

    if (version != VERSION || said >= PULL_OUTCOMES || reader.failed) {
        return false;
    }
    *outcome = (enum pull_outcome)said;
    if (said == PULL_DONE && (!take_results(&reader, wanted) ||
                              (wanted->operation == PULL_RECEIVE && !take_found(&reader, found)))) {
        return false;
    }
    return !reader.failed;
}

void pull_found_release(struct pull_found *found)
{
    buffer_release(&found->events);
    buffer_release(&found->tokens);
}
