/* PATCH of an event subscription (spec/eventgrid.md 3.1): members replace members.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/merge.h"
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

static bool replaces(struct slice given, struct slice key)
{
    return member_is_same(given, key) || are_pair(given, key);
}

bool event_subscription_patch(struct slice json, struct slice patch, struct buffer *out,
                              struct buffer *error)
{
    struct json_value before, change;

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
    members_merge(out, &before, &change, replaces);
    return true;
}
