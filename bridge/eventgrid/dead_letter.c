/* See dead_letter.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/dead_letter.h"

#include "access/characters.h"
#include "base/timestamp.h"

/* ---------------------------------------------------------------- names */

/* What is added. */
enum member {
    MEMBER_REASON,
    MEMBER_ATTEMPTS,
    MEMBER_OUTCOME,
    MEMBER_STATUS,
    MEMBER_PUBLISHED,
    MEMBER_ATTEMPTED,
    MEMBERS
};

/* How they are called. */
enum form {
    FORM_EVENT_GRID,
    FORM_CLOUD_EVENT, /* extensions of CloudEvents are in lower case */
    FORM_NAMESPACE,   /* in an object of their own */
    FORMS
};

static const char *const member_names[MEMBERS][FORMS] = {
    [MEMBER_REASON] = {"deadLetterReason", "deadletterreason", "deadletterreason"},
    [MEMBER_ATTEMPTS] = {"deliveryAttempts", "deliveryattempts", "deliveryattempts"},
    [MEMBER_OUTCOME] = {"lastDeliveryOutcome", "lastdeliveryoutcome", "deliveryresult"},
    [MEMBER_STATUS] = {"lastHttpStatusCode", "lasthttpstatuscode", "lasthttpstatuscode"},
    [MEMBER_PUBLISHED] = {"publishTime", "publishtime", "publishutc"},
    [MEMBER_ATTEMPTED] = {"lastDeliveryAttemptTime", "lastdeliveryattempttime",
                          "deliveryattemptutc"},
};

#define SCHEMA_MEMBER     "eventDeliverySchema"
#define PROPERTIES_MEMBER "deadLetterProperties"
#define EVENT_MEMBER      "event"

static enum form form_of(enum event_schema schema)
{
    return schema == SCHEMA_CLOUD_EVENTS ? FORM_CLOUD_EVENT : FORM_EVENT_GRID;
}

/* MEMBERS: it is none of them. */
static enum member member_of(struct slice key, enum form form)
{
    enum member member = 0;

    while (member < MEMBERS && !json_string_equal(key, member_names[member][form])) {
        member++;
    }
    return member;
}

/* ---------------------------------------------------------------- sentences of namespaces */

/* Azure's own is the first one; the others are in its manner. */
static const char *const reason_sentences[DEAD_LETTER_REASONS] = {
    [DEAD_ATTEMPTS] = "Maximum delivery attempts was exceeded.",
    [DEAD_TIME_TO_LIVE] = "Time to live was exceeded.",
    [DEAD_UNDELIVERABLE] = "Event cannot be delivered.",
    [DEAD_TOO_MANY_HOPS] = "Maximum number of event topics was exceeded.",
    [DEAD_REJECTED] = "Event was rejected.",
};

/* What the last attempt came to: of a push the outcome's name. */
static const char *const result_sentences[DELIVERY_OUTCOMES] = {
    [OUTCOME_LOCK_EXPIRED] = "Event was not acknowledged nor rejected.",
    [OUTCOME_RELEASED] = "Event was released.",
    [OUTCOME_REJECTED] = "Event was rejected.",
};

static const char *result_of(enum delivery_outcome outcome, enum form form)
{
    return form == FORM_NAMESPACE && result_sentences[outcome] ? result_sentences[outcome]
                                                               : delivery_outcome_name(outcome);
}

static bool result_read(struct slice text, enum delivery_outcome *out)
{
    for (size_t i = 0; i < DELIVERY_OUTCOMES; i++) {
        if (result_sentences[i] && slice_equal(text, slice_from_string(result_sentences[i]))) {
            *out = (enum delivery_outcome)i;
            return true;
        }
    }
    return delivery_outcome_from_name(text, out);
}

/* ---------------------------------------------------------------- paths */

static void append_upper(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        buffer_append_byte(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
    }
}

