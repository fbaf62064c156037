/* How answers look on the wire; see http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "net/http.h"
#include "json/json.h"

static const struct status_text {
    int status;
    const char *phrase; /* of the status line */
    const char *code;   /* of error bodies */
} statuses[] = {
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {304, "Not Modified", NULL},
    {308, "Permanent Redirect", NULL},
    {400, "Bad Request", "BadRequest"},
    {401, "Unauthorized", "Unauthorized"},
    {403, "Forbidden", "Forbidden"},
    {404, "Not Found", "NotFound"},
    {405, "Method Not Allowed", "MethodNotAllowed"},
    {409, "Conflict", "Conflict"},
    {412, "Precondition Failed", "PreconditionFailed"},
    {413, "Content Too Large", "ContentTooLarge"},
    {414, "URI Too Long", "UriTooLong"},
    {415, "Unsupported Media Type", "UnsupportedMediaType"},
    {426, "Upgrade Required", "UpgradeRequired"},
    {429, "Too Many Requests", "TooManyRequests"},
    {431, "Request Header Fields Too Large", "RequestHeaderFieldsTooLarge"},
    {500, "Internal Server Error", "InternalServerError"},
    {501, "Not Implemented", "NotImplemented"},
    {503, "Service Unavailable", "ServiceUnavailable"},
    {505, "HTTP Version Not Supported", "HttpVersionNotSupported"},
};

/* A status that is not in the table is one that nobody may send: 500. */
static const struct status_text *find_status(int status)
{
    const struct status_text *internal = NULL;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status) {
            return &statuses[i];
        }
        if (statuses[i].status == 500) {
            internal = &statuses[i];
        }
    }
    return internal;
}

void http_add_header(struct http_answer *answer, const char *name, const char *value)
{
    buffer_append_format(&answer->headers, "%s: %s\r\n", name, value);
}

void http_refuse(struct http_answer *answer, int status, const char *message)
{
    const struct status_text *entry = find_status(status);

    answer->status = entry->status;
    answer->content_type = NULL;
    answer->body.length = 0;
    buffer_append_string(&answer->body, "{\"error\":{\"code\":\"");
    buffer_append_string(&answer->body, entry->code);
    buffer_append_string(&answer->body, "\",\"message\":");
    json_append_string(&answer->body, slice_from_string(message));
    buffer_append_string(&answer->body, "}}");
    if (entry->status == 401) {
        http_add_header(answer, "www-authenticate", "Bearer");
    }
}

static bool has_content(int status)
{
    return status != 204 && status != 304;
}

/* Each request has it, so it does without printf. */
static void append_head(struct buffer *out, const struct http_answer *answer,
                        const struct status_text *entry, size_t length)
{
    buffer_append(out, SLICE_LITERAL("HTTP/1.1 "));
    buffer_append_decimal(out, (uint64_t)entry->status);
    buffer_append_byte(out, ' ');
    buffer_append_string(out, entry->phrase);
    if (has_content(entry->status)) {
        if (length > 0 && (!answer->content_type || answer->content_type[0] != '\0')) {
            buffer_append(out, SLICE_LITERAL("\r\ncontent-type: "));
            buffer_append_string(out, answer->content_type ? answer->content_type
                                                           : "application/json; charset=utf-8");
        }
        buffer_append(out, SLICE_LITERAL("\r\ncontent-length: "));
        buffer_append_decimal(out, length);
    }
    if (answer->closes) {
        buffer_append(out, SLICE_LITERAL("\r\nconnection: close"));
    }
    buffer_append(out, SLICE_LITERAL("\r\n"));
    buffer_append(out, buffer_slice(&answer->headers));
    buffer_append(out, SLICE_LITERAL("\r\n"));
}

void http_format(struct buffer *out, const struct http_answer *answer, bool with_content)
{
    const struct status_text *entry = find_status(answer->status);
    struct slice content = answer->body.length > 0 ? buffer_slice(&answer->body) : answer->content;

    append_head(out, answer, entry, content.length);
    if (with_content && has_content(entry->status)) {
        buffer_append(out, content);
    }
}

void http_answer_release(struct http_answer *answer)
{
    buffer_release(&answer->headers);
    buffer_release(&answer->body);
}
