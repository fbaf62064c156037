/* See management.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/management.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/public_url.h"
#include "base/ascii.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "dispatch/catalog_store.h"
#include "dispatch/management_access.h"
#include "dispatch/management_call.h"
#include "json/json.h"

enum { MESSAGE_MAX = 1024 };

struct management {
    struct grid *grid;
    struct list calls; /* under way */
};

/* ---------------------------------------------------------------- the end of a call */

static void call_free(struct management_call *call)
{
    list_remove(&call->link);
    if (call->reply) {
        call->reply->call = NULL;
        call->reply->abandon = NULL;
    }
    consent_abandon(&call->consent);
    runner_forget_wait(&call->session);
    job_abandon(&call->job);
    rest_abandon(&call->rest);
    changes_release(&call->changes);
    if (call->give_up != 0) {
        timers_cancel(&call->grid->gateway->timers, &call->again);
    }
    if (call->properties) {
        event_subscription_release(call->properties);
    }
    struct buffer *const buffers[] = {&call->target, &call->body,  &call->url,      &call->key,
                                      &call->place,  &call->names, &call->job.text, &call->found,
                                      &call->queues, &call->before};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        buffer_release(buffers[i]);
    }
    arm_scratch_release(&call->scratch);
    free(call);
}

static void end(struct management_call *call, int status, struct slice headers, const char *type,
                struct slice body)
{
    struct grid_reply *reply = call->reply;

    if (reply) {
        reply->call = NULL;
        reply->abandon = NULL;
        call->reply = NULL;
        reply->answer(reply, status, headers, type, body);
    }
    call_free(call);
}

void management_answer(struct management_call *call, int status, struct slice body)
{
    end(call, status, SLICE_EMPTY, body.length > 0 ? "application/json; charset=utf-8" : NULL,
        body);
}

void management_answer_text(struct management_call *call, int status, const char *text)
{
    end(call, status, SLICE_EMPTY, "text/plain; charset=utf-8", slice_from_string(text));
}

static void answer_error(struct management_call *call, const struct arm_error *error)
{
    struct buffer body = {0}, headers = {0};

    buffer_append_format(&headers, "x-ms-error-code: %s\r\n", error->code);
    if (error->status == 401) {
        buffer_append_string(&headers, "www-authenticate: Bearer\r\n");
    }
    if (error->allow.length > 0) {
        buffer_append_format(&headers, "allow: %.*s\r\n", SLICE_PRINT(error->allow));
    }
    arm_error_append(&body, error);
    end(call, error->status, buffer_slice(&headers), "application/json; charset=utf-8",
        buffer_slice(&body));
    buffer_release(&body);
    buffer_release(&headers);
}

static void refuse(struct management_call *call, int status, const char *code, struct slice message)
{
    answer_error(call, &(struct arm_error){.status = status, .code = code, .message = message});
}

void management_refuse(struct management_call *call, int status, const char *code,
                       const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;

    va_start(arguments, format);
    /* clang-tidy 14 does not see va_start() here. NOLINTNEXTLINE */
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    refuse(call, status, code, slice_from_string(message));
}

void management_refuse_for_now(struct management_call *call)
{
    refuse(call, 503, "ServiceUnavailable",
           SLICE_LITERAL("The broker cannot be reached, or cannot store it."));
}

void management_refuse_declared(struct management_call *call)
{
    refuse(call, 409, "Conflict",
           SLICE_LITERAL("It is declared in the configuration file; delete it there."));
}

void management_refuse_deleted(struct management_call *call)
{
    refuse(call, 409, "Conflict", SLICE_LITERAL("The resource was deleted meanwhile."));
}

void management_refuse_value(struct management_call *call, const struct buffer *lines)
{
    struct slice rest = buffer_slice(lines), line = rest;
    const uint8_t *end_of_line = rest.length > 0 ? memchr(rest.data, '\n', rest.length) : NULL;

    if (end_of_line) {
        line.length = (size_t)(end_of_line - rest.data);
    }
    refuse(call, 400, "InvalidRequest", line);
}

static void place_deleted(struct changes *changes, bool are_stored)
{
    struct management_call *call = CONTAINER_OF(changes, struct management_call, changes);

    if (are_stored) {
        management_answer(call, 200, SLICE_EMPTY);
    } else {
        management_refuse_for_now(call);
    }
}

void management_delete_place(struct management_call *call)
{
    changes_init(&call->changes, call->grid, place_deleted);
    changes_add(&call->changes, buffer_slice(&call->place), SLICE_EMPTY);
    changes_begin(&call->changes);
}

/* ---------------------------------------------------------------- what it is about */

bool management_body_member(const struct management_call *call, const char *name,
                            struct json_value *value)
{
    struct json_value object;

    return json_parse(buffer_slice(&call->body), &object) && object.type == JSON_OBJECT &&
           json_find_member(&object, name, value) && value->type != JSON_NULL;
}

