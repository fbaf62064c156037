/* What a browser asks for (spec/webpubsub.md sections 2.1, 2.3, 2.4): see webpubsub.h.
 *
 * A request that is not allowed or not possible gets a failed ack if it has an ackId, and nothing
 * otherwise (2.3). Requests are carried out in the order in which they come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "client/webpubsub.h"

enum {
    CLOSE_WRONG_KIND = 1003,
    CLOSE_MALFORMED = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
};

/* ---------------------------------------------------------------- refusals */

void webpubsub_refuse(struct webpubsub *wps, const struct request *request, const char *name,
                      const char *message)
{
    if (request->opens_stream || request->type == REQUEST_STREAM_DATA ||
        request->type == REQUEST_STREAM_END) {
        streams_refuse(wps, request->stream_id, name, message);
    } else if (request->has_ack_id) {
        webpubsub_ack(wps, request->ack_id, name, message);
    }
}

static bool check_group(struct webpubsub *wps, const struct request *request)
{
    if (!group_name_is_valid(request->group)) {
        webpubsub_refuse(wps, request, "BadRequest",
                         "a group name has 1 to 1024 characters, not all white space");
        return false;
    }
    return true;
}

static bool check_role(struct webpubsub *wps, const struct request *request,
                       enum role_action action)
{
    static const char *const sentences[ROLE_ACTIONS] = {
        [ROLE_JOIN_LEAVE] = "the client has no permission to join or leave this group",
        [ROLE_SEND] = "the client has no permission to send to this group",
    };

