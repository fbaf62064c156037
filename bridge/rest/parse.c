/* The steps of parsing, and errors. See parse.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/parse.h"

#include "access/characters.h"
#include "access/public_url.h"
#include "mqtt/utf8.h"
#include "rest/parser.h"
#include "json/json.h"

enum { NAME_BYTES_MAX = 1024 };

/* --- what the steps share --- */

/* The codes of errors, by status. */
static const struct {
    int status;
    const char *code;
} codes[] = {
    {400, "Error.BadRequest"},      {401, "Error.Unauthorized"},
    {404, "Error.NotFound"},        {405, "Error.MethodNotAllowed"},
    {413, "Error.PayloadTooLarge"}, {415, "Error.UnsupportedMediaType"},
};

bool rest_refuse(struct parser *parser, int status, const char *target, struct slice message)
{
    struct rest_error *error = parser->error;
    error->status = status;
    error->target = target;
    error->message = message;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].status == status) {
            error->code = codes[i].code;
        }
    }
    return false;
}

bool rest_refuse_value(struct parser *parser, const char *target, const char *message)
{
    return rest_refuse(parser, 400, target, slice_from_string(message));
}

bool rest_name_is_valid(struct slice name)
{
    return name.length > 0 && name.length <= NAME_BYTES_MAX && utf8_is_valid_string(name);
}

/* --- where the client thinks we are --- */

static bool read_base_url(struct parser *parser)
{
    struct buffer *url = &parser->scratch->base_url;
    if (!public_url_append(url, parser->context, parser->host, parser->request->is_tls)) {
        return rest_refuse_value(parser, "Host", "The Host header is missing or not valid.");
    }
    parser->operation->base_url = buffer_slice(url);
    return true;
}

/* --- the steps --- */

static bool authenticate(struct parser *parser)
{
    const char *wrong = parser->route->kind == REST_HEALTH ? NULL : rest_check_token(parser);
    return !wrong || rest_refuse(parser, 401, NULL, slice_from_string(wrong));
}

enum { BUFFERS = 11 };

static void list_buffers(struct rest_scratch *scratch, struct buffer *buffers[BUFFERS])
{
    struct buffer *const all[BUFFERS] = {
        &scratch->query,  &scratch->body,    &scratch->strings,  &scratch->metadata,
        &scratch->claims, &scratch->message, &scratch->base_url, &scratch->excluded,
        &scratch->groups, &scratch->roles,   &scratch->pairs,
    };
    memcpy(buffers, all, sizeof(all));
}

static void clear(struct rest_scratch *scratch)
{
    struct buffer *buffers[BUFFERS];
    list_buffers(scratch, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i]->length = 0;
    }
    url_release(&scratch->url);
}

static void set_lists(struct rest_operation *operation, const struct rest_scratch *scratch)
{
    operation->excluded = rest_pushed(&scratch->excluded, &operation->excluded_count);
    operation->groups = rest_pushed(&scratch->groups, &operation->group_count);
    operation->roles = rest_pushed(&scratch->roles, &operation->role_count);
}

bool rest_parse(const struct upgrade_context *context, const struct rest_request *request,
                struct rest_scratch *scratch, struct rest_operation *operation,
                struct rest_error *error)
{
    struct parser parser = {.context = context,
                            .request = request,
                            .scratch = scratch,
                            .operation = operation,
                            .error = error,
                            .host = rest_header(request, SLICE_LITERAL("host"))};
    struct slice target = request->target;
    clear(scratch);
    *operation = (struct rest_operation){0};
    *error = (struct rest_error){0};
    if (!rest_find_route(&parser) || !authenticate(&parser) || !rest_read_places(&parser) ||
        !read_base_url(&parser) || !rest_read_parameters(&parser) || !rest_read_body(&parser)) {
        return false;
    }
    set_lists(operation, scratch);
    operation->path = take_up_to(&target, '?');
    return true;
}

bool rest_is_path(struct slice target)
{
    return starts_ignoring_case(target, SLICE_LITERAL("/api/"));
}

void rest_scratch_release(struct rest_scratch *scratch)
{
    struct buffer *buffers[BUFFERS];
    list_buffers(scratch, buffers);
    for (size_t i = 0; i < BUFFERS; i++) {
        buffer_release(buffers[i]);
    }
    url_release(&scratch->url);
}

/* --- errors --- */

void rest_error_append(struct buffer *out, const struct rest_error *error)
{
    buffer_append_format(out, "{\"code\":\"%s\",\"message\":", error->code);
    json_append_string(out, error->message);
    if (error->target) {
        buffer_append_format(out, ",\"target\":\"%s\"", error->target);
    }
    buffer_append_byte(out, '}');
}
