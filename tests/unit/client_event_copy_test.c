/* client/event_copy.h: copies of events are messages, whatever a client is about to send.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/event_copy.h"

#include <stdlib.h>

#include "support/bridge_broker.h"
#include "test.h"

static struct listener_message message_to(const char *topic, struct slice body)
{
    struct listener_message message = {
        .topic = slice_from_string(topic),
        .payload = {DATA_JSON, body},
        .pairs = {{SLICE_LITERAL("type"), SLICE_LITERAL("azure.webpubsub.sys.connected")}},
        .pair_count = 1,
    };
    return message;
}

TEST(a_copy_is_a_message)
{
    struct broker *broker = broker_new();
    struct gateway *gateway = &broker->bridges[0].gateway;
    struct websocket socket = {0};
    /* A browser whose group is the topic. */
    struct client *client =
        broker_client(broker, 1, &socket, SUBPROTOCOL_JSON, "ada", "log/connected", NULL);
    struct listener_message message = message_to("h/log/connected", SLICE_LITERAL("{\"a\":1}"));
    websocket_got(&socket);

    buffer_append_string(&gateway->packet, "half a packet");
    event_copy_publish(gateway, &message);
    CHECK_SLICE_EQUAL(buffer_slice(&gateway->packet), SLICE_LITERAL("half a packet"));
    gateway->packet.length = 0;
    broker_run(broker);
    const char *got = websocket_got(&socket);
    CHECK(strstr(got, "\"group\":\"log/connected\""));
    CHECK(strstr(got, "\"data\":{\"a\":1}"));
    CHECK(strstr(got, "\"type\":\"azure.webpubsub.sys.connected\""));
    client_socket_closed(client, 1000);
    buffer_release(&socket.got);
    broker_free(broker);
}

TEST(what_the_broker_does_not_take_is_dropped)
{
    struct broker *broker = broker_new();
    struct gateway *gateway = &broker->bridges[0].gateway;
    struct websocket socket = {0};
    struct client *client = broker_client(broker, 1, &socket, SUBPROTOCOL_JSON, "ada", "g", NULL);
    struct buffer large = {0};
    uint32_t most = PACKET_SIZE_MAX; /* this broker says nothing else */
    websocket_got(&socket);

    buffer_reserve(&large, most);
    memset(large.data, '1', most);
    large.length = most;
    struct listener_message message = message_to("h/g", buffer_slice(&large));
    event_copy_publish(gateway, &message);
    broker_run(broker);
    CHECK_STRING_EQUAL(websocket_got(&socket), "");
    client_socket_closed(client, 1000);
    buffer_release(&large);
    buffer_release(&socket.got);
    broker_free(broker);
}
