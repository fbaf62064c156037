/* CloudEvents in binary mode, of HTTP and of MQTT: attributes and body become one event in JSON,
 * which is then read as if it had come so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "eventgrid/publish_reader.h"
#include "mqtt/utf8.h"
#include "secret/base64.h"

#define PREFIX SLICE_LITERAL("ce-")

enum {
    ESCAPED_MAX = 6, /* bytes in JSON for one of a text */
    ENCODED_MAX = 2, /* in base64 */
    MEMBER_MAX = 8,  /* quotes, colon, comma, brackets */
    DATA_MAX = 64,   /* the members' names around the data, and a content type */
};

/* In the order in which Azure misses them. */
static const struct slice required[] = {
    SLICE_LITERAL("specversion"),
    SLICE_LITERAL("id"),
    SLICE_LITERAL("source"),
    SLICE_LITERAL("type"),
};
enum { REQUIRED = sizeof(required) / sizeof(required[0]) };

/* --- attributes among headers and user properties --- */

/* The attribute's name; empty: it is none. */
static struct slice attribute_name(const struct publish_request *request, const struct pair *pair)
{
    struct slice name = pair->key;

    if (!request->is_mqtt) {
        if (!starts_ignoring_case(name, PREFIX)) {
            return SLICE_EMPTY;
        }
        name = slice_from(name, PREFIX.length);
    }
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = request->is_mqtt ? name.data[i] : ascii_lower(name.data[i]);
        if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c)) {
            return SLICE_EMPTY;
        }
    }
    return equal_ignoring_case(name, SLICE_LITERAL("data")) ? SLICE_EMPTY : name;
}

static bool is_required(struct slice name)
{
    for (size_t i = 0; i < REQUIRED; i++) {
        if (equal_ignoring_case(name, required[i])) {
            return true;
        }
    }
    return false;
}

bool publish_has_attributes(const struct publish_request *request)
{
    for (size_t i = 0; i < request->attributes.count; i++) {
        if (is_required(attribute_name(request, &request->attributes.items[i]))) {
            return true;
        }
    }
    return false;
}

size_t publish_assembled_max(const struct publish_request *request)
{
    size_t most = DATA_MAX + request->content_type.length * ESCAPED_MAX +
                  request->body.length * (request->is_mqtt ? ESCAPED_MAX : ENCODED_MAX);

    for (size_t i = 0; i < request->attributes.count; i++) {
        const struct pair *pair = &request->attributes.items[i];
        most += MEMBER_MAX + pair->key.length + pair->value.length * ESCAPED_MAX;
    }
    return most;
}

/* The last one of this name; NULL: there is none. */
static const struct pair *find_attribute(const struct publish_request *request, struct slice name)
{
    for (size_t i = request->attributes.count; i > 0; i--) {
        const struct pair *pair = &request->attributes.items[i - 1];
        if (equal_ignoring_case(attribute_name(request, pair), name)) {
            return pair;
        }
    }
    return NULL;
}

/* --- values --- */

/* What a header says (CloudEvents' HTTP binding, 3.1.3.2): quotes around it and backslashes within
 * go, then %xx are decoded; what cannot be decoded stays. */
static void append_header_bytes(struct buffer *out, struct slice value)
{
    bool is_quoted =
        value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"';

    if (is_quoted) {
        value = slice_make(value.data + 1, value.length - 2);
    }
    while (value.length > 0) {
        int byte = percent_decode(value);
        if (byte < 0 && is_quoted && value.data[0] == '\\' && value.length > 1) {
            value = slice_from(value, 1);
        }
        buffer_append_byte(out, byte >= 0 ? (uint8_t)byte : value.data[0]);
        value = slice_from(value, byte >= 0 ? 3 : 1);
    }
}

static void append_latin1_as_utf8(struct buffer *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t c = bytes.data[i];
        if (c < 0x80) {
            buffer_append_byte(out, c);
        } else {
            buffer_append_byte(out, (uint8_t)(0xC0 | c >> 6));
            buffer_append_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
        }
    }
}

/* Some clients send UTF-8 as it is, some Latin-1. */
static void append_value(struct publish_reader *reader, struct buffer *json, struct slice value)
{
    struct buffer *work = &reader->scratch->message;
    size_t start;

    if (reader->request->is_mqtt) {
        json_append_string(json, value);
        return;
    }
    work->length = 0;
    append_header_bytes(work, value);
    if (utf8_is_well_formed(buffer_slice(work))) {
        json_append_string(json, buffer_slice(work));
        return;
    }
    start = work->length;
    buffer_reserve(work, 2 * start); /* the source must not move */
    append_latin1_as_utf8(work, slice_make(work->data, start));
    json_append_string(json, slice_from(buffer_slice(work), start));
}