    if (!check_group(wps, request)) {
        return false;
    }
    if (!roles_allow(wps->client.upgrade->roles, action, request->group)) {
        webpubsub_refuse(wps, request, "Forbidden", sentences[action]);
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- groups */

/* The topic filter of the group that the client may join or leave. False: it may not, and was told.
 */
static bool take_filter(struct webpubsub *wps, const struct request *request, struct slice *filter)
{
    const struct roles *roles = wps->client.upgrade->roles;
    bool is_wildcard;

    if (!check_group(wps, request)) {
        return false;
    }
    *filter = webpubsub_filter(wps, request->group, &is_wildcard);
    if (is_wildcard ? roles_allow_filter(roles, ROLE_JOIN_LEAVE, request->group)
                    : roles_allow(roles, ROLE_JOIN_LEAVE, request->group)) {
        return true;
    }
    webpubsub_refuse(wps, request, "Forbidden",
                     "the client has no permission to join or leave this group");
    return false;
}

static void join_group(struct webpubsub *wps, const struct request *request)
{
    struct slice filter;

    if (take_filter(wps, request, &filter)) {
        webpubsub_owe_ack(webpubsub_join(wps, request->group, filter), request);
    }
}

static void leave_group(struct webpubsub *wps, const struct request *request)
{
    struct slice filter;

    if (take_filter(wps, request, &filter)) {
        webpubsub_owe_ack(webpubsub_leave(wps, request->group, filter), request);
    }
}

/* ---------------------------------------------------------------- messages */

void webpubsub_begin_properties(struct webpubsub *wps, bool no_echo)
{
    struct buffer *properties = &wps->client.gateway->properties;

    properties->length = 0;
    if (user_id(wps).length > 0) {
        write_user_property(properties, PROPERTY_FROM, user_id(wps));
    }
    if (no_echo) {
        write_user_property(properties, PROPERTY_EXCLUDE, connection_id(wps));
    }
}

/* Is this ackId on its way already? Then the answer will be for both. */
static bool is_pending(const struct webpubsub *wps, uint64_t ack_id)
{
    LIST_FOREACH (link, &wps->pending) {
        const struct pending *pending = CONTAINER_OF(link, struct pending, link);
        if (pending->has_ack_id && pending->ack_id == ack_id) {
            return true;
        }
    }
    return false;
}

/* How the broker is to get it: at QoS 2 under an identifier of the ackId, if the client is reliable
 * and wants an ack. 0: not so. Appends PUBRELs that go before it. */
static uint16_t claim(struct webpubsub *wps, const struct request *request)
{
    if (!is_reliable(wps) || !request->has_ack_id) {
        return 0;
    }
    if (!wps->acks) {
        wps->acks = ack_memory_new(wps->client.upgrade->is_recovery);
    }
    return ack_memory_claim(wps->acks, request->ack_id, &wps->client.gateway->packet);
}

static bool fits(struct webpubsub *wps, const struct request *request)
{
    struct gateway *gateway = wps->client.gateway;

    if (gateway->packet.length <= wps->packet_size_max) {
        return true;
    }
    gateway->packet.length = 0;
    if (request->has_ack_id) {
        webpubsub_refuse(wps, request, "BadRequest", "the message is too large for the broker");
    } else {
        webpubsub_fail(wps, CLOSE_TOO_BIG, CLOSED_BAD_REQUEST,
                       "the message is too large for the broker");
    }
    return false;
}

static void publish(struct webpubsub *wps, const struct request *request)
{
    struct gateway *gateway = wps->client.gateway;
    struct publication publication = {
        .data = request->data,
        .qos = QOS_1,
        .expiry_s = request->ttl_seconds,
    };
    struct pending *pending;
    uint16_t claimed;

    webpubsub_begin_properties(wps, request->no_echo);
    write_user_pairs(&gateway->properties, request->metadata);
    publication.user_properties = buffer_slice(&gateway->properties);
    publication.topic = webpubsub_topic(wps, request->group);
    if (request->data.bytes.length + gateway->properties.length + UINT16_MAX >
        wps->packet_size_max) {
        write_publish(&gateway->packet, &publication);
        if (!fits(wps, request)) {
            return;
        }
        gateway->packet.length = 0;
    }
    claimed = claim(wps, request);
    if (claimed != 0) {
        webpubsub_flush_packet(wps); /* apart, since only the PUBLISH is to be repeated */
        publication.qos = QOS_2;
    }
    publication.packet_id = claimed != 0 ? claimed : webpubsub_packet_id(wps);
    write_publish(&gateway->packet, &publication);
    if (!request->has_ack_id) {
        webpubsub_flush_packet(wps);
        return;
    }
    pending =
        webpubsub_await(wps, claimed != 0 ? PENDING_CLAIM : PENDING_REQUEST, publication.packet_id);
    webpubsub_owe_ack(pending, request);
}

static void send_to_group(struct webpubsub *wps, const struct request *request)
{
    if (!check_role(wps, request, ROLE_SEND)) {
        return;
    }
    if (request->opens_stream) {
        streams_open(wps, request);
    } else {
        publish(wps, request);
    }
}

/* ---------------------------------------------------------------- the others */

static void ping(struct webpubsub *wps, const struct request *request)
{
    (void)request;
    wps->codec->put_pong(&wps->client.gateway->frame);
    webpubsub_flush_frame(wps);
}

static void sequence_ack(struct webpubsub *wps, const struct request *request)
{
    webpubsub_sequence_ack(wps, request->sequence_id);
}

static void set_group_state(struct webpubsub *wps, const struct request *request)
{
    if (check_role(wps, request, ROLE_JOIN_LEAVE)) {
        group_state_set(wps, request);
    }
}

static void subscribe_group_state(struct webpubsub *wps, const struct request *request)
{
    if (check_role(wps, request, ROLE_JOIN_LEAVE)) {
        group_state_subscribe(wps, request);
    }
}

static void unsubscribe_group_state(struct webpubsub *wps, const struct request *request)
{
    if (check_role(wps, request, ROLE_JOIN_LEAVE)) {
        group_state_unsubscribe(wps, request);
    }
}

typedef void request_function(struct webpubsub *wps, const struct request *request);

static request_function *const requests[] = {
    [REQUEST_JOIN_GROUP] = join_group,
    [REQUEST_LEAVE_GROUP] = leave_group,
    [REQUEST_SEND_TO_GROUP] = send_to_group,
    [REQUEST_EVENT] = webpubsub_send_event,
    [REQUEST_PING] = ping,
    [REQUEST_SEQUENCE_ACK] = sequence_ack,
    [REQUEST_INVOKE] = webpubsub_invoke,
    [REQUEST_CANCEL_INVOCATION] = webpubsub_cancel_invocation,
    [REQUEST_STREAM_DATA] = streams_data,
    [REQUEST_STREAM_END] = streams_end,
    [REQUEST_SET_GROUP_STATE] = set_group_state,
    [REQUEST_SUBSCRIBE_GROUP_STATE] = subscribe_group_state,
    [REQUEST_UNSUBSCRIBE_GROUP_STATE] = unsubscribe_group_state,
};

/* 2.3: a request that has been carried out is not carried out again. */
static bool is_duplicate(struct webpubsub *wps, const struct request *request)
{
    char message[80];

    if (!request->has_ack_id) {
        return false;
    }
    if (ack_memory_knows(wps->acks, request->ack_id)) {
        snprintf(message, sizeof(message), "Message with ack-id: %llu has been processed",
                 (unsigned long long)request->ack_id);
        webpubsub_ack(wps, request->ack_id, "Duplicate", message);
        return true;
    }
    return is_pending(wps, request->ack_id) || webpubsub_event_is_pending(wps, request->ack_id);
}

/* ---------------------------------------------------------------- plain WebSocket (1.5) */

static void receive_raw(struct webpubsub *wps, struct slice message, bool is_text)
{
    const struct upgrade *upgrade = wps->client.upgrade;
    struct request request = {
        .type = REQUEST_SEND_TO_GROUP,
        .has_data = true,
        .no_echo = upgrade->raw_no_echo,
        .group = buffer_slice(&upgrade->raw_group),
        .data = {is_text ? DATA_TEXT : DATA_BINARY, message},
    };

    if (!upgrade->raw_sends_to_group) {
        webpubsub_send_raw_event(wps, &request.data);
    } else if (!roles_allow(upgrade->roles, ROLE_SEND, request.group)) {
        webpubsub_fail(wps, CLOSE_POLICY, CLOSED_UNAUTHORIZED,
                       "the client has no permission to send to this group");
    } else {
        publish(wps, &request);
    }
}

/* ---------------------------------------------------------------- frames */

void webpubsub_receive(struct client *client, struct slice message, bool is_text)
{
    struct webpubsub *wps = webpubsub_of(client);
    struct buffer *scratch = &client->gateway->decoded;
    struct request request;
    enum frame_verdict verdict;

    if (!wps->codec->decode) {
        receive_raw(wps, message, is_text);
        return;
    }
    if (is_text == wps->codec->is_binary) {
        webpubsub_fail(wps, CLOSE_WRONG_KIND, CLOSED_BAD_REQUEST,
                       is_text ? "this subprotocol has only binary frames"
                               : "this subprotocol has only text frames");
        return;
    }
    scratch->length = 0;
    verdict = wps->codec->decode(message, &request, scratch);
    if (verdict == FRAME_MALFORMED) {
        webpubsub_fail(wps, CLOSE_MALFORMED, CLOSED_BAD_REQUEST,
                       "the frame is not a request of this subprotocol");
    } else if (is_duplicate(wps, &request)) {
        return;
    } else if (verdict == FRAME_BAD_REQUEST) {
        webpubsub_refuse(wps, &request, "BadRequest", "a value of the request is out of bounds");
    } else {
        requests[request.type](wps, &request);
    }
}
