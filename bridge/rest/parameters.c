/* The parameters of the query, by a table of what they are (spec/webpubsub.md 6.1, 6.3). Those that
 * an operation does not have are ignored; one that may stand once is refused twice.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"
#include "mqtt/utf8.h"
#include "rest/filter.h"
#include "rest/parser.h"
#include "wire/request_check.h"

enum { PAGE_SIZE_MAX = 200, MINUTES_DEFAULT = 60, MINUTES_MAX = 366 * 24 * 60 };

/* --- values --- */

/* A decimal number within these bounds. */
static bool read_number(struct slice text, uint32_t minimum, uint32_t maximum, uint32_t *number)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || sum > UINT32_MAX) {
            return false;
        }
        sum = sum * 10 + (text.data[i] - '0');
    }
    *number = (uint32_t)sum;
    return text.length > 0 && sum >= minimum && sum <= maximum;
}

static bool take_version(struct parser *parser, struct slice value)
{
    static const char *const versions[] = {
        "2021-10-01", "2022-11-01",         "2023-07-01",         "2024-01-01",
        "2024-12-01", "2021-05-01-preview", "2021-08-01-preview", "2026-02-01-preview",
    };
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (equal_ignoring_case(value, slice_from_string(versions[i]))) {
            parser->operation->api_version = value;
            return true;
        }
    }
    return rest_refuse_value(parser, "api-version", "The api-version is unknown.");
}

static bool take_excluded(struct parser *parser, struct slice value)
{
    rest_push(&parser->scratch->excluded, value);
    return rest_name_is_valid(value) ||
           rest_refuse_value(parser, "excluded", "An excluded connection id is not valid.");
}

static bool is_blank(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != ' ') {
            return false;
        }
    }
    return true;
}

bool rest_set_filter(struct parser *parser, struct slice text)
{
    struct buffer *message = &parser->scratch->message;
    if (is_blank(text)) {
        return true;
    }
    struct filter *filter = filter_compile(text, message);
    if (!filter) {
        return rest_refuse(parser, 400, "filter", buffer_slice(message));
    }
    filter_free(filter);
    parser->operation->filter = text;
    return true;
}

static bool take_ttl(struct parser *parser, struct slice value)
{
    return read_number(value, 0, TTL_SECONDS_MAX, &parser->operation->ttl_seconds) ||
           rest_refuse_value(parser, "messageTtlSeconds",
                             "messageTtlSeconds must be from 0 to 300.");
}

static bool take_reason(struct parser *parser, struct slice value)
{
    parser->operation->reason = value;
    return utf8_is_valid_string(value) ||
           rest_refuse_value(parser, "reason", "The reason is not UTF-8.");
}

static bool take_target_name(struct parser *parser, struct slice value)
{
    parser->operation->has_target_name = true;
    parser->operation->target_name = value;
    return group_name_is_valid(value) ||
           rest_refuse_value(parser, "targetName", "targetName is not the name of a group.");
}

static bool take_page_size(struct parser *parser, struct slice value)
{
    return read_number(value, 1, PAGE_SIZE_MAX, &parser->operation->page_size) ||
           rest_refuse_value(parser, "maxpagesize", "maxpagesize must be from 1 to 200.");
}

static bool take_top(struct parser *parser, struct slice value)
{
    return read_number(value, 1, INT32_MAX, &parser->operation->top) ||
           rest_refuse_value(parser, "top", "top must be at least 1.");
}

static bool take_continuation(struct parser *parser, struct slice value)
{
    parser->operation->continuation = value;
    return value.length == 0 || group_name_is_valid(value) ||
           rest_refuse_value(parser, "continuationToken", "The continuationToken is not valid.");
}

static bool take_user(struct parser *parser, struct slice value)
{
    parser->operation->user = value;
    return value.length == 0 || rest_name_is_valid(value) ||
           rest_refuse_value(parser, "userId", "The user id is not valid.");
}

static bool take_role(struct parser *parser, struct slice value)
{
    rest_push(&parser->scratch->roles, value);
    return utf8_is_valid_string(value) || rest_refuse_value(parser, "role", "A role is not UTF-8.");
}

static bool take_group(struct parser *parser, struct slice value)
{
    rest_push(&parser->scratch->groups, value);
    return group_name_is_valid(value) ||
           rest_refuse_value(parser, "group", "The name of a group is not valid.");
}