/* --- the event --- */

static bool check_required(struct publish_reader *reader)
{
    const struct publish_request *request = reader->request;
    struct slice prefix = request->is_mqtt ? SLICE_EMPTY : PREFIX;
    uint8_t name[16];

    for (size_t i = 0; i < REQUIRED; i++) {
        const struct pair *pair = find_attribute(request, required[i]);
        if (!pair || pair->value.length == 0) {
            memcpy(name, PREFIX.data, prefix.length);
            memcpy(name + prefix.length, required[i].data, required[i].length);
            return publish_refuse(reader, pair ? FAULT_HEADER_EMPTY : FAULT_HEADER_MISSING,
                                  slice_make(name, prefix.length + required[i].length));
        }
    }
    return true;
}

static void append_member_name(struct buffer *json, struct slice name)
{
    buffer_append_string(json, json->data[json->length - 1] == '{' ? "\"" : ",\"");
    for (size_t i = 0; i < name.length; i++) {
        buffer_append_byte(json, ascii_lower(name.data[i]));
    }
    buffer_append_string(json, "\":");
}

/* The content type stands in its own header, and goes before an attribute of that name. */
static bool is_to_be_written(const struct publish_request *request, const struct pair *pair)
{
    struct slice name = attribute_name(request, pair);

    if (name.length == 0 || pair->value.length == 0 || find_attribute(request, name) != pair) {
        return false;
    }
    return request->content_type.length == 0 ||
           !equal_ignoring_case(name, SLICE_LITERAL("datacontenttype"));
}

static void append_content_type(struct buffer *json, struct slice content_type)
{
    append_member_name(json, SLICE_LITERAL("datacontenttype"));
    json_append_string(json, content_type);
}

static void append_data(struct buffer *json, struct slice body, bool is_text)
{
    if (is_text) {
        append_member_name(json, SLICE_LITERAL("data"));
        json_append_string(json, body);
        return;
    }
    append_member_name(json, SLICE_LITERAL("data_base64"));
    buffer_append_byte(json, '"');
    base64_append(json, body);
    buffer_append_byte(json, '"');
}

/* A body that is no JSON. Without a content type its bytes tell. Namespaces take no other for
 * text (5.2). */
static void append_other_body(struct buffer *json, const struct publish_request *request,
                              struct slice body)
{
    bool is_text = request->is_mqtt && utf8_is_well_formed(body);

    if (request->content_type.length == 0) {
        append_content_type(json, is_text ? SLICE_LITERAL("text/plain")
                                          : SLICE_LITERAL("application/octet-stream"));
    } else if (!publish_content_is_json(request->content_type)) {
        is_text = is_text && starts_ignoring_case(request->content_type, SLICE_LITERAL("text/"));
    }
    append_data(json, body, is_text);
}

static bool append_body(struct publish_reader *reader, struct buffer *json, struct slice body)
{
    const struct publish_request *request = reader->request;
    struct json_value value;
    bool may_be_other = request->is_mqtt || publish_is_of_namespace(request);
    bool must_be_json = !may_be_other || publish_content_is_json(request->content_type);
    bool is_json;

    if (body.length == 0) {
        return may_be_other || publish_refuse(reader, FAULT_JSON_END, SLICE_EMPTY);
    }
    is_json = (must_be_json || request->content_type.length == 0) && json_parse_inner(body, &value);
    if (must_be_json && !is_json && !request->is_routed) {
        return publish_refuse(reader, FAULT_JSON_TOKEN, SLICE_EMPTY);
    }
    if (is_json) {
        append_member_name(json, SLICE_LITERAL("data"));
        buffer_append(json, value.text);
    } else {
        append_other_body(json, request, body);
    }
    return true;
}

bool publish_assemble(struct publish_reader *reader, struct slice body, struct slice *json)
{
    const struct publish_request *request = reader->request;
    struct buffer *out = &reader->scratch->texts;
    size_t start = out->length;

    if (!check_required(reader)) {
        return false;
    }
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < request->attributes.count; i++) {
        const struct pair *pair = &request->attributes.items[i];
        if (is_to_be_written(request, pair)) {
            append_member_name(out, attribute_name(request, pair));
            append_value(reader, out, pair->value);
        }
    }
    if (request->content_type.length > 0) {
        append_content_type(out, request->content_type);
    }
    if (!append_body(reader, out, body)) {
        return false;
    }
    buffer_append_byte(out, '}');
    *json = slice_from(buffer_slice(out), start);
    return true;
}
