/* Events of a Web PubSub client and what becomes of their answers (spec/webpubsub.md 2.3, 2.4,
 * 7.2, 7.5): see webpubsub.h and event_queue.h.
 *
 * What a handler answers to an event is a message from the server. On a reliable connection it
 * needs a sequence id, which only deliveries of the session have: so it goes to the broker, to the
 * connection's own topic, and the event is done with when it has come back from there. The ack
 * follows it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/internal_topic.h"
#include "client/webpubsub.h"
#include "wire/request_check.h"

enum { CLOSE_EVENT_FAILED = 1011 };

/* What an event came as. */
enum { TAG_EVENT, TAG_INVOCATION, TAG_RAW };

static const char no_handler[] = "the hub has no event handler for this event";

static bool answered(void *context, const struct event_tag *tag, const struct event_answer *answer);
static void moved(void *context);

static struct slice subprotocol_of(const struct upgrade *upgrade)
{
    const char *name = upgrade->custom_subprotocol ? upgrade->custom_subprotocol
                                                   : subprotocol_name(upgrade->subprotocol);

    return name ? slice_from_string(name) : SLICE_EMPTY;
}

/* NULL if the hub has neither handlers nor listeners; it can get some at any time. */
static struct event_queue *queue_of(struct webpubsub *wps)
{
    struct upgrade *upgrade = wps->client.upgrade;
    struct event_origin origin = {
        .hub = slice_from_string(upgrade->hub),
        .connection_id = connection_id(wps),
        .user_id = user_id(wps),
        .subprotocol = subprotocol_of(upgrade),
    };

    if (wps->client.events) {
        return wps->client.events;
    }
    wps->client.events = event_queue_new(wps->client.gateway, &origin,
                                         (struct event_audience){answered, moved, wps});
    event_queue_remember(wps->client.events, &(struct event_memory){
                                                 .number = 1, /* `connect` has 0 */
                                                 .state = buffer_slice(&upgrade->state),
                                                 .cookies = buffer_slice(&upgrade->cookies),
                                             });
    return wps->client.events;
}

/* Hands it to the handlers; false: there is none. */
static bool raise_event(struct webpubsub *wps, struct slice name, const struct payload *data,
                        struct pairs metadata, const struct event_tag *tag)
{
    struct user_event event = {.name = name, .data = *data, .metadata = metadata};
    bool is_taken = event_queue_user(queue_of(wps), &event, tag);

    webpubsub_update_pause(wps);
    return is_taken;
}

/* ---------------------------------------------------------------- failures */

enum { EXPLANATION_SIZE = 160 };

/* Why it failed, for whoever sent the event. */
static const char *explain(const struct event_answer *answer, char text[EXPLANATION_SIZE])
{
    if (answer->status != 0) {
        snprintf(text, EXPLANATION_SIZE, "the event handler answered %d", answer->status);
    } else {
        snprintf(text, EXPLANATION_SIZE, "the event handler gave no answer: %s",
                 answer->error ? answer->error : "it failed");
    }
    return text;
}

/* The header values of an answer are not the app's only: nothing that a browser could choke on. */
static struct pairs metadata_of(const struct event_answer *answer)
{
    return metadata_is_valid(answer->metadata) ? answer->metadata : (struct pairs){0};
}

/* ---------------------------------------------------------------- events with an ack */

static void ack_event(struct webpubsub *wps, const struct event_tag *tag, const char *failure)
{
    if (!tag->flag) {
        return;
    }
    if (!failure) {
        webpubsub_note_ack(wps, tag->number);
    }
    webpubsub_ack(wps, tag->number, failure ? "InternalServerError" : NULL, failure);
}

static void send_reply(struct webpubsub *wps, const struct event_answer *answer)
{
    struct message_response message = {
        .from_server = true, .data = answer->data, .metadata = metadata_of(answer)};
    struct outgoing *outgoing = message_encode(&message, wps->codec, &wps->client.gateway->frame);

    wps->client.gateway->frame.length = 0;
    webpubsub_send(wps, outgoing, 0);
    outgoing_release(outgoing);
}

