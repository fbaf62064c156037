/* `pubgrid sub`: subscribes and prints what arrives, until it is told to stop.
 *
 * Messages are printed on Paho's thread as they come (receiver.c). Everything else (connecting,
 * subscribing, time-out, signals, the end) happens in the loop of the main thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sub.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "client.h"
#include "options.h"
#include "receiver.h"

enum {
    SUB_SUBSCRIBED = CLIENT_USER << 1, /* SUBACK */
    SUB_DENIED = CLIENT_USER << 2,     /* SUBACK that grants nothing */
};

enum { RECONNECT_MS = 1000, EXIT_BEFORE_CONNACK = 255, FIRST_DENIAL = 0x80 };

struct subscriber {
    const struct options *options;
    struct client *client;
    struct receiver receiver; /* mostly of Paho's thread */
    bool was_connected;
    bool connected;
    msec_t reconnect_at;
    msec_t deadline; /* -W */
};

/* Codes of a SUBACK: QoS granted or, from 0x80 up, the reason that it was not. */
static void on_suback(struct subscriber *subscriber, int token, const int *codes, size_t count)
{
    const struct options *options = subscriber->options;
    bool some_granted = false;

    for (size_t i = 0; i < count; i++) {
        some_granted |= codes[i] < FIRST_DENIAL;
    }
    if (options->debug && !options->quiet) {
        printf("Subscribed (mid: %d):", token);
        for (size_t i = 0; i < count; i++) {
            printf("%s %d", i == 0 ? "" : ",", codes[i]);
        }
        putchar('\n');
        fflush(stdout);
    }
    client_raise(subscriber->client, some_granted ? SUB_SUBSCRIBED : SUB_DENIED);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    struct subscriber *subscriber = context;
    size_t count = subscriber->options->subscribe.topics.count;

    on_suback(subscriber, data->token, count > 1 ? data->alt.qosList : &data->alt.qos, count);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    struct subscriber *subscriber = context;
    size_t count = subscriber->options->subscribe.topics.count;
    int *codes = memory_allocate(count * sizeof(*codes));

    /* Paho sets the array only if there are several. */
    codes[0] = (int)data->reasonCode;
    for (size_t i = 0; count > 1 && i < count; i++) {
        codes[i] = (int)data->alt.sub.reasonCodes[i];
    }
    on_suback(subscriber, data->token, codes, count);
    free(codes);
}

/* For a single topic filter, Paho makes a failure of a SUBACK that denies it. */
static void on_subscribe_failed(void *context, MQTTAsync_failureData *data)
{
    if (data->code == MQTT_BAD_SUBSCRIBE) {
        on_suback(context, data->token, &data->code, 1);
    }
}

static void on_subscribe_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int code = (int)data->reasonCode;

    if (code >= FIRST_DENIAL) {
        on_suback(context, data->token, &code, 1);
    }
}

/* Paho reads the strings only, whatever its prototypes say. */
static char *const *as_paho_list(const struct string_list *list)
{
    return (char *const *)(uintptr_t)list->items;
}

static void subscribe(struct subscriber *subscriber)
{
    const struct subscribe_options *wanted = &subscriber->options->subscribe;
    size_t count = wanted->topics.count;
    int *qos = memory_allocate(count * sizeof(*qos));
    MQTTSubscribe_options *each = memory_allocate_zero(count * sizeof(*each));
    MQTTAsync_responseOptions response =
        client_response(subscriber->client, subscriber, on_subscribed, on_subscribed5,
                        on_subscribe_failed, on_subscribe_failed5);

    for (size_t i = 0; i < count; i++) {
        MQTTSubscribe_options options = MQTTSubscribe_options_initializer;

        options.retainAsPublished = wanted->retain_as_published;
        options.retainHandling = wanted->skip_retained ? 2 : 0;
        each[i] = options;
        qos[i] = (int)subscriber->options->qos;
    }
    if (client_is_v5(subscriber->client)) {
        response.properties = subscriber->options->properties[FOR_SUBSCRIBE];
        response.subscribeOptions = each[0];
        response.subscribeOptionsList = each;
        response.subscribeOptionsCount = (int)count;
    }
    MQTTAsync_subscribeMany(client_paho(subscriber->client), (int)count,
                            as_paho_list(&wanted->topics), qos, &response);
    free(qos);
    free(each);
}

static void unsubscribe(struct subscriber *subscriber)
{
    const struct string_list *filters = &subscriber->options->subscribe.unsubscribe;
    MQTTAsync_responseOptions response =
        client_response(subscriber->client, subscriber, NULL, NULL, NULL, NULL);

    if (client_is_v5(subscriber->client)) {
        response.properties = subscriber->options->properties[FOR_UNSUBSCRIBE];
    }
    for (size_t i = 0; i < filters->count; i++) {
        MQTTAsync_unsubscribe(client_paho(subscriber->client), filters->items[i], &response);
    }
}

