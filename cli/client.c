/* The connection of `pubgrid pub` and `pubgrid sub`, the main thread's side: from options to Paho's
 * structs, waiting for events, and what to say when it does not work out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "endpoint.h"
#include "mqtt/reason.h"
#include "own_sockets.h"

enum {
    CONNECT_TIMEOUT_S = 30,
    DISCONNECT_TIMEOUT_MS = 5000,
};

void client_raise(struct client *client, unsigned events)
{
    uint64_t one = 1;
    ssize_t written;

    pthread_mutex_lock(&client->lock);
    client->events |= events;
    pthread_mutex_unlock(&client->lock);
    do {
        written = write(client->wake_fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
}

static char *make_id(const struct options *options)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const struct connection_options *connection = &options->connection;
    unsigned char random[15];
    char *id;

    if (connection->id_prefix != NULL) {
        if (asprintf(&id, "%s%d", connection->id_prefix, getpid()) < 0) {
            abort();
        }
        return id;
    }
    if (connection->id != NULL || connection->version >= MQTTVERSION_5) {
        /* MQTT 5: the server assigns one. */
        return memory_copy_string(slice_from_string(connection->id != NULL ? connection->id : ""));
    }
    id = memory_copy_string(SLICE_LITERAL("pubgrid-xxxxxxxxxxxxxxx"));
    random_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        id[8 + i] = letters[random[i] % (sizeof(letters) - 1)];
    }
    return id;
}

static void watch_signals(struct client *client)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    client->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static bool create_paho(struct client *client)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;

    options.MQTTVersion = client->options->connection.version;
    options.maxBufferedMessages = 1 << 20; /* the tools bound what they hand over */
    if (client->options->debug) {
        MQTTAsync_setTraceCallback(client_print_trace);
        MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_PROTOCOL);
    }
    if (MQTTAsync_createWithOptions(&client->paho, endpoint_uri(client->endpoint), client->id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &options) != MQTTASYNC_SUCCESS) {
        options_report(client->options, "Error: Invalid id and/or host.");
        return false;
    }
    MQTTAsync_setCallbacks(client->paho, client, client_on_lost, client_on_arrived, NULL);
    MQTTAsync_setDisconnected(client->paho, client, client_on_server_disconnect);
    return true;
}

/* One that Paho has never had. */
static void discard(struct client *client)
{
    if (client->endpoint != NULL) {
        endpoint_close(client->endpoint);
    }
    close(client->signal_fd);
    close(client->wake_fd);
    free(client->id);
    free(client);
}

struct client *client_create(const struct options *options, client_on_message *on_message,
                             void *owner)
{
    struct client *client = memory_allocate_zero(sizeof(*client));

    client->options = options;
    client->on_message = on_message;
    client->owner = owner;
    client->maximum_qos = 2;
    client->receive_maximum = RECEIVE_MAXIMUM_DEFAULT;
    client->use_tls = options_want_tls(options);
    pthread_mutex_init(&client->lock, NULL);
    watch_signals(client);
    client->id = make_id(options);
    /* A proxy for the web, which Paho would take from the environment, is none for MQTT. */
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    if (client->use_tls && !client_tls_prepare(&client->tls, options)) {
        discard(client);
        return NULL;
    }
    client->endpoint = endpoint_open(options);
    if (client->endpoint == NULL || !create_paho(client)) {
        discard(client);
        return NULL;
    }
    return client;
}

static void set_will(struct client *client, MQTTAsync_connectOptions *connect)
{
    const struct will_options *wanted = &client->options->will;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;

    if (wanted->topic == NULL) {
        return;
    }
    will.topicName = wanted->topic;
    will.payload.data = wanted->payload != NULL ? wanted->payload : "";
    will.payload.len = (int)strlen(will.payload.data);
    will.qos = (int)wanted->qos;
    will.retained = wanted->retain;
    client->will = will;
    connect->will = &client->will;
}

static void set_version(struct client *client, MQTTAsync_connectOptions *connect)
{
    const struct connection_options *wanted = &client->options->connection;
    /* Paho only reads the lists. */
    MQTTProperties *lists = (MQTTProperties *)(uintptr_t)client->options->properties;

    if (!client_is_v5(client)) {
        connect->MQTTVersion = wanted->version;
        connect->cleansession = !wanted->keep_session;
        connect->onSuccess = client_on_connected;
        connect->onFailure = client_on_failed;
        return;
    }
    connect->cleanstart = !wanted->keep_session;
    connect->connectProperties = &lists[FOR_CONNECT];
    if (connect->will != NULL) {
        connect->willProperties = &lists[FOR_WILL];
    }
    connect->onSuccess5 = client_on_connected5;
    connect->onFailure5 = client_on_failed5;
}

void client_connect(struct client *client)
{
    const struct connection_options *wanted = &client->options->connection;
    MQTTAsync_connectOptions connect5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions connect3 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions connect = client_is_v5(client) ? connect5 : connect3;

    connect.keepAliveInterval = (int)wanted->keep_alive;
    connect.connectTimeout = CONNECT_TIMEOUT_S;
    connect.context = client;
    connect.username = wanted->user_name;
    if (wanted->password != NULL) {
        connect.binarypwd.data = wanted->password;
        connect.binarypwd.len = (int)strlen(wanted->password);
    }
    connect.ssl = client->use_tls ? &client->tls.ssl : NULL;
    connect.httpsProxy = endpoint_proxy(client->endpoint);
    client->uri = endpoint_uri(client->endpoint);
    connect.serverURIs = (char *const *)(uintptr_t)&client->uri;
    connect.serverURIcount = 1;
    set_will(client, &connect);
    set_version(client, &connect);
    if (MQTTAsync_connect(client->paho, &connect) != MQTTASYNC_SUCCESS) {
        client_raise_reason(client, CLIENT_UNREACHABLE, MQTTASYNC_FAILURE);
    }
}

