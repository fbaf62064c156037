/* Attributes of clients, see attributes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/attributes.h"

#include "base/ascii.h"
#include "mqtt/utf8.h"

const struct attribute *attributes_find(const struct attribute *first, struct slice key)
{
    while (first && !slice_equal(first->key, key)) {
        first = first->next;
    }
    return first;
}

const struct attribute *client_attribute(const struct client_profile *client, struct slice key)
{
    const struct attribute *own = attributes_find(client->attributes, key);
    return own ? own : attributes_find(client->registered, key);
}

const struct attribute *attributes_copy(const struct attribute *first, struct arena *arena)
{
    const struct attribute *copies = NULL, **end = &copies;
    for (; first; first = first->next) {
        struct attribute *copy = arena_allocate(arena, sizeof(*copy));
        struct slice *texts = arena_allocate(arena, first->text_count * sizeof(*texts));
        *copy = *first;
        copy->next = NULL;
        copy->key = arena_copy(arena, first->key);
        copy->texts = texts;
        for (size_t i = 0; i < first->text_count; i++) {
            texts[i] = arena_copy(arena, first->texts[i]);
        }
        *end = copy;
        end = &copy->next;
    }
    return copies;
}

bool attribute_key_is_valid(struct slice key)
{
    return key.length > 0 && ascii_has_only(key, "_");
}

bool attribute_parse_integer(struct slice text, int64_t *out)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    size_t at = is_negative ? 1 : 0;
    int64_t value = 0;
    if (at == text.length) {
        return false;
    }
    for (; at < text.length; at++) {
        int digit = text.data[at] - '0';
        if (!ascii_is_digit(text.data[at]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) { /* downwards, for INT64_MIN */
            return false;
        }
    }
    if (!is_negative && value == INT64_MIN) {
        return false;
    }
    *out = is_negative ? value : -value;
    return true;
}

/* --- reading --- */

/* False: it has a NUL in it, and could be told nobody over MQTT. */
static bool copy_text(const struct json_value *text, struct arena *arena, struct slice *into)
{
    struct buffer scratch = {0};
    *into = arena_copy(arena, json_string_value(text, &scratch));
    buffer_release(&scratch);
    return utf8_is_valid_string(*into);
}

/* False: an element is no text. */
static bool read_texts(const struct json_value *array, struct arena *arena, struct attribute *out)
{
    struct json_walk walk = json_elements(array);
    struct json_value element;
    size_t count = 0;
    while (json_next_element(&walk, &element)) {
        count++;
    }
    struct slice *texts = arena_allocate(arena, count * sizeof(*texts));
    walk = json_elements(array);
    for (size_t i = 0; json_next_element(&walk, &element); i++) {
        if (element.type != JSON_STRING || !copy_text(&element, arena, &texts[i])) {
            return false;
        }
    }
    out->texts = texts;
    out->text_count = count;
    return true;
}

static bool read_text(const struct json_value *value, struct arena *arena, struct attribute *out)
{
    struct slice *text = arena_allocate(arena, sizeof(*text));
    out->texts = text;
    out->text_count = 1;
    return copy_text(value, arena, text);
}

static bool read_integer(const struct json_value *value, struct arena *arena, struct attribute *out)
{
    (void)arena;
    return attribute_parse_integer(value->text, &out->integer);
}

const char *attribute_read(const struct json_value *value, struct arena *arena,
                           struct attribute *out)
{
    static const struct {
        enum json_type from;
        enum attribute_type type;
        bool (*read)(const struct json_value *value, struct arena *arena, struct attribute *out);
        const char *otherwise;
    } types[] = {
        {JSON_STRING, ATTRIBUTE_TEXT, read_text, "is a text with a NUL in it"},
        {JSON_ARRAY, ATTRIBUTE_TEXTS, read_texts,
         "has something in its array that is no text, or one with a NUL"},
        {JSON_NUMBER, ATTRIBUTE_INTEGER, read_integer, "is a number, but no integer of 64 bits"},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].from == value->type) {
            *out = (struct attribute){.type = types[i].type};
            return types[i].read(value, arena, out) ? NULL : types[i].otherwise;
        }
    }
    return "is a text, an integer, or an array of texts";
}

void attribute_append(struct buffer *out, const struct attribute *attribute)
{
    if (attribute->type == ATTRIBUTE_INTEGER) {
        buffer_append_format(out, "%lld", (long long)attribute->integer);
    }
    for (size_t i = 0; i < attribute->text_count; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        buffer_append(out, attribute->texts[i]);
    }
}
