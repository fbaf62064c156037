/* See merge.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/merge.h"

bool member_is_same(struct slice given, struct slice key)
{
    return slice_equal(given, key);
}

static bool is_replaced(const struct json_value *change, struct slice key,
                        member_replaces *replaces)
{
    struct json_walk walk = json_members(change);
    struct json_value value;
    struct slice given;

    while (json_next_member(&walk, &given, &value)) {
        if (replaces(given, key)) {
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

void members_merge(struct buffer *out, const struct json_value *before,
                   const struct json_value *change, member_replaces *replaces)
{
    struct json_walk walk = json_members(before);
    struct json_value value;
    struct slice key;

    buffer_append_byte(out, '{');
    while (json_next_member(&walk, &key, &value)) {
        if (!is_replaced(change, key, replaces)) {
            append_member(out, key, &value);
        }
    }
    walk = json_members(change);
    while (json_next_member(&walk, &key, &value)) {
        if (value.type != JSON_NULL) {
            append_member(out, key, &value);
        }
    }
    buffer_append_byte(out, '}');
}
