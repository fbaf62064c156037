/* See dead_letter.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/dead_letter.h"

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

static const struct {
    const char *event_grid, *cloud_events; /* extensions of CloudEvents are in lower case */
} member_names[MEMBERS] = {
    [MEMBER_REASON] = {"deadLetterReason", "deadletterreason"},
    [MEMBER_ATTEMPTS] = {"deliveryAttempts", "deliveryattempts"},
    [MEMBER_OUTCOME] = {"lastDeliveryOutcome", "lastdeliveryoutcome"},
    [MEMBER_STATUS] = {"lastHttpStatusCode", "lasthttpstatuscode"},
    [MEMBER_PUBLISHED] = {"publishTime", "publishtime"},
    [MEMBER_ATTEMPTED] = {"lastDeliveryAttemptTime", "lastdeliveryattempttime"},
};

#define SCHEMA_MEMBER "eventDeliverySchema"

static const char *name_of(enum member member, bool is_cloud_event)
{
    return is_cloud_event ? member_names[member].cloud_events : member_names[member].event_grid;
}

/* MEMBERS: it is none of them. */
static enum member member_of(struct slice key, bool is_cloud_event)
{
    enum member member = 0;

    while (member < MEMBERS && !json_string_equal(key, name_of(member, is_cloud_event))) {
        member++;
    }
    return member;
}

/* ---------------------------------------------------------------- paths */

static void append_upper(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        buffer_append_byte(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
    }
}

void dead_letter_append_path(struct buffer *out, struct slice container, struct slice subscription,
                             int64_t now_ms, struct slice guid)
{
    struct civil_time now = civil_time_from_ms(now_ms);

    buffer_append(out, container);
    buffer_append_byte(out, '/');
    append_upper(out, subscription);
    buffer_append_format(out, "/%d/%u/%u/%u/", (int)now.year, now.month, now.day, now.hour);
    buffer_append(out, guid);
    buffer_append_string(out, ".json");
}

/* ---------------------------------------------------------------- writing */

static void begin_member(struct buffer *out, const char *name)
{
    if (out->data[out->length - 1] != '{') {
        buffer_append_byte(out, ',');
    }
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
                          enum dead_letter_reason reason, bool is_cloud_event)
{
    begin_member(out, name_of(MEMBER_REASON, is_cloud_event));
    buffer_append_byte(out, '"');
    dead_letter_reason_append(out, reason, event->outcome);
    buffer_append_byte(out, '"');
}

/* What was never tried has no outcome. */
static void append_added(struct buffer *out, const struct queued_event *event,
                         enum dead_letter_reason reason)
{
    bool is_cloud = event->schema == SCHEMA_CLOUD_EVENTS;

    append_reason(out, event, reason, is_cloud);
    append_number(out, name_of(MEMBER_ATTEMPTS, is_cloud), event->attempts);
    if (event->attempts > 0 || event->outcome != OUTCOME_DELIVERED) {
        append_text(out, name_of(MEMBER_OUTCOME, is_cloud),
                    slice_from_string(delivery_outcome_name(event->outcome)));
    }
    if (event->status > 0) {
        append_number(out, name_of(MEMBER_STATUS, is_cloud), (uint64_t)event->status);
    }
    append_time(out, name_of(MEMBER_PUBLISHED, is_cloud), event->published_ms);
    if (event->attempted_ms > 0) {
        append_time(out, name_of(MEMBER_ATTEMPTED, is_cloud), event->attempted_ms);
    }
}

/* Members as they stand there, but for those that are added; the object stays open. */
static void append_own(struct buffer *out, const struct json_value *object, bool is_cloud_event)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;

    buffer_append_byte(out, '{');
    while (json_next_member(&walk, &key, &value)) {
        if (member_of(key, is_cloud_event) == MEMBERS) {
            if (out->data[out->length - 1] != '{') {
                buffer_append_byte(out, ',');
            }
            buffer_append_byte(out, '"');
            buffer_append(out, key);
            buffer_append_string(out, "\":");
            buffer_append(out, value.text);
        }
    }
}

/* What is no JSON object, which nobody sends, is kept as a text. */
static void append_wrapped(struct buffer *out, const struct queued_event *event)
{
    struct json_value value;

    buffer_append_byte(out, '{');
    append_text(out, SCHEMA_MEMBER, slice_from_string(schema_delivery_name(SCHEMA_CUSTOM)));
    append_text(out, "id", event->id);
    append_text(out, "dataVersion", event->data_version);
    begin_member(out, "data");
    if (json_parse_inner(event->json, &value)) {
        buffer_append(out, value.text);
    } else {
        json_append_string(out, event->json);
    }
}

void dead_letter_append(struct buffer *out, const struct queued_event *event,
                        enum dead_letter_reason reason)
{
    struct queued_event copy = *event;
    struct json_value object;

    if (event->schema != SCHEMA_CUSTOM && json_parse(event->json, &object) &&
        object.type == JSON_OBJECT) {
        append_own(out, &object, event->schema == SCHEMA_CLOUD_EVENTS);
    } else {
        append_wrapped(out, event);
        copy.schema = SCHEMA_CUSTOM;
    }
    append_added(out, &copy, reason);
    buffer_append_byte(out, '}');
}

/* ---------------------------------------------------------------- reading */

/* The members of an event that its way back needs. */
struct letter {
    struct json_value added[MEMBERS], id, data_version, data;
    bool is_there[MEMBERS];
    bool is_custom, is_cloud_event;
};

static void take_member(struct letter *letter, struct slice key, const struct json_value *value)
{
    static const char *const names[] = {"id", "dataVersion", "data"};
    struct json_value *const places[] = {&letter->id, &letter->data_version, &letter->data};
    enum member member = member_of(key, letter->is_cloud_event);

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
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        letter->is_custom = letter->is_custom || json_string_equal(key, SCHEMA_MEMBER);
        letter->is_cloud_event = letter->is_cloud_event || json_string_equal(key, "specversion");
    }
    letter->is_cloud_event = letter->is_cloud_event && !letter->is_custom;
}

/* False: it is no dead letter. */
static bool take_letter(struct letter *letter, const struct json_value *object)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;

    *letter = (struct letter){0};
    look_for_schema(letter, object);
    while (json_next_member(&walk, &key, &value)) {
        take_member(letter, key, &value);
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
                   delivery_outcome_from_name(json_string_raw(value), &outcome)
               ? outcome
               : OUTCOME_DELIVERED;
}

static struct slice json_of(const struct letter *letter, const struct json_value *object,
                            struct buffer *texts)
{
    size_t begin = texts->length;

    if (letter->is_custom) {
        buffer_append(texts, letter->data.text);
    } else {
        append_own(texts, object, letter->is_cloud_event);
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
        .schema = letter.is_custom        ? SCHEMA_CUSTOM
                  : letter.is_cloud_event ? SCHEMA_CLOUD_EVENTS
                                          : SCHEMA_EVENT_GRID,
        .json = json_of(&letter, &object, texts),
        .id = text_of(&letter.id, texts),
        .published_ms = time_of(&letter, MEMBER_PUBLISHED),
        .attempts = (uint32_t)number_of(&letter, MEMBER_ATTEMPTS, UINT32_MAX),
        .attempted_ms = time_of(&letter, MEMBER_ATTEMPTED),
        .outcome = outcome_of(&letter),
        .status = (int)number_of(&letter, MEMBER_STATUS, INT32_MAX),
    };
    if (!letter.is_cloud_event) {
        out->event.data_version = text_of(&letter.data_version, texts);
    }
    out->reason = text_of(&letter.added[MEMBER_REASON], texts);
    return true;
}
