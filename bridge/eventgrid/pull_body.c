/* See pull_body.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/pull_body.h"

#include "json/json.h"

/* ---------------------------------------------------------------- tokens that came */

/* Has it come before? */
static bool is_known(const struct buffer *locks, const struct pull_lock *lock)
{
    size_t count;
    const struct pull_lock *known = pull_locks_in(locks, &count);

    for (size_t i = 0; i < count; i++) {
        if (known[i].text.length == lock->text.length && slice_equal(known[i].text, lock->text)) {
            return true;
        }
    }
    return false;
}

static void take_token(struct buffer *locks, struct buffer *texts, const struct json_value *string)
{
    struct pull_lock lock = {.text = json_string_value(string, texts)};

    if (!is_known(locks, &lock)) {
        lock.result = pull_token_parse(lock.text, &lock.token) ? PULL_SUCCEEDED : PULL_BAD_TOKEN;
        buffer_append(locks, slice_make(&lock, sizeof(lock)));
    }
}

bool pull_locks_read(struct slice body, struct buffer *locks, struct buffer *texts,
                     struct request_error *error)
{
    struct json_value whole, tokens, token;
    struct json_walk walk;
    size_t count = 0;

    if (!json_parse(body, &whole)) {
        return request_refuse(error, SLICE_LITERAL("The body is no valid JSON."));
    }
    if (!json_find_member(&whole, "lockTokens", &tokens) || tokens.type != JSON_ARRAY) {
        return request_refuse(error, SLICE_LITERAL("The body must have an array lockTokens."));
    }
    buffer_reserve(texts, tokens.text.length); /* what is there does not move */
    walk = json_elements(&tokens);
    while (json_next_element(&walk, &token)) {
        if (token.type != JSON_STRING) {
            return request_refuse(error, SLICE_LITERAL("Each of lockTokens must be a string."));
        }
        if (++count > PULL_TOKENS_MAX) {
            return request_refuse(error, SLICE_LITERAL("lockTokens has more than 1000 elements."));
        }
        take_token(locks, texts, &token);
    }
    return true;
}

/* ---------------------------------------------------------------- answers */

/* 5.2 */
static const struct {
    const char *code, *message;
} failures[PULL_RESULTS] = {
    [PULL_TOKEN_LOST] = {"TokenLost", "Token has expired."},
    [PULL_BAD_TOKEN] = {"BadToken", "Token is not valid."},
};

static void begin_element(struct buffer *out)
{
    if (out->data[out->length - 1] != '[') {
        buffer_append_byte(out, ',');
    }
}

void pull_locks_append(struct buffer *out, const struct pull_lock *locks, size_t count)
{
    buffer_append_string(out, "{\"failedLockTokens\":[");
    for (size_t i = 0; i < count; i++) {
        if (failures[locks[i].result].code) {
            begin_element(out);
            buffer_append_string(out, "{\"lockToken\":");
            json_append_string(out, locks[i].text);
            buffer_append_format(out, ",\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
                                 failures[locks[i].result].code, failures[locks[i].result].message);
        }
    }
    buffer_append_string(out, "],\"succeededLockTokens\":[");
    for (size_t i = 0; i < count; i++) {
        if (!failures[locks[i].result].code) {
            begin_element(out);
            json_append_string(out, locks[i].text);
        }
    }
    buffer_append_string(out, "]}");
}

void pull_event_append(struct buffer *out, const struct pull_token *token, uint32_t delivery_count,
                       struct slice json, bool is_first)
{
    static const struct slice begin = SLICE_LITERAL("{\"brokerProperties\":{\"lockToken\":\"");

    if (!is_first) {
        buffer_append_byte(out, ',');
    }
    buffer_append(out, begin);
    pull_token_append(out, token);
    buffer_append(out, SLICE_LITERAL("\",\"deliveryCount\":"));
    buffer_append_decimal(out, delivery_count);
    buffer_append(out, SLICE_LITERAL("},\"event\":"));
    buffer_append(out, json);
    buffer_append_byte(out, '}');
}
