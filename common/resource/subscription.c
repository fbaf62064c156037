/* An event subscription as a whole: its table of properties, what depends on several of them, and
 * its life. See subscription.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/subscription.h"

#include <stdlib.h>

#include "base/memory.h"
#include "resource/subscription_parts.h"

enum {
    BATCH_KILOBYTES = 64,
    REQUESTS_AT_A_TIME = 32,
    REQUEST_TIMEOUT_MS = 30000, /* 4.2 */
    LABEL_MAX = 1024,
};

/* --- while it is read --- */

static void set_defaults(struct event_subscription *subscription,
                         const struct topic_properties *topic)
{
    subscription->count = 1;
    subscription->delivery_schema = topic->schema;
    subscription->destination = (struct destination){
        .batch_events = 1,
        .batch_bytes = BATCH_KILOBYTES * 1024,
        .sends_data_schema = true,
        .requests_max = REQUESTS_AT_A_TIME,
        .timeout_ms = REQUEST_TIMEOUT_MS,
    };
    subscription->retry = (struct retry_policy){
        .attempts_max = DELIVERY_ATTEMPTS_MAX,
        .time_to_live_ms = (uint64_t)TIME_TO_LIVE_MAX_MINUTES * 60000,
        .has_probation = true,
    };
    if (topic->kind == SOURCE_NAMESPACE_TOPIC) {
        namespace_subscription_begin(subscription, topic);
    }
}

/* --- retryPolicy --- */

static void read_delay(struct reading *reading, const struct json_value *value, void *into)
{
    reading_number(reading, value, 1, BACKOFF_MAX_S, into);
}

void backoff_read(struct reading *reading, const struct json_value *value, void *into)
{
    struct retry_policy *retry = into;
    size_t count = reading_count(reading, value);

    if (count > BACKOFF_STEPS_MAX) {
        reading_mistake(reading, "has at most %d delays, not %zu", (int)BACKOFF_STEPS_MAX, count);
        return;
    }
    reading_elements(reading, value, sizeof(retry->backoff_s[0]), read_delay, retry->backoff_s);
    retry->backoff_count = count;
}

static const struct property retry_rows[] = {
    NUMBER_PROPERTY(struct retry_policy, "maxDeliveryAttempts", attempts_max, 1,
                    DELIVERY_ATTEMPTS_MAX, 1),
    NUMBER_PROPERTY(struct retry_policy, "eventTimeToLiveInMinutes", time_to_live_ms, 1,
                    TIME_TO_LIVE_MAX_MINUTES, 60000),
    OWN_PROPERTY("backoffInSeconds", backoff_read),
    BOOL_PROPERTY(struct retry_policy, "probation", has_probation),
};
static const struct property_table retry_properties = PROPERTY_TABLE(retry_rows);

static void read_retry(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;

    reading_object(reading, value, &retry_properties, &draft->subscription->retry);
}

/* --- the others --- */

static void read_filter(struct reading *reading, const struct json_value *value, void *into)
{
    struct subscription_draft *draft = into;

    filter_read(reading, value, &draft->subscription->filter);
}

static void read_labels(struct reading *reading, const struct json_value *value, void *into)
{
    struct event_subscription *subscription = ((struct subscription_draft *)into)->subscription;

    subscription->labels = reading_texts(reading, value, &subscription->label_count);
    for (size_t i = 0; i < subscription->label_count; i++) {
        if (subscription->labels[i].length > LABEL_MAX) {
            reading_mistake(reading, "has labels of at most %d bytes", (int)LABEL_MAX);
        }
    }
}

