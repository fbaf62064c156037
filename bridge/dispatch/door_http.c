/* Publishers over HTTP (spec/eventgrid.md 1.1 to 1.5): which topic a request is for, whether it may
 * come in, and its answer. See door.h.
 *
 *     /topics/<name>/api/events     the same for /domains/ and /systemTopics/; also .../events
 *     /api/events, /                the topic or domain that is the first label of Host
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "dispatch/door_state.h"
#include "dispatch/management_access.h"
#include "eventgrid/credential.h"
#include "events/statistics.h"

#define ERROR_CONTENT_TYPE "application/json; charset=utf-8"

/* ---------------------------------------------------------------- addresses */

static const struct {
    struct slice begin;
    enum source_kind kind;
} folders[] = {
    {SLICE_LITERAL("/topics/"), SOURCE_TOPIC},
    {SLICE_LITERAL("/domains/"), SOURCE_DOMAIN},
    {SLICE_LITERAL("/systemTopics/"), SOURCE_SYSTEM_TOPIC},
};
enum { FOLDERS = sizeof(folders) / sizeof(folders[0]) };

static const struct slice ends[] = {SLICE_LITERAL("/api/events"), SLICE_LITERAL("/events")};

/* Of an address that is by the host's name. */
static const struct slice hosted = SLICE_LITERAL("/api/events");

static struct slice path_of(struct slice target)
{
    const uint8_t *query = memchr(target.data, '?', target.length);

    return query ? slice_make(target.data, (size_t)(query - target.data)) : target;
}

static size_t find_folder(struct slice path)
{
    size_t i = 0;

    while (i < FOLDERS && !starts_ignoring_case(path, folders[i].begin)) {
        i++;
    }
    return i;
}

/* Appends the key of the source that a path in a folder names. False: none. */
static bool append_key_of_path(struct buffer *key, struct slice path, size_t folder)
{
    struct slice rest = slice_from(path, folders[folder].begin.length);
    const uint8_t *slash = memchr(rest.data, '/', rest.length);
    size_t length = slash ? (size_t)(slash - rest.data) : 0;
    struct source_name name = {.kind = folders[folder].kind, .name = slice_make(rest.data, length)};

    for (size_t i = 0; slash && i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (equal_ignoring_case(slice_from(rest, length), ends[i])) {
            source_key_append(key, &name);
            return true;
        }
    }
    return false;
}

/* Appends the key of the topic or domain that the host is called by; `host` may have a port. */
static bool append_key_of_host(const struct door *door, struct buffer *key, struct slice host)
{
    static const enum source_kind kinds[] = {SOURCE_TOPIC, SOURCE_DOMAIN};
    size_t length = 0;

    while (length < host.length && host.data[length] != '.' && host.data[length] != ':') {
        length++;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct source_name name = {.kind = kinds[i], .name = slice_make(host.data, length)};
        key->length = 0;
        source_key_append(key, &name);
        if (catalog_find(door->grid->catalog, buffer_slice(key))) {
            return true;
        }
    }
    return false;
}

/* The source that a request is for; NULL: there is none. */
static struct catalog_source *find_source(struct door *door, struct slice target, struct slice host)
{
    struct slice path = path_of(target);
    size_t folder = find_folder(path);
    bool is_named;

    door->key.length = 0;
    is_named = folder < FOLDERS ? append_key_of_path(&door->key, path, folder)
                                : append_key_of_host(door, &door->key, host);
    return is_named ? catalog_find(door->grid->catalog, buffer_slice(&door->key)) : NULL;
}

bool door_is_path(const struct door *door, struct slice method, struct slice target,
                  struct slice host)
{
    struct slice path = path_of(target);
    struct buffer key = {0};
    bool is_ours;

    if (find_folder(path) < FOLDERS || equal_ignoring_case(path, hosted)) {
        return true;
    }
    /* Others' page is there. */
    if (path.length != 1 || slice_equal(method, SLICE_LITERAL("GET")) ||
        slice_equal(method, SLICE_LITERAL("HEAD"))) {
        return false;
    }
    is_ours = append_key_of_host(door, &key, host);
    buffer_release(&key);
    return is_ours;
}

/* ---------------------------------------------------------------- answers */

/* A request that is being looked at. */
struct visit {
    struct door *door;
    const struct grid_request *request;
    struct grid_reply *reply;
    struct catalog_source *source; /* NULL: not known */
    msec_t began;
};

/* Appends what all answers have; returns the request's new id, a slice of it. */
static struct slice append_headers(struct buffer *headers, struct door *door)
{
    size_t at;

