/* Which topic of which namespace a request is for, and whether it may come in. See
 * namespace_http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "dispatch/namespace_state.h"
#include "eventgrid/credential.h"

/* ---------------------------------------------------------------- answers */

static void append_headers(struct buffer *headers, struct namespace_http *http)
{
    buffer_append_string(headers, "api-supported-versions: 2023-11-01, 2024-06-01\r\n"
                                  "x-ms-request-id: ");
    buffer_reserve(headers, UUID_LENGTH);
    uuid_series_append(headers, &http->request_ids);
    buffer_append_string(headers, "\r\n");
}

void namespace_answer(struct namespace_http *http, struct grid_reply *reply, struct slice body)
{
    struct buffer headers = {0};

    append_headers(&headers, http);
    reply->answer(reply, 200, buffer_slice(&headers), "application/json; charset=utf-8", body);
    buffer_release(&headers);
}

void namespace_refuse(struct namespace_http *http, struct grid_reply *reply,
                      const struct request_error *error)
{
    struct buffer headers = {0}, body = {0};

    append_headers(&headers, http);
    if (error->status == 503) {
        buffer_append_string(&headers, "retry-after: 1\r\n");
    } else if (error->status == 405) {
        buffer_append_string(&headers, "allow: POST\r\n");
    }
    request_error_append(&body, error);
    reply->answer(reply, error->status, buffer_slice(&headers), "application/json; charset=utf-8",
                  buffer_slice(&body));
    buffer_release(&headers);
    buffer_release(&body);
}

/* ---------------------------------------------------------------- which one */

static bool is_there(const struct namespace_http *http, struct slice name, struct buffer *key)
{
    struct source_name source = {.kind = SOURCE_NAMESPACE, .name = name};

    key->length = 0;
    source_key_append(key, &source);
    return catalog_find(http->grid->catalog, buffer_slice(key)) != NULL;
}

static struct slice first_label(struct slice host)
{
    size_t length = 0;

    while (length < host.length && host.data[length] != '.' && host.data[length] != ':') {
        length++;
    }
    return slice_make(host.data, length);
}

/* Empty: there is none, or more than one. */
static struct slice only_namespace(const struct catalog *catalog)
{
    struct slice name = SLICE_EMPTY;
    struct catalog_source *source = NULL;

    while ((source = catalog_next(catalog, source))) {
        if (source->name.kind == SOURCE_NAMESPACE) {
            if (name.length > 0) {
                return SLICE_EMPTY;
            }
            name = source->name.name;
        }
    }
    return name;
}

static struct slice find_namespace(struct namespace_http *http, const struct pull_request *wanted,
                                   struct slice host)
{
    static const struct slice usual = SLICE_LITERAL("default");

    if (wanted->namespace_name.length > 0) {
        return wanted->namespace_name;
    }
    if (is_there(http, first_label(host), &http->key)) {
        return first_label(host);
    }
    return is_there(http, usual, &http->key) ? usual : only_namespace(http->grid->catalog);
}

/* NULL: there is no such topic. */
static struct catalog_source *find_topic(struct namespace_http *http,
                                         const struct pull_request *wanted, struct slice host)
{
    struct source_name topic = {
        .kind = SOURCE_NAMESPACE_TOPIC,
        .name = find_namespace(http, wanted, host),
        .topic = wanted->topic,
    };

    http->key.length = 0;
    source_key_append(&http->key, &topic);
    return catalog_find(http->grid->catalog, buffer_slice(&http->key));
}

/* ---------------------------------------------------------------- may it come in? */

static bool has_credential(const struct namespace_visit *visit, struct request_error *error)
{
    const struct catalog_source *topic = visit->source, *outer = topic->parent;
    const struct grid_request *request = visit->request;
    struct slice query = request->target, path = take_up_to(&query, '?');
    const struct gateway *gateway = visit->http->grid->gateway;
    struct publish_error wrong;
    bool is_good = credential_check(
        &(struct credential_request){
            .access = gateway->access,
            .key1 = buffer_slice(&topic->key1),
            .key2 = buffer_slice(&topic->key2),
            .outer_key1 = buffer_slice(&outer->key1),
            .outer_key2 = buffer_slice(&outer->key2),
            .of_namespace = true,
            .disables_local_auth = outer->properties->disables_local_auth,
            .headers = request->headers,
            .host = grid_header(request, "host"),
            .path = path,
            .query = query,
            .is_tls = request->is_tls,
            .now_ms = gateway_now(gateway),
        },
        &visit->http->message, &wrong);

    if (!is_good) {
        *error = (struct request_error){wrong.status, wrong.code, wrong.message};
    }
    return is_good;
}

static bool may_come_in(const struct namespace_visit *visit, struct request_error *error)
{
    static const struct request_error address = {
        403, "Forbidden",
        SLICE_LITERAL("Requests from this address are not allowed by the namespace's rules.")};
    static const struct request_error long_body = {
        413, "PayloadTooLarge", SLICE_LITERAL("The maximum size (1048576) has been exceeded.")};
    const struct grid_request *request = visit->request;

    if (!topic_properties_admit(visit->source->parent->properties, request->peer,
                                request->is_loopback)) {
        *error = address;
    } else if (!has_credential(visit, error)) {
        return false;
    } else if (request->is_too_long || request->body.length > NAMESPACE_REQUEST_MAX) {
        *error = long_body;
    } else {
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- requests */

static bool look_at(struct namespace_visit *visit, struct pull_request *wanted,
                    struct request_error *error)
{
    static const struct request_error method = {
        405, "MethodNotAllowed", SLICE_LITERAL("The method is not allowed at this address.")};
    static const struct request_error no_topic = {
        404, "ResourceNotFound", SLICE_LITERAL("There is no such topic in the namespace.")};
    const struct grid_request *request = visit->request;

    if (!slice_equal(request->method, SLICE_LITERAL("POST"))) {
        *error = method;
        return false;
    }
    if (!pull_request_parse(wanted, request->target, error)) {
        return false;
    }
    visit->wanted = wanted;
    visit->source = find_topic(visit->http, wanted, grid_header(request, "host"));
    if (!visit->source) {
        *error = catalog_is_complete(visit->http->grid->catalog) ? no_topic : request_unavailable;
        return false;
    }
    return may_come_in(visit, error);
}

bool namespace_http_is_path(struct slice target)
{
    return pull_is_path(target);
}

void namespace_http_call(struct namespace_http *http, const struct grid_request *request,
                         struct grid_reply *reply)
{
    struct namespace_visit visit = {.http = http, .request = request, .reply = reply};
    struct pull_request wanted = {.operation = PULL_OPERATIONS};
    struct request_error error;

    if (!look_at(&visit, &wanted, &error)) {
        if (visit.source) {
            visit.source->statistics.refused++;
        }
        namespace_refuse(http, reply, &error);
    } else if (wanted.operation == PULL_PUBLISH) {
        namespace_publish(&visit);
    } else {
        namespace_pull(&visit);
    }
    pull_request_release(&wanted);
}

struct namespace_http *namespace_http_new(struct grid *grid)
{
    struct namespace_http *http = memory_allocate_zero(sizeof(*http));

    http->grid = grid;
    list_init(&http->publishings);
    list_init(&http->pulls);
    uuid_series_begin(&http->request_ids, grid->gateway->random);
    return http;
}

void namespace_http_free(struct namespace_http *http)
{
    namespace_publishings_free(http);
    namespace_pulls_free(http);
    buffer_release(&http->key);
    buffer_release(&http->message);
    free(http);
}
