/* Whose request it is, and answers. See mqtt_http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/mqtt_http.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/grid.h"
#include "dispatch/management_access.h"
#include "dispatch/mqtt_http_state.h"

#define JSON_CONTENT_TYPE "application/json; charset=utf-8"

/* ---------------------------------------------------------------- answers */

void mqtt_http_answer(struct mqtt_http *http, struct grid_reply *reply, int status,
                      struct slice headers, const char *content_type, struct slice body)
{
    struct buffer all = {0};

    buffer_append_string(&all, "x-ms-request-id: ");
    buffer_reserve(&all, UUID_LENGTH);
    uuid_series_append(&all, &http->request_ids);
    buffer_append_string(&all, "\r\n");
    buffer_append(&all, headers);
    reply->answer(reply, status, buffer_slice(&all), content_type, body);
    buffer_release(&all);
}

static void answer_error(struct mqtt_http *http, struct grid_reply *reply,
                         const struct request_error *error, struct slice header)
{
    struct buffer body = {0};

    request_error_append(&body, error);
    mqtt_http_answer(http, reply, error->status, header, JSON_CONTENT_TYPE, buffer_slice(&body));
    buffer_release(&body);
}

void mqtt_http_refuse(struct mqtt_http *http, struct grid_reply *reply,
                      const struct request_error *error)
{
    static const struct {
        int status;
        struct slice header;
    } headers[] = {
        {401, SLICE_LITERAL("www-authenticate: Bearer\r\n")},
        {429, SLICE_LITERAL("retry-after: 1\r\n")},
        {503, SLICE_LITERAL("retry-after: 1\r\n")},
    };
    struct slice header = SLICE_EMPTY;

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (headers[i].status == error->status) {
            header = headers[i].header;
        }
    }
    answer_error(http, reply, error, header);
}

static void refuse_method(struct mqtt_http *http, struct grid_reply *reply, const char *allowed,
                          const struct request_error *error)
{
    struct buffer header = {0};

    buffer_append_format(&header, "allow: %s\r\n", allowed);
    answer_error(http, reply, error, buffer_slice(&header));
    buffer_release(&header);
}

/* What the broker's reasons are in HTTP; all others are `request_unavailable`. */
static const struct {
    uint8_t reason;
    struct request_error error;
} refusals[] = {
    {REASON_NOT_AUTHORIZED,
     {403, "Forbidden", SLICE_LITERAL("The client may not do this with these topics.")}},
    {REASON_ADMINISTRATIVE_ACTION,
     {403, "Forbidden", SLICE_LITERAL("The client is disabled or was deleted.")}},
    {REASON_BANNED, {403, "Forbidden", SLICE_LITERAL("The client may not be connected.")}},
    {REASON_TOPIC_NAME_INVALID,
     {400, "BadRequest", SLICE_LITERAL("The broker takes no such topic.")}},
    {REASON_TOPIC_FILTER_INVALID,
     {400, "BadRequest", SLICE_LITERAL("The broker takes no such topic filter.")}},
    {REASON_PAYLOAD_FORMAT_INVALID,
     {400, "BadRequest", SLICE_LITERAL("The body is not what its payload format says.")}},
    {REASON_RETAIN_NOT_SUPPORTED,
     {400, "BadRequest", SLICE_LITERAL("The broker retains no messages.")}},
    {REASON_PACKET_TOO_LARGE,
     {413, "PayloadTooLarge",
      SLICE_LITERAL("The message is larger than what the broker takes "
                    "(mqtt.maximum_packet_size).")}},
    {REASON_QUOTA_EXCEEDED,
     {429, "TooManyRequests",
      SLICE_LITERAL("A quota is exceeded. Please send the request again later.")}},
};

const struct guest_answer mqtt_http_no_guest = {.is_lost = true};
const struct guest_answer mqtt_http_no_room = {.reason = REASON_QUOTA_EXCEEDED};

const struct request_error *mqtt_http_error(const struct guest_answer *answer)
{
    if (answer->is_lost) {
        return &request_unavailable;
    }
    if (!reason_is_error(answer->reason)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].reason == answer->reason) {
            return &refusals[i].error;
        }
    }
    return &request_unavailable;
}

/* ---------------------------------------------------------------- requests that wait */

static void abandon(struct grid_reply *reply)
{
    mqtt_http_end(reply->call);
}

void mqtt_http_wait(struct mqtt_call *call, const struct mqtt_visit *visit)
{
    call->http = visit->http;
    call->reply = visit->reply;
    list_init(&call->link);
    list_add_last(&visit->http->calls, &call->link);
    visit->reply->call = call;
    visit->reply->abandon = abandon;
}

struct grid_reply *mqtt_http_end(struct mqtt_call *call)
{
    struct grid_reply *reply = call->reply;

    guest_forget(&call->guest);
    reply->call = NULL;
    reply->abandon = NULL;
    list_remove(&call->link);
    call->release(call);
    return reply;
}

/* ---------------------------------------------------------------- requests */

static bool look_at(struct mqtt_visit *visit, struct request_error *error)
{
    static const struct request_error long_body = {
        413, "PayloadTooLarge", SLICE_LITERAL("The maximum size (1536000) has been exceeded.")};
    const struct grid_request *request = visit->request;
    const struct gateway *gateway = visit->http->gateway;
    struct mqtt_source source = {request->method, request->target, request->headers, request->body};
    struct buffer *user = &visit->http->user;
    const char *wrong;

    user->length = 0;
    wrong = management_check_client(gateway->access, request, user, gateway_now(gateway) / 1000);
    if (wrong) {
        *error = (struct request_error){401, "Unauthorized", slice_from_string(wrong)};
    } else if (request->is_too_long) {
        *error = long_body;
    } else {
        visit->user = buffer_slice(user);
        return mqtt_request_parse(visit->wanted, &source, error);
    }
    return false;
}

bool mqtt_http_is_path(struct slice target)
{
    return mqtt_request_is_path(target);
}

void mqtt_http_call(struct mqtt_http *http, const struct grid_request *request,
                    struct grid_reply *reply)
{
    static void (*const operations[MQTT_OPERATIONS])(const struct mqtt_visit *visit) = {
        [MQTT_PUBLISH] = mqtt_http_publish,
        [MQTT_READ] = mqtt_http_read,
        [MQTT_LIST] = mqtt_http_read,
    };
    struct mqtt_request wanted = {.operation = MQTT_OPERATIONS};
    struct mqtt_visit visit = {.http = http, .request = request, .reply = reply, .wanted = &wanted};
    struct request_error error;

    if (look_at(&visit, &error)) {
        operations[wanted.operation](&visit);
    } else if (error.status == 405) {
        refuse_method(http, reply, mqtt_request_method(request->target), &error);
    } else {
        mqtt_http_refuse(http, reply, &error);
    }
    mqtt_request_release(&wanted);
}

struct mqtt_http *mqtt_http_new(struct grid *grid)
{
    struct mqtt_http *http = memory_allocate_zero(sizeof(*http));

    http->gateway = grid->gateway;
    http->guests = guests_new(grid->gateway);
    list_init(&http->calls);
    uuid_series_begin(&http->request_ids, grid->gateway->random);
    return http;
}

void mqtt_http_free(struct mqtt_http *http)
{
    LIST_FOREACH_SAFE (link, &http->calls) {
        mqtt_http_end(CONTAINER_OF(link, struct mqtt_call, link));
    }
    guests_free(http->guests);
    buffer_release(&http->user);
    free(http);
}
