/* The routes; see http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "access/url.h"
#include "base/clock.h"
#include "client/metrics_text.h"
#include "net/http_head.h"
#include "net/service_state.h"
#include "page/page.h"

#define CONSOLE_PATH "/console"

/* ---------------------------------------------------------------- what is at them */

/* The process is there. */
static void answer_alive(const struct http_request *request, struct http_answer *answer)
{
    (void)request;
    answer->content = SLICE_LITERAL("{\"status\":\"ok\"}");
}

void http_answer_ready(const struct service *service, struct http_answer *answer)
{
    if (gateway_is_serving(service->options.gateway)) {
        answer->content = SLICE_LITERAL("{\"status\":\"ok\"}");
    } else {
        http_refuse(answer, 503, "the broker cannot be reached, or has not told its settings yet");
    }
}

static void answer_ready(const struct http_request *request, struct http_answer *answer)
{
    http_answer_ready(request->service, answer);
}

/* Paths of WebSockets. */
static void answer_upgrade_only(const struct http_request *request, struct http_answer *answer)
{
    (void)request;
    http_refuse(answer, 400, "this is for WebSockets: the request has no Upgrade header");
}

static void refuse_path(struct http_answer *answer)
{
    http_refuse(answer, 404, "there is nothing at this path");
}

/* The metrics, and each page, are a setting of the listener. */
static void answer_metrics(const struct http_request *request, struct http_answer *answer)
{
    if (!request->listener->metrics_enabled) {
        refuse_path(answer);
        return;
    }
    answer->content_type = METRICS_CONTENT_TYPE;
    gateway_write_metrics(request->service->options.gateway, &answer->body);
}

static void answer_file(const struct http_request *request, const struct embedded_file *files,
                        struct slice path, struct http_answer *answer)
{
    struct slice if_none_match = http_head_find(request->head, SLICE_LITERAL("if-none-match"));
    struct page_file file;

    if (!page_find(files, path, &file)) {
        refuse_path(answer);
        return;
    }
    if (page_is_current(&file, if_none_match)) {
        answer->status = 304;
    }
    answer->content_type = file.content_type;
    answer->content = file.content;
    http_add_header(answer, "etag", file.tag);
    http_add_header(answer, "cache-control", PAGE_FILE_CACHE);
    for (const struct page_header *header = page_headers; header->name; header++) {
        http_add_header(answer, header->name, header->value);
    }
}

static void answer_page(const struct http_request *request, struct http_answer *answer)
{
    if (request->listener->page_enabled) {
        answer_file(request, page_files, request->path, answer);
    } else {
        refuse_path(answer);
    }
}

static void answer_console(const struct http_request *request, struct http_answer *answer)
{
    struct slice path = slice_from(request->path, sizeof(CONSOLE_PATH) - 1);

    if (!request->listener->console_enabled) {
        refuse_path(answer);
    } else if (path.length == 0) {
        answer->status = 308;
        http_add_header(answer, "location", "console/");
    } else {
        answer_file(request, console_files, path, answer);
    }
}

static void answer_negotiate(const struct http_request *request, struct http_answer *answer)
{
    struct buffer user = {0};
    struct page_visit visit = {.is_tls = request->is_tls,
                               .host = http_head_find(request->head, SLICE_LITERAL("host")),
                               .now = clock_now() / 1000};

    if (!request->listener->page_enabled) {
        refuse_path(answer);
        return;
    }
    url_query_find(request->query, "user", &user);
    visit.user = buffer_slice(&user);
    if (!page_negotiate(&answer->body, request->service->options.upgrade_context->keys, &visit)) {
        http_refuse(answer, 400, "a user is needed: /negotiate?user=NAME");
    }
    http_add_header(answer, "cache-control", PAGE_NEGOTIATE_CACHE);
    buffer_release(&user);
}

/* ---------------------------------------------------------------- routes */

/* The first that fits is taken. All of them are for GET, HEAD and OPTIONS. */
static const struct http_route {
    const char *path;
    bool is_prefix; /* and everything that begins so */
    void (*answer)(const struct http_request *request, struct http_answer *answer);
} routes[] = {
    {"/healthz", false, answer_alive},
    {"/readyz", false, answer_ready},
    {"/metrics", false, answer_metrics},
    {"/negotiate", false, answer_negotiate},
    {"/client", false, answer_upgrade_only},
    {"/client/", true, answer_upgrade_only},
    {"/clients/", true, answer_upgrade_only},
    {"/mqtt", false, answer_upgrade_only},
    {CONSOLE_PATH, false, answer_console},
    {CONSOLE_PATH "/", true, answer_console},
    {"/", true, answer_page},
};

static const struct http_route *find_route(struct slice path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct slice begin = slice_from_string(routes[i].path);
        if (routes[i].is_prefix ? slice_starts_with(path, begin) : slice_equal(path, begin)) {
            return &routes[i];
        }
    }
    return NULL;
}

void http_answer_request(const struct http_request *request, struct http_answer *answer)
{
    const struct http_route *route = find_route(request->path);

    switch (request->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        if (route) {
            route->answer(request, answer);
        } else {
            refuse_path(answer);
        }
        break;
    case HTTP_OPTIONS:
        answer->status = 204;
        http_add_header(answer, "allow", "GET, HEAD, OPTIONS");
        break;
    case HTTP_OTHER:
        http_refuse(answer, 405, "only GET, HEAD and OPTIONS are possible here");
        http_add_header(answer, "allow", "GET, HEAD, OPTIONS");
    }
}
