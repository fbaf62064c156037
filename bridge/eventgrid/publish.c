/* A request from its size to its events: the schema's reader does the work, and what all readers
 * need is here. See publish_reader.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/publish.h"

#include <assert.h>

#include "access/characters.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "eventgrid/publish_reader.h"

enum {
    EVENT_JSON_MIN = 3, /* bytes, with its comma */
    TIME_TEXT_MAX = 32,
    SCRATCH_KEPT_MAX = 512 * 1024, /* bytes of memory that a buffer keeps for the next request */
};

#define TOPICS_INFIX SLICE_LITERAL("/topics/")

bool publish_refuse(struct publish_reader *reader, enum publish_fault fault, struct slice what)
{
    return publish_fault_set(reader->error, &reader->scratch->message, fault,
                             reader->request->topic->schema, what);
}

/* --- bounds --- */

const struct publish_bounds *publish_bounds_of(const struct publish_request *request)
{
    static const struct publish_bounds basic = {PUBLISH_REQUEST_MAX, PUBLISH_EVENT_MAX,
                                                PUBLISH_EVENTS_MAX};
    static const struct publish_bounds of_namespace = {NAMESPACE_REQUEST_MAX, NAMESPACE_REQUEST_MAX,
                                                       NAMESPACE_EVENTS_MAX};

    return publish_is_of_namespace(request) ? &of_namespace : &basic;
}

bool publish_refuse_bound(struct publish_reader *reader, enum publish_fault fault, size_t bound)
{
    uint8_t digits[DECIMAL_MAX];

    return publish_refuse(reader, fault, slice_make(digits, decimal_write(digits, bound)));
}

/* --- texts --- */

bool publish_need_text(struct publish_reader *reader, const struct json_value *slot,
                       struct slice name, struct slice *text)
{
    if (!publish_may_text(reader, slot, text)) {
        return false;
    }
    return text->length > 0 || publish_refuse(reader, FAULT_PROPERTY, name);
}

bool publish_may_text(struct publish_reader *reader, const struct json_value *slot,
                      struct slice *text)
{
    *text = SLICE_EMPTY;
    if (!slot_is_set(slot)) {
        return true;
    }
    if (slot->type != JSON_STRING) {
        return publish_refuse(reader, FAULT_NOT_CONFORM, SLICE_EMPTY);
    }
    *text = publish_text(reader, slot);
    return true;
}

bool publish_read_time(struct publish_reader *reader, struct slice text, struct slice property,
                       struct slice *time)
{
    struct buffer *texts = &reader->scratch->texts;
    size_t start = texts->length;
    bool has_zone;
    int64_t ms;

    if (!timestamp_parse(text, &ms, &has_zone)) {
        return publish_refuse(reader, FAULT_TIME, property);
    }
    *time = text;
    if (!has_zone) {
        buffer_append(texts, text);
        buffer_append_byte(texts, 'Z');
        *time = slice_from(buffer_slice(texts), start);
    }
    return true;
}

bool publish_content_is_json(struct slice content_type)
{
    static const struct slice usual = SLICE_LITERAL("application/json");
    static const struct slice suffix = SLICE_LITERAL("+json");
    struct slice name = trim_blanks(take_up_to(&content_type, ';'));

    return slice_equal(name, usual) || equal_ignoring_case(name, usual) ||
           equal_ignoring_case(name, SLICE_LITERAL("text/json")) ||
           (name.length > suffix.length &&
            equal_ignoring_case(slice_from(name, name.length - suffix.length), suffix));
}

/* --- domains (spec/eventgrid.md 2.1) --- */

bool publish_set_domain_topic(struct publish_reader *reader, struct event *event,
                              struct slice named, struct slice property)
{
    struct slice topic = reader->request->domain_topic;
    struct buffer *texts = &reader->scratch->texts;
    const char *wrong;
    size_t start = texts->length;

