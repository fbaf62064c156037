/* Fuzzes the resources of Event Grid as JSON: bodies of PUT and PATCH, what is retained under
 * `$config/eventgrid/`. The first line is a digit that says which: 0 to 2 an event subscription of
 * a source with that schema, 3 to 5 a topic, domain or system topic, 6 a subscription and a PATCH
 * of it, each in a line, 7 a subscription of a namespace's topic, 8 a namespace, 9 its topic.
 *
 * Oracles: what is refused says why, in lines; what is accepted is within the limits, and what a
 * GET shows is JSON that, where nothing in it is secret, reads as the same again; a PATCH changes
 * nothing the second time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/ascii.h"
#include "base/buffer.h"
#include "resource/subscription.h"
#include "resource/topic.h"
#include "json/json.h"

/* --- what is said --- */

/* `place: what`, one a line. */
static void check_error(struct buffer *error)
{
    struct slice rest = buffer_slice(error);

    FUZZ_CHECK(error->length > 0 && error->data[error->length - 1] == '\n');
    while (rest.length > 0) {
        struct slice line = fuzz_take_line(&rest);
        const char *colon = memmem(line.data, line.length, ": ", 2);
        FUZZ_CHECK(colon && colon > (const char *)line.data);
    }
    buffer_release(error);
}

static void check_json(const struct buffer *text, enum json_type type)
{
    struct json_value value;

    FUZZ_CHECK(json_parse(buffer_slice(text), &value) && value.type == type);
}

/* --- event subscriptions --- */

static void check_filters(const struct event_filter *filter, const struct advanced_filter *filters,
                          size_t count, size_t *values)
{
    for (size_t i = 0; i < count; i++) {
        const struct advanced_filter *one = &filters[i];
        FUZZ_CHECK(one->operation < FILTER_OPERATORS);
        FUZZ_CHECK(filter->is_extended || one->operation < FILTER_STRING_MATCHES);
        FUZZ_CHECK((one->operation == FILTER_ANY) == (one->alternative_count > 0));
        *values += one->value_count;
        check_filters(filter, one->alternatives, one->alternative_count, values);
    }
}

static void check_limits(const struct event_subscription *subscription)
{
    const struct destination *destination = &subscription->destination;
    const struct retry_policy *retry = &subscription->retry;
    size_t values = 0;

    check_filters(&subscription->filter, subscription->filter.advanced,
                  subscription->filter.advanced_count, &values);
    FUZZ_CHECK(values <= (subscription->filter.is_extended ? EXTENDED_FILTER_VALUES_MAX
                                                           : ADVANCED_FILTERS_MAX));
    FUZZ_CHECK(retry->attempts_max >= 1 && retry->attempts_max <= DELIVERY_ATTEMPTS_MAX);
    FUZZ_CHECK(retry->time_to_live_ms >= 60000 &&
               retry->time_to_live_ms <= (subscription->of_namespace
                                              ? LIFETIME_DAYS_MAX * UINT64_C(86400000)
                                              : TIME_TO_LIVE_MAX_MINUTES * 60000));
    FUZZ_CHECK(destination->batch_events >= 1 && destination->batch_bytes >= 1024);
    FUZZ_CHECK(destination->attribute_count <= DELIVERY_ATTRIBUTES_MAX);
    switch (destination->kind) {
    case DESTINATION_WEBHOOK:
        FUZZ_CHECK(slice_starts_with(destination->url, SLICE_LITERAL("http")));
        break;
    case DESTINATION_WEB_PUB_SUB:
        FUZZ_CHECK(destination->hub.length > 0);
        break;
    case DESTINATION_MQTT_TOPIC:
        FUZZ_CHECK(destination->topic.length > 0 && destination->topic.data[0] != '$');
        break;
    case DESTINATION_EVENT_TOPIC:
        FUZZ_CHECK(slice_starts_with(destination->source_key, destination->topic_id.length > 0
                                                                  ? SLICE_LITERAL("namespaces/")
                                                                  : SLICE_LITERAL("topics/")));
        break;
    case DESTINATION_QUEUE:
        FUZZ_CHECK(subscription->of_namespace);
        FUZZ_CHECK(destination->lock_ms >= LOCK_MIN_S * 1000 &&
                   destination->lock_ms <= LOCK_MAX_S * 1000);
        break;
    case DESTINATION_KINDS:
        FUZZ_CHECK(false);
    }
}

static void show_subscription(const struct event_subscription *subscription, struct buffer *out)
{
    buffer_append_byte(out, '{');
    event_subscription_append_members(out, subscription);
    buffer_append_byte(out, '}');
    check_json(out, JSON_OBJECT);
}

