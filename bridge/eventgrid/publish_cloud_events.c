/* CloudEvents (spec/eventgrid.md 1.7): which of the content modes a request has, and what an event
 * must say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "base/timestamp.h"
#include "eventgrid/publish_reader.h"
#include "secret/base64.h"

enum slot {
    SPEC_VERSION,
    TYPE,
    SOURCE,
    ID,
    TIME,
    SUBJECT,
    CONTENT_TYPE,
    DATA_SCHEMA,
    DATA,
    DATA_BASE64,
    SLOTS
};

static const struct slice names[SLOTS] = {
    [SPEC_VERSION] = SLICE_LITERAL("specversion"),
    [TYPE] = SLICE_LITERAL("type"),
    [SOURCE] = SLICE_LITERAL("source"),
    [ID] = SLICE_LITERAL("id"),
    [TIME] = SLICE_LITERAL("time"),
    [SUBJECT] = SLICE_LITERAL("subject"),
    [CONTENT_TYPE] = SLICE_LITERAL("datacontenttype"),
    [DATA_SCHEMA] = SLICE_LITERAL("dataschema"),
    [DATA] = SLICE_LITERAL("data"),
    [DATA_BASE64] = SLICE_LITERAL("data_base64"),
};

/* --- an event --- */

static bool read_required(struct publish_reader *reader, const struct json_value *slots,
                          struct event *event)
{
    struct slice spec_version;

    /* Azure looks at them in this order, and calls the type so. */
    return publish_need_text(reader, &slots[SPEC_VERSION], names[SPEC_VERSION], &spec_version) &&
           publish_need_text(reader, &slots[TYPE], SLICE_LITERAL("eventType"), &event->type) &&
           publish_need_text(reader, &slots[SOURCE], names[SOURCE], &event->source) &&
           publish_need_text(reader, &slots[ID], names[ID], &event->id);
}

static bool read_optional(struct publish_reader *reader, const struct json_value *slots,
                          struct event *event)
{
    int64_t ms;
    bool has_zone;

    if (!publish_may_text(reader, &slots[TIME], &event->time) ||
        !publish_may_text(reader, &slots[SUBJECT], &event->subject) ||
        !publish_may_text(reader, &slots[CONTENT_TYPE], &event->content_type) ||
        !publish_may_text(reader, &slots[DATA_SCHEMA], &event->data_schema)) {
        return false;
    }
    if (slot_is_set(&slots[TIME]) && (!timestamp_parse(event->time, &ms, &has_zone) || !has_zone)) {
        return publish_refuse(reader, FAULT_TIME, names[TIME]);
    }
    event->is_json_content =
        event->content_type.length == 0 || publish_content_is_json(event->content_type);
    return true;
}

static bool read_data(struct publish_reader *reader, const struct json_value *slots,
                      struct event *event)
{
    event->is_base64 = slot_is_set(&slots[DATA_BASE64]);
    if (!event->is_base64) {
        event->data = slots[DATA];
        event->has_data = event->data.text.length > 0;
        return true;
    }
    if (slot_is_set(&slots[DATA])) {
        return publish_refuse(reader, FAULT_TWO_DATA, SLICE_EMPTY);
    }
    event->data = slots[DATA_BASE64];
    event->has_data = true;
    return (event->data.type == JSON_STRING &&
            base64_is_valid(publish_text(reader, &event->data))) ||
           publish_refuse(reader, FAULT_BASE64, SLICE_EMPTY);
}

/* An attribute that is an empty string says nothing, as one that is null. */
static bool has_empty(const struct json_value *slots)
{
    static const enum slot optional[] = {SUBJECT, CONTENT_TYPE, DATA_SCHEMA};

    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        if (slice_equal(slots[optional[i]].text, SLICE_LITERAL("\"\""))) {
            return true;
        }
    }
    return false;
}

static bool finish(struct publish_reader *reader, const struct draft *draft, struct event *event)
{
    const struct publish_request *request = reader->request;
    struct slice own;

    if (!read_required(reader, draft->slots, event) ||
        !read_optional(reader, draft->slots, event) || !read_data(reader, draft->slots, event)) {
        return false;
    }
    event->is_verbatim = !draft->has_null && !has_empty(draft->slots);
    if (request->topic->kind != SOURCE_DOMAIN) {
        return true;
    }
    own = event->source;
    if (!publish_set_domain_topic(reader, event, own, names[SOURCE])) {
        return false;
    }
    if (request->domain_topic.length > 0) {
        event->source = own; /* the address says the topic: the source is the publisher's own */
    }
    event->is_verbatim = event->is_verbatim && slice_equal(event->source, own);
    return true;
}

/* --- content modes --- */

static const struct event_form form = {.names = names, .name_count = SLOTS, .finish = finish};

/* A request's content type, without its parameters. */
static bool names_media(struct slice content_type, const char *media)
{
    return equal_ignoring_case(trim_blanks(take_up_to(&content_type, ';')),
                               slice_from_string(media));
}

static bool read_binary(struct publish_reader *reader, struct slice body)
{
    struct slice json;

    return publish_assemble(reader, body, &json) &&
           publish_read_json(reader, &form, json, BODY_OBJECT);
}

bool publish_read_cloud_events(struct publish_reader *reader, struct slice body)
{
    const struct publish_request *request = reader->request;
    bool is_structured = names_media(request->content_type, "application/cloudevents+json");
    bool is_batch = names_media(request->content_type, "application/cloudevents-batch+json");
    bool is_json = names_media(request->content_type, "application/json");

    if (is_structured || is_batch) {
        if (reader->is_binary && !request->is_mqtt) {
            return publish_refuse(reader, FAULT_CONTENT_MODE, SLICE_EMPTY);
        }
        return publish_read_json(reader, &form, body, is_batch ? BODY_ARRAY : BODY_OBJECT);
    }
    if (!is_json && !request->is_mqtt && !(reader->is_binary && publish_is_of_namespace(request))) {
        return publish_refuse(reader, FAULT_CONTENT_TYPE, SLICE_EMPTY);
    }
    return reader->is_binary ? read_binary(reader, body)
                             : publish_read_json(reader, &form, body, BODY_OBJECT);
}
