/* See rest.h. A call asks all processes, or publishes, or first the one and then the other.
 *
 * A command for a connection that no process has may be for a reliable client that is away: it goes
 * as a message to the connection's session, which carries it out when the client is back. The
 * broker says whether there is such a session.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/fanout.h"
#include "client/gateway.h"
#include "client/hub_admin.h"
#include "client/internal_topic.h"
#include "client/rest_answer.h"
#include "client/rest_question.h"
#include "client/staff.h"
#include "rest/parse.h"

enum { PROBE_EXPIRY_S = 1 }; /* of a message that only asks whether there is a session */

struct rest_call {
    struct rest_reply *reply;
    struct gateway *gateway;
    struct staff_ask ask;
    struct staff_sent sent;
    bool is_asking, is_sending;
    struct rest_merge merge;
};

/* ---------------------------------------------------------------- the end of a call */

static void call_free(struct rest_call *call)
{
    rest_merge_release(&call->merge);
    free(call);
}

static void answer(struct rest_reply *reply, const struct rest_result *result, struct slice body)
{
    struct buffer error = {0};

    if (result->code) {
        rest_error_append(&error, &(struct rest_error){
                                      .status = result->status,
                                      .code = result->code,
                                      .target = result->target,
                                      .message = slice_from_string(result->message),
                                  });
        body = buffer_slice(&error);
    }
    reply->call = NULL;
    reply->answer(reply, result->status, result->code, body);
    buffer_release(&error);
}

static void end(struct rest_call *call, const struct rest_result *result, struct slice body)
{
    answer(call->reply, result, body);
    call_free(call);
}

static void end_merged(struct rest_call *call)
{
    struct buffer body = {0};
    const struct rest_result *result = rest_merge_finish(&call->merge, &body);

    end(call, result, buffer_slice(&body));
    buffer_release(&body);
}

void rest_abandon(struct rest_reply *reply)
{
    struct rest_call *call = reply->call;

    hub_admin_abandon(reply);
    if (!call) {
        return;
    }
    if (call->is_asking) {
        staff_forget_ask(&call->ask);
    }
    if (call->is_sending) {
        staff_forget_sent(&call->sent);
    }
    reply->call = NULL;
    call_free(call);
}

/* ---------------------------------------------------------------- connections that are away */

static struct slice topic_for(struct gateway *gateway, const struct rest_operation *operation)
{
    struct buffer *topic = &gateway->topic;

    topic->length = 0;
    switch (operation->target) {
    case TARGET_HUB:
        internal_topic_append(topic, INTERNAL_ALL, operation->hub, SLICE_EMPTY, SLICE_EMPTY);
        break;
    case TARGET_USER:
        internal_topic_append(topic, INTERNAL_USER, operation->hub, SLICE_EMPTY, operation->name);
        break;
    case TARGET_CONNECTION:
        internal_topic_append(topic, INTERNAL_CONN, operation->hub, operation->name, SLICE_EMPTY);
        break;
    case TARGET_GROUP:
        buffer_append(topic, operation->hub);
        buffer_append_byte(topic, '/');
        topic_append_escaped(topic, operation->name);
        break;
    }
    return buffer_slice(topic);
}

static void command_acknowledged(struct staff_sent *sent, uint8_t reason)
{
    struct rest_call *call = CONTAINER_OF(sent, struct rest_call, sent);

    call->is_sending = false;
    if (reason_is_error(reason)) {
        end(call, &rest_unavailable, SLICE_EMPTY);
        return;
    }
    call->merge.total.connections = reason != REASON_NO_MATCHING_SUBSCRIBERS;
    end_merged(call);
}