/* The system topic of this resource. */
static struct catalog_source *find_by_resource(const struct catalog *catalog, struct slice id)
{
    struct catalog_source *source = NULL;

    while ((source = catalog_next(catalog, source)) != NULL) {
        if (source->name.kind == SOURCE_SYSTEM_TOPIC &&
            equal_ignoring_case(source->properties->source, id)) {
            return source;
        }
    }
    return NULL;
}

static void find_source(struct management_call *call)
{
    const struct catalog *catalog = call->grid->catalog;

    if (call->path.scope.length > 0) {
        call->source = find_by_resource(catalog, call->path.scope);
        if (call->source) {
            buffer_append(&call->key, buffer_slice(&call->source->key));
        }
    } else if (!source_name_check(&call->path.source)) {
        source_key_append(&call->key, &call->path.source);
        call->source = catalog_find(catalog, buffer_slice(&call->key));
    }
}

static void find_subscription(struct management_call *call)
{
    struct slice key = buffer_slice(&call->key), name = call->path.name;

    if (call->source && call->source->name.kind != SOURCE_NAMESPACE &&
        !subscription_name_check(name)) {
        catalog_place_append(&call->place, key, name);
        call->subscription = catalog_find_subscription(call->grid->catalog, key, name);
    }
}

static void find_child(struct management_call *call)
{
    enum child_kind kind = call->path.child;

    if (call->source && call->source->name.kind == SOURCE_NAMESPACE &&
        !child_kinds[kind].check_name(call->path.name)) {
        child_key_append(&call->place, buffer_slice(&call->key), kind, call->path.name);
        call->child = catalog_find_child(call->grid->catalog, buffer_slice(&call->place));
    }
}

/* ---------------------------------------------------------------- operations */

enum need { NEEDS_NOTHING, NEEDS_SOURCE, NEEDS_SUBSCRIPTION, NEEDS_CHILD };

static const struct {
    management_operation *carry_out;
    enum need need; /* or it is answered with 404 */
} operations[ARM_OPERATIONS_COUNT] = {
    [ARM_OPERATIONS] = {management_operations, NEEDS_NOTHING},
    [ARM_TOPIC_TYPES] = {management_topic_types, NEEDS_NOTHING},
    [ARM_TOPIC_TYPE] = {management_topic_type, NEEDS_NOTHING},
    [ARM_EVENT_TYPES] = {management_event_types, NEEDS_NOTHING},
    [ARM_SOURCES] = {management_sources, NEEDS_NOTHING},
    [ARM_ALL_SUBSCRIPTIONS] = {management_all_subscriptions, NEEDS_NOTHING},
    [ARM_GET_SOURCE] = {management_get_source, NEEDS_SOURCE},
    [ARM_PUT_SOURCE] = {management_put_source, NEEDS_NOTHING},
    [ARM_PATCH_SOURCE] = {management_patch_source, NEEDS_SOURCE},
    [ARM_DELETE_SOURCE] = {management_delete_source, NEEDS_NOTHING},
    [ARM_LIST_KEYS] = {management_list_keys, NEEDS_SOURCE},
    [ARM_REGENERATE_KEY] = {management_regenerate_key, NEEDS_SOURCE},
    [ARM_SOURCE_EVENT_TYPES] = {management_source_event_types, NEEDS_SOURCE},
    [ARM_SUBSCRIPTIONS] = {management_subscriptions, NEEDS_NOTHING},
    [ARM_CHILDREN] = {management_children, NEEDS_SOURCE},
    [ARM_GET_CHILD] = {management_get_child, NEEDS_CHILD},
    [ARM_PUT_CHILD] = {management_put_child, NEEDS_SOURCE},
    [ARM_DELETE_CHILD] = {management_delete_child, NEEDS_SOURCE},
    [ARM_GET_SUBSCRIPTION] = {management_get_subscription, NEEDS_SUBSCRIPTION},
    [ARM_PUT_SUBSCRIPTION] = {management_put_subscription, NEEDS_NOTHING},
    [ARM_PATCH_SUBSCRIPTION] = {management_patch_subscription, NEEDS_SUBSCRIPTION},
    [ARM_DELETE_SUBSCRIPTION] = {management_delete_subscription, NEEDS_NOTHING},
    [ARM_GET_FULL_URL] = {management_full_url, NEEDS_SUBSCRIPTION},
    [ARM_GET_DELIVERY_ATTRIBUTES] = {management_attributes, NEEDS_SUBSCRIPTION},
    [ARM_TEST] = {management_test, NEEDS_SOURCE},
    [ARM_REPLAY] = {management_replay, NEEDS_SOURCE},
    [ARM_RESEND] = {management_resend, NEEDS_SOURCE},
    [ARM_SOURCE_LOG] = {management_source_log, NEEDS_SOURCE},
    [ARM_LOG] = {management_log, NEEDS_SUBSCRIPTION},
    [ARM_QUEUE] = {management_queue, NEEDS_SUBSCRIPTION},
    [ARM_DEAD_LETTERS] = {management_dead_letters, NEEDS_SUBSCRIPTION},
    [ARM_RESEND_DEAD_LETTERS] = {management_resend_dead_letters, NEEDS_SUBSCRIPTION},
    [ARM_CONSENT] = {management_consent, NEEDS_NOTHING},
};