static unsigned take_signal(struct client *client)
{
    struct signalfd_siginfo info;

    if (read(client->signal_fd, &info, sizeof(info)) != sizeof(info)) {
        return 0;
    }
    client->signal = (int)info.ssi_signo;
    return CLIENT_SIGNAL;
}

unsigned client_wait(struct client *client, int fd, int timeout_ms)
{
    struct pollfd polls[] = {{.fd = client->wake_fd, .events = POLLIN},
                             {.fd = client->signal_fd, .events = POLLIN},
                             {.fd = fd, .events = POLLIN}};
    unsigned events = 0;
    uint64_t count;

    if (poll(polls, 3, timeout_ms) <= 0) {
        return 0;
    }
    if (polls[1].revents != 0) {
        events |= take_signal(client);
    }
    if (polls[2].revents != 0) {
        events |= CLIENT_INPUT;
    }
    if (polls[0].revents != 0 && read(client->wake_fd, &count, sizeof(count)) > 0) {
        pthread_mutex_lock(&client->lock);
        events |= client->events;
        client->events = 0;
        pthread_mutex_unlock(&client->lock);
    }
    if (events & CLIENT_CONNECTED) {
        own_sockets_set_nodelay();
    }
    if ((events & CLIENT_UNREACHABLE) && endpoint_try_others(client->endpoint)) {
        events &= ~(unsigned)CLIENT_UNREACHABLE;
        client_connect(client);
    }
    return events;
}

void client_disconnect(struct client *client, enum MQTTReasonCodes reason)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
    unsigned events = 0;

    if (client_is_v5(client)) {
        options = options5;
        options.properties = client->options->properties[FOR_DISCONNECT];
        options.reasonCode = reason;
        options.onSuccess5 = client_on_disconnected5;
        options.onFailure5 = client_on_disconnect_failed5;
    } else {
        options.onSuccess = client_on_disconnected;
        options.onFailure = client_on_disconnect_failed;
    }
    options.context = client;
    options.timeout = DISCONNECT_TIMEOUT_MS;
    if (MQTTAsync_disconnect(client->paho, &options) == MQTTASYNC_SUCCESS) {
        while ((events & (CLIENT_DISCONNECTED | CLIENT_LOST | CLIENT_SIGNAL)) == 0) {
            events = client_wait(client, -1, DISCONNECT_TIMEOUT_MS);
            if (events == 0) {
                break;
            }
        }
    }
    endpoint_finish(client->endpoint);
}

static const char *connack_text(int code)
{
    static const char *const texts[] = {
        "Connection Accepted.",
        "Connection Refused: unacceptable protocol version.",
        "Connection Refused: identifier rejected.",
        "Connection Refused: broker unavailable.",
        "Connection Refused: bad user name or password.",
        "Connection Refused: not authorised.",
    };

    return code >= 0 && (size_t)code < sizeof(texts) / sizeof(texts[0])
               ? texts[code]
               : "Connection Refused: unknown reason.";
}

static int explain_refusal(const struct client *client, int reason)
{
    if (!client_is_v5(client) || reason < 0x80) {
        options_report(client->options, "Connection error: %s", connack_text(reason));
    } else if (reason == REASON_UNSUPPORTED_PROTOCOL_VERSION) {
        options_report(client->options,
                       "Connection error: %s. Try connecting to an MQTT v5 broker, or use MQTT "
                       "v3.x mode.",
                       reason_text((enum reason_code)reason));
    } else {
        options_report(client->options, "Connection error: %s",
                       reason_text((enum reason_code)reason));
    }
    return reason;
}

int client_explain(struct client *client, unsigned event)
{
    int reason;

    pthread_mutex_lock(&client->lock);
    reason = client->reason;
    pthread_mutex_unlock(&client->lock);
    if (event & CLIENT_REFUSED) {
        return explain_refusal(client, reason);
    }
    if (event & CLIENT_UNREACHABLE) {
        return endpoint_explain(client->endpoint);
    }
    options_report(client->options, "Error: The connection was lost.");
    return EXIT_STATUS_LOST;
}

MQTTAsync client_paho(const struct client *client)
{
    return client->paho;
}

bool client_is_v5(const struct client *client)
{
    return client->options->connection.version >= MQTTVERSION_5;
}

int client_signal(const struct client *client)
{
    return client->signal;
}

void client_die_of_signal(const struct client *client)
{
    sigset_t set;

    fflush(NULL);
    sigemptyset(&set);
    sigaddset(&set, client->signal);
    signal(client->signal, SIG_DFL);
    raise(client->signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int client_maximum_qos(const struct client *client)
{
    return client->maximum_qos; /* set before CLIENT_CONNECTED, read after it */
}

int client_receive_maximum(const struct client *client)
{
    return client->receive_maximum;
}

MQTTAsync_responseOptions client_response(const struct client *client, void *context,
                                          MQTTAsync_onSuccess *success,
                                          MQTTAsync_onSuccess5 *success5,
                                          MQTTAsync_onFailure *failure,
                                          MQTTAsync_onFailure5 *failure5)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    response.context = context;
    if (client_is_v5(client)) {
        response.onSuccess5 = success5;
        response.onFailure5 = failure5;
    } else {
        response.onSuccess = success;
        response.onFailure = failure;
    }
    return response;
}
