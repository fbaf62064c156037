/* Paho's callbacks: each notes what happened and wakes the main thread.
 *
 * They run on Paho's threads. What they share with the main thread (events, reason code, limits of
 * the CONNACK) is under the client's lock; the rest of the client was set before the threads began.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "client_internal.h"

void client_raise_reason(struct client *client, unsigned event, int reason)
{
    pthread_mutex_lock(&client->lock);
    client->reason = reason;
    pthread_mutex_unlock(&client->lock);
    client_raise(client, event);
}

void client_on_connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    client_raise(context, CLIENT_CONNECTED);
}

static int number_of(MQTTProperties *properties, enum MQTTPropertyCodes identifier, int otherwise)
{
    return MQTTProperties_hasProperty(properties, identifier)
               ? MQTTProperties_getNumericValue(properties, identifier)
               : otherwise;
}

void client_on_connected5(void *context, MQTTAsync_successData5 *data)
{
    struct client *client = context;
    MQTTProperties *properties = &data->properties;

    pthread_mutex_lock(&client->lock);
    client->maximum_qos = number_of(properties, MQTTPROPERTY_CODE_MAXIMUM_QOS, 2);
    client->receive_maximum =
        number_of(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM_DEFAULT);
    pthread_mutex_unlock(&client->lock);
    client_raise(client, CLIENT_CONNECTED);
}

/* Paho's `code` is a 3.1.1 return code if positive and its own error if negative. */
void client_on_failed(void *context, MQTTAsync_failureData *data)
{
    int code = data == NULL ? -1 : data->code;

    client_raise_reason(context, code > 0 ? CLIENT_REFUSED : CLIENT_UNREACHABLE, code);
}

void client_on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int code = data == NULL ? -1 : data->code;
    int reason = data == NULL ? 0 : (int)data->reasonCode;

    if (reason == 0 && code > 0) {
        reason = code; /* a 3.1.1 server's answer */
    }
    client_raise_reason(context, reason > 0 ? CLIENT_REFUSED : CLIENT_UNREACHABLE,
                        reason > 0 ? reason : code);
}

void client_on_lost(void *context, char *cause)
{
    (void)cause;
    client_raise(context, CLIENT_LOST);
}

void client_on_server_disconnect(void *context, MQTTProperties *properties,
                                 enum MQTTReasonCodes reason)
{
    (void)properties, (void)reason;
    client_raise(context, CLIENT_LOST);
}

int client_on_arrived(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct client *client = context;
    /* Paho gives a length of 0 unless the topic has a NUL in it. */
    size_t length = topic_length == 0 ? strlen(topic) : (size_t)topic_length;

    if (client->on_message != NULL) {
        client->on_message(client->owner, topic, length, message);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

void client_on_disconnected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    client_raise(context, CLIENT_DISCONNECTED);
}

void client_on_disconnected5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    client_raise(context, CLIENT_DISCONNECTED);
}

void client_on_disconnect_failed(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    client_raise(context, CLIENT_DISCONNECTED);
}

void client_on_disconnect_failed5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    client_raise(context, CLIENT_DISCONNECTED);
}

/* Paho writes "<date> <time> <socket> <client identifier> -> PUBLISH ...". */
void client_print_trace(enum MQTTASYNC_TRACE_LEVELS level, char *message)
{
    char *sent = strstr(message, " -> "), *received = strstr(message, " <- ");
    char *arrow = sent != NULL ? sent : received;
    char *id = message;

    (void)level;
    for (int i = 0; i < 3 && id != NULL; i++) {
        id = strchr(id + 1, ' ');
    }
    if (arrow == NULL || id == NULL || id > arrow) {
        return;
    }
    printf("Client%.*s %s %s\n", (int)(arrow - id), id, sent != NULL ? "sending" : "received",
           arrow + 4);
    fflush(stdout);
}
