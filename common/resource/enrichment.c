/* Enrichments, see enrichment.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/enrichment.h"

#include <string.h>

#include "base/ascii.h"
#include "mqtt/utf8.h"
#include "resource/reading.h"

enum { TEXT_MAX = 4096 /* bytes that are looked at at all */ };

/* --- expressions --- */

/* What may stand in ${ }: a word, or a word and a name behind it. */
static const struct {
    struct slice word;
    enum enrichment_source source;
    bool has_name;
} expressions[] = {
    {SLICE_LITERAL("client.authenticationName"), ENRICH_AUTHENTICATION_NAME, false},
    {SLICE_LITERAL("client.attributes"), ENRICH_ATTRIBUTE, true},
    {SLICE_LITERAL("mqtt.message.topicName"), ENRICH_TOPIC_NAME, false},
    {SLICE_LITERAL("mqtt.message.responseTopic"), ENRICH_RESPONSE_TOPIC, false},
    {SLICE_LITERAL("mqtt.message.correlationData"), ENRICH_CORRELATION_DATA, false},
    {SLICE_LITERAL("mqtt.message.pfi"), ENRICH_PAYLOAD_FORMAT, false},
    {SLICE_LITERAL("mqtt.message.userProperties"), ENRICH_USER_PROPERTY, true},
};
enum { EXPRESSIONS = sizeof(expressions) / sizeof(expressions[0]) };

static bool is_word(struct slice text)
{
    return text.length > 0 && ascii_has_only(text, "_-");
}

/* `.name`, or `['any name']` with either kind of quotes. */
static bool take_name(struct slice rest, struct slice *name)
{
    if (rest.length > 1 && rest.data[0] == '.') {
        *name = slice_from(rest, 1);
        return is_word(*name);
    }
    if (rest.length < 5 || rest.data[0] != '[' || rest.data[rest.length - 1] != ']') {
        return false;
    }
    *name = slice_make(rest.data + 2, rest.length - 4);
    return (rest.data[1] == '\'' || rest.data[1] == '"') &&
           rest.data[rest.length - 2] == rest.data[1] &&
           !memchr(name->data, rest.data[1], name->length);
}

static bool read_expression(struct slice text, struct enrichment_part *part)
{
    for (size_t i = 0; i < EXPRESSIONS; i++) {
        if (!slice_starts_with(text, expressions[i].word)) {
            continue;
        }
        struct slice rest = slice_from(text, expressions[i].word.length);
        part->source = expressions[i].source;
        part->name = SLICE_EMPTY;
        if (expressions[i].has_name ? take_name(rest, &part->name) : rest.length == 0) {
            return true;
        }
    }
    return false;
}

/* Where the expression at the front ends, behind its brace: one in quotes is none. 0: nowhere. */
static size_t expression_end(struct slice text)
{
    uint8_t quote = 0;

    for (size_t i = 2; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '}') {
            return i + 1;
        }
    }
    return 0;
}

static bool begins_expression(struct slice text)
{
    return slice_starts_with(text, SLICE_LITERAL("${"));
}

static struct slice take_text(struct slice *rest)
{
    size_t length = 0;

    while (length < rest->length && !begins_expression(slice_from(*rest, length))) {
        length++;
    }
    struct slice text = slice_make(rest->data, length);
    *rest = slice_from(*rest, length);
    return text;
}

/* How many parts there are at most: each expression, and what stands before, between and behind. */
static size_t count_parts(struct slice value)
{
    size_t count = 1;

    for (size_t i = 0; i < value.length; i++) {
        count += begins_expression(slice_from(value, i)) ? 2 : 0;
    }
    return count;
}

