/* What the readers of the schemas share: publish_json.c walks a body and hands the members of each
 * event to the schema's reader, which then makes the event of them. Nothing of this is for others.
 *
 * Decoded texts lie in a buffer that was reserved for the whole request and never moves, so that
 * events may point into it: a decoded string is never longer than the JSON that says it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PUBLISH_READER_H
#define PUBGRID_EVENTGRID_PUBLISH_READER_H

#include "eventgrid/publish.h"
#include "eventgrid/publish_fault.h"

enum {
    /* Of a value in an event. What is left of JSON_DEPTH_MAX is for what the event is put into: as
     * `data` of another, into an array, into a file of dead letters. */
    EVENT_LEVELS_MAX = JSON_DEPTH_MAX - 8,
    DRAFT_SLOTS = 10,
    PUBLISH_MAPPED_FIELDS = 6, /* of a custom schema */
};

/* The members of one event that the schema knows, by the schema's own numbers. A slot without text
 * was not there. */
struct draft {
    struct json_value slots[DRAFT_SLOTS];
    struct json_value whole;
    bool has_null; /* some member is */
};

struct publish_reader {
    const struct publish_request *request;
    struct publish_scratch *scratch;
    struct publish_error *error;
    bool is_binary;                           /* it has attributes of CloudEvents */
    struct slice domain_topic, domain_source; /* of the event before */
    struct slice now;                         /* of custom events that say no time; empty: none */
};

static inline bool publish_is_of_namespace(const struct publish_request *request)
{
    return request->topic->kind == SOURCE_NAMESPACE_TOPIC;
}

/* By the kind of topic. */
struct publish_bounds {
    size_t request, event; /* bytes */
    size_t events;
};
const struct publish_bounds *publish_bounds_of(const struct publish_request *request);
/* With the bound in its sentence. */
bool publish_refuse_bound(struct publish_reader *reader, enum publish_fault fault, size_t bound);

/* How events of one schema are read. */
struct event_form {
    const struct slice
        *names; /* [name_count] of the members that go into the slots, in their order */
    size_t name_count;
    /* NULL: by their names. */
    void (*take)(const struct publish_reader *reader, struct draft *draft, struct slice key,
                 const struct json_value *value);
    bool (*finish)(struct publish_reader *reader, const struct draft *draft, struct event *event);
};

enum body_shape { BODY_OBJECT, BODY_ARRAY, BODY_EITHER };

/* All that return bool are false with the error set. */

bool publish_refuse(struct publish_reader *reader, enum publish_fault fault, struct slice what);
/* Reads the events of a text, which is checked on the way. */
bool publish_read_json(struct publish_reader *reader, const struct event_form *form,
                       struct slice text, enum body_shape shape);

bool publish_read_event_grid(struct publish_reader *reader, struct slice body);
bool publish_read_cloud_events(struct publish_reader *reader, struct slice body);
bool publish_read_custom(struct publish_reader *reader, struct slice body);
/* The attributes and the body as one CloudEvent in JSON, in the scratch's texts. */
bool publish_assemble(struct publish_reader *reader, struct slice body, struct slice *json);
/* Is there a required attribute of CloudEvents among the request's headers (or properties)? */
bool publish_has_attributes(const struct publish_request *request);
/* Bytes that this JSON can have. */
size_t publish_assembled_max(const struct publish_request *request);
bool publish_content_is_json(struct slice content_type);

static inline bool slot_is_set(const struct json_value *slot)
{
    return slot->text.length > 0 && slot->type != JSON_NULL;
}
/* A string's characters, in the scratch's texts if need be. */
static inline struct slice publish_text(struct publish_reader *reader,
                                        const struct json_value *string)
{
    return json_string_value(string, &reader->scratch->texts);
}
/* A string that must be there and say something; `name`: of the property, in sentences. */
bool publish_need_text(struct publish_reader *reader, const struct json_value *slot,
                       struct slice name, struct slice *text);
/* A string that may be missing, null or empty: all of these are no text. */
bool publish_may_text(struct publish_reader *reader, const struct json_value *slot,
                      struct slice *text);
/* A time of ISO 8601 as one of RFC 3339: without a zone it is taken for UTC. */
bool publish_read_time(struct publish_reader *reader, struct slice text, struct slice property,
                       struct slice *time);
/* Which topic of the domain the event is for, by the name that it gives (may be empty), and what is
 * stamped as its source. `property` says the name. */
bool publish_set_domain_topic(struct publish_reader *reader, struct event *event,
                              struct slice named, struct slice property);

#endif
