/* Bodies: messages to send with their metadata (spec/webpubsub.md 6.4), and the groups that many
 * connections join or leave (6.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "mqtt/utf8.h"
#include "rest/parser.h"
#include "wire/request_check.h"
#include "json/json.h"

#define METADATA_PREFIX SLICE_LITERAL("x-webpubsub-metadata-")

enum { UTF8_MAX = 4 /* bytes of a character */ };

/* --- headers --- */

struct slice rest_header(const struct rest_request *request, struct slice name)
{
    for (size_t i = 0; i < request->headers.count; i++) {
        if (equal_ignoring_case(request->headers.items[i].key, name)) {
            return trim_blanks(request->headers.items[i].value);
        }
    }
    return SLICE_EMPTY;
}

/* --- character sets: each appends the text as UTF-8, or says that it is none --- */

static void append_character(struct buffer *out, uint32_t character)
{
    uint8_t *at = buffer_reserve(out, UTF8_MAX);
    size_t more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0x00, 0xC0, 0xE0, 0xF0};
    at[0] = (uint8_t)(leads[more] | character >> (6 * more));
    for (size_t i = 1; i <= more; i++) {
        at[i] = (uint8_t)(0x80 | (character >> (6 * (more - i)) & 0x3F));
    }
    out->length += more + 1;
}

static bool append_latin1(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        append_character(out, text.data[i]);
    }
    return true;
}

static uint32_t unit_at(struct slice text, size_t at, bool is_little)
{
    uint32_t first = text.data[at], second = text.data[at + 1];
    return is_little ? second << 8 | first : first << 8 | second;
}

static bool append_utf16(struct buffer *out, struct slice text, bool is_little)
{
    if (text.length % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.length; i += 2) {
        uint32_t unit = unit_at(text, i, is_little);
        if (unit >= 0xD800 && unit < 0xDC00 && i + 2 < text.length) {
            uint32_t low = unit_at(text, i + 2, is_little);
            if (low < 0xDC00 || low > 0xDFFF) {
                return false;
            }
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        } else if (unit >= 0xD800 && unit <= 0xDFFF) {
            return false;
        }
        append_character(out, unit);
    }
    return true;
}

static bool append_utf16_little(struct buffer *out, struct slice text)
{
    return append_utf16(out, text, true);
}

static bool append_utf16_big(struct buffer *out, struct slice text)
{
    return append_utf16(out, text, false);
}

/* With a mark of its byte order, else big endian (RFC 2781). */
static bool append_utf16_marked(struct buffer *out, struct slice text)
{
    bool is_little = slice_starts_with(text, SLICE_LITERAL("\xFF\xFE"));
    if (is_little || slice_starts_with(text, SLICE_LITERAL("\xFE\xFF"))) {
        text = slice_from(text, 2);
    }
    return append_utf16(out, text, is_little);
}

static const struct charset {
    struct slice name;
    bool (*append)(struct buffer *out, struct slice text); /* NULL: it is UTF-8 as it stands */
} charsets[] = {
    {SLICE_LITERAL("utf-8"), NULL},
    {SLICE_LITERAL("utf8"), NULL},
    {SLICE_LITERAL("us-ascii"), NULL},
    {SLICE_LITERAL("iso-8859-1"), append_latin1},
    {SLICE_LITERAL("latin1"), append_latin1},
    {SLICE_LITERAL("utf-16"), append_utf16_marked},
    {SLICE_LITERAL("utf-16le"), append_utf16_little},
    {SLICE_LITERAL("utf-16be"), append_utf16_big},
};

/* --- Content-Type --- */

static const struct content_type {
    struct slice name;
    enum data_type type;
} content_types[] = {
    {SLICE_LITERAL("text/plain"), DATA_TEXT},
    {SLICE_LITERAL("application/json"), DATA_JSON},
    {SLICE_LITERAL("application/octet-stream"), DATA_BINARY},
    {SLICE_LITERAL(""), DATA_BINARY},
};

static const struct content_type *find_content_type(struct slice name)
{
    for (size_t i = 0; i < sizeof(content_types) / sizeof(content_types[0]); i++) {
        if (equal_ignoring_case(name, content_types[i].name)) {
            return &content_types[i];
        }
    }
    return NULL;
}

/* NULL: we do not know it. */
static const struct charset *find_charset(struct slice parameters)
{
    static const struct slice key = SLICE_LITERAL("charset=");
    struct slice name = charsets[0].name;
    while (parameters.length > 0) {
        struct slice parameter = trim_blanks(take_up_to(&parameters, ';'));
        if (starts_ignoring_case(parameter, key)) {
            name = slice_from(parameter, key.length);
        }
    }
    if (name.length >= 2 && name.data[0] == '"' && name.data[name.length - 1] == '"') {
        name = slice_make(name.data + 1, name.length - 2);
    }
    for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
        if (equal_ignoring_case(charsets[i].name, name)) {
            return &charsets[i];
        }
    }
    return NULL;
}

static bool refuse_type(struct parser *parser)
{
    return rest_refuse(parser, 415, "Content-Type",
                       SLICE_LITERAL("The Content-Type must be text/plain, application/json or "
                                     "application/octet-stream, in a charset that is known."));
}