static void refuse_missing(struct management_call *call, const char *what, struct slice name)
{
    management_refuse(call, 404, "ResourceNotFound", "The %s '%.*s' was not found.", what,
                      SLICE_PRINT(name));
}

static void refuse_missing_source(struct management_call *call)
{
    static const char *const nouns[SOURCE_KINDS] = {
        [SOURCE_TOPIC] = "topic",         [SOURCE_DOMAIN] = "domain",
        [SOURCE_DOMAIN_TOPIC] = "topic",  [SOURCE_SYSTEM_TOPIC] = "system topic",
        [SOURCE_NAMESPACE] = "namespace", [SOURCE_NAMESPACE_TOPIC] = "topic",
    };
    const struct arm_call *path = &call->path;

    if (path->scope.length > 0) {
        refuse_missing(call, "system topic of", path->scope);
    } else {
        refuse_missing(call, nouns[path->source.kind], source_own_name(&path->source));
    }
}

static void carry_out(struct management_call *call)
{
    enum need need = operations[call->path.operation].need;

    if (call->path.has_source) {
        find_source(call);
        find_subscription(call);
        find_child(call);
    }
    if (need >= NEEDS_SOURCE && !call->source) {
        refuse_missing_source(call);
    } else if (need == NEEDS_CHILD && !call->child) {
        refuse_missing(call, child_kinds[call->path.child].what, call->path.name);
    } else if (need == NEEDS_SUBSCRIPTION && !call->subscription) {
        refuse_missing(call, "event subscription", call->path.name);
    } else {
        operations[call->path.operation].carry_out(call);
    }
}

/* ---------------------------------------------------------------- requests */

static void abandon(struct grid_reply *reply)
{
    struct management_call *call = reply->call;

    reply->call = NULL;
    reply->abandon = NULL;
    call->reply = NULL;
    if (call->job.under_way || call->rest.call) {
        call_free(call);
    }
}

static struct management_call *call_new(struct management *management,
                                        const struct grid_request *request,
                                        struct grid_reply *reply)
{
    struct management_call *call = memory_allocate_zero(sizeof(*call));

    call->grid = management->grid;
    call->request = request;
    call->reply = reply;
    reply->call = call;
    reply->abandon = abandon;
    list_add_last(&management->calls, &call->link);
    buffer_append(&call->target, request->target);
    buffer_append(&call->body, request->body);
    return call;
}

static void take_url(struct management_call *call)
{
    const struct upgrade_context *access = call->grid->gateway->access;

    if (!public_url_append(&call->url, access, grid_header(call->request, "host"),
                           call->request->is_tls)) {
        buffer_append(&call->url, call->grid->options.base_url);
    }
}

static const char *check_access(const struct management_call *call)
{
    const struct grid *grid = call->grid;
    int64_t now = gateway_now(grid->gateway) / 1000;

    return call->path.operation == ARM_CONSENT
               ? NULL
               : management_check_access(grid->gateway->access, call->request, ACCESS_TO_MANAGE,
                                         grid->options.opens_management, now);
}

void management_call(struct management *management, const struct grid_request *request,
                     struct grid_reply *reply)
{
    struct management_call *call = call_new(management, request, reply);
    struct arm_error error;
    const char *wrong;

    if (!arm_find(request->method, buffer_slice(&call->target), &call->scratch, &call->path,
                  &error)) {
        answer_error(call, &error);
        return;
    }
    wrong = check_access(call);
    if (wrong) {
        refuse(call, 401, "AuthenticationFailed", slice_from_string(wrong));
        return;
    }
    if (call->path.operation != ARM_CONSENT &&
        !arm_read_query(&call->path, &call->scratch, &error)) {
        answer_error(call, &error);
        return;
    }
    if (!catalog_is_complete(management->grid->catalog)) {
        refuse(call, 503, "ServiceUnavailable",
               SLICE_LITERAL("The broker has not told the settings of Event Grid yet."));
        return;
    }
    if (request->is_too_long) {
        refuse(call, 413, "RequestContentTooLarge", SLICE_LITERAL("The body is too long."));
        return;
    }
    take_url(call);
    carry_out(call);
}

bool management_is_path(struct slice target)
{
    return arm_is_path(target);
}

struct management *management_new(struct grid *grid)
{
    struct management *management = memory_allocate_zero(sizeof(*management));

    management->grid = grid;
    list_init(&management->calls);
    return management;
}

void management_free(struct management *management)
{
    LIST_FOREACH_SAFE (link, &management->calls) {
        call_free(CONTAINER_OF(link, struct management_call, link));
    }
    free(management);
}
