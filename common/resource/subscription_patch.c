/* PATCH of an event subscription (spec/eventgrid.md 3.1): members replace members.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/subscription_parts.h"

/* What takes the place of the other. */
static const char *const pairs[][2] = {
    {"destination", "deliveryWithResourceIdentity"},
    {"deadLetterDestination", "deadLetterWithResourceIdentity"},
};

static bool are_pair(struct slice a, struct slice b)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (size_t side = 0; side < 2; side++) {
            if (json_string_equal(a, pairs[i][side]) && json_string_equal(b, pairs[i][1 - side])) {
                return true;
            }
        }
    }
    return false;
}

/* Does the patch give this member, or the one that takes its place? */
static bool is_replaced(const struct json_value *patch, struct slice key)
{
    struct json_walk walk = json_members(patch);
    struct json_value value;
    struct slice given;

    while (json_next_member(&walk, &given, &value)) {
        if (slice_equal(given, key) || are_pair(given, key)) {
            return true;
        }
    }
    return false;
}

static void append_member(struct buffer *out, struct slice key, const struct json_value *value)
{
    if (out->data[out->length - 1] != '{') {
        buffer_append_byte(out, ',');
    }
    buffer_append_format(out, "\"%.*s\":", SLICE_PRINT(key));
    json_append_compact(out, value->text);
}

bool event_subscription_patch(struct slice json, struct slice patch, struct buffer *out,
                              struct buffer *error)
{
    struct json_value before, change, value;
    struct json_walk walk;
    struct slice key;

    if (!json_parse(json, &before) || !json_parse(patch, &change)) {
        buffer_append_string(error, "properties: is no valid JSON\n");
        return false;
    }
    before = reading_unwrap(&before);
    change = reading_unwrap(&change);
    if (before.type != JSON_OBJECT || change.type != JSON_OBJECT) {
        buffer_append_string(error, "properties: is an object in { }\n");
        return false;
    }
    buffer_append_byte(out, '{');
    walk = json_members(&before);
    while (json_next_member(&walk, &key, &value)) {
        if (!is_replaced(&change, key)) {
            append_member(out, key, &value);
        }
    }
    walk = json_members(&change);
    while (json_next_member(&walk, &key, &value)) {
        if (value.type != JSON_NULL) {
            append_member(out, key, &value);
        }
    }
    buffer_append_byte(out, '}');
    return true;
}
