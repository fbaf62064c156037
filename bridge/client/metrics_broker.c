/* See metrics_broker.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_broker.h"

#include "client/metrics_sample.h"

enum { MICROSECONDS = 1000000, TEXT_MAX = 128 };

const struct broker_metric broker_metrics[BROKER_METRICS] = {
    {"uptime", "uptime_seconds", "gauge", "Time since the broker started.", 0},
    {"bytes/received", "received_bytes_total", "counter", "Bytes of packets from clients.", 0},
    {"bytes/sent", "sent_bytes_total", "counter", "Bytes of packets to clients.", 0},
    {"messages/received", "received_packets_total", "counter", "Packets from clients.", 0},
    {"messages/sent", "sent_packets_total", "counter", "Packets to clients.", 0},
    {"publish/messages/received", "received_publishes_total", "counter",
     "Messages that clients published.", 0},
    {"publish/messages/sent", "sent_publishes_total", "counter",
     "Messages that were delivered to clients.", 0},
    {"publish/bytes/received", "received_publish_bytes_total", "counter",
     "Payload bytes that clients published.", 0},
    {"publish/bytes/sent", "sent_publish_bytes_total", "counter",
     "Payload bytes that were delivered to clients.", 0},
    {"publish/messages/dropped", "dropped_publishes_total", "counter",
     "Deliveries that were dropped.", 0},
    {"publish/messages/refused", "refused_publishes_total", "counter",
     "Messages refused because the store or the memory is full.", 0},
    {"session/queue/dropped", "dropped_queued_messages_total", "counter",
     "Deliveries that were dropped because the session's queue was full.", 0},
    {"clients/connected", "connected_clients", "gauge", "Sessions with a connection.", 0},
    {"clients/disconnected", "disconnected_clients", "gauge", "Sessions without a connection.", 0},
    {"clients/channels", "channels", "gauge", "Connections that are channels of bridges.", 0},
    {"clients/internal", "internal_clients", "gauge", "Sessions that are the server's own.", 0},
    {"clients/expired", "expired_clients_total", "counter", "Sessions that have expired.", 0},
    {"subscriptions/count", "subscriptions", "gauge", "Subscriptions.", 0},
    {"subscriptions/internal", "internal_subscriptions", "gauge",
     "Subscriptions of the server's own sessions.", 0},
    {"shared_subscriptions/count", "shared_subscriptions", "gauge", "Shared subscriptions.", 0},
    {"retained messages/count", "retained_messages", "gauge", "Retained messages.", 0},
    {"retained messages/internal", "internal_retained_messages", "gauge",
     "Retained messages whose topics begin with $.", 0},
    {"messages/delayed", "delayed_messages", "gauge", "Messages whose delay is not over.", 0},
    {"store/messages/count", "queued_messages", "gauge", "Messages that wait in sessions.", 0},
    {"store/messages/bytes", "queued_messages_bytes", "gauge", "Bytes of these.", 0},
    {"store/bytes", "store_used_bytes", "gauge", "Bytes in use in the store.", 0},
    {"store/commits", "store_commits_total", "counter", "Commits of the store.", 0},
    {"store/commit/microseconds", "store_commit_seconds", "gauge",
     "How long the last commits took.", MICROSECONDS},
    {"heap/current", "heap_bytes", "gauge", "Bytes of heap that the broker uses.", 0},
};

void broker_numbers_release(struct broker_numbers *numbers)
{
    buffer_release(&numbers->version);
    buffer_release(&numbers->store_state);
}

/* "pubgrid version 0.1.0" */
static struct slice last_word(struct slice text)
{
    size_t start = text.length;

    while (start > 0 && text.data[start - 1] != ' ') {
        start--;
    }
    return slice_from(text, start);
}

/* "12" or "12 seconds". */
static struct slice first_word(struct slice text)
{
    size_t end = 0;

    while (end < text.length && text.data[end] != ' ') {
        end++;
    }
    return slice_make(text.data, end);
}

static void take_text(struct buffer *kept, struct slice text)
{
    kept->length = 0;
    buffer_append(kept, slice_make(text.data, text.length < TEXT_MAX ? text.length : TEXT_MAX));
}

void broker_numbers_take(struct broker_numbers *numbers, struct slice topic, struct slice text)
{
    uint64_t value;

    if (slice_equal(topic, SLICE_LITERAL("version"))) {
        take_text(&numbers->version, last_word(text));
        return;
    }
    if (slice_equal(topic, SLICE_LITERAL("store/state"))) {
        take_text(&numbers->store_state, text);
        return;
    }
    for (size_t i = 0; i < BROKER_METRICS; i++) {
        if (slice_equal(topic, slice_from_string(broker_metrics[i].topic)) &&
            number_parse(first_word(text), &value)) {
            numbers->values[i] = value;
            numbers->known[i] = true;
        }
    }
}