/* The body's type, and its text as UTF-8. */
static bool read_payload(struct parser *parser, struct payload *payload)
{
    struct slice header = rest_header(parser->request, SLICE_LITERAL("content-type"));
    const struct content_type *type = find_content_type(trim_blanks(take_up_to(&header, ';')));
    const struct charset *charset = find_charset(header);
    struct buffer *bytes = &parser->scratch->body;
    bool is_good = true;
    if (!type || (type->type != DATA_BINARY && !charset)) {
        return refuse_type(parser);
    }
    *payload = (struct payload){.type = type->type, .bytes = parser->request->body};
    if (type->type == DATA_BINARY) {
        return true;
    }
    if (charset->append) {
        is_good = charset->append(bytes, payload->bytes);
        payload->bytes = buffer_slice(bytes);
    }
    if (!is_good || (type->type == DATA_TEXT && !utf8_is_well_formed(payload->bytes))) {
        return rest_refuse_value(parser, "body", "The body is not text in its charset.");
    }
    return true;
}

/* --- metadata --- */

/* Its keys are in lower case, as headers' names are the same in any. */
static bool read_metadata(struct parser *parser)
{
    struct rest_scratch *scratch = parser->scratch;
    struct pairs headers = parser->request->headers;
    struct pairs *metadata = &parser->operation->metadata;
    buffer_reserve(&scratch->metadata, METADATA_MAX); /* the keys must not move */
    for (size_t i = 0; i < headers.count; i++) {
        struct slice name = headers.items[i].key;
        if (!starts_ignoring_case(name, METADATA_PREFIX)) {
            continue;
        }
        name = slice_from(name, METADATA_PREFIX.length);
        if (name.length > METADATA_MAX - scratch->metadata.length) {
            return rest_refuse_value(parser, "X-WebPubSub-Metadata", "The metadata is too long.");
        }
        struct pair pair = {
            slice_make(scratch->metadata.data + scratch->metadata.length, name.length),
            trim_blanks(headers.items[i].value)};
        ascii_append_lower(&scratch->metadata, name);
        buffer_append(&scratch->pairs, slice_make(&pair, sizeof(pair)));
    }
    metadata->items = (const struct pair *)(const void *)scratch->pairs.data;
    metadata->count = scratch->pairs.length / sizeof(struct pair);
    return metadata_is_valid(*metadata) ||
           rest_refuse_value(parser, "X-WebPubSub-Metadata", "The metadata is not valid.");
}

/* --- bodies --- */

static bool read_nothing(struct parser *parser)
{
    (void)parser;
    return true;
}

static bool read_data(struct parser *parser)
{
    struct payload *data = &parser->operation->data;
    struct json_value value;
    if (!read_payload(parser, data)) {
        return false;
    }
    if (data->type == DATA_JSON && !json_parse(data->bytes, &value)) {
        return rest_refuse_value(parser, "body", "The body is not valid JSON.");
    }
    return read_metadata(parser);
}

static bool read_groups(struct parser *parser, const struct json_value *array)
{
    struct buffer *strings = &parser->scratch->strings;
    struct json_walk walk = json_elements(array);
    struct json_value element;
    while (json_next_element(&walk, &element)) {
        struct slice name =
            element.type == JSON_STRING ? json_string_value(&element, strings) : SLICE_EMPTY;
        if (!group_name_is_valid(name)) {
            return rest_refuse_value(parser, "groups", "The name of a group is not valid.");
        }
        rest_push(&parser->scratch->groups, name);
    }
    return true;
}

static bool read_member(struct parser *parser, struct slice key, const struct json_value *value,
                        bool *has_groups)
{
    if (json_string_equal(key, "groups")) {
        if (value->type != JSON_ARRAY || *has_groups) {
            return rest_refuse_value(parser, "groups", "groups must be one array of names.");
        }
        *has_groups = true;
        return read_groups(parser, value);
    }
    if (json_string_equal(key, "filter") && value->type != JSON_NULL) {
        if (value->type != JSON_STRING || parser->operation->filter.length > 0) {
            return rest_refuse_value(parser, "filter", "filter must be one string.");
        }
        return rest_set_filter(parser, json_string_value(value, &parser->scratch->strings));
    }
    return true;
}

/* A body that is a JSON object, whether it says so or nothing. */
static bool read_object(struct parser *parser, struct payload *payload, struct json_value *object)
{
    if (!read_payload(parser, payload)) {
        return false;
    }
    if (payload->type != DATA_JSON &&
        rest_header(parser->request, SLICE_LITERAL("content-type")).length > 0) {
        return rest_refuse(parser, 415, "Content-Type",
                           SLICE_LITERAL("The Content-Type must be application/json."));
    }
    payload->type = DATA_JSON;
    return (json_parse(payload->bytes, object) && object->type == JSON_OBJECT) ||
           rest_refuse_value(parser, "body", "The body must be a JSON object.");
}

static bool read_settings(struct parser *parser)
{
    struct json_value object;
    return read_object(parser, &parser->operation->data, &object);
}

static bool read_many(struct parser *parser)
{
    struct payload payload = {0};
    struct json_value object, value;
    struct slice key;
    bool has_groups = false;
    if (!read_object(parser, &payload, &object)) {
        return false;
    }
    buffer_reserve(&parser->scratch->strings, payload.bytes.length); /* they must not move */
    struct json_walk walk = json_members(&object);
    while (json_next_member(&walk, &key, &value)) {
        if (!read_member(parser, key, &value, &has_groups)) {
            return false;
        }
    }
    return has_groups || rest_refuse_value(parser, "groups", "groups is missing.");
}

bool rest_read_body(struct parser *parser)
{
    static bool (*const readers[])(struct parser *) = {
        [BODY_NONE] = read_nothing,
        [BODY_DATA] = read_data,
        [BODY_GROUPS] = read_many,
        [BODY_SETTINGS] = read_settings,
    };
    return readers[parser->route->body](parser);
}