void dead_letter_append_folder(struct buffer *out, struct slice container, struct slice topic,
                               struct slice subscription)
{
    buffer_append(out, container);
    buffer_append_byte(out, '/');
    if (topic.length == 0) {
        append_upper(out, subscription);
        return;
    }
    buffer_append(out, topic);
    buffer_append_byte(out, '/');
    buffer_append(out, subscription);
}

void dead_letter_append_path(struct buffer *out, struct slice folder, int64_t now_ms,
                             struct slice guid)
{
    struct civil_time now = civil_time_from_ms(now_ms);

    buffer_append(out, folder);
    buffer_append_format(out, "/%d/%u/%u/%u/", (int)now.year, now.month, now.day, now.hour);
    buffer_append(out, guid);
    buffer_append_string(out, ".json");
}

/* ---------------------------------------------------------------- writing */

/* In front of each member of an object. */
static void append_comma(struct buffer *out)
{
    if (out->data[out->length - 1] != '{') {
        buffer_append_byte(out, ',');
    }
}

static void begin_member(struct buffer *out, const char *name)
{
    append_comma(out);
    buffer_append_byte(out, '"');
    buffer_append_string(out, name);
    buffer_append_string(out, "\":");
}

static void append_text(struct buffer *out, const char *name, struct slice text)
{
    begin_member(out, name);
    json_append_string(out, text);
}

static void append_number(struct buffer *out, const char *name, uint64_t number)
{
    begin_member(out, name);
    buffer_append_decimal(out, number);
}

static void append_time(struct buffer *out, const char *name, int64_t ms)
{
    begin_member(out, name);
    buffer_append_byte(out, '"');
    timestamp_append(out, ms);
    buffer_append_byte(out, '"');
}

static void append_reason(struct buffer *out, const struct queued_event *event,
                          enum dead_letter_reason reason, enum form form)
{
    begin_member(out, member_names[MEMBER_REASON][form]);
    buffer_append_byte(out, '"');
    if (form == FORM_NAMESPACE) {
        buffer_append_string(out, reason_sentences[reason]);
    } else {
        dead_letter_reason_append(out, reason, event->outcome);
    }
    buffer_append_byte(out, '"');
}

/* What was never tried has no outcome. */
static void append_added(struct buffer *out, const struct queued_event *event,
                         enum dead_letter_reason reason, enum form form)
{
    append_reason(out, event, reason, form);
    append_number(out, member_names[MEMBER_ATTEMPTS][form], event->attempts);
    if (event->attempts > 0 || event->outcome != OUTCOME_DELIVERED) {
        append_text(out, member_names[MEMBER_OUTCOME][form],
                    slice_from_string(result_of(event->outcome, form)));
    }
    if (event->status > 0) {
        append_number(out, member_names[MEMBER_STATUS][form], (uint64_t)event->status);
    }
    append_time(out, member_names[MEMBER_PUBLISHED][form], event->published_ms);
    if (event->attempted_ms > 0) {
        append_time(out, member_names[MEMBER_ATTEMPTED][form], event->attempted_ms);
    }
}

/* Members as they stand there, but for those that are added; the object stays open. */
static void append_own(struct buffer *out, const struct json_value *object, enum form form)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;

    buffer_append_byte(out, '{');
    while (json_next_member(&walk, &key, &value)) {
        if (member_of(key, form) == MEMBERS) {
            append_comma(out);
            buffer_append_byte(out, '"');
            buffer_append(out, key);
            buffer_append_string(out, "\":");
            buffer_append(out, value.text);
        }
    }
}

/* What is no JSON, which nobody sends, is kept as a text. */
static void append_json(struct buffer *out, struct slice json)
{
    struct json_value value;

    if (json_parse_inner(json, &value)) {
        buffer_append(out, value.text);
    } else {
        json_append_string(out, json);
    }
}

