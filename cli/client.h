/* One MQTT connection of the command line tools, over Eclipse Paho's MQTTAsync.
 *
 * Paho calls back on threads of its own. The tools want one loop: so a callback notes what happened
 * as bits ("events") and wakes the main thread, which sleeps in client_wait() on those, on signals
 * and on a descriptor of its choice. Only `message` and the completions that a tool gives to Paho
 * itself run on Paho's threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_CLIENT_H
#define PUBGRID_CLI_CLIENT_H

#include <MQTTAsync.h>
#include <stdbool.h>

#include "options.h"

struct client;

enum client_event {
    CLIENT_CONNECTED = 1 << 0,    /* CONNACK with success */
    CLIENT_REFUSED = 1 << 1,      /* CONNACK with another reason code: client_reason() */
    CLIENT_UNREACHABLE = 1 << 2,  /* no connection, or it ended before CONNACK */
    CLIENT_LOST = 1 << 3,         /* the network connection ended */
    CLIENT_DISCONNECTED = 1 << 4, /* client_disconnect() is done */
    CLIENT_SIGNAL = 1 << 5,       /* SIGINT or SIGTERM: client_signal() */
    CLIENT_INPUT = 1 << 6,        /* the descriptor given to client_wait() is readable */
    CLIENT_USER = 1 << 8,         /* this bit and higher ones are the tool's */
};

/* mosquitto's exit codes for what is not a reason code. */
enum exit_status {
    EXIT_STATUS_GOOD = 0,
    EXIT_STATUS_ERROR = 1,
    EXIT_STATUS_LOST = 7,
    EXIT_STATUS_TLS = 8,
    EXIT_STATUS_TIMED_OUT = 27,
};

/* Called on Paho's thread; the message is freed after the return. */
typedef void client_on_message(void *owner, const char *topic, size_t topic_length,
                               const MQTTAsync_message *message);

/* Blocks SIGINT and SIGTERM for the process (they become events) and makes everything ready.
 * NULL after an error message. `on_message` may be NULL. */
struct client *client_create(const struct options *options, client_on_message *on_message,
                             void *owner);

/* Starts to connect: CONNECTED, REFUSED or UNREACHABLE follows. Also to connect again. */
void client_connect(struct client *client);

/* Sleeps until an event, or `timeout_ms` (-1: no limit); returns the events and forgets them. */
unsigned client_wait(struct client *client, int fd, int timeout_ms);

/* Any thread: adds an event of the tool and wakes client_wait(). */
void client_raise(struct client *client, unsigned events);

/* Sends DISCONNECT behind what is still queued and waits until it is out. */
void client_disconnect(struct client *client, enum MQTTReasonCodes reason);

/* Prints why the connection was refused, could not be made or was lost; returns the exit status. */
int client_explain(struct client *client, unsigned event);

MQTTAsync client_paho(const struct client *client);
bool client_is_v5(const struct client *client);
int client_signal(const struct client *client);
/* Ends the process as the signal would have. */
void client_die_of_signal(const struct client *client);
/* The highest QoS that the server takes (CONNACK property Maximum QoS). */
int client_maximum_qos(const struct client *client);
/* How many messages of QoS 1 and 2 the server takes at once (CONNACK property Receive Maximum). */
int client_receive_maximum(const struct client *client);

/* Response options with the completions in the fields that the version wants. */
MQTTAsync_responseOptions client_response(const struct client *client, void *context,
                                          MQTTAsync_onSuccess *success,
                                          MQTTAsync_onSuccess5 *success5,
                                          MQTTAsync_onFailure *failure,
                                          MQTTAsync_onFailure5 *failure5);

/* There is no client_destroy(): stopping Paho's threads takes up to a second, and the tools exit
 * right after client_disconnect(). */

#endif