    buffer_append(headers, SLICE_LITERAL("api-supported-versions: 2018-01-01\r\n"
                                         "x-ms-request-id: "));
    at = headers->length;
    buffer_reserve(headers, UUID_LENGTH + 2);
    uuid_series_append(headers, &door->request_ids);
    buffer_append(headers, SLICE_LITERAL("\r\n"));
    return slice_make(headers->data + at, UUID_LENGTH);
}

static void answer_error(struct door *door, struct grid_reply *reply,
                         const struct publish_error *error)
{
    struct buffer headers = {0}, body = {0};
    char id[UUID_LENGTH];

    memcpy(id, append_headers(&headers, door).data, sizeof(id));
    if (error->status == 503) {
        buffer_append_string(&headers, "retry-after: 1\r\n");
    } else if (error->status == 405) {
        buffer_append_string(&headers, "allow: OPTIONS, POST\r\n");
    }
    publish_error_append(&body, error, slice_make(id, sizeof(id)), gateway_now(door->gateway));
    reply->answer(reply, error->status, buffer_slice(&headers), ERROR_CONTENT_TYPE,
                  buffer_slice(&body));
    buffer_release(&headers);
    buffer_release(&body);
}

static void refuse(const struct visit *visit, const struct publish_error *error)
{
    if (visit->source) {
        visit->source->statistics.refused++;
    }
    answer_error(visit->door, visit->reply, error);
}

static const struct publish_error busy = {
    503, "ServiceUnavailable", "ServiceUnavailable",
    SLICE_LITERAL("The events cannot be stored now. Please send them again.")};

void door_count_accepted(const struct door *door, struct catalog_source *source, size_t events,
                         msec_t began)
{
    uint64_t microseconds = (uint64_t)(gateway_now(door->gateway) - began) * 1000;
    struct topic_statistics *statistics = &source->statistics;

    statistics->published += events;
    statistics->publish_latencies[event_latency_index(microseconds)]++;
    statistics->publish_microseconds += microseconds;
}

static void answer_accepted(struct door *door, struct grid_reply *reply,
                            struct catalog_source *source, size_t events, msec_t began)
{
    struct buffer headers = {0};

    if (source) {
        door_count_accepted(door, source, events, began);
    }
    append_headers(&headers, door);
    reply->answer(reply, 200, buffer_slice(&headers), NULL, SLICE_EMPTY);
    buffer_release(&headers);
}

static void answer_options(const struct visit *visit)
{
    struct buffer headers = {0};

    append_headers(&headers, visit->door);
    buffer_append_format(&headers, "allow: POST, OPTIONS\r\naeg-input-event-schema: %s\r\n",
                         publish_schema_name(catalog_properties(visit->source)->schema));
    visit->reply->answer(visit->reply, 200, buffer_slice(&headers), NULL, SLICE_EMPTY);
    buffer_release(&headers);
}

/* ---------------------------------------------------------------- may it come in? */

static bool may_manage(const struct visit *visit, struct publish_error *error)
{
    const struct gateway *gateway = visit->door->gateway;
    const char *wrong = management_check_access(gateway->access, visit->request, ACCESS_TO_PUBLISH,
                                                visit->door->grid->options.opens_management,
                                                gateway_now(gateway) / 1000);

    if (wrong) {
        *error =
            (struct publish_error){401, "Unauthorized", "Unauthorized", slice_from_string(wrong)};
    }
    return !wrong;
}

static bool may_publish(const struct visit *visit, struct publish_error *error)
{
    const struct grid_request *request = visit->request;
    const struct catalog_source *source = visit->source;
    struct slice path = path_of(request->target);
    bool has_query = path.length < request->target.length;

    return credential_check(
        &(struct credential_request){
            .access = visit->door->gateway->access,
            .key1 = buffer_slice(&source->key1),
            .key2 = buffer_slice(&source->key2),
            .disables_local_auth = source->properties->disables_local_auth,
            .headers = request->headers,
            .host = grid_header(request, "host"),
            .path = path,
            .query = has_query ? slice_from(request->target, path.length + 1) : SLICE_EMPTY,
            .is_tls = request->is_tls,
            .now_ms = gateway_now(visit->door->gateway),
        },
        &visit->door->scratch.message, error);
}