/* False: it is too large for the broker. */
static bool publish_reply(struct webpubsub *wps, const struct event_tag *tag,
                          const struct event_answer *answer)
{
    struct gateway *gateway = wps->client.gateway;
    uint16_t packet_id = webpubsub_packet_id(wps);
    struct pending *pending;

    gateway->properties.length = 0;
    write_user_number(&gateway->properties, PROPERTY_REPLY, packet_id);
    write_user_pairs(&gateway->properties, metadata_of(answer));
    write_publish(&gateway->packet, &(struct publication){
                                        .topic = webpubsub_own_topic(wps, INTERNAL_CONN),
                                        .data = answer->data,
                                        .qos = QOS_1,
                                        .packet_id = packet_id,
                                        .user_properties = buffer_slice(&gateway->properties),
                                    });
    if (gateway->packet.length > wps->packet_size_max) {
        gateway->packet.length = 0;
        return false;
    }
    pending = webpubsub_await(wps, PENDING_REPLY, packet_id);
    pending->has_ack_id = tag->flag;
    pending->ack_id = tag->number;
    pending->awaits_mark = true;
    return true;
}

void webpubsub_reply_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    struct event_tag tag = {.flag = pending->has_ack_id, .number = pending->ack_id};

    ack_event(wps, &tag, reason_is_error(reason) ? reason_text(reason) : NULL);
    event_queue_go_on(wps->client.events);
}

static bool event_answered(struct webpubsub *wps, const struct event_tag *tag,
                           const struct event_answer *answer)
{
    char text[EXPLANATION_SIZE];

    if (!event_answer_is_success(answer)) {
        ack_event(wps, tag, explain(answer, text));
        return true;
    }
    if (answer->data.bytes.length > 0 && is_reliable(wps)) {
        if (publish_reply(wps, tag, answer)) {
            return false;
        }
        ack_event(wps, tag, "the answer of the event handler is too large");
        return true;
    }
    if (answer->data.bytes.length > 0) {
        send_reply(wps, answer);
    }
    ack_event(wps, tag, NULL);
    return true;
}

void webpubsub_send_event(struct webpubsub *wps, const struct request *request)
{
    struct event_tag tag = {
        .kind = TAG_EVENT, .flag = request->has_ack_id, .number = request->ack_id};

    if (!event_name_is_valid(request->event)) {
        webpubsub_refuse(wps, request, "BadRequest", "the name of the event is not valid");
    } else if (!raise_event(wps, request->event, &request->data, request->metadata, &tag)) {
        webpubsub_refuse(wps, request, "InternalServerError", no_handler);
    }
}

static bool has_ack_id(const struct event_tag *tag, const void *wanted)
{
    return tag->kind == TAG_EVENT && tag->flag && tag->number == *(const uint64_t *)wanted;
}

bool webpubsub_event_is_pending(const struct webpubsub *wps, uint64_t ack_id)
{
    return event_queue_has(wps->client.events, has_ack_id, &ack_id);
}

/* ---------------------------------------------------------------- invocations */

static void respond(struct webpubsub *wps, const struct invoke_response *response)
{
    wps->codec->put_invoke_response(&wps->client.gateway->frame, response);
    webpubsub_flush_frame(wps);
}

static void fail_invocation(struct webpubsub *wps, struct slice invocation_id, const char *name,
                            const char *message)
{
    respond(wps, &(struct invoke_response){
                     .invocation_id = invocation_id,
                     .error = {slice_from_string(name), slice_from_string(message)},
                 });
}

