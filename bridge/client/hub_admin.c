/* See hub_admin.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/hub_admin.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/gateway.h"
#include "rest/parse.h"
#include "json/json.h"

const struct settings_kind hub_settings_kind = {
    .prefix = SLICE_LITERAL("$config/hubs/"), .places = "+", .role = "settings"};

/* A change that the broker has not stored yet, or a check of handlers. */
struct hub_call {
    struct gateway *gateway;
    struct settings_change change;
    struct webhook_check *check;         /* NULL: it is none */
    const struct hub_settings *settings; /* of a check: held */
    struct rest_reply *reply;
    struct buffer answer; /* of a change; empty: 204. Of a check: its lines */
};

/* ---------------------------------------------------------------- answers */

static void refuse(struct rest_reply *reply, int status, const char *code, struct slice message)
{
    struct buffer body = {0};

    rest_error_append(&body,
                      &(struct rest_error){.status = status, .code = code, .message = message});
    reply->answer(reply, status, code, buffer_slice(&body));
    buffer_release(&body);
}

static void refuse_for_now(struct rest_reply *reply)
{
    refuse(reply, 503, "Error.ServiceUnavailable",
           SLICE_LITERAL("The broker cannot be reached, or cannot store it."));
}

/* ---------------------------------------------------------------- reading */

static void answer_list(struct gateway *gateway, const struct rest_operation *operation,
                        struct rest_reply *reply)
{
    const struct hub_listener *hubs = gateway->hub_listener;
    struct buffer body = {0};

    (void)operation;
    hubs->append_list(hubs->settings.context, &body);
    reply->answer(reply, 200, NULL, buffer_slice(&body));
    buffer_release(&body);
}

static void answer_one(struct gateway *gateway, const struct rest_operation *operation,
                       struct rest_reply *reply)
{
    const struct hub_listener *hubs = gateway->hub_listener;
    struct buffer body = {0};

    hubs->append_settings(hubs->settings.context, operation->hub, &body);
    reply->answer(reply, 200, NULL, buffer_slice(&body));
    buffer_release(&body);
}

/* ---------------------------------------------------------------- changing */

static struct hub_call *call_new(struct gateway *gateway, struct rest_reply *reply)
{
    struct hub_call *call = memory_allocate_zero(sizeof(*call));

    call->gateway = gateway;
    call->reply = reply;
    reply->hub_call = call;
    return call;
}

static void call_free(struct hub_call *call)
{
    call->reply->hub_call = NULL;
    if (call->settings) {
        hub_settings_release(call->settings);
    }
    buffer_release(&call->answer);
    free(call);
}

static void stored(struct settings_change *change, bool is_stored)
{
    struct hub_call *call = CONTAINER_OF(change, struct hub_call, change);
    struct rest_reply *reply = call->reply;
    struct buffer answer = call->answer;

    call->answer = (struct buffer){0};
    call_free(call);
    if (is_stored) {
        reply->answer(reply, answer.length > 0 ? 200 : 204, NULL, buffer_slice(&answer));
    } else {
        refuse_for_now(reply);
    }
    buffer_release(&answer);
}

static void change(struct gateway *gateway, struct slice hub, struct slice settings,
                   struct rest_reply *reply)
{
    struct hub_call *call = call_new(gateway, reply);

    call->change.done = stored;
    buffer_append(&call->answer, settings);
    if (!settings_store_set(gateway->hub_store, hub, settings, &call->change)) {
        call_free(call);
        refuse_for_now(reply);
    }
}

static void set(struct gateway *gateway, const struct rest_operation *operation,
                struct rest_reply *reply)
{
    const struct hub_listener *hubs = gateway->hub_listener;
    struct buffer error = {0}, compact = {0};

    if (hubs->check(hubs->settings.context, operation->hub, operation->data.bytes, &error)) {
        json_append_compact(&compact, operation->data.bytes);
        change(gateway, operation->hub, buffer_slice(&compact), reply);
    } else {
        refuse(reply, 400, "Error.BadRequest", slice_make(error.data, error.length - 1));
    }
    buffer_release(&compact);
    buffer_release(&error);
}

static void reset(struct gateway *gateway, const struct rest_operation *operation,
                  struct rest_reply *reply)
{
    change(gateway, operation->hub, SLICE_EMPTY, reply);
}

/* ---------------------------------------------------------------- checks */

static void take_line(void *context, struct slice text)
{
    struct hub_call *call = context;

    buffer_append_string(&call->answer, call->answer.length > 0 ? "," : "");
    json_append_string(&call->answer, text);
}

static void checked(void *context, bool all_good)
{
    struct hub_call *call = context;
    struct rest_reply *reply = call->reply;
    struct buffer body = {0};

    buffer_append_format(&body, "{\"good\":%s,\"lines\":[", all_good ? "true" : "false");
    buffer_append(&body, buffer_slice(&call->answer));
    buffer_append_string(&body, "]}");
    call_free(call);
    reply->answer(reply, 200, NULL, buffer_slice(&body));
    buffer_release(&body);
}

static void check(struct gateway *gateway, const struct rest_operation *operation,
                  struct rest_reply *reply)
{
    const struct events *events = &gateway->events;
    struct hub_call *call;

    if (!events->ops || !events->ops->check) {
        refuse(reply, 503, "Error.ServiceUnavailable",
               SLICE_LITERAL("This server sends no events."));
        return;
    }
    call = call_new(gateway, reply);
    call->settings = gateway_hub(gateway, operation->hub);
    hub_settings_hold(call->settings);
    call->check = events->ops->check(events->context, call->settings, operation->hub,
                                     &(struct event_check){take_line, checked, call});
}

/* ---------------------------------------------------------------- operations */

static const struct {
    enum rest_kind kind;
    void (*carry_out)(struct gateway *gateway, const struct rest_operation *operation,
                      struct rest_reply *reply);
} operations[] = {
    {REST_HUBS, answer_list}, {REST_HUB, answer_one},  {REST_SET_HUB, set},
    {REST_RESET_HUB, reset},  {REST_CHECK_HUB, check},
};

bool hub_admin_carry_out(struct gateway *gateway, const struct rest_operation *operation,
                         struct rest_reply *reply)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (operations[i].kind != operation->kind) {
            continue;
        }
        if (gateway->hub_listener) {
            operations[i].carry_out(gateway, operation, reply);
        } else {
            refuse_for_now(reply);
        }
        return true;
    }
    return false;
}

void hub_admin_abandon(struct rest_reply *reply)
{
    struct hub_call *call = reply->hub_call;

    if (!call) {
        return;
    }
    if (call->check) {
        call->gateway->events.ops->cancel_check(call->check);
    } else {
        settings_store_abandon(&call->change);
    }
    call_free(call);
}