bool enrichment_compile(struct reading *reading, struct slice value,
                        const struct enrichment_part **parts, size_t *count)
{
    struct enrichment_part *made =
        arena_allocate(reading->arena, count_parts(value) * sizeof(*made));

    *parts = made;
    *count = 0;
    while (value.length > 0) {
        struct enrichment_part *part = &made[(*count)++];
        if (!begins_expression(value)) {
            *part = (struct enrichment_part){ENRICH_TEXT, take_text(&value)};
            continue;
        }
        size_t end = expression_end(value);
        if (end == 0) {
            reading_mistake(reading, "has a ${ without its }");
            return false;
        }
        if (!read_expression(slice_make(value.data + 2, end - 3), part)) {
            reading_mistake(reading,
                            "there is no %.*s; there are ${client.authenticationName}, "
                            "${client.attributes.KEY}, ${mqtt.message.topicName}, responseTopic, "
                            "correlationData, pfi and userProperties['NAME']",
                            (int)end, (const char *)value.data);
            return false;
        }
        value = slice_from(value, end);
    }
    return true;
}

/* --- keys --- */

static const char *key_check(struct slice key)
{
    static const struct slice reserved[] = {
        SLICE_LITERAL("specversion"), SLICE_LITERAL("id"),
        SLICE_LITERAL("time"),        SLICE_LITERAL("type"),
        SLICE_LITERAL("source"),      SLICE_LITERAL("subject"),
        SLICE_LITERAL("dataschema"),  SLICE_LITERAL("datacontenttype"),
        SLICE_LITERAL("data"),
    };

    if (key.length == 0 || key.length > ENRICHMENT_KEY_MAX) {
        return "has 1 to 20 characters";
    }
    for (size_t i = 0; i < key.length; i++) {
        if (!ascii_is_digit(key.data[i]) && (key.data[i] < 'a' || key.data[i] > 'z')) {
            return "has only small letters (a to z) and digits";
        }
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (slice_equal(key, reserved[i])) {
            return "is an attribute of CloudEvents itself; choose another name";
        }
    }
    return slice_starts_with(key, SLICE_LITERAL("azsp"))
               ? "does not begin with azsp; choose another name"
               : NULL;
}

/* --- reading --- */

struct enrichment_draft {
    struct enrichment *enrichment;
    struct slice type;
};

static void read_key(struct reading *reading, const struct json_value *value, void *into)
{
    struct enrichment *enrichment = ((struct enrichment_draft *)into)->enrichment;
    const char *wrong;

    if (reading_text(reading, value, &enrichment->key)) {
        wrong = key_check(enrichment->key);
        if (wrong) {
            reading_mistake(reading, "%s", wrong);
        }
    }
}

static void read_value(struct reading *reading, const struct json_value *value, void *into)
{
    struct enrichment *enrichment = ((struct enrichment_draft *)into)->enrichment;

    if (!reading_text(reading, value, &enrichment->value)) {
        return;
    }
    if (utf8_count(enrichment->value) > ENRICHMENT_VALUE_MAX) {
        reading_mistake(reading, "has at most %d characters", ENRICHMENT_VALUE_MAX);
    } else if (enrichment->is_dynamic) {
        enrichment_compile(reading, enrichment->value, &enrichment->parts, &enrichment->part_count);
    } else {
        struct enrichment_part *part = arena_allocate(reading->arena, sizeof(*part));
        *part = (struct enrichment_part){ENRICH_TEXT, enrichment->value};
        enrichment->parts = part;
        enrichment->part_count = 1;
    }
}

static const struct property enrichment_rows[] = {
    OWN_PROPERTY("key", read_key),
    OWN_PROPERTY("value", read_value),
    TEXT_PROPERTY(struct enrichment_draft, "valueType", type, TEXT_MAX),
};
static const struct property_table enrichment_properties = PROPERTY_TABLE(enrichment_rows);

static void read_one(struct reading *reading, const struct json_value *value,
                     struct enrichment *enrichment)
{
    struct enrichment_draft draft = {.enrichment = enrichment};

    reading_object(reading, value, &enrichment_properties, &draft);
    if (value->type != JSON_OBJECT) {
        return;
    }
    if (!enrichment->key.data) {
        reading_mistake_at(reading, "key", "is missing");
    }
    if (!enrichment->value.data) {
        reading_mistake_at(reading, "value", "is missing");
    }
    if (draft.type.length > 0 && !equal_ignoring_case(draft.type, SLICE_LITERAL("String"))) {
        reading_mistake_at(reading, "valueType", "is String");
    }
}