    if (topic.length == 0) {
        topic = named;
    }
    if (topic.length == 0) {
        return publish_refuse(reader, FAULT_PROPERTY, property);
    }
    if (!slice_equal(topic, reader->domain_topic)) {
        wrong = domain_topic_name_check(topic);
        if (wrong) {
            return publish_refuse(reader, FAULT_DOMAIN_TOPIC, slice_from_string(wrong));
        }
        buffer_append(texts, reader->request->topic_id);
        buffer_append(texts, TOPICS_INFIX);
        buffer_append(texts, topic);
        reader->domain_topic = topic;
        reader->domain_source = slice_from(buffer_slice(texts), start);
    }
    event->domain_topic = reader->domain_topic;
    event->source = reader->domain_source;
    return true;
}

/* --- the request --- */

/* The texts that a request of this size can need: each string as often as the schema may read it
 * (time once more, for a missing zone; of a custom schema all fields may be the same one), and what
 * is made for each event. */
static void reserve_texts(struct publish_reader *reader, struct slice body)
{
    static const size_t readings[EVENT_SCHEMAS] = {
        [SCHEMA_EVENT_GRID] = 2,
        [SCHEMA_CLOUD_EVENTS] = 1,
        [SCHEMA_CUSTOM] = PUBLISH_MAPPED_FIELDS + 1,
    };
    const struct publish_request *request = reader->request;
    size_t events = body.length / EVENT_JSON_MIN + 1;
    size_t each = 1; /* a missing zone */

    if (request->topic->schema == SCHEMA_CUSTOM) {
        each += UUID_LENGTH;
    }
    if (request->topic->kind == SOURCE_DOMAIN) {
        each += request->topic_id.length + TOPICS_INFIX.length + DOMAIN_TOPIC_NAME_MAX;
    }
    each *= events < PUBLISH_EVENTS_MAX ? events : PUBLISH_EVENTS_MAX;
    if (reader->is_binary) {
        each += 2 * publish_assembled_max(request); /* the JSON, and its strings */
    }
    buffer_reserve(&reader->scratch->texts,
                   body.length * readings[request->topic->schema] + TIME_TEXT_MAX + each);
}

static struct slice without_byte_order_mark(struct slice body)
{
    static const struct slice mark = SLICE_LITERAL("\xEF\xBB\xBF");

    return slice_starts_with(body, mark) ? slice_from(body, mark.length) : body;
}

bool publish_parse(const struct publish_request *request, struct publish_scratch *scratch,
                   const struct event **events, size_t *count, struct publish_error *error)
{
    static bool (*const readers[EVENT_SCHEMAS])(struct publish_reader * reader,
                                                struct slice body) = {
        [SCHEMA_EVENT_GRID] = publish_read_event_grid,
        [SCHEMA_CLOUD_EVENTS] = publish_read_cloud_events,
        [SCHEMA_CUSTOM] = publish_read_custom,
    };
    struct publish_reader reader = {.request = request, .scratch = scratch, .error = error};
    struct slice body = without_byte_order_mark(request->body);
    const uint8_t *place;

    buffer_empty(&scratch->events, SCRATCH_KEPT_MAX);
    buffer_empty(&scratch->texts, SCRATCH_KEPT_MAX);
    if (request->body.length > publish_bounds_of(request)->request) {
        return publish_refuse_bound(&reader, FAULT_REQUEST_SIZE,
                                    publish_bounds_of(request)->request);
    }
    reader.is_binary =
        request->topic->schema == SCHEMA_CLOUD_EVENTS && publish_has_attributes(request);
    reserve_texts(&reader, body);
    place = scratch->texts.data;
    if (!readers[request->topic->schema](&reader, body)) {
        return false;
    }
    assert(scratch->texts.data == place); /* else events point into memory that is gone */
    (void)place;
    *events = (const struct event *)(const void *)scratch->events.data;
    *count = scratch->events.length / sizeof(**events);
    return true;
}

void publish_scratch_release(struct publish_scratch *scratch)
{
    buffer_release(&scratch->events);
    buffer_release(&scratch->texts);
    buffer_release(&scratch->message);
}