static int leave(struct subscriber *subscriber, enum MQTTReasonCodes reason, int status)
{
    if (subscriber->connected) {
        client_disconnect(subscriber->client, reason);
    }
    return status;
}

enum { GO_ON = -1 };

/* The connection could not be made or has ended: that is final only at the first attempt. */
static int handle_no_connection(struct subscriber *subscriber, unsigned events)
{
    subscriber->connected = false;
    if (!subscriber->was_connected || (events & CLIENT_REFUSED) != 0) {
        return client_explain(subscriber->client, events);
    }
    if (receiver_is_finished(&subscriber->receiver)) {
        return EXIT_STATUS_GOOD;
    }
    subscriber->reconnect_at = clock_now() + RECONNECT_MS;
    return GO_ON;
}

/* A signal and the time-out make the server publish the will (MQTT 5), as in mosquitto_sub. */
static int handle_stop(struct subscriber *subscriber, unsigned events)
{
    if (events & CLIENT_SIGNAL) {
        return leave(subscriber, MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE,
                     subscriber->was_connected ? EXIT_STATUS_GOOD : EXIT_BEFORE_CONNACK);
    }
    leave(subscriber, MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE, EXIT_STATUS_TIMED_OUT);
    options_report(subscriber->options, "Timed out");
    return EXIT_STATUS_TIMED_OUT;
}

static void handle_connected(struct subscriber *subscriber)
{
    subscriber->connected = subscriber->was_connected = true;
    subscribe(subscriber);
    unsubscribe(subscriber);
}

/* Returns the exit status, or GO_ON. */
static int handle(struct subscriber *subscriber, unsigned events)
{
    const unsigned failures = CLIENT_REFUSED | CLIENT_UNREACHABLE | CLIENT_LOST;

    if ((events & CLIENT_SIGNAL) || clock_now() >= subscriber->deadline) {
        return handle_stop(subscriber, events);
    }
    if ((events & RECEIVER_FINISHED) && receiver_is_done(&subscriber->receiver)) {
        return leave(subscriber, MQTTREASONCODE_SUCCESS, EXIT_STATUS_GOOD);
    }
    if (events & failures) {
        return handle_no_connection(subscriber, events & failures);
    }
    if (events & SUB_DENIED) {
        leave(subscriber, MQTTREASONCODE_SUCCESS, EXIT_STATUS_GOOD);
        options_report(subscriber->options, "All subscription requests were denied.");
        return EXIT_STATUS_GOOD;
    }
    if ((events & SUB_SUBSCRIBED) && subscriber->options->subscribe.exit_after_subscribe) {
        return leave(subscriber, MQTTREASONCODE_SUCCESS, EXIT_STATUS_GOOD);
    }
    if (events & CLIENT_CONNECTED) {
        handle_connected(subscriber);
    }
    return GO_ON;
}

static int timeout_of(const struct subscriber *subscriber)
{
    msec_t next = subscriber->deadline < subscriber->reconnect_at ? subscriber->deadline
                                                                  : subscriber->reconnect_at;
    msec_t left = next - clock_now();

    if (next == MSEC_NEVER) {
        return -1;
    }
    return left < 0 ? 0 : left < 60000 ? (int)left + 1 : 60000;
}

static int run(struct subscriber *subscriber)
{
    int status = GO_ON;

    while (status == GO_ON) {
        unsigned events;

        if (clock_now() >= subscriber->reconnect_at) {
            subscriber->reconnect_at = MSEC_NEVER;
            aliases_forget(&subscriber->receiver.aliases);
            client_connect(subscriber->client);
        }
        events = client_wait(subscriber->client, -1, timeout_of(subscriber));
        status = handle(subscriber, events);
    }
    return status;
}

static int listen_for(struct options *options)
{
    const struct subscribe_options *wanted = &options->subscribe;
    struct subscriber *subscriber = memory_allocate_zero(sizeof(*subscriber));

    subscriber->options = options;
    receiver_init(&subscriber->receiver, options);
    subscriber->deadline =
        wanted->timeout_s == 0 ? MSEC_NEVER : clock_now() + wanted->timeout_s * 1000;
    subscriber->client = client_create(options, receiver_on_message, &subscriber->receiver);
    subscriber->receiver.client = subscriber->client;
    if (subscriber->client == NULL) {
        free(subscriber);
        options_close(options);
        return EXIT_STATUS_ERROR;
    }
    /* From here Paho's thread may use subscriber and options until the exit: they are not freed. */
    return run(subscriber);
}

int sub_main(int argc, char **argv)
{
    int status;
    struct options *options = options_open(TOOL_SUB, argc, argv, &status);

    return options == NULL ? status : listen_for(options);
}
