/* What a request that we have read ourselves is for: a REST operation, Event
 * Grid (dispatch/call.h), or one of the routes of http.c. See http_connection.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/url.h"
#include "base/clock.h"
#include "client/metrics.h"
#include "net/http_connection.h"
#include "net/listener.h"
#include "net/service_state.h"
#include "net/socket_address.h"

enum { NS_PER_US = 1000 };

/* ---------------------------------------------------------------- REST */

/* Sends the answer of an operation; counts it. */
static void answer_call(struct http_connection *connection, struct http_answer *answer)
{
    uint64_t taken = uv_hrtime() - connection->began;

    metrics_count_rest(connection->service->options.metrics, connection->operation, answer->status,
                       taken / NS_PER_US);
    http_send(connection, answer);
}

static void on_answer(struct rest_reply *reply, int status, const char *error_code,
                      struct slice body)
{
    struct http_connection *connection = CONTAINER_OF(reply, struct http_connection, reply);
    struct http_answer answer = {.status = status, .content = body};

    if (error_code) {
        http_add_header(&answer, "x-ms-error-code", error_code);
    }
    if (status == 503) {
        http_add_header(&answer, "retry-after", "1");
    }
    answer_call(connection, &answer);
}

static void answer_error(struct http_connection *connection, const struct rest_error *error)
{
    struct http_answer answer = {.status = error->status};

    rest_error_append(&answer.body, error);
    http_add_header(&answer, "x-ms-error-code", error->code);
    if (error->status == 401) {
        http_add_header(&answer, "www-authenticate", "Bearer");
    }
    if (error->allow.length > 0) {
        buffer_append_format(&answer.headers, "allow: %.*s\r\n", SLICE_PRINT(error->allow));
    }
    answer_call(connection, &answer);
}

static void answer_token(struct http_connection *connection, const struct rest_operation *operation)
{
    struct http_answer answer = {.status = 200};

    rest_token_append(&answer.body, connection->service->options.upgrade_context, operation,
                      clock_now() / 1000);
    answer_call(connection, &answer);
}

static void answer_health(struct http_connection *connection)
{
    struct http_answer answer = {.status = 200};

    http_answer_ready(connection->service, &answer);
    answer_call(connection, &answer);
}

static void carry_out(struct http_connection *connection, const struct rest_operation *operation)
{
    static const struct slice nobody =
        SLICE_LITERAL("{\"code\":\"Error.ServiceUnavailable\",\"message\":\"The broker cannot be "
                      "reached.\"}");
    const struct service_options *options = &connection->service->options;

    connection->phase = HTTP_WAITING;
    connection->reply = (struct rest_reply){.answer = on_answer};
    if (options->rest) {
        options->rest->carry_out(options->gateway, operation, &connection->reply);
    } else {
        on_answer(&connection->reply, 503, "Error.ServiceUnavailable", nobody);
    }
}

static void call_rest(struct http_connection *connection, const struct http_head *head,
                      struct slice body)
{
    struct service *service = connection->service;
    struct rest_request request = {
        .method = head->method,
        .target = head->target,
        .headers = {head->headers, head->header_count},
        .body = body,
        .is_tls = connection->listener->tls != NULL,
        .now = clock_now() / 1000,
    };
    struct rest_operation operation;
    struct rest_error error;

    connection->began = uv_hrtime();
    connection->operation = REST_KINDS;
    if (!rest_parse(service->options.upgrade_context, &request, &service->http.scratch, &operation,
                    &error)) {
        answer_error(connection, &error);
        return;
    }
    connection->operation = operation.kind;
    if (operation.kind == REST_HEALTH) {
        answer_health(connection);
    } else if (operation.kind == REST_TOKEN) {
        answer_token(connection, &operation);
    } else {
        carry_out(connection, &operation);
    }
}

/* ---------------------------------------------------------------- Event Grid */

static bool is_for_grid(const struct http_connection *connection, const struct http_head *head)
{
    const struct service_options *options = &connection->service->options;

    return options->grid && options->grid_ops->is_path(options->grid, head->method, head->target,
                                                       http_head_find(head, SLICE_LITERAL("host")));
}

static void on_grid_answer(struct grid_reply *reply, int status, struct slice headers,
                           const char *content_type, struct slice body)
{
    struct http_connection *connection = CONTAINER_OF(reply, struct http_connection, grid_reply);
    struct http_answer answer = {
        .status = status,
        .content_type = content_type ? content_type : "",
        .content = body,
    };

    connection->waits_for_grid = false;
    buffer_append(&answer.headers, headers);
    http_send(connection, &answer);
}