/* A webhook's URL is not shown. */
static void check_shown(const struct event_subscription *subscription,
                        const struct topic_properties *topic)
{
    struct buffer shown = {0}, again_shown = {0}, error = {0};

    show_subscription(subscription, &shown);
    if (subscription->destination.kind != DESTINATION_WEBHOOK &&
        shown.length <= SUBSCRIPTION_JSON_MAX) {
        struct event_subscription *again =
            event_subscription_read(buffer_slice(&shown), topic, 0, &error);
        FUZZ_CHECK(again);
        show_subscription(again, &again_shown);
        FUZZ_CHECK(slice_equal(buffer_slice(&shown), buffer_slice(&again_shown)));
        event_subscription_release(again);
    }
    buffer_release(&shown);
    buffer_release(&again_shown);
}

static void try_subscription(struct slice json, const struct topic_properties *topic)
{
    struct buffer error = {0}, attributes = {0};
    struct event_subscription *subscription = event_subscription_read(json, topic, 0, &error);

    if (!subscription) {
        check_error(&error);
        return;
    }
    FUZZ_CHECK(error.length == 0);
    FUZZ_CHECK(schema_may_become(topic->schema, subscription->delivery_schema));
    check_limits(subscription);
    check_shown(subscription, topic);
    event_subscription_append_attributes(&attributes, subscription);
    check_json(&attributes, JSON_ARRAY);
    buffer_release(&attributes);
    event_subscription_release(subscription);
}

static void try_patch(struct slice lines)
{
    struct buffer once = {0}, twice = {0}, error = {0};
    struct slice json = fuzz_take_line(&lines);

    if (event_subscription_patch(json, lines, &once, &error)) {
        check_json(&once, JSON_OBJECT);
        FUZZ_CHECK(event_subscription_patch(buffer_slice(&once), lines, &twice, &error));
        FUZZ_CHECK(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
        try_subscription(buffer_slice(&once), &(struct topic_properties){.schema = SCHEMA_CUSTOM});
    } else {
        check_error(&error);
    }
    buffer_release(&once);
    buffer_release(&twice);
    buffer_release(&error);
}

/* --- topics --- */

static void show_topic(const struct topic_properties *topic, struct buffer *out)
{
    buffer_append_string(out, "{\"properties\":{");
    topic_properties_append_members(out, topic, SLICE_LITERAL("here.example"));
    buffer_append_string(out, "}}");
    check_json(out, JSON_OBJECT);
}

static void try_topic(struct slice json, enum source_kind kind)
{
    struct buffer error = {0}, shown = {0}, again_shown = {0};
    struct topic_properties *topic = topic_properties_read(json, kind, &error), *again;
    uint8_t address[16] = {[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1};

    if (!topic) {
        check_error(&error);
        return;
    }
    FUZZ_CHECK(topic->ip_rule_count <= IP_RULES_MAX && topic->retention_days <= RETENTION_DAYS_MAX);
    FUZZ_CHECK(topic->lifetime_days >= 1 && topic->lifetime_days <= LIFETIME_DAYS_MAX);
    FUZZ_CHECK(topic->ip_rule_count > 0 || topic_properties_admit(topic, address, true));
    topic_properties_admit(topic, address, false);
    show_topic(topic, &shown);
    again = topic_properties_read(buffer_slice(&shown), kind, &error);
    FUZZ_CHECK(again);
    show_topic(again, &again_shown);
    FUZZ_CHECK(slice_equal(buffer_slice(&shown), buffer_slice(&again_shown)));
    topic_properties_free(again);
    topic_properties_free(topic);
    buffer_release(&shown);
    buffer_release(&again_shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct topic_properties topics[] = {
        ['0'] = {.schema = SCHEMA_EVENT_GRID},
        ['1'] = {.schema = SCHEMA_CLOUD_EVENTS},
        ['2'] = {.schema = SCHEMA_CUSTOM},
        ['7'] = {.kind = SOURCE_NAMESPACE_TOPIC,
                 .schema = SCHEMA_CLOUD_EVENTS,
                 .lifetime_days = LIFETIME_DAYS_MAX},
    };
    static const enum source_kind kinds[] = {
        ['3'] = SOURCE_TOPIC,     ['4'] = SOURCE_DOMAIN,          ['5'] = SOURCE_SYSTEM_TOPIC,
        ['8'] = SOURCE_NAMESPACE, ['9'] = SOURCE_NAMESPACE_TOPIC,
    };
    struct slice rest = slice_make(data, size), which = fuzz_take_line(&rest), json;
    uint8_t digit = which.length == 1 && ascii_is_digit(which.data[0]) ? which.data[0] : '0';

    json = fuzz_copy(rest);
    if (digit == '6') {
        try_patch(json);
    } else if (digit < '3' || digit == '7') {
        try_subscription(json, &topics[digit]);
    } else {
        try_topic(json, kinds[digit]);
    }
    fuzz_free(json);
    return 0;
}
