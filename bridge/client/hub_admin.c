/* See hub_admin.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/hub_admin.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/gateway.h"
#include "client/hub_store.h"
#include "rest/parse.h"
#include "json/json.h"

/* A change that the broker has not stored yet. */
struct hub_call {
    struct hub_change change;
    struct rest_reply *reply;
    struct buffer answer; /* empty: 204 */
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
    hubs->append_list(hubs->context, &body);
    reply->answer(reply, 200, NULL, buffer_slice(&body));
    buffer_release(&body);
}

static void answer_one(struct gateway *gateway, const struct rest_operation *operation,
                       struct rest_reply *reply)
{
    const struct hub_listener *hubs = gateway->hub_listener;
    struct buffer body = {0};

    hubs->append_settings(hubs->context, operation->hub, &body);
    reply->answer(reply, 200, NULL, buffer_slice(&body));
    buffer_release(&body);
}

/* ---------------------------------------------------------------- changing */

static void call_free(struct hub_call *call)
{
    call->reply->hub_call = NULL;
    buffer_release(&call->answer);
    free(call);
}

static void stored(struct hub_change *change, bool is_stored)
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
    struct hub_call *call = memory_allocate_zero(sizeof(*call));

    call->change.done = stored;
    call->reply = reply;
    reply->hub_call = call;
    buffer_append(&call->answer, settings);
    if (!hub_store_set(gateway->hub_store, hub, settings, &call->change)) {
        call_free(call);
        refuse_for_now(reply);
    }
}

static void set(struct gateway *gateway, const struct rest_operation *operation,
                struct rest_reply *reply)
{
    const struct hub_listener *hubs = gateway->hub_listener;
    struct buffer error = {0}, compact = {0};

    if (hubs->check(hubs->context, operation->hub, operation->data.bytes, &error)) {
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

/* ---------------------------------------------------------------- operations */

static const struct {
    enum rest_kind kind;
    void (*carry_out)(struct gateway *gateway, const struct rest_operation *operation,
                      struct rest_reply *reply);
} operations[] = {
    {REST_HUBS, answer_list},
    {REST_HUB, answer_one},
    {REST_SET_HUB, set},
    {REST_RESET_HUB, reset},
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
    if (reply->hub_call) {
        hub_store_abandon(&reply->hub_call->change);
        call_free(reply->hub_call);
    }
}
