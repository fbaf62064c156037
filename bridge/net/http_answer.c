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
    {204, "No Content", NULL},
    {304, "Not Modified", NULL},
    {400, "Bad Request", "BadRequest"},
    {401, "Unauthorized", "Unauthorized"},
    {403, "Forbidden", "Forbidden"},
    {404, "Not Found", "NotFound"},
    {405, "Method Not Allowed", "MethodNotAllowed"},
    {414, "URI Too Long", "UriTooLong"},
    {426, "Upgrade Required", "UpgradeRequired"},
    {429, "Too Many Requests", "TooManyRequests"},
    {500, "Internal Server Error", "InternalServerError"},
    {503, "Service Unavailable", "ServiceUnavailable"},
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

bool http_write(struct lws *lws, struct http_answer *answer, bool with_content)
{
    const struct status_text *entry = find_status(answer->status);
    struct slice content = answer->body.length > 0 ? buffer_slice(&answer->body) : answer->content;
    struct buffer out = {0};
    bool ok;

    buffer_reserve(&out, LWS_PRE);
    out.length = LWS_PRE;
    buffer_append_format(&out, "HTTP/1.1 %d %s\r\n", entry->status, entry->phrase);
    if (has_content(entry->status)) {
        buffer_append_format(&out, "content-type: %s\r\ncontent-length: %zu\r\n",
                             answer->content_type ? answer->content_type
                                                  : "application/json; charset=utf-8",
                             content.length);
    }
    if (answer->closes) {
        buffer_append_string(&out, "connection: close\r\n");
    }
    buffer_append(&out, buffer_slice(&answer->headers));
    buffer_append_string(&out, "\r\n");
    if (with_content && has_content(entry->status)) {
        buffer_append(&out, content);
    }
    ok = lws_write(lws, out.data + LWS_PRE, out.length - LWS_PRE, LWS_WRITE_HTTP) >= 0;
    buffer_release(&out);
    buffer_release(&answer->headers);
    buffer_release(&answer->body);
    return ok;
}
