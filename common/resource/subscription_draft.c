/* Properties that every event subscription has, whichever tier it is of: where its events go, where
 * those that cannot be delivered, and when it ends (spec/eventgrid.md 3.1, 5.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"
#include "resource/subscription_parts.h"

/* --- what is there in two forms --- */

static bool is_first(struct reading *reading, bool *has_one, const char *other)
{
    if (*has_one) {
        reading_mistake(reading, "stands beside %s; write only one of them", other);
        return false;
    }
    *has_one = true;
    return true;
}

void draft_read_destination(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;

    if (is_first(reading, &draft->has_destination, "deliveryWithResourceIdentity")) {
        destination_read(reading, value, &draft->subscription->destination);
    }
}

void draft_read_wrapped_destination(struct reading *reading, const struct json_value *value,
                                    void *into)
{
    struct subscription_draft *draft = into;

    if (is_first(reading, &draft->has_destination, "destination")) {
        destination_read_wrapped(reading, value, &draft->subscription->destination);
    }
}

void draft_read_dead_letter(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;

    if (is_first(reading, &draft->has_dead_letter, draft->wrapped_dead_letter)) {
        subscription_read_dead_letter(reading, value, &draft->subscription->dead_letter);
    }
}

void draft_read_wrapped_dead_letter(struct reading *reading, const struct json_value *value,
                                    void *into)
{
    struct subscription_draft *draft = into;

    if (is_first(reading, &draft->has_dead_letter, "deadLetterDestination")) {
        dead_letter_read_wrapped(reading, value, &draft->subscription->dead_letter);
    }
}

/* --- its end --- */

void draft_read_expiration(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;
    struct slice text;
    int64_t at_ms;
    bool has_zone;

    if (!reading_text(reading, value, &text)) {
        return;
    }
    if (!timestamp_parse(text, &at_ms, &has_zone) || at_ms <= 0) {
        reading_mistake(reading,
                        "Invalid expiration time. Write one such as 2031-01-01T00:00:00Z, or null");
    } else if (draft->now_ms > 0 && at_ms <= draft->now_ms) {
        reading_mistake(reading, "Invalid expiration time. It is in the past");
    } else {
        draft->subscription->expires_ms = at_ms;
    }
}
