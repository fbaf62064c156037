/* See mqtt_rest.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_rest.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/event_queue.h"
#include "client/mqtt_client.h"
#include "client/mqtt_write.h"
#include "mqtt/topic.h"

struct mqtt_request {
    struct mqtt_request *next;
    struct client_task *task; /* who waits for the server's; NULL: nobody */
    struct buffer filters;    /* the client's topics, each with its length before it */
    uint16_t packet_id;
    bool subscribes;
    bool is_of_server;
};

/* ---------------------------------------------------------------- requests */

static struct mqtt_request *add_request(struct mqtt_client *mqtt, uint16_t packet_id,
                                        bool subscribes)
{
    struct mqtt_request *request = memory_allocate_zero(sizeof(*request)),
                        **end = &mqtt->hub.requests;

    while (*end) {
        end = &(*end)->next;
    }
    *end = request;
    request->packet_id = packet_id;
    request->subscribes = subscribes;
    return request;
}

static void append_filter(struct mqtt_request *request, struct slice filter)
{
    buffer_append_u16(&request->filters, (uint16_t)filter.length);
    buffer_append(&request->filters, filter);
}

void mqtt_note_request(struct mqtt_client *mqtt, const struct packet *packet)
{
    bool subscribes = packet->type == PACKET_SUBSCRIBE;
    struct mqtt_request *request = add_request(mqtt, packet->subscribe.packet_id, subscribes);
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;

    while (subscribes ? subscribe_next(&rest, mqtt->version, &filter, &options)
                      : unsubscribe_next(&rest, &filter)) {
        append_filter(request, filter);
    }
}

/* The oldest with this identifier, for answers come in the order of the requests. */
static struct mqtt_request **find_request(struct mqtt_client *mqtt, uint16_t packet_id)
{
    struct mqtt_request **at = &mqtt->hub.requests;

    while (*at && (*at)->packet_id != packet_id) {
        at = &(*at)->next;
    }
    return at;
}

static void end_request(struct mqtt_request **at, bool success)
{
    struct mqtt_request *request = *at;
    struct client_task *task = request->task;

    *at = request->next;
    buffer_release(&request->filters);
    free(request);
    if (task) {
        task->done(task, success);
    }
}

void mqtt_drop_requests(struct mqtt_client *mqtt)
{
    while (mqtt->hub.requests) {
        end_request(&mqtt->hub.requests, false);
    }
}

/* What the filter is as a group: its name, or a pattern. Not one of those that are no groups, or
 * that several share. */
static void change_group(struct mqtt_client *mqtt, struct slice filter, bool joins)
{
    struct buffer name = {0};

    if (filter.length > 0 && filter.data[0] != '$') {
        topic_append_unescaped(&name, filter);
        if (joins) {
            client_joined(&mqtt->client, buffer_slice(&name));
        } else {
            client_left(&mqtt->client, buffer_slice(&name));
        }
        buffer_release(&name);
    }
}

bool mqtt_note_answer(struct mqtt_client *mqtt, const struct packet *packet)
{
    struct mqtt_request **at = find_request(mqtt, packet->suback.packet_id), *request = *at;
    struct slice rest, filter, codes = packet->suback.codes;
    bool success = true, is_of_server;

    if (!request) {
        return false;
    }
    rest = buffer_slice(&request->filters);
    for (size_t i = 0; unsubscribe_next(&rest, &filter); i++) {
        bool done = i >= codes.length || !reason_is_error(codes.data[i]);
        success &= done;
        if (done) {
            change_group(mqtt, filter, request->subscribes);
        }
    }
    is_of_server = request->is_of_server;
    end_request(at, success);
    return is_of_server;
}

/* ---------------------------------------------------------------- the server's */

static uint16_t free_packet_id(struct mqtt_client *mqtt)
{
    uint16_t packet_id = UINT16_MAX;

    while (*find_request(mqtt, packet_id)) {
        packet_id--; /* there are fewer than identifiers */
    }
    return packet_id;
}

/* Sends it, and notes that it is the server's. */
static void send_request(struct mqtt_client *mqtt, struct slice group, bool subscribes,
                         struct client_task *task)
{
    const struct upgrade *upgrade = mqtt->client.upgrade;
    struct gateway *gateway = mqtt->client.gateway;
    struct subscription_options options = {.qos = QOS_1};
    struct packet packet = {
        .type = subscribes ? PACKET_SUBSCRIBE : PACKET_UNSUBSCRIBE,
        .subscribe.packet_id = free_packet_id(mqtt),
    };
    struct mqtt_request *request = add_request(mqtt, packet.subscribe.packet_id, subscribes);
    struct buffer filters = {0}, name = {0};

    request->is_of_server = true;
    request->task = task;
    topic_append_escaped(&name, group);
    append_filter(request, buffer_slice(&name));
    name.length = 0;
    buffer_append_format(&name, "%s/", upgrade->hub);
    topic_append_escaped(&name, group);
    if (mqtt->version == MQTT_5) {
        options.retain_handling = upgrade->settings->retained_on_join ? 1 : 2;
    }
    write_filter(&filters, buffer_slice(&name), &options);
    filters.length -= subscribes ? 0 : 1; /* the options */
    packet.subscribe.filters = buffer_slice(&filters);
    packet_encode(&gateway->packet, &packet, mqtt->version);
    client_send_packets(&mqtt->client, buffer_slice(&gateway->packet));
    gateway->packet.length = 0;
    buffer_release(&filters);
    buffer_release(&name);
}

void mqtt_rest_join(struct client *client, struct slice group, struct client_task *task)
{
    send_request(mqtt_of(client), group, true, task);
}

void mqtt_rest_leave(struct client *client, struct slice group, struct client_task *task)
{
    send_request(mqtt_of(client), group, false, task);
}

/* Who connects again has the roles of the new token. */
void mqtt_rest_permit(struct client *client, const struct permission *permission,
                      struct client_task *task)
{
    task->done(task, client_set_permission(client, permission));
}

/* The will is published, as at every end that is not the client's. MQTT 3.1.1 has no way to end a
 * session that was to stay. */
void mqtt_rest_end(struct client *client, struct slice reason)
{
    struct mqtt_client *mqtt = mqtt_of(client);
    struct gateway *gateway = client->gateway;
    struct packet disconnect = {
        .type = PACKET_DISCONNECT,
        .disconnect.reason = REASON_ADMINISTRATIVE_ACTION,
    };
    char *text = memory_copy_string(reason);

    event_queue_note_reason(client->events, text);
    if (mqtt->version == MQTT_5) {
        if (reason.length > 0) {
            disconnect.properties.present = PROPERTY_BIT(REASON_STRING);
            disconnect.properties.reason_string = reason;
        }
        mqtt_send_packet(mqtt, &disconnect);
        mqtt->hub.keeps_session = false;
        mqtt->hub.end =
            (struct disconnected_mqtt){.has_packet = true, .code = REASON_ADMINISTRATIVE_ACTION};
        write_disconnect_for_good(&gateway->packet, true);
        client_send_packets(client, buffer_slice(&gateway->packet));
        gateway->packet.length = 0;
    }
    client_close(client, MQTT_CLOSE_NORMAL, CLOSED_BY_APP_SERVER, text);
    gateway->link->ops->close(gateway->link, &client->channel);
    client_leaves_all(client);
    registry_remove(&gateway->registry, &client->member);
    free(text);
}
