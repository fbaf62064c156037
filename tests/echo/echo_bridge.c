/* See echo_bridge.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "echo/echo_bridge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/websocket.h"

enum { KEEP_ALIVE_S = 20 };

/* ---------------------------------------------------------------- access */

static const char *const names[] = {
    [SUBPROTOCOL_JSON] = "json.webpubsub.azure.v1",
    [SUBPROTOCOL_JSON_RELIABLE] = "json.reliable.webpubsub.azure.v1",
    [SUBPROTOCOL_PROTOBUF] = "protobuf.webpubsub.azure.v1",
    [SUBPROTOCOL_PROTOBUF_RELIABLE] = "protobuf.reliable.webpubsub.azure.v1",
    [SUBPROTOCOL_MQTT] = "mqtt",
};

const char *subprotocol_name(enum subprotocol subprotocol)
{
    return names[subprotocol];
}

static enum subprotocol choose(const char *offered)
{
    enum subprotocol chosen = SUBPROTOCOL_NONE;
    const char *first = NULL;

    for (int i = SUBPROTOCOL_JSON; i <= SUBPROTOCOL_MQTT; i++) {
        const char *at = strstr(offered, names[i]);
        if (at && (!first || at < first)) {
            first = at;
            chosen = (enum subprotocol)i;
        }
    }
    return chosen;
}

static int number_behind(const char *text, const char *name, int otherwise)
{
    const char *at = strstr(text, name);

    return at ? atoi(at + strlen(name)) : otherwise;
}

/* The settings are each upgrade's own here, so that a URL can choose them. */
struct echo_upgrade {
    struct upgrade upgrade;
    struct hub_settings settings;
};

struct upgrade *upgrade_decide(const struct upgrade_context *context,
                               const struct upgrade_request *request)
{
    struct gateway *gateway = CONTAINER_OF(context->hubs, struct gateway, is_unready);
    struct echo_upgrade *decided = memory_allocate_zero(sizeof(*decided));
    char *offered = memory_copy_string(request->subprotocols);

    snprintf(gateway->target, sizeof(gateway->target), "%.*s", SLICE_PRINT(request->target));
    snprintf(gateway->authorization, sizeof(gateway->authorization), "%.*s",
             SLICE_PRINT(request->authorization));
    decided->settings.keep_alive_s =
        (uint32_t)number_behind(gateway->target, "keep_alive=", KEEP_ALIVE_S);
    decided->upgrade.settings = &decided->settings;
    decided->upgrade.kind = UPGRADE_RAW;
    decided->upgrade.subprotocol = choose(offered);
    decided->upgrade.status = number_behind(gateway->target, "refuse=", 0);
    if (decided->upgrade.status != 0) {
        decided->upgrade.kind = UPGRADE_REFUSED;
        decided->upgrade.reason = "refused by \"echo\"";
    }
    free(offered);
    return &decided->upgrade;
}

void upgrade_free(struct upgrade *upgrade)
{
    if (upgrade) {
        buffer_release(&upgrade->arrival);
        free(CONTAINER_OF(upgrade, struct echo_upgrade, upgrade));
    }
}

/* ---------------------------------------------------------------- admission */

bool admission_is_wanted(struct gateway *gateway, const struct upgrade *upgrade)
{
    (void)upgrade;
    return strstr(gateway->target, "ask") != NULL;
}

void arrival_add(struct buffer *arrival, struct slice text)
{
    buffer_append(arrival, text);
    buffer_append_byte(arrival, '\n');
}

void admission_begin(struct admission *admission, struct gateway *gateway, struct upgrade *upgrade)
{
    admission->gateway = gateway;
    admission->upgrade = upgrade;
    gateway->asking = admission;
    snprintf(gateway->arrival, sizeof(gateway->arrival), "%.*s", SLICE_PRINT(upgrade->arrival));
}

void admission_cancel(struct admission *admission)
{
    admission->gateway->asking = NULL;
}

