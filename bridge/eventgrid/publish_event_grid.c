/* Events in the EventGrid schema (spec/eventgrid.md 1.6, 2.1): an array, or one bare object.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "eventgrid/publish_reader.h"

enum slot {
    SUBJECT,
    ID,
    EVENT_TYPE,
    EVENT_TIME,
    DATA,
    DATA_VERSION,
    METADATA_VERSION,
    TOPIC,
    SLOTS
};

static const struct slice names[SLOTS] = {
    [SUBJECT] = SLICE_LITERAL("subject"),
    [ID] = SLICE_LITERAL("id"),
    [EVENT_TYPE] = SLICE_LITERAL("eventType"),
    [EVENT_TIME] = SLICE_LITERAL("eventTime"),
    [DATA] = SLICE_LITERAL("data"),
    [DATA_VERSION] = SLICE_LITERAL("dataVersion"),
    [METADATA_VERSION] = SLICE_LITERAL("metadataVersion"),
    [TOPIC] = SLICE_LITERAL("topic"),
};

/* A version may also be written as a number. */
static bool read_version(struct publish_reader *reader, const struct json_value *slot,
                         struct slice *text)
{
    if (slot->type == JSON_NUMBER) {
        *text = slot->text;
        return true;
    }
    return publish_may_text(reader, slot, text);
}

static bool read_versions(struct publish_reader *reader, const struct draft *draft,
                          struct event *event)
{
    struct slice metadata;

    if (!read_version(reader, &draft->slots[DATA_VERSION], &event->data_version) ||
        !read_version(reader, &draft->slots[METADATA_VERSION], &metadata)) {
        return false;
    }
    return !slot_is_set(&draft->slots[METADATA_VERSION]) ||
           slice_equal(metadata, SLICE_LITERAL("1")) ||
           publish_refuse(reader, FAULT_METADATA_VERSION, SLICE_EMPTY);
}

/* What a publisher may say as `topic`, and what is stamped. */
static bool read_topic(struct publish_reader *reader, const struct draft *draft,
                       struct event *event)
{
    const struct publish_request *request = reader->request;
    struct slice named, wanted = request->topic_id;

    if (!publish_may_text(reader, &draft->slots[TOPIC], &named)) {
        return false;
    }
    event->source = request->topic_id;
    if (request->topic->kind == SOURCE_SYSTEM_TOPIC) {
        if (named.length > 0) {
            event->source = named;
        } else if (request->topic->source.length > 0) {
            event->source = request->topic->source;
        }
        return true;
    }
    if (request->topic->kind == SOURCE_DOMAIN) {
        wanted = request->domain_topic;
    }
    if (named.length > 0 && wanted.length > 0 && !equal_ignoring_case(named, wanted)) {
        return publish_refuse(reader, FAULT_TOPIC, wanted);
    }
    return request->topic->kind != SOURCE_DOMAIN ||
           publish_set_domain_topic(reader, event, named, names[TOPIC]);
}

static bool finish(struct publish_reader *reader, const struct draft *draft, struct event *event)
{
    const struct json_value *slots = draft->slots;
    struct slice time;

    /* Azure looks at them in this order. */
    if (!publish_need_text(reader, &slots[SUBJECT], names[SUBJECT], &event->subject) ||
        !publish_need_text(reader, &slots[ID], names[ID], &event->id) ||
        !publish_need_text(reader, &slots[EVENT_TYPE], names[EVENT_TYPE], &event->type) ||
        !publish_need_text(reader, &slots[EVENT_TIME], names[EVENT_TIME], &time) ||
        !publish_read_time(reader, time, names[EVENT_TIME], &event->time)) {
        return false;
    }
    event->data = slots[DATA];
    event->has_data = event->data.text.length > 0;
    event->is_json_content = true;
    return read_versions(reader, draft, event) && read_topic(reader, draft, event);
}

bool publish_read_event_grid(struct publish_reader *reader, struct slice body)
{
    static const struct event_form form = {.names = names, .name_count = SLOTS, .finish = finish};

    return publish_read_json(reader, &form, body, BODY_EITHER);
}