static bool take_minutes(struct parser *parser, struct slice value)
{
    return read_number(value, 1, MINUTES_MAX, &parser->operation->minutes) ||
           rest_refuse_value(parser, "minutesToExpire",
                             "minutesToExpire must be from 1 to 527040 (a year).");
}

static bool take_client_type(struct parser *parser, struct slice value)
{
    parser->operation->is_mqtt = equal_ignoring_case(value, SLICE_LITERAL("MQTT"));
    return parser->operation->is_mqtt || equal_ignoring_case(value, SLICE_LITERAL("Default")) ||
           rest_refuse_value(parser, "clientType", "clientType must be Default or MQTT.");
}

static bool take_failures(struct parser *parser, struct slice value)
{
    parser->operation->only_failures = slice_equal(value, SLICE_LITERAL("true"));
    return parser->operation->only_failures || slice_equal(value, SLICE_LITERAL("false")) ||
           rest_refuse_value(parser, "failures", "failures must be true or false.");
}

/* --- the query --- */

static const struct parameter {
    struct slice name;
    unsigned bit;
    bool may_repeat;
    bool (*take)(struct parser *parser, struct slice value);
} parameters[] = {
    {SLICE_LITERAL("api-version"), PARAMETER_VERSION, false, take_version},
    {SLICE_LITERAL("excluded"), PARAMETER_EXCLUDED, true, take_excluded},
    {SLICE_LITERAL("filter"), PARAMETER_FILTER, false, rest_set_filter},
    {SLICE_LITERAL("messageTtlSeconds"), PARAMETER_TTL, false, take_ttl},
    {SLICE_LITERAL("reason"), PARAMETER_REASON, false, take_reason},
    {SLICE_LITERAL("targetName"), PARAMETER_TARGET_NAME, false, take_target_name},
    {SLICE_LITERAL("maxpagesize"), PARAMETER_PAGE_SIZE, false, take_page_size},
    {SLICE_LITERAL("top"), PARAMETER_TOP, false, take_top},
    {SLICE_LITERAL("continuationToken"), PARAMETER_CONTINUATION, false, take_continuation},
    {SLICE_LITERAL("userId"), PARAMETER_USER, false, take_user},
    {SLICE_LITERAL("role"), PARAMETER_ROLE, true, take_role},
    {SLICE_LITERAL("group"), PARAMETER_GROUP, true, take_group},
    {SLICE_LITERAL("minutesToExpire"), PARAMETER_MINUTES, false, take_minutes},
    {SLICE_LITERAL("clientType"), PARAMETER_CLIENT_TYPE, false, take_client_type},
    {SLICE_LITERAL("failures"), PARAMETER_FAILURES, false, take_failures},
};

static const struct parameter *find_parameter(struct slice name)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (equal_ignoring_case(parameters[i].name, name)) {
            return &parameters[i];
        }
    }
    return NULL;
}

static bool take_parameter(struct parser *parser, const struct parameter *parameter,
                           struct slice value)
{
    if (!(parameter->bit & (parser->route->parameters | PARAMETER_VERSION))) {
        return true;
    }
    if ((parser->seen & parameter->bit) && !parameter->may_repeat) {
        return rest_refuse_value(parser, (const char *)parameter->name.data,
                                 "The parameter stands more than once.");
    }
    parser->seen |= parameter->bit;
    return parameter->take(parser, value);
}

/* Decodes into the scratch memory; it has room for all of the query, so nothing moves. */
static bool decode(struct parser *parser, struct slice encoded, struct slice *text)
{
    struct buffer *bytes = &parser->scratch->query;
    size_t start = bytes->length;
    bool is_good = url_append_decoded(bytes, encoded, true);
    *text = slice_from(buffer_slice(bytes), start);
    return is_good || rest_refuse_value(parser, NULL, "The query of the URL is not valid.");
}

bool rest_read_parameters(struct parser *parser)
{
    struct slice query = parser->scratch->url.query, name, value;
    parser->operation->page_size = PAGE_SIZE_MAX;
    parser->operation->minutes = MINUTES_DEFAULT;
    buffer_reserve(&parser->scratch->query, query.length);
    while (url_query_take(&query, &name, &value)) {
        if (!decode(parser, name, &name) || !decode(parser, value, &value)) {
            return false;
        }
        const struct parameter *parameter = find_parameter(name);
        if (parameter && !take_parameter(parser, parameter, value)) {
            return false;
        }
    }
    return true;
}