static void read_static(struct reading *reading, const struct json_value *value, void *into)
{
    read_one(reading, value, into);
}

static void read_dynamic(struct reading *reading, const struct json_value *value, void *into)
{
    struct enrichment *enrichment = into;

    enrichment->is_dynamic = true;
    read_one(reading, value, enrichment);
}

struct lists_draft {
    struct json_value fixed, dynamic;
};

static const struct property lists_rows[] = {
    VALUE_PROPERTY(struct lists_draft, "static", fixed),
    VALUE_PROPERTY(struct lists_draft, "dynamic", dynamic),
};
static const struct property_table lists_properties = PROPERTY_TABLE(lists_rows);

static size_t count_list(struct reading *reading, const char *name, const struct json_value *list)
{
    size_t before = reading_enter(reading, slice_from_string(name));
    size_t count = list->text.length > 0 ? reading_count(reading, list) : 0;

    reading_leave(reading, before);
    return count;
}

static void read_list(struct reading *reading, const char *name, const struct json_value *list,
                      property_reader *read, struct enrichment *into)
{
    size_t before = reading_enter(reading, slice_from_string(name));

    if (list->type == JSON_ARRAY) {
        reading_elements(reading, list, sizeof(*into), read, into);
    }
    reading_leave(reading, before);
}

static void check_once(struct reading *reading, const struct enrichments *enrichments)
{
    for (size_t i = 0; i < enrichments->count; i++) {
        struct slice key = enrichments->items[i].key;
        for (size_t k = 0; k < i; k++) {
            if (key.length > 0 && slice_equal(key, enrichments->items[k].key)) {
                reading_mistake(reading, "the key %.*s stands there twice; take one of them away",
                                SLICE_PRINT(key));
            }
        }
    }
}

void enrichments_read(struct reading *reading, const struct json_value *value,
                      struct enrichments *into)
{
    struct lists_draft lists = {{JSON_NULL, SLICE_EMPTY}, {JSON_NULL, SLICE_EMPTY}};
    struct enrichment *items;
    size_t fixed, dynamic;

    reading_object(reading, value, &lists_properties, &lists);
    fixed = count_list(reading, "static", &lists.fixed);
    dynamic = count_list(reading, "dynamic", &lists.dynamic);
    if (fixed + dynamic > ENRICHMENTS_MAX) {
        reading_mistake(reading, "has at most %d enrichments, not %zu", ENRICHMENTS_MAX,
                        fixed + dynamic);
        return;
    }
    items = arena_allocate(reading->arena, (fixed + dynamic) * sizeof(*items));
    read_list(reading, "static", &lists.fixed, read_static, items);
    read_list(reading, "dynamic", &lists.dynamic, read_dynamic, items + fixed);
    *into = (struct enrichments){items, fixed + dynamic};
    check_once(reading, into);
}

/* --- writing --- */

static void append_list(struct buffer *out, const struct enrichments *enrichments, bool is_dynamic)
{
    const char *before = "[";
    bool any = false;

    for (size_t i = 0; i < enrichments->count; i++) {
        const struct enrichment *enrichment = &enrichments->items[i];
        if (enrichment->is_dynamic != is_dynamic) {
            continue;
        }
        buffer_append_format(out, "%s{\"key\":", before);
        json_append_string(out, enrichment->key);
        buffer_append_string(out, ",\"value\":");
        json_append_string(out, enrichment->value);
        buffer_append_string(out, is_dynamic ? "}" : ",\"valueType\":\"String\"}");
        before = ",";
        any = true;
    }
    buffer_append_string(out, any ? "]" : "[]");
}

void enrichments_append(struct buffer *out, const struct enrichments *enrichments)
{
    buffer_append_string(out, "{\"static\":");
    append_list(out, enrichments, false);
    buffer_append_string(out, ",\"dynamic\":");
    append_list(out, enrichments, true);
    buffer_append_byte(out, '}');
}
