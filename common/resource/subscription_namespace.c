/* Event subscriptions of a namespace's topic (spec/eventgrid.md 5.3, 5.4): `deliveryConfiguration`
 * with a queue that receivers fetch from or with a destination, and `filtersConfiguration`. Without
 * a deliveryConfiguration it is a queue with Azure's defaults.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "base/duration.h"
#include "resource/subscription_parts.h"

enum { TEXT_MAX = 1024, MINUTE_MS = 60000, DAY_MS = 86400000 };

#define MODE_QUEUE              "Queue"
#define MODE_PUSH               "Push"
#define DEAD_LETTER_WRAPPER     "deadLetterDestinationWithResourceIdentity"
#define DELIVERY_MODES_SENTENCE "is Queue (receivers fetch events) or Push (events are sent)"

/* --- while it is read --- */

/* `queue` or `push`: what both have is in the draft's subscription. */
struct delivery_draft {
    struct subscription_draft common;
    uint32_t deliveries_max, lock_ms;
    struct slice mode;
    struct json_value queue, push; /* no text: not given */
};

void namespace_subscription_begin(struct event_subscription *subscription,
                                  const struct topic_properties *topic)
{
    subscription->of_namespace = true;
    subscription->destination.kind = DESTINATION_QUEUE;
    subscription->destination.lock_ms = LOCK_MIN_S * 1000;
    subscription->retry = (struct retry_policy){
        .rules = RETRY_NAMESPACE,
        .attempts_max = NAMESPACE_DELIVERIES_MAX,
        .time_to_live_ms = (uint64_t)topic->lifetime_days * DAY_MS,
    };
}

/* --- what both modes have --- */

static void read_time_to_live(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;
    uint64_t most = (uint64_t)draft->topic->lifetime_days * DAY_MS, ms;
    struct slice text;

    if (!reading_text(reading, value, &text)) {
        return;
    }
    if (!duration_parse(text, &ms)) {
        reading_mistake(reading, "is a duration of ISO 8601, such as P1D or PT12H30M");
    } else if (ms < MINUTE_MS || ms > most) {
        reading_mistake(reading,
                        "is from PT1M to P%uD, the eventRetentionInDays of the topic; not %.*s",
                        draft->topic->lifetime_days, SLICE_PRINT(text));
    } else {
        draft->subscription->retry.time_to_live_ms = ms;
    }
}

#define DELIVERY_ROWS                                                                              \
    NUMBER_PROPERTY(struct delivery_draft, "maxDeliveryCount", deliveries_max, 1,                  \
                    NAMESPACE_DELIVERIES_MAX, 1),                                                  \
        OWN_PROPERTY("eventTimeToLive", read_time_to_live),                                        \
        OWN_PROPERTY(DEAD_LETTER_WRAPPER, draft_read_wrapped_dead_letter),                         \
        OWN_PROPERTY("deadLetterDestination", draft_read_dead_letter)

/* --- queue --- */

static const struct property queue_rows[] = {
    NUMBER_PROPERTY(struct delivery_draft, "receiveLockDurationInSeconds", lock_ms, LOCK_MIN_S,
                    LOCK_MAX_S, 1000),
    DELIVERY_ROWS,
};
static const struct property_table queue_properties = PROPERTY_TABLE(queue_rows);

static void read_queue(struct reading *reading, struct delivery_draft *draft)
{
    struct event_subscription *subscription = draft->common.subscription;

    if (draft->queue.text.length > 0) {
        reading_object(reading, &draft->queue, &queue_properties, draft);
    }
    subscription->destination.kind = DESTINATION_QUEUE;
    subscription->destination.lock_ms = draft->lock_ms;
}

/* --- push --- */

static void read_backoff(struct reading *reading, const struct json_value *value, void *into)
{
    struct delivery_draft *draft = into;

    backoff_read(reading, value, &draft->common.subscription->retry);
}

static void read_probation(struct reading *reading, const struct json_value *value, void *into)
{
    struct delivery_draft *draft = into;

    reading_bool(reading, value, &draft->common.subscription->retry.has_probation);
}

static const struct property push_rows[] = {
    OWN_PROPERTY("destination", draft_read_destination),
    OWN_PROPERTY("deliveryWithResourceIdentity", draft_read_wrapped_destination),
    DELIVERY_ROWS,
    OWN_PROPERTY("backoffInSeconds", read_backoff),
    OWN_PROPERTY("probation", read_probation),
};
static const struct property_table push_properties = PROPERTY_TABLE(push_rows);

static void read_push(struct reading *reading, struct delivery_draft *draft)
{
    draft->common.subscription->destination.kind = DESTINATION_WEBHOOK;
    if (draft->push.text.length == 0) {
        reading_mistake(reading, "is missing; write {\"destination\":{\"endpointType\":"
                                 "\"WebHook\",\"properties\":{\"endpointUrl\":\"https://...\"}}}");
        return;
    }
    reading_object(reading, &draft->push, &push_properties, draft);
    if (draft->push.type == JSON_OBJECT && !draft->common.has_destination) {
        reading_mistake_at(reading, "destination",
                           "is missing; write {\"endpointType\":\"WebHook\",\"properties\":"
                           "{\"endpointUrl\":\"https://...\"}}");
    }
}

/* --- deliveryConfiguration --- */