/* Sends it after the connection; false: not now. */
static bool send_command(struct rest_call *call)
{
    struct gateway *gateway = call->gateway;
    const struct rest_operation *operation = &call->merge.operation;
    struct publication publication = {
        .topic = topic_for(gateway, operation),
        .data = {DATA_BINARY, buffer_slice(&call->merge.question)},
        .is_plain = true,
        .expiry_s = operation->kind == REST_EXISTS ? PROBE_EXPIRY_S : 0,
    };

    gateway->properties.length = 0;
    write_user_property(&gateway->properties, PROPERTY_DO, SLICE_EMPTY);
    publication.user_properties = buffer_slice(&gateway->properties);
    call->sent.acknowledged = command_acknowledged;
    call->is_sending = staff_publish(gateway->staff, &publication, &call->sent);
    return call->is_sending;
}

/* ---------------------------------------------------------------- asking */

static void asked_answered(struct staff_ask *ask, struct slice bytes)
{
    rest_merge_add(&CONTAINER_OF(ask, struct rest_call, ask)->merge, bytes);
}

static void asked_done(struct staff_ask *ask, bool complete)
{
    struct rest_call *call = CONTAINER_OF(ask, struct rest_call, ask);

    call->is_asking = false;
    if (complete && !rest_merge_is_away(&call->merge)) {
        end_merged(call);
    } else if (!complete || !send_command(call)) {
        end(call, &rest_unavailable, SLICE_EMPTY);
    }
}

static struct rest_call *call_new(struct gateway *gateway, struct rest_reply *reply)
{
    struct rest_call *call = memory_allocate_zero(sizeof(*call));

    call->gateway = gateway;
    call->reply = reply;
    reply->call = call;
    return call;
}

static void ask_all(struct gateway *gateway, const struct rest_operation *operation,
                    struct rest_reply *reply)
{
    struct rest_call *call = call_new(gateway, reply);

    rest_merge_init(&call->merge, operation);
    call->ask.answered = asked_answered;
    call->ask.done = asked_done;
    call->is_asking = true;
    if (!staff_ask(gateway->staff, &call->ask, buffer_slice(&call->merge.question))) {
        call->is_asking = false;
        end(call, &rest_unavailable, SLICE_EMPTY);
    }
}

/* ---------------------------------------------------------------- sending */

static void send_acknowledged(struct staff_sent *sent, uint8_t reason)
{
    struct rest_call *call = CONTAINER_OF(sent, struct rest_call, sent);

    call->is_sending = false;
    end(call, reason_is_error(reason) ? &rest_unavailable : &rest_accepted, SLICE_EMPTY);
}

static void put_properties(struct buffer *properties, const struct rest_operation *operation)
{
    properties->length = 0;
    for (size_t i = 0; i < operation->excluded_count; i++) {
        write_user_property(properties, PROPERTY_EXCLUDE, operation->excluded[i]);
    }
    if (operation->filter.length > 0) {
        write_user_property(properties, PROPERTY_FILTER, operation->filter);
    }
    write_user_pairs(properties, operation->metadata);
}

static void send(struct gateway *gateway, const struct rest_operation *operation,
                 struct rest_reply *reply)
{
    struct publication publication = {
        .topic = topic_for(gateway, operation),
        .data = operation->data,
        .expiry_s = operation->ttl_seconds,
    };
    struct rest_call *call;

    put_properties(&gateway->properties, operation);
    publication.user_properties = buffer_slice(&gateway->properties);
    if (!staff_takes(gateway->staff, &publication)) {
        answer(reply, &rest_too_large, SLICE_EMPTY);
        return;
    }
    call = call_new(gateway, reply);
    call->sent.acknowledged = send_acknowledged;
    call->is_sending = staff_publish(gateway->staff, &publication, &call->sent);
    if (!call->is_sending) {
        end(call, &rest_unavailable, SLICE_EMPTY);
    }
}

/* ---------------------------------------------------------------- all */

void rest_carry_out(struct gateway *gateway, const struct rest_operation *operation,
                    struct rest_reply *reply)
{
    reply->call = NULL;
    if (hub_admin_carry_out(gateway, operation, reply)) {
        return;
    }
    (operation->kind == REST_SEND ? send : ask_all)(gateway, operation, reply);
}