/* Asked for once. */
static void look_at_peer(struct http_connection *connection)
{
    if (!connection->knows_peer) {
        connection->knows_peer = true;
        connection->is_loopback = peer_address_bytes(
            tls_socket_of(connection->service, connection->fd), connection->peer);
    }
}

static void call_grid(struct http_connection *connection, const struct http_head *head,
                      struct slice body, bool is_too_long)
{
    const struct service *service = connection->service;
    struct grid_request request = {
        .method = head->method,
        .target = head->target,
        .headers = {head->headers, head->header_count},
        .body = body,
        .is_too_long = is_too_long,
        .is_tls = connection->listener->tls != NULL,
    };

    look_at_peer(connection);
    request.is_loopback = connection->is_loopback;
    memcpy(request.peer, connection->peer, sizeof(request.peer));
    connection->phase = HTTP_WAITING;
    connection->waits_for_grid = true;
    connection->grid_reply = (struct grid_reply){.answer = on_grid_answer};
    service->options.grid_ops->call(service->options.grid, &request, &connection->grid_reply);
}

void http_call_abandon(struct http_connection *connection)
{
    if (connection->waits_for_grid) {
        grid_abandon(&connection->grid_reply);
    } else {
        connection->service->options.rest->abandon(&connection->reply);
    }
}

/* ---------------------------------------------------------------- bodies */

size_t http_body_max(const struct http_connection *connection, const struct http_head *head)
{
    return is_for_grid(connection, head) ? GRID_BODY_MAX
                                         : connection->service->options.maximum_message_size;
}

void http_refuse_body(struct http_connection *connection, const struct http_head *head)
{
    struct http_answer answer = {.closes = true};

    if (is_for_grid(connection, head)) {
        connection->keeps_alive = false;
        call_grid(connection, head, SLICE_EMPTY, true);
    } else {
        http_refuse(&answer, 413, "the body is too long");
        http_send(connection, &answer);
    }
}

/* ---------------------------------------------------------------- routes */

static enum http_method method_from(struct slice name)
{
    static const struct {
        struct slice name;
        enum http_method method;
    } methods[] = {
        {SLICE_LITERAL("GET"), HTTP_GET},
        {SLICE_LITERAL("HEAD"), HTTP_HEAD},
        {SLICE_LITERAL("OPTIONS"), HTTP_OPTIONS},
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (slice_equal(methods[i].name, name)) {
            return methods[i].method;
        }
    }
    return HTTP_OTHER;
}

static const struct service_listener *options_of(const struct http_connection *connection)
{
    const struct service *service = connection->service;

    return &service->options.listeners[connection->listener - service->listeners];
}

/* False: the target is none. */
static bool split_target(struct http_request *request, struct slice target, struct buffer *path)
{
    const uint8_t *query = memchr(target.data, '?', target.length);
    size_t length = query ? (size_t)(query - target.data) : target.length;
    bool is_good =
        target.data[0] == '/' && url_append_decoded(path, slice_make(target.data, length), false);

    request->path = buffer_slice(path);
    request->query = query ? slice_from(target, length + 1) : SLICE_EMPTY;
    return is_good;
}

static void call_route(struct http_connection *connection, const struct http_head *head)
{
    struct http_request request = {
        .is_tls = connection->listener->tls != NULL,
        .service = connection->service,
        .listener = options_of(connection),
        .method = method_from(head->method),
        .head = head,
    };
    struct http_answer answer = {.status = 200};
    struct buffer path = {0};

    if (split_target(&request, head->target, &path)) {
        http_answer_request(&request, &answer);
    } else {
        http_refuse(&answer, 400, "the URL is not valid");
    }
    buffer_release(&path);
    http_send(connection, &answer);
}

void http_call(struct http_connection *connection, const struct http_head *head, struct slice body)
{
    if (head->target.length > HTTP_TARGET_MAX) {
        struct http_answer answer = {0};
        http_refuse(&answer, 414, "the URL is too long");
        http_send(connection, &answer);
    } else if (is_for_grid(connection, head)) {
        call_grid(connection, head, body, false);
    } else if (rest_is_path(head->target)) {
        call_rest(connection, head, body);
    } else {
        call_route(connection, head);
    }
}
