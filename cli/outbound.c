/* Keeps each message from the hand-over to Paho until its completion.
 *
 * The lists are shared between the main thread, which publishes, and Paho's threads, which
 * complete; both hold `lock` for a few instructions. The main thread is woken when the last message
 * is done or when the window is half empty. At QoS 1 and 2 it is woken for each message: the next
 * PUBLISH then carries the TCP acknowledgement that a server with Nagle's algorithm waits for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbound.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "mqtt/reason.h"

enum { WINDOW_MESSAGES = 1000, WINDOW_BYTES = 8 << 20 };

struct outgoing {
    struct outbound *outbound;
    struct outgoing *next; /* while it waits in `returned` */
    uint64_t number;       /* order of publication */
    size_t length;
    uint8_t payload[];
};

struct outbound {
    const struct options *options;
    struct client *client;
    uint64_t numbers;
    bool failed;      /* of the main thread, like the field below */
    bool alias_known; /* the server has seen topic and alias together */
    pthread_mutex_t lock;
    size_t window;             /* messages that may be under way */
    size_t messages, bytes;    /* not completed, those in `returned` too */
    struct outgoing *returned; /* to be sent again, by number */
};

struct outbound *outbound_create(const struct options *options, struct client *client)
{
    struct outbound *outbound = memory_allocate_zero(sizeof(*outbound));

    outbound->options = options;
    outbound->client = client;
    pthread_mutex_init(&outbound->lock, NULL);
    return outbound;
}

/* At QoS 1 and 2 the window is the number of messages in flight. It is kept here rather than by
 * Paho, whose sender sleeps up to a second when its own limit is reached. */
static size_t window_of(const struct outbound *outbound)
{
    size_t server_maximum = (size_t)client_receive_maximum(outbound->client);
    size_t wanted = (size_t)outbound->options->connection.inflight_max;

    if (outbound->options->qos == 0) {
        return WINDOW_MESSAGES;
    }
    return wanted < server_maximum ? wanted : server_maximum;
}

bool outbound_has_room(struct outbound *outbound)
{
    size_t window = window_of(outbound);
    bool room;

    pthread_mutex_lock(&outbound->lock);
    outbound->window = window;
    room = outbound->messages < outbound->window && outbound->bytes < WINDOW_BYTES;
    pthread_mutex_unlock(&outbound->lock);
    return room;
}

bool outbound_is_empty(struct outbound *outbound)
{
    bool empty;

    pthread_mutex_lock(&outbound->lock);
    empty = outbound->messages == 0;
    pthread_mutex_unlock(&outbound->lock);
    return empty;
}

bool outbound_failed(const struct outbound *outbound)
{
    return outbound->failed;
}

static void complete(struct outgoing *message)
{
    struct outbound *outbound = message->outbound;
    bool wake;

    pthread_mutex_lock(&outbound->lock);
    outbound->messages--;
    outbound->bytes -= message->length;
    wake = outbound->options->qos > 0 || outbound->messages == 0 ||
           outbound->messages == outbound->window / 2 ||
           outbound->bytes + message->length >= WINDOW_BYTES;
    pthread_mutex_unlock(&outbound->lock);
    if (wake) {
        client_raise(outbound->client, OUTBOUND_PROGRESS);
    }
    free(message);
}

/* The connection went away before the message was done. */
static void keep_for_resend(struct outgoing *message)
{
    struct outbound *outbound = message->outbound;
    struct outgoing **at = &outbound->returned;

    pthread_mutex_lock(&outbound->lock);
    while (*at != NULL && (*at)->number < message->number) {
        at = &(*at)->next;
    }
    message->next = *at;
    *at = message;
    pthread_mutex_unlock(&outbound->lock);
    client_raise(outbound->client, OUTBOUND_PROGRESS);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    complete(context);
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    complete(context);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    keep_for_resend(context);
}

static void warn(const struct options *options, const MQTTAsync_failureData5 *data)
{
    MQTTProperty *text = MQTTProperties_getProperty((MQTTProperties *)(uintptr_t)&data->properties,
                                                    MQTTPROPERTY_CODE_REASON_STRING);

    options_report(options, "Warning: Publish %d failed: %s.", data->token,
                   reason_text((enum reason_code)data->reasonCode));
    if (text != NULL) {
        options_report(options, "%.*s", text->value.data.len, text->value.data.data);
    }
}

/* The server refused this message (PUBACK, PUBREC), or the connection was lost. */
static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    struct outgoing *message = context;

    if (data != NULL && (int)data->reasonCode >= REASON_UNSPECIFIED_ERROR) {
        warn(message->outbound->options, data);
        complete(message);
    } else {
        keep_for_resend(message);
    }
}

static void hand_over(struct outgoing *message)
{
    struct outbound *outbound = message->outbound;
    const struct options *options = outbound->options;
    bool alias_only = options->has_topic_alias && outbound->alias_known;
    MQTTAsync_responseOptions response = client_response(outbound->client, message, on_success,
                                                         on_success5, on_failure, on_failure5);
    int result;

    if (client_is_v5(outbound->client)) {
        response.properties = options->properties[FOR_PUBLISH]; /* Paho copies it */
    }
    result = MQTTAsync_send(client_paho(outbound->client), alias_only ? "" : options->publish.topic,
                            (int)message->length, message->payload, (int)options->qos,
                            options->publish.retain, &response);
    if (result == MQTTASYNC_SUCCESS) {
        outbound->alias_known = true;
        return;
    }
    if (result != MQTTASYNC_DISCONNECTED) {
        options_report(options, "Error: The message cannot be sent: %s.",
                       MQTTAsync_strerror(result));
        outbound->failed = true;
    }
    keep_for_resend(message);
}

void outbound_publish(struct outbound *outbound, struct slice payload)
{
    struct outgoing *message = memory_allocate(sizeof(*message) + payload.length);

    message->outbound = outbound;
    message->next = NULL;
    message->number = outbound->numbers++;
    message->length = payload.length;
    if (payload.length > 0) {
        memcpy(message->payload, payload.data, payload.length);
    }
    pthread_mutex_lock(&outbound->lock);
    outbound->messages++;
    outbound->bytes += payload.length;
    pthread_mutex_unlock(&outbound->lock);
    hand_over(message);
}

void outbound_resend(struct outbound *outbound)
{
    struct outgoing *list, *next;

    outbound->alias_known = false;
    pthread_mutex_lock(&outbound->lock);
    list = outbound->returned;
    outbound->returned = NULL;
    pthread_mutex_unlock(&outbound->lock);
    for (; list != NULL; list = next) {
        next = list->next;
        hand_over(list);
    }
}
