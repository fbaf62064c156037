/* Fuzzes filters of event subscriptions. Input: a line with a digit (schema: 0 EventGrid,
 * 1 CloudEvents, 2 custom), one with the JSON of `filter`, one with a path, and the publish
 * request.
 *
 * Oracles: an event that a filter takes is taken by it among others, too, and again; there is a
 * sentence of UTF-8 about exactly the others; a filter that IsNullOrUndefined and one that
 * IsNotNull at the path share the events; what lies at the path is text. The properties beside an
 * event that waits say again what they were made of.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/filter_set.h"
#include "eventgrid/publish.h"
#include "eventgrid/queued.h"
#include "eventgrid/render.h"
#include "mqtt/utf8.h"

enum { FILTERS = 4, NOW_MS = 1736086029 };

static void zeros(void *out, size_t length)
{
    memset(out, 0, length);
}

static bool takes(const struct event_filter *const *filters, size_t count,
                  const struct event *event, size_t which)
{
    struct filter_set *set = filter_set_new(filters, count);
    size_t taken, again;
    const uint32_t *list;

    filter_set_match(set, event, &again);
    list = filter_set_match(set, event, &taken);
    FUZZ_CHECK(taken == again);
    bool is_taken = false;
    for (size_t i = 0; i < taken; i++) {
        FUZZ_CHECK(list[i] < count && (i == 0 || list[i] > list[i - 1]));
        is_taken |= list[i] == which;
    }
    filter_set_free(set);
    return is_taken;
}

static void check_filter(const struct event_filter *filter, const struct event *event)
{
    struct event_filter nothing = {.on_arrays = true};
    const struct event_filter *filters[FILTERS] = {filter, &nothing, filter, &nothing};
    bool is_taken = takes(filters, 1, event, 0);
    struct buffer sentence = {0};

    FUZZ_CHECK(takes(filters, FILTERS, event, 0) == is_taken);
    FUZZ_CHECK(takes(filters, FILTERS, event, 2) == is_taken);
    FUZZ_CHECK(takes(filters, FILTERS, event, 1));
    filter_explain(filter, event, &sentence);
    FUZZ_CHECK((sentence.length == 0) == is_taken);
    FUZZ_CHECK(utf8_is_well_formed(buffer_slice(&sentence)));
    buffer_release(&sentence);
}

static void check_presence(struct slice path, const struct event *event, bool on_arrays)
{
    struct advanced_filter missing = {.operation = FILTER_IS_NULL_OR_UNDEFINED, .key = path},
                           there = {.operation = FILTER_IS_NOT_NULL, .key = path};
    struct event_filter a = {.on_arrays = on_arrays, .advanced = &missing, .advanced_count = 1},
                        b = {.on_arrays = on_arrays, .advanced = &there, .advanced_count = 1};
    const struct event_filter *filters[2] = {&a, &b};

    FUZZ_CHECK(takes(filters, 2, event, 0) != takes(filters, 2, event, 1));
}

static void check_path(struct slice path, const struct event *event)
{
    struct buffer json = {0}, value = {0};

    event_render(&json, event, event->schema, true);
    if (event_path_append(buffer_slice(&json), event->schema, path, &value)) {
        FUZZ_CHECK(utf8_is_well_formed(buffer_slice(&value)));
    } else {
        FUZZ_CHECK(value.length == 0);
    }
    buffer_release(&json);
    buffer_release(&value);
}

static void check_queued(const struct event *event)
{
    struct queued_event queued = {.schema = event->schema,
                                  .json = event->whole.text,
                                  .id = event->id,
                                  .data_version = event->data_version,
                                  .published_ms = NOW_MS,
                                  .hops = 3},
                        read;
    struct buffer list = {0};
    struct properties properties;

    queued_event_append_properties(&list, &queued);
    FUZZ_CHECK(properties_read(&properties, buffer_slice(&list), P_PUBLISH) == REASON_SUCCESS);
    FUZZ_CHECK(queued_event_read(&read, event->whole.text, &properties));
    FUZZ_CHECK(read.schema == queued.schema && read.hops == 3 && read.published_ms == NOW_MS);
    FUZZ_CHECK(slice_starts_with(queued.id, read.id));
    FUZZ_CHECK(slice_starts_with(queued.data_version, read.data_version));
    buffer_release(&list);
}

/* The subscription whose filter the line is; NULL: it is none. */
static struct event_subscription *read_filter(struct slice line, enum event_schema schema)
{
    struct buffer json = {0}, error = {0};
    struct event_subscription *subscription;

    buffer_append_string(&json, "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{"
                                "\"endpointUrl\":\"https://h/\"}},\"filter\":");
    buffer_append(&json, line);
    buffer_append_byte(&json, '}');
    subscription = event_subscription_read(buffer_slice(&json),
                                           &(struct topic_properties){.schema = schema}, 0, &error);
    FUZZ_CHECK((subscription == NULL) == (error.length > 0));
    buffer_release(&json);
    buffer_release(&error);
    return subscription;
}

static void check_events(const struct topic_properties *topic, struct slice body,
                         const struct event_filter *filter, struct slice path)
{
    struct publish_request request = {.topic = topic,
                                      .topic_id = SLICE_LITERAL("/topics/t"),
                                      .content_type =
                                          topic->schema == SCHEMA_CLOUD_EVENTS
                                              ? SLICE_LITERAL("application/cloudevents-batch+json")
                                              : SLICE_LITERAL("application/json"),
                                      .body = body,
                                      .now_ms = NOW_MS,
                                      .random = zeros};
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *events;
    size_t count;

    if (publish_parse(&request, &scratch, &events, &count, &error)) {
        for (size_t i = 0; i < count; i++) {
            check_filter(filter, &events[i]);
            check_presence(path, &events[i], false);
            check_presence(path, &events[i], true);
            check_path(path, &events[i]);
            check_queued(&events[i]);
        }
    }
    publish_scratch_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size), digit = fuzz_take_line(&in);
    enum event_schema schema =
        digit.length > 0 ? (enum event_schema)(digit.data[0] % EVENT_SCHEMAS) : SCHEMA_EVENT_GRID;
    struct topic_properties topic = {
        .kind = SOURCE_TOPIC,
        .schema = schema,
        .mapping = {.event_type = {.source_field = SLICE_LITERAL("type"),
                                   .default_value = SLICE_LITERAL("t"),
                                   .has_default = true},
                    .subject = {.default_value = SLICE_LITERAL("S"), .has_default = true},
                    .data_version = {.default_value = SLICE_EMPTY, .has_default = true}}};
    struct event_subscription *subscription = read_filter(fuzz_take_line(&in), schema);

    if (subscription) {
        struct slice path = fuzz_copy(fuzz_take_line(&in)), body = fuzz_copy(in);
        if (utf8_is_well_formed(path)) { /* as what is read from JSON is */
            check_events(&topic, body, &subscription->filter, path);
        }
        fuzz_free(path);
        fuzz_free(body);
        event_subscription_release(subscription);
    }
    return 0;
}
