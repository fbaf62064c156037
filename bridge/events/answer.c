/* See answer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/answer.h"

#include "access/characters.h"
#include "access/head.h"
#include "events/cookies.h"
#include "mqtt/utf8.h"
#include "wire/request_check.h"
#include "json/json.h"

struct parser {
    struct event_answer *answer;
    struct answer_scratch *scratch;
    const struct answer_parts *parts;
    size_t metadata_count, property_count;
};

static void refuse(struct event_answer *answer, const char *error)
{
    *answer = (struct event_answer){.error = error};
}

/* ---------------------------------------------------------------- headers */

/* Each takes a header's value; `name` is in lower case, without the prefix. False: a bad answer. */
typedef bool take_header(struct parser *parser, struct slice name, struct slice value);

static bool take_content_type(struct parser *parser, struct slice name, struct slice value)
{
    (void)name;
    if (utf8_is_valid_string(value)) {
        parser->answer->content_type = value;
    }
    return true;
}

static bool is_opaque(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < 0x20 || value.data[i] == 0x7F) {
            return false;
        }
    }
    return value.length <= ANSWER_STATE_MAX;
}

static bool take_state(struct parser *parser, struct slice name, struct slice value)
{
    struct event_answer *answer = parser->answer;

    (void)name;
    if (!parser->parts->is_blocking) {
        return true;
    }
    if (answer->has_state) {
        refuse(answer, "the answer has two ce-connectionState headers");
        return false;
    }
    if (!is_opaque(value)) {
        refuse(answer, "the answer's ce-connectionState is too long or has control characters");
        return false;
    }
    answer->has_state = true;
    answer->state = value;
    return true;
}

static bool take_cookie(struct parser *parser, struct slice name, struct slice value)
{
    struct buffer *cookies = &parser->scratch->cookies;

    (void)name;
    if (!parser->answer->has_cookies) {
        cookies->length = 0;
        buffer_append(cookies, parser->parts->cookies);
    }
    parser->answer->has_cookies |= cookies_set(cookies, parser->parts->upstream, value);
    return true;
}

static bool has_key(struct pairs pairs, struct slice key)
{
    for (size_t i = 0; i < pairs.count; i++) {
        if (slice_equal(pairs.items[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* What is not good as metadata (2.1), or comes twice, is left out. */
static bool take_metadata(struct parser *parser, struct slice name, struct slice value)
{
    struct pair *items = parser->scratch->metadata;
    struct pairs pairs = {items, parser->metadata_count};

    if (pairs.count < ANSWER_PAIRS_MAX && !has_key(pairs, name)) {
        items[pairs.count++] = (struct pair){name, value};
        if (metadata_is_valid(pairs)) {
            parser->metadata_count++;
        }
    }
    return true;
}

static bool take_property(struct parser *parser, struct slice name, struct slice value)
{
    if (parser->property_count < ANSWER_PAIRS_MAX && utf8_is_valid_string(name) &&
        utf8_is_valid_string(value)) {
        parser->scratch->properties[parser->property_count++] = (struct pair){name, value};
    }
    return true;
}

static const struct {
    struct slice name;
    bool is_prefix;
    take_header *take;
} headers[] = {
    {SLICE_LITERAL("content-type"), false, take_content_type},
    {SLICE_LITERAL("ce-connectionstate"), false, take_state},
    {SLICE_LITERAL("set-cookie"), false, take_cookie},
    {SLICE_LITERAL("x-webpubsub-metadata-"), true, take_metadata},
    {SLICE_LITERAL("mqtt-"), true, take_property},
};

static bool take(struct parser *parser, const struct header *header)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        size_t length = headers[i].name.length;
        bool fits =
            headers[i].is_prefix ? header->name.length > length : header->name.length == length;
        if (fits && equal_ignoring_case(slice_make(header->name.data, length), headers[i].name)) {
            struct buffer *names = &parser->scratch->names;
            size_t from = names->length;
            for (size_t j = length; j < header->name.length; j++) {
                buffer_append_byte(names, ascii_lower(header->name.data[j]));
            }
            return headers[i].take(parser, slice_from(buffer_slice(names), from), header->value);
        }
    }
    return true;
}

/* ---------------------------------------------------------------- the body */

/* What it says it is, if it is that. */
static enum data_type data_type(struct slice content_type, struct slice body)
{
    struct slice type = trim_blanks(take_up_to(&content_type, ';'));
    struct json_value value;
    bool is_json = equal_ignoring_case(type, SLICE_LITERAL("application/json"));

    if (is_json && json_parse_inner(body, &value)) {
        return DATA_JSON;
    }
    if ((is_json || equal_ignoring_case(type, SLICE_LITERAL("text/plain"))) &&
        utf8_is_well_formed(body)) {
        return DATA_TEXT;
    }
    return DATA_BINARY;
}

void event_answer_parse(struct event_answer *answer, struct answer_scratch *scratch,
                        const struct answer_parts *parts)
{
    struct parser parser = {.answer = answer, .scratch = scratch, .parts = parts};
    struct slice head = parts->head;
    struct header header;

    *answer = (struct event_answer){.status = parts->status};
    if (parts->body.length > ANSWER_BODY_MAX || head.length > ANSWER_HEAD_MAX) {
        refuse(answer, "the answer is too long");
        return;
    }
    scratch->names.length = 0;
    buffer_reserve(&scratch->names, head.length); /* the slices must not move */
    while (head_next(&head, &header)) {
        if (!take(&parser, &header)) {
            return;
        }
    }
    answer->cookies = answer->has_cookies ? buffer_slice(&scratch->cookies) : SLICE_EMPTY;
    answer->metadata = (struct pairs){scratch->metadata, parser.metadata_count};
    answer->properties = (struct pairs){scratch->properties, parser.property_count};
    answer->data = (struct payload){data_type(answer->content_type, parts->body), parts->body};
}

void answer_scratch_release(struct answer_scratch *scratch)
{
    buffer_release(&scratch->cookies);
    buffer_release(&scratch->names);
}