static void append_wrapped(struct buffer *out, const struct queued_event *event)
{
    buffer_append_byte(out, '{');
    append_text(out, SCHEMA_MEMBER, slice_from_string(schema_delivery_name(SCHEMA_CUSTOM)));
    append_text(out, "id", event->id);
    append_text(out, "dataVersion", event->data_version);
    begin_member(out, "data");
    append_json(out, event->json);
}

void dead_letter_append(struct buffer *out, const struct queued_event *event,
                        enum dead_letter_reason reason)
{
    struct queued_event copy = *event;
    struct json_value object;

    if (event->schema != SCHEMA_CUSTOM && json_parse(event->json, &object) &&
        object.type == JSON_OBJECT) {
        append_own(out, &object, form_of(event->schema));
    } else {
        append_wrapped(out, event);
        copy.schema = SCHEMA_CUSTOM;
    }
    append_added(out, &copy, reason, form_of(copy.schema));
    buffer_append_byte(out, '}');
}

/* "Name: value", and a NUL. */
static void append_attributes(struct buffer *out, struct slice lines)
{
    buffer_append_byte(out, '{');
    while (lines.length > 0) {
        struct slice line = take_up_to(&lines, '\0'), name = take_up_to(&line, ':');
        append_comma(out);
        json_append_string(out, name);
        buffer_append_byte(out, ':');
        json_append_string(out, trim_blanks(line));
    }
    buffer_append_byte(out, '}');
}

void dead_letter_append_of_namespace(struct buffer *out, const struct queued_event *event,
                                     enum dead_letter_reason reason, struct slice attributes)
{
    buffer_append_byte(out, '{');
    begin_member(out, PROPERTIES_MEMBER);
    buffer_append_byte(out, '{');
    append_added(out, event, reason, FORM_NAMESPACE);
    buffer_append_byte(out, '}');
    begin_member(out, EVENT_MEMBER);
    append_json(out, event->json);
    if (attributes.length > 0) {
        begin_member(out, "customDeliveryProperties");
        append_attributes(out, attributes);
    }
    buffer_append_byte(out, '}');
}

/* ---------------------------------------------------------------- reading */

/* The members of an event that its way back needs. */
struct letter {
    struct json_value added[MEMBERS], id, data_version, data, properties, event;
    bool is_there[MEMBERS];
    bool is_custom;
    enum form form;
};

static void take_member(struct letter *letter, struct slice key, const struct json_value *value)
{
    static const char *const names[] = {"id", "dataVersion", "data", PROPERTIES_MEMBER,
                                        EVENT_MEMBER};
    struct json_value *const places[] = {&letter->id, &letter->data_version, &letter->data,
                                         &letter->properties, &letter->event};
    enum member member = member_of(key, letter->form);

    if (member < MEMBERS) {
        letter->added[member] = *value;
        letter->is_there[member] = true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_string_equal(key, names[i])) {
            *places[i] = *value;
        }
    }
}

/* Which schema it is tells how the members are called. */
static void look_for_schema(struct letter *letter, const struct json_value *object)
{
    struct json_walk walk = json_members(object);
    bool is_cloud_event = false, has_properties = false;
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        letter->is_custom = letter->is_custom || json_string_equal(key, SCHEMA_MEMBER);
        is_cloud_event = is_cloud_event || json_string_equal(key, "specversion");
        has_properties = has_properties || json_string_equal(key, PROPERTIES_MEMBER);
    }
    if (!letter->is_custom && (is_cloud_event || has_properties)) {
        letter->form = is_cloud_event ? FORM_CLOUD_EVENT : FORM_NAMESPACE;
    }
}

static void take_members(struct letter *letter, const struct json_value *object)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        take_member(letter, key, &value);
    }
}

/* The event and what became of it stand side by side. */
static bool open_namespace_letter(struct letter *letter)
{
    struct json_value properties = letter->properties, event = letter->event;

    if (properties.type != JSON_OBJECT || event.type != JSON_OBJECT) {
        return false;
    }
    memset(letter->is_there, 0, sizeof(letter->is_there));
    take_members(letter, &properties);
    json_find_member(&event, "id", &letter->id);
    letter->event = event;
    return true;
}