static const struct property subscription_rows[] = {
    OWN_PROPERTY("destination", draft_read_destination),
    OWN_PROPERTY("deliveryWithResourceIdentity", draft_read_wrapped_destination),
    OWN_PROPERTY("filter", read_filter),
    OWN_PROPERTY("labels", read_labels),
    OWN_PROPERTY("expirationTimeUtc", draft_read_expiration),
    TEXT_PROPERTY(struct subscription_draft, "eventDeliverySchema", schema, LABEL_MAX),
    OWN_PROPERTY("retryPolicy", read_retry),
    OWN_PROPERTY("deadLetterDestination", draft_read_dead_letter),
    OWN_PROPERTY("deadLetterWithResourceIdentity", draft_read_wrapped_dead_letter),
    SHOWN_PROPERTY("topic"),
    SHOWN_PROPERTY("provisioningState"),
};
static const struct property_table subscription_properties = PROPERTY_TABLE(subscription_rows);

/* The matrix of 3.7. */
static void settle_schema(struct reading *reading, struct slice name, enum event_schema input,
                          enum event_schema *schema)
{
    static const char property[] = "eventDeliverySchema";

    if (name.length == 0) {
        return;
    }
    if (!schema_from_delivery_name(name, schema)) {
        reading_mistake_at(reading, property,
                           "is EventGridSchema, CloudEventSchemaV1_0 or CustomInputSchema");
    } else if (!schema_may_become(input, *schema)) {
        reading_mistake_at(reading, property,
                           "%s cannot be delivered from a topic whose inputSchema is %s; write %s",
                           schema_delivery_name(*schema), schema_input_name(input),
                           input == SCHEMA_CLOUD_EVENTS
                               ? "CloudEventSchemaV1_0"
                               : "EventGridSchema or CloudEventSchemaV1_0");
    }
}

/* As reading_keep_json(), but only what is in the wrapping. */
static bool keep_properties(struct reading *reading, struct slice json, struct buffer *own,
                            struct json_value *value)
{
    struct json_value whole;

    if (json_parse(json, &whole)) {
        json = reading_unwrap(&whole).text;
    }
    return reading_keep_json(reading, json, SUBSCRIPTION_JSON_MAX, own, value);
}

/* What must be there, and what depends on several. */
static void read_basic(struct reading *reading, const struct json_value *value,
                       struct subscription_draft *draft)
{
    draft->wrapped_dead_letter = "deadLetterWithResourceIdentity";
    reading_object(reading, value, &subscription_properties, draft);
    if (value->type == JSON_OBJECT && !draft->has_destination) {
        reading_mistake_at(reading, "destination",
                           "is missing; write {\"endpointType\":\"WebHook\",\"properties\":"
                           "{\"endpointUrl\":\"https://...\"}}");
    }
}

struct event_subscription *event_subscription_read(struct slice json,
                                                   const struct topic_properties *topic,
                                                   int64_t now_ms, struct buffer *error)
{
    struct event_subscription *subscription = memory_allocate_zero(sizeof(*subscription));
    struct subscription_draft draft = {
        .subscription = subscription, .now_ms = now_ms, .topic = topic};
    struct reading reading = {.arena = &subscription->memory, .error = error};
    struct json_value value;

    set_defaults(subscription, topic);
    if (keep_properties(&reading, json, &subscription->json, &value)) {
        (subscription->of_namespace ? namespace_subscription_read : read_basic)(&reading, &value,
                                                                                &draft);
        settle_schema(&reading, draft.schema, topic->schema, &subscription->delivery_schema);
        if (subscription->destination.topic_id.length > 0 &&
            subscription->delivery_schema != SCHEMA_CLOUD_EVENTS) {
            reading_mistake_at(&reading, "eventDeliverySchema",
                               "is CloudEventSchemaV1_0 if events go to a topic of a namespace");
        }
    }
    if (reading.mistakes > 0) {
        event_subscription_release(subscription);
        return NULL;
    }
    return subscription;
}

/* --- its life --- */

struct event_subscription *event_subscription_hold(struct event_subscription *subscription)
{
    subscription->count++;
    return subscription;
}

void event_subscription_release(struct event_subscription *subscription)
{
    if (!subscription || --subscription->count > 0) {
        return;
    }
    arena_release(&subscription->memory);
    buffer_release(&subscription->json);
    free(subscription);
}
