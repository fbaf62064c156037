/* See archive_line.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/archive_line.h"

#include "base/ascii.h"
#include "base/timestamp.h"
#include "json/json.h"

/* ---------------------------------------------------------------- lines */

void archive_line_append(struct buffer *out, const struct archive_line *line)
{
    size_t begin;

    buffer_append_string(out, "{\"accepted\":");
    buffer_append_decimal(out, (uint64_t)line->accepted_ms);
    buffer_append_string(out, ",\"schema\":");
    json_append_string(out, slice_from_string(schema_input_name(line->schema)));
    if (line->domain_topic.length > 0) {
        buffer_append_string(out, ",\"domainTopic\":");
        json_append_string(out, line->domain_topic);
    }
    buffer_append_string(out, ",\"event\":");
    begin = out->length;
    buffer_append(out, line->json);
    for (; begin < out->length; begin++) { /* line breaks in JSON are only between its tokens */
        uint8_t c = out->data[begin];
        out->data[begin] = c == '\n' || c == '\r' ? ' ' : c;
    }
    buffer_append_string(out, "}\n");
}

static bool take_archived(struct archive_line *out, struct slice key,
                          const struct json_value *value)
{
    struct slice text =
        value->type == JSON_STRING ? json_string_raw(value) : SLICE_EMPTY; /* names: no escapes */
    uint64_t number;

    if (json_string_equal(key, "accepted")) {
        bool good =
            value->type == JSON_NUMBER && json_to_u64(value, &number) && number <= INT64_MAX;
        out->accepted_ms = good ? (int64_t)number : 0;
        return good;
    }
    if (json_string_equal(key, "schema")) {
        return schema_from_input_name(text, &out->schema);
    }
    if (json_string_equal(key, "domainTopic")) {
        out->domain_topic = text;
    } else if (json_string_equal(key, "event")) {
        out->json = value->text;
        return value->type == JSON_OBJECT;
    }
    return true;
}

bool archive_line_read(struct slice text, struct archive_line *out)
{
    struct json_value line, value;
    struct json_walk walk;
    struct slice key;
    bool good = json_parse(text, &line) && line.type == JSON_OBJECT;

    *out = (struct archive_line){.schema = EVENT_SCHEMAS};
    if (!good) {
        return false;
    }
    walk = json_members(&line);
    while (good && json_next_member(&walk, &key, &value)) {
        good = take_archived(out, key, &value);
    }
    return good && out->accepted_ms > 0 && out->schema < EVENT_SCHEMAS && out->json.length > 0;
}

/* ---------------------------------------------------------------- paths */

#define ARCHIVE_END ".jsonl"

void archive_path_append(struct buffer *out, struct slice source_key, int64_t accepted_ms)
{
    struct civil_time time = civil_time_from_ms(accepted_ms);

    buffer_append(out, source_key);
    buffer_append_format(out, "/%04d-%02u-%02uT%02u" ARCHIVE_END, (int)time.year, time.month,
                         time.day, time.hour);
}

/* `pattern`: 0 for a digit. */
static bool has_form(struct slice text, const char *pattern)
{
    for (size_t i = 0; i < text.length; i++) {
        if (pattern[i] == '0' ? !ascii_is_digit(text.data[i]) : text.data[i] != pattern[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t digits_at(struct slice text, size_t at, size_t count)
{
    uint32_t number = 0;

    for (size_t i = at; i < at + count; i++) {
        number = number * 10 + text.data[i] - '0';
    }
    return number;
}

bool archive_path_time(struct slice path, int64_t *begins_ms)
{
    static const char pattern[] = "0000-00-00T00" ARCHIVE_END;
    const uint8_t *slash = path.length > 0 ? memrchr(path.data, '/', path.length) : NULL;
    struct slice name = slash ? slice_from(path, (size_t)(slash - path.data) + 1) : path;
    struct civil_time time;

    if (name.length != sizeof(pattern) - 1 || !has_form(name, pattern)) {
        return false;
    }
    time = (struct civil_time){.year = (int32_t)digits_at(name, 0, 4),
                               .month = digits_at(name, 5, 2),
                               .day = digits_at(name, 8, 2),
                               .hour = digits_at(name, 11, 2)};
    if (!civil_time_is_valid(&time)) {
        return false;
    }
    *begins_ms = civil_time_to_ms(&time);
    return true;
}