/* False: it is no dead letter. */
static bool take_letter(struct letter *letter, const struct json_value *object)
{
    *letter = (struct letter){0};
    look_for_schema(letter, object);
    take_members(letter, object);
    if (letter->form == FORM_NAMESPACE && !open_namespace_letter(letter)) {
        return false;
    }
    return letter->is_there[MEMBER_REASON] && letter->added[MEMBER_REASON].type == JSON_STRING &&
           (!letter->is_custom || letter->data.text.length > 0);
}

/* Empty if it is no string. */
static struct slice text_of(const struct json_value *value, struct buffer *texts)
{
    size_t begin = texts->length;

    if (value->type == JSON_STRING && value->text.length > 0) {
        json_append_string_value(texts, value);
    }
    return slice_from(buffer_slice(texts), begin);
}

static uint64_t number_of(const struct letter *letter, enum member member, uint64_t most)
{
    uint64_t number;

    return letter->is_there[member] && letter->added[member].type == JSON_NUMBER &&
                   json_to_u64(&letter->added[member], &number) && number <= most
               ? number
               : 0;
}

static int64_t time_of(const struct letter *letter, enum member member)
{
    const struct json_value *value = &letter->added[member];
    int64_t ms;
    bool has_zone;

    return letter->is_there[member] && value->type == JSON_STRING &&
                   timestamp_parse(json_string_raw(value), &ms, &has_zone) && ms > 0
               ? ms
               : 0;
}

static enum delivery_outcome outcome_of(const struct letter *letter)
{
    const struct json_value *value = &letter->added[MEMBER_OUTCOME];
    enum delivery_outcome outcome;

    return letter->is_there[MEMBER_OUTCOME] && value->type == JSON_STRING &&
                   result_read(json_string_raw(value), &outcome)
               ? outcome
               : OUTCOME_DELIVERED;
}

static struct slice json_of(const struct letter *letter, const struct json_value *object,
                            struct buffer *texts)
{
    size_t begin = texts->length;

    if (letter->is_custom) {
        buffer_append(texts, letter->data.text);
    } else if (letter->form == FORM_NAMESPACE) {
        buffer_append(texts, letter->event.text);
    } else {
        append_own(texts, object, letter->form);
        buffer_append_byte(texts, '}');
    }
    return slice_from(buffer_slice(texts), begin);
}

bool dead_letter_read(struct json_walk *rest, struct buffer *texts, struct dead_letter_item *out)
{
    struct json_value object;
    struct letter letter;

    if (!json_next_element(rest, &object) || object.type != JSON_OBJECT ||
        !take_letter(&letter, &object)) {
        return false;
    }
    buffer_reserve(texts, 2 * object.text.length); /* nothing moves: nothing is there twice */
    out->event = (struct queued_event){
        .schema = letter.is_custom                 ? SCHEMA_CUSTOM
                  : letter.form == FORM_EVENT_GRID ? SCHEMA_EVENT_GRID
                                                   : SCHEMA_CLOUD_EVENTS,
        .json = json_of(&letter, &object, texts),
        .id = text_of(&letter.id, texts),
        .published_ms = time_of(&letter, MEMBER_PUBLISHED),
        .attempts = (uint32_t)number_of(&letter, MEMBER_ATTEMPTS, UINT32_MAX),
        .attempted_ms = time_of(&letter, MEMBER_ATTEMPTED),
        .outcome = outcome_of(&letter),
        .status = (int)number_of(&letter, MEMBER_STATUS, INT32_MAX),
    };
    if (letter.form == FORM_EVENT_GRID) {
        out->event.data_version = text_of(&letter.data_version, texts);
    }
    out->reason = text_of(&letter.added[MEMBER_REASON], texts);
    return true;
}
