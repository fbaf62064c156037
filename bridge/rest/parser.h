/* What the steps of rest_parse() share: parse.c, route.c, parameters.c, body.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_PARSER_H
#define PUBGRID_REST_PARSER_H

#include "rest/parse.h"

enum rest_body {
    BODY_NONE,     /* what there is, is ignored */
    BODY_DATA,     /* a message: operation->data */
    BODY_GROUPS,   /* JSON: operation->groups and ->filter */
    BODY_SETTINGS, /* JSON: operation->data */
};

/* Places in paths; the names of these are captured. */
enum rest_place { PLACE_HUB, PLACE_GROUP, PLACE_USER, PLACE_CONNECTION, PLACE_PERMISSION, PLACES };

struct rest_route {
    const char *method;
    const char *segments[URL_SEGMENTS_MAX]; /* behind /api; "{h}" and so on are places */
    enum rest_kind kind;
    enum rest_target target;
    unsigned parameters; /* PARAMETER_* */
    enum rest_body body;
};

/* Of the query; api-version is everywhere. */
enum {
    PARAMETER_VERSION = 1 << 0,
    PARAMETER_EXCLUDED = 1 << 1,
    PARAMETER_FILTER = 1 << 2,
    PARAMETER_TTL = 1 << 3,
    PARAMETER_REASON = 1 << 4,
    PARAMETER_TARGET_NAME = 1 << 5,
    PARAMETER_PAGE_SIZE = 1 << 6,
    PARAMETER_TOP = 1 << 7,
    PARAMETER_CONTINUATION = 1 << 8,
    PARAMETER_USER = 1 << 9,
    PARAMETER_ROLE = 1 << 10,
    PARAMETER_GROUP = 1 << 11,
    PARAMETER_MINUTES = 1 << 12,
    PARAMETER_CLIENT_TYPE = 1 << 13,
    PARAMETER_FAILURES = 1 << 14,
};

struct parser {
    const struct upgrade_context *context;
    const struct rest_request *request;
    struct rest_scratch *scratch;
    struct rest_operation *operation;
    struct rest_error *error;
    const struct rest_route *route;
    struct slice places[PLACES]; /* data NULL: not in the path */
    unsigned seen;               /* PARAMETER_* */
    struct slice host;           /* header */
};

/* Is there a good token? NULL, or the sentence that refuses it. */
const char *rest_check_token(const struct parser *parser);

/* All return false when the request is refused, with parser->error set. */
bool rest_find_route(struct parser *parser);
/* The names in the path. */
bool rest_read_places(struct parser *parser);
bool rest_read_parameters(struct parser *parser);
bool rest_read_body(struct parser *parser);

/* Sets the error and returns false. `message` is static or in the scratch memory. */
bool rest_refuse(struct parser *parser, int status, const char *target, struct slice message);
/* Status 400. */
bool rest_refuse_value(struct parser *parser, const char *target, const char *message);
/* The value of a header, without the white space around it; empty: there is none. */
struct slice rest_header(const struct rest_request *request, struct slice name);

/* A user or connection: 1 to 1024 bytes of UTF-8 without NUL. */
bool rest_name_is_valid(struct slice name);
/* Sets operation->filter to `text` if it is a good one that is not blank. */
bool rest_set_filter(struct parser *parser, struct slice text);

static inline void rest_push(struct buffer *slices, struct slice text)
{
    buffer_append(slices, slice_make(&text, sizeof(text)));
}

static inline const struct slice *rest_pushed(const struct buffer *slices, size_t *count)
{
    *count = slices->length / sizeof(struct slice);
    return (const struct slice *)(const void *)slices->data;
}

#endif