static bool check(const struct visit *visit, struct publish_error *error)
{
    static const struct publish_error method = {
        405, "MethodNotAllowed", "MethodNotAllowed",
        SLICE_LITERAL("The method is not allowed at this address.")};
    static const struct publish_error address = {
        403, "Forbidden", "Forbidden",
        SLICE_LITERAL("Publishing from this address is not allowed by the topic's rules.")};
    static const struct publish_error long_body = {
        413, "PayloadTooLarge", "PayloadTooLarge",
        SLICE_LITERAL("The maximum size (1536000) has been exceeded.")};
    const struct grid_request *request = visit->request;

    if (!slice_equal(request->method, SLICE_LITERAL("POST"))) {
        *error = method;
    } else if (!topic_properties_admit(visit->source->properties, request->peer,
                                       request->is_loopback)) {
        *error = address;
    } else if (request->is_too_long) {
        *error = long_body;
    } else if (visit->source->name.kind == SOURCE_SYSTEM_TOPIC) {
        return may_manage(visit, error);
    } else {
        return may_publish(visit, error);
    }
    return false;
}

/* ---------------------------------------------------------------- requests that wait */

struct door_call {
    struct door_load load;
    struct door *door;
    struct grid_reply *reply;
    struct list link; /* in door->calls */
    msec_t began;
    size_t key_length;
    char key[SOURCE_KEY_MAX]; /* of the source: it may be gone in the end */
};

static void call_free(struct door_call *call)
{
    call->reply->call = NULL;
    call->reply->abandon = NULL;
    list_remove(&call->link);
    free(call);
}

static void call_done(struct door_load *load, bool is_accepted)
{
    struct door_call *call = CONTAINER_OF(load, struct door_call, load);
    struct door *door = call->door;
    struct grid_reply *reply = call->reply;
    struct catalog_source *source =
        catalog_find(door->grid->catalog, slice_make(call->key, call->key_length));
    size_t events = load->next_event;
    msec_t began = call->began;

    call_free(call);
    if (is_accepted) {
        answer_accepted(door, reply, source, events, began);
    } else {
        refuse(&(struct visit){.door = door, .reply = reply, .source = source}, &busy);
    }
}

static void call_abandon(struct grid_reply *reply)
{
    struct door_call *call = reply->call;

    door_forget(call->door, &call->load);
    call_free(call);
}

static struct door_call *call_new(const struct visit *visit)
{
    struct door_call *call = memory_allocate(sizeof(*call));
    struct slice key = buffer_slice(&visit->source->key);

    call->load.done = call_done;
    call->door = visit->door;
    call->reply = visit->reply;
    call->began = visit->began;
    call->key_length = key.length < sizeof(call->key) ? key.length : 0;
    memcpy(call->key, key.data, call->key_length);
    list_add_last(&visit->door->calls, &call->link);
    visit->reply->call = call;
    visit->reply->abandon = call_abandon;
    return call;
}

void door_calls_free(struct door *door)
{
    LIST_FOREACH_SAFE (link, &door->calls) {
        struct door_call *call = CONTAINER_OF(link, struct door_call, link);
        door_forget(door, &call->load);
        call_free(call);
    }
}

/* ---------------------------------------------------------------- requests */

static void publish(const struct visit *visit)
{
    const struct grid_request *request = visit->request;
    struct door_request wanted = {
        .source_key = buffer_slice(&visit->source->key),
        .content_type = grid_header(request, "content-type"),
        .attributes = request->headers,
        .body = request->body,
    };
    struct door_call *call = call_new(visit);
    struct publish_error error = busy;
    enum door_take taken = door_take(visit->door, &wanted, &call->load, &error);
    size_t events = call->load.next_event;

    if (taken == TAKE_WAITS) {
        return;
    }
    call_free(call);
    if (taken == TAKE_ACCEPTED) {
        answer_accepted(visit->door, visit->reply, visit->source, events, visit->began);
    } else {
        refuse(visit, &error);
    }
}

void door_call(struct door *door, const struct grid_request *request, struct grid_reply *reply)
{
    static const struct publish_error not_found = {
        404, "NotFound", "ResourceNotFound",
        SLICE_LITERAL("There is no such topic at this address.")};
    struct visit visit = {
        .door = door,
        .request = request,
        .reply = reply,
        .source = find_source(door, request->target, grid_header(request, "host")),
        .began = gateway_now(door->gateway),
    };
    struct publish_error error;

    if (!visit.source) {
        refuse(&visit, catalog_is_complete(door->grid->catalog) ? &not_found : &busy);
    } else if (slice_equal(request->method, SLICE_LITERAL("OPTIONS")) ||
               slice_equal(request->method, SLICE_LITERAL("HEAD"))) {
        answer_options(&visit);
    } else if (check(&visit, &error)) {
        publish(&visit);
    } else {
        refuse(&visit, &error);
    }
}