static const struct property delivery_rows[] = {
    TEXT_PROPERTY(struct delivery_draft, "deliveryMode", mode, TEXT_MAX),
    VALUE_PROPERTY(struct delivery_draft, "queue", queue),
    VALUE_PROPERTY(struct delivery_draft, "push", push),
};
static const struct property_table delivery_properties = PROPERTY_TABLE(delivery_rows);

static const struct delivery_mode {
    const char *name, *member, *other; /* the members of both modes */
    void (*read)(struct reading *reading, struct delivery_draft *draft);
} modes[] = {
    {MODE_QUEUE, "queue", "push", read_queue},
    {MODE_PUSH, "push", "queue", read_push},
};

/* Without a mode it is that of the member that is there. */
static const struct delivery_mode *find_mode(const struct delivery_draft *draft)
{
    if (draft->mode.length == 0) {
        return &modes[draft->push.text.length > 0 && draft->queue.text.length == 0];
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (equal_ignoring_case(draft->mode, slice_from_string(modes[i].name))) {
            return &modes[i];
        }
    }
    return NULL;
}

static void read_delivery(struct reading *reading, const struct json_value *value, void *into)
{
    const struct subscription_draft *common = into;
    struct event_subscription *subscription = common->subscription;
    struct delivery_draft draft = {
        .common = *common,
        .deliveries_max = subscription->retry.attempts_max,
        .lock_ms = subscription->destination.lock_ms,
    };
    const struct delivery_mode *mode;
    size_t before;

    reading_object(reading, value, &delivery_properties, &draft);
    mode = find_mode(&draft);
    if (!mode) {
        reading_mistake_at(reading, "deliveryMode", DELIVERY_MODES_SENTENCE);
        return;
    }
    if (draft.queue.text.length > 0 && draft.push.text.length > 0) {
        reading_mistake_at(reading, mode->other, "is not of the deliveryMode %s; leave it out",
                           mode->name);
    }
    before = reading_enter(reading, slice_from_string(mode->member));
    mode->read(reading, &draft);
    reading_leave(reading, before);
    subscription->retry.attempts_max = draft.deliveries_max;
}

/* --- all of it --- */

static void read_filters(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;

    filters_configuration_read(reading, value, &draft->subscription->filter);
}

static const struct property subscription_rows[] = {
    OWN_PROPERTY("deliveryConfiguration", read_delivery),
    OWN_PROPERTY("filtersConfiguration", read_filters),
    OWN_PROPERTY("expirationTimeUtc", draft_read_expiration),
    TEXT_PROPERTY(struct subscription_draft, "eventDeliverySchema", schema, TEXT_MAX),
    SHOWN_PROPERTY("tags"),
    SHOWN_PROPERTY("topic"),
    SHOWN_PROPERTY("provisioningState"),
};
static const struct property_table subscription_properties = PROPERTY_TABLE(subscription_rows);

void namespace_subscription_read(struct reading *reading, const struct json_value *value,
                                 struct subscription_draft *draft)
{
    draft->wrapped_dead_letter = DEAD_LETTER_WRAPPER;
    reading_object(reading, value, &subscription_properties, draft);
}

/* --- writing --- */

/* What both modes have, without a comma at the ends. */
static void append_limits(struct buffer *out, const struct event_subscription *subscription)
{
    buffer_append_format(out, "\"maxDeliveryCount\":%u,\"eventTimeToLive\":\"",
                         subscription->retry.attempts_max);
    duration_append(out, subscription->retry.time_to_live_ms);
    buffer_append_string(out, "\",");
    subscription_append_dead_letter(out, &subscription->dead_letter, DEAD_LETTER_WRAPPER,
                                    DEAD_LETTER_WRAPPER);
}

static void append_delivery(struct buffer *out, const struct event_subscription *subscription)
{
    const struct destination *destination = &subscription->destination;

    buffer_append_string(out, "\"deliveryConfiguration\":{\"deliveryMode\":");
    if (destination->kind == DESTINATION_QUEUE) {
        buffer_append_format(out,
                             "\"" MODE_QUEUE "\",\"queue\":{\"receiveLockDurationInSeconds\":%u,",
                             destination->lock_ms / 1000);
        append_limits(out, subscription);
    } else {
        buffer_append_string(out, "\"" MODE_PUSH "\",\"push\":{");
        append_limits(out, subscription);
        buffer_append_byte(out, ',');
        destination_append(out, destination);
        backoff_append(out, &subscription->retry);
    }
    buffer_append_string(out, "}}");
}

void namespace_subscription_append(struct buffer *out,
                                   const struct event_subscription *subscription)
{
    const struct event_filter *filter = &subscription->filter;

    append_delivery(out, subscription);
    buffer_append_format(out, ",\"eventDeliverySchema\":\"%s\",\"filtersConfiguration\":{",
                         schema_delivery_name(subscription->delivery_schema));
    included_types_append(out, filter);
    buffer_append_byte(out, ',');
    filters_append(out, "filters", filter);
    if (filter->on_arrays) {
        buffer_append_string(out, ",\"enableAdvancedFilteringOnArrays\":true");
    }
    if (filter->is_extended) {
        buffer_append_string(out, ",\"enableExtendedFiltering\":true");
    }
    buffer_append_string(out, "},");
    expiration_append(out, subscription->expires_ms);
}