static void invocation_answered(struct webpubsub *wps, const struct event_tag *tag,
                                const struct event_answer *answer)
{
    char text[EXPLANATION_SIZE];

    if (!event_answer_is_success(answer)) {
        fail_invocation(wps, tag->text, "InternalServerError", explain(answer, text));
        return;
    }
    respond(wps, &(struct invoke_response){
                     .invocation_id = tag->text,
                     .success = true,
                     .has_data = answer->data.bytes.length > 0,
                     .data = answer->data,
                     .metadata = metadata_of(answer),
                 });
}

void webpubsub_invoke(struct webpubsub *wps, const struct request *request)
{
    struct event_tag tag = {.kind = TAG_INVOCATION, .text = request->invocation_id};

    if (!slice_equal(request->target, SLICE_LITERAL("event"))) {
        fail_invocation(wps, request->invocation_id, "BadRequest", "the target must be \"event\"");
    } else if (!event_name_is_valid(request->event)) {
        fail_invocation(wps, request->invocation_id, "BadRequest",
                        "the name of the event is not valid");
    } else if (!raise_event(wps, request->event, &request->data, request->metadata, &tag)) {
        fail_invocation(wps, request->invocation_id, "NotFound", no_handler);
    }
}

static bool has_invocation_id(const struct event_tag *tag, const void *wanted)
{
    return tag->kind == TAG_INVOCATION && slice_equal(tag->text, *(const struct slice *)wanted);
}

/* Nothing is sent back (2.4). */
void webpubsub_cancel_invocation(struct webpubsub *wps, const struct request *request)
{
    event_queue_forget(wps->client.events, has_invocation_id, &request->invocation_id);
}

/* ---------------------------------------------------------------- plain WebSocket (1.5) */

static void raw_answered(struct webpubsub *wps, const struct event_answer *answer)
{
    char text[EXPLANATION_SIZE];

    if (!event_answer_is_success(answer)) {
        webpubsub_fail(wps, CLOSE_EVENT_FAILED, CLOSED_SEND_EVENT_FAILED, explain(answer, text));
    } else if (answer->data.bytes.length > 0) {
        send_reply(wps, answer);
    }
}

void webpubsub_send_raw_event(struct webpubsub *wps, const struct payload *data)
{
    struct event_tag tag = {.kind = TAG_RAW};

    if (!raise_event(wps, SLICE_LITERAL("message"), data, (struct pairs){0}, &tag)) {
        webpubsub_fail(wps, CLOSE_EVENT_FAILED, CLOSED_EVENT_HANDLER_NOT_FOUND, no_handler);
    }
}

/* ---------------------------------------------------------------- the life of a connection */

static bool answered(void *context, const struct event_tag *tag, const struct event_answer *answer)
{
    struct webpubsub *wps = context;
    bool is_done = true;

    if (wps->client.closing) {
        return true;
    }
    if (tag->kind == TAG_EVENT) {
        is_done = event_answered(wps, tag, answer);
    } else if (tag->kind == TAG_INVOCATION) {
        invocation_answered(wps, tag, answer);
    } else {
        raw_answered(wps, answer);
    }
    return is_done;
}

static void moved(void *context)
{
    webpubsub_update_pause(context);
}

void webpubsub_begin_events(struct webpubsub *wps)
{
    queue_of(wps);
    buffer_release(&wps->client.upgrade->state);
    buffer_release(&wps->client.upgrade->cookies);
    wps->owes_disconnected = wps->client.upgrade->was_asked;
}

void webpubsub_raise_connected(struct webpubsub *wps)
{
    wps->owes_disconnected = true;
    event_queue_system(wps->client.events, SYSTEM_EVENT_CONNECTED, SLICE_EMPTY,
                       SLICE_LITERAL("{}"));
}

void webpubsub_raise_disconnected(struct webpubsub *wps)
{
    if (wps->owes_disconnected) {
        wps->owes_disconnected = false;
        client_leaves_all(&wps->client);
        event_queue_disconnected(queue_of(wps), NULL);
    }
}