void echo_decide(struct gateway *gateway, int status, const char *text, const char *subprotocol)
{
    struct admission *admission = gateway->asking;

    gateway->asking = NULL;
    if (subprotocol) {
        admission->upgrade->subprotocol = choose(subprotocol);
    }
    admission->decided(admission, &(struct admission_verdict){status, slice_from_string(text)});
}

/* ---------------------------------------------------------------- client */

bool gateway_is_ready(const struct gateway *gateway)
{
    return !gateway->is_unready;
}

bool gateway_is_serving(const struct gateway *gateway)
{
    return gateway_is_ready(gateway);
}

void gateway_write_metrics(const struct gateway *gateway, struct buffer *out)
{
    buffer_append_format(out, "opened %zu\n", gateway->opened);
}

struct client *client_new(struct gateway *gateway, struct websocket *websocket,
                          struct upgrade *upgrade, const char *peer, bool is_loopback)
{
    struct client *client = memory_allocate_zero(sizeof(*client));

    client->gateway = gateway;
    client->websocket = websocket;
    client->subprotocol = upgrade->subprotocol;
    client->is_loopback = is_loopback;
    snprintf(client->peer, sizeof(client->peer), "%s", peer);
    list_add_last(&gateway->clients, &client->link);
    gateway->opened++;
    upgrade_free(upgrade);
    return client;
}

static void send_back(struct client *client, struct slice message, bool is_text)
{
    struct outgoing *outgoing = outgoing_new(message, is_text);

    outgoing->credit = slice_starts_with(message, SLICE_LITERAL("reply")) ? 0 : outgoing->length;
    websocket_operations.send(client->websocket, outgoing, 0);
    outgoing_release(outgoing);
}

void echo_flood(struct client *client, uint32_t count, uint32_t size)
{
    uint8_t *message = memory_allocate(size);

    for (uint32_t i = 0; i < count; i++) {
        memset(message, (int)(i & 0xff), size);
        for (int byte = 0; byte < 4; byte++) {
            message[byte] = (uint8_t)(i >> (24 - 8 * byte));
        }
        send_back(client, slice_make(message, size), false);
    }
    free(message);
}

void echo_resume(struct client *client)
{
    websocket_operations.pause(client->websocket, false);
}

void echo_close(struct client *client, uint16_t code)
{
    websocket_operations.close(client->websocket, code, CLOSED_NORMAL, SLICE_EMPTY);
}

static bool obey(struct client *client, const char *text)
{
    unsigned code = 0, count = 0, size = 0;
    int reason = 0;

    if (sscanf(text, "close %u %n", &code, &reason) == 1) {
        websocket_operations.close(client->websocket, (uint16_t)code, CLOSED_NORMAL,
                                   slice_from_string(text + reason));
    } else if (sscanf(text, "flood %u %u", &count, &size) == 2) {
        echo_flood(client, count, size);
    } else if (strcmp(text, "pause") == 0) {
        websocket_operations.pause(client->websocket, true);
    } else {
        return false;
    }
    return true;
}

void client_receive(struct client *client, struct slice message, bool is_text)
{
    char *text = memory_copy_string(message);

    client->received++;
    client->payload.length = 0;
    buffer_append(&client->payload, message);
    if (!is_text || !obey(client, text)) {
        send_back(client, message, is_text);
    }
    free(text);
}

void client_written(struct client *client, size_t bytes)
{
    client->written += bytes;
}

void client_socket_closed(struct client *client, uint16_t code)
{
    client->gateway->ended++;
    client->gateway->ended_code = code;
    list_remove(&client->link);
    buffer_release(&client->payload);
    free(client);
}

/* ---------------------------------------------------------------- for tests */

void echo_init(struct gateway *gateway)
{
    *gateway = (struct gateway){0};
    list_init(&gateway->clients);
    metrics_init(&gateway->metrics);
}

void echo_release(struct gateway *gateway)
{
    metrics_release(&gateway->metrics);
}

struct upgrade_context echo_context(struct gateway *gateway)
{
    return (struct upgrade_context){.hubs = (const struct hub_settings *)&gateway->is_unready};
}

struct client *echo_client(struct gateway *gateway)
{
    return CONTAINER_OF(gateway->clients.prev, struct client, link);
}
