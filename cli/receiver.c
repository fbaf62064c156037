/* Takes messages in on Paho's thread, one at a time and in their order.
 *
 * A message is printed with one write(2). When the standard output takes no more (a closed pipe),
 * the program ends as if it had been told to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "mqtt/topic.h"
#include "options.h"

void receiver_init(struct receiver *receiver, const struct options *options)
{
    const struct subscribe_options *wanted = &options->subscribe;

    receiver->options = options;
    receiver->format = (struct format_options){.format = wanted->format,
                                               .verbose = wanted->verbose,
                                               .line_end = !wanted->no_line_end,
                                               .pretty = wanted->pretty};
    pthread_mutex_init(&receiver->lock, NULL);
}

bool receiver_is_finished(struct receiver *receiver)
{
    bool finished;

    pthread_mutex_lock(&receiver->lock);
    finished = receiver->finished;
    pthread_mutex_unlock(&receiver->lock);
    return finished;
}

static void finish(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->finished = true;
    pthread_mutex_unlock(&receiver->lock);
    client_raise(receiver->client, RECEIVER_FINISHED);
}

static void count_clears(struct receiver *receiver, int change)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->clears += (size_t)change;
    pthread_mutex_unlock(&receiver->lock);
    if (change < 0) {
        client_raise(receiver->client, RECEIVER_FINISHED); /* perhaps; the loop looks */
    }
}

static void on_cleared(void *context, MQTTAsync_successData *data)
{
    (void)data;
    count_clears(context, -1);
}

static void on_cleared5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    count_clears(context, -1);
}

static void on_clear_failed(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    count_clears(context, -1);
}

static void on_clear_failed5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    count_clears(context, -1);
}

static void clear_retained(struct receiver *receiver, struct slice topic)
{
    char *name = memory_copy_string(topic);
    MQTTAsync_responseOptions response = client_response(
        receiver->client, receiver, on_cleared, on_cleared5, on_clear_failed, on_clear_failed5);

    count_clears(receiver, 1);
    if (MQTTAsync_send(client_paho(receiver->client), name, 0, "", 1, 1, &response) !=
        MQTTASYNC_SUCCESS) {
        count_clears(receiver, -1);
    }
    free(name);
}

static bool is_filtered_out(const struct receiver *receiver, const struct received *message)
{
    const struct subscribe_options *wanted = &receiver->options->subscribe;

    if (message->retain && wanted->skip_retained) {
        return true;
    }
    for (size_t i = 0; i < wanted->filter_out.count; i++) {
        if (topic_matches(slice_from_string(wanted->filter_out.items[i]), message->topic)) {
            return true;
        }
    }
    return false;
}

static bool wins_chance(const struct receiver *receiver)
{
    double chance = receiver->options->subscribe.chance;
    uint32_t random;

    if (chance >= 100.0) {
        return true;
    }
    random_bytes(&random, sizeof(random));
    return (double)random < chance / 100.0 * (double)UINT32_MAX;
}

static bool write_out(struct buffer *out)
{
    while (out->length > 0) {
        ssize_t count = write(STDOUT_FILENO, out->data, out->length);

        if (count < 0 && errno != EINTR) {
            return false;
        }
        buffer_consume(out, count < 0 ? 0 : (size_t)count);
    }
    return true;
}

/* False if the standard output takes no more, which ends the program quietly. */
static bool print(struct receiver *receiver, const struct received *message)
{
    if (!wins_chance(receiver)) {
        return true;
    }
    if (!format_message(&receiver->out, &receiver->format, message)) {
        options_report(receiver->options, "Error: Message payload is not valid JSON on topic %.*s.",
                       SLICE_PRINT(message->topic));
    }
    return write_out(&receiver->out);
}

static void take_in(struct receiver *receiver, const struct received *message)
{
    const struct subscribe_options *wanted = &receiver->options->subscribe;

    if (wanted->retained_only && !message->retain) {
        finish(receiver);
        return;
    }
    if (is_filtered_out(receiver, message)) {
        return;
    }
    if (wanted->remove_retained && message->retain) {
        clear_retained(receiver, message->topic);
    }
    if (!print(receiver, message) || ++receiver->printed == wanted->message_count) {
        finish(receiver);
    }
}

void receiver_on_message(void *owner, const char *topic, size_t topic_length,
                         const MQTTAsync_message *message)
{
    struct receiver *receiver = owner;
    struct received received = {
        .topic = aliases_resolve(&receiver->aliases, slice_make(topic, topic_length),
                                 &message->properties),
        .payload = slice_make(message->payload, (size_t)message->payloadlen),
        .qos = message->qos,
        .retain = message->retained != 0,
        .packet_id = message->qos > 0 ? message->msgid : 0,
        .properties = &message->properties,
    };

    clock_gettime(CLOCK_REALTIME, &received.at);
    if (!receiver_is_finished(receiver)) {
        take_in(receiver, &received);
    }
}

bool receiver_is_done(struct receiver *receiver)
{
    bool may;

    pthread_mutex_lock(&receiver->lock);
    may = receiver->finished && receiver->clears == 0;
    pthread_mutex_unlock(&receiver->lock);
    return may;
}
