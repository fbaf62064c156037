/* What client.c (the main thread's side) and client_callbacks.c (Paho's side) share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_CLIENT_INTERNAL_H
#define PUBGRID_CLI_CLIENT_INTERNAL_H

#include <pthread.h>

#include "client.h"
#include "client_tls.h"

enum { RECEIVE_MAXIMUM_DEFAULT = 65535 };

struct client {
    const struct options *options;
    client_on_message *on_message;
    void *owner;
    MQTTAsync paho;
    char *id;
    struct endpoint *endpoint;
    const char *uri; /* of the endpoint at the last client_connect() */
    bool use_tls;
    struct client_tls tls;
    MQTTAsync_willOptions will;
    int signal_fd, wake_fd;
    int signal;
    pthread_mutex_t lock;
    unsigned events; /* from here: under the lock */
    int reason;
    int maximum_qos;
    int receive_maximum;
};

/* Notes the reason code, or Paho's error if negative, and raises the event. */
void client_raise_reason(struct client *client, unsigned event, int reason);

/* Paho's callbacks; `context` is the client. Those with a 5 are for MQTT 5. */
MQTTAsync_onSuccess client_on_connected, client_on_disconnected;
MQTTAsync_onSuccess5 client_on_connected5, client_on_disconnected5;
MQTTAsync_onFailure client_on_failed, client_on_disconnect_failed;
MQTTAsync_onFailure5 client_on_failed5, client_on_disconnect_failed5;
MQTTAsync_connectionLost client_on_lost;
MQTTAsync_disconnected client_on_server_disconnect;
MQTTAsync_messageArrived client_on_arrived;

/* For -d: one line for each packet on the standard output. */
MQTTAsync_traceCallback client_print_trace;

#endif
