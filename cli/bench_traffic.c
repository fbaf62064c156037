/* Publishing and verifying. bench_traffic_take() is the path that each delivery runs through; it
 * allocates nothing and reads no clock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench_match.h"
#include "bench_topics.h"

enum {
    UNSENT_MAX = 1 << 20, /* open loop: a connection with more bytes waiting gets no more */
    PACKET_IDS = UINT16_MAX + 1,
};

/* Each message goes to one of many subscribers, and they see a part of the numbers. */
static bool subscribers_share(const struct bench_run *run)
{
    return run->cell->filter == BENCH_FILTER_SHARED || run->cell->filter == BENCH_FILTER_MATCH;
}

static void publisher_ready(struct bench_traffic *traffic, struct bench_publisher *publisher)
{
    if (!publisher->ready) {
        publisher->ready = true;
        traffic->ready[traffic->ready_count++] = publisher;
    }
}

static void publisher_open(struct bench_traffic *traffic, size_t number)
{
    struct bench_run *run = traffic->run;
    struct bench_publisher *publisher = &traffic->publishers[number];
    char topic[BENCH_TOPIC_SIZE];
    bench_topics_topic(run, number, topic, sizeof(topic));
    publisher->connection = &run->fleet.connections[run->publisher_base + number];
    const struct bench_codec *codec = publisher->connection->codec;
    struct bench_shape shape = {
        .options = run->options,
        .number = number,
        .topic = topic,
        .version = run->options->version,
        .qos = run->options->qos,
        .payload = (size_t)run->options->payload,
    };
    codec->template_build(&publisher->template, &shape);
    if (run->cell->filter == BENCH_FILTER_MATCH) {
        struct bench_field *all = &publisher->template.topic;
        all->offset += all->size - BENCH_MATCH_TOPIC_SIZE;
        all->size = BENCH_MATCH_TOPIC_SIZE;
    }
    if (codec->subprotocol != NULL) {
        bench_template_frame(&publisher->template, codec->text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY,
                             run->fleet.mask);
    }
    publisher->unacknowledged_max = publisher->connection->receive_maximum;
    if (bench_run_counts_acks(run)) {
        publisher->sent_ns = memory_allocate_zero(PACKET_IDS * sizeof(*publisher->sent_ns));
        if (run->options->rate <= 0 && publisher->unacknowledged_max > (uint32_t)run->window) {
            publisher->unacknowledged_max = (uint32_t)run->window;
        }
    }
    publisher_ready(traffic, publisher);
}

void bench_traffic_open(struct bench_traffic *traffic, struct bench_run *run, int64_t now_ns)
{
    bool per_subscriber = run->cell->filter == BENCH_FILTER_GROUP;
    *traffic = (struct bench_traffic){
        .run = run,
        .stream_count = per_subscriber ? run->subscribers - run->stuck : run->publishers,
        .allowance = UINT64_MAX,
        .now_ns = now_ns,
        .progress_ns = now_ns,
        .period_ns = run->options->rate > 0 ? 1e9 / run->options->rate : 0,
        .schedule_ns = now_ns,
    };
    size_t publishers = run->publishers;
    traffic->publishers = memory_allocate_zero(publishers * sizeof(*traffic->publishers));
    traffic->ready = memory_allocate_zero(publishers * sizeof(struct bench_publisher *));
    traffic->streams = memory_allocate_zero(traffic->stream_count * sizeof(*traffic->streams));
    if (subscribers_share(run)) {
        traffic->order = memory_allocate_zero(publishers * run->subscribers * sizeof(uint64_t));
    }
    for (size_t i = 0; i < publishers; i++) {
        publisher_open(traffic, i);
    }
}

void bench_traffic_close(struct bench_traffic *traffic)
{
    for (size_t i = 0; i < traffic->run->publishers; i++) {
        bench_template_release(&traffic->publishers[i].template);
        free(traffic->publishers[i].sent_ns);
    }
    for (size_t i = 0; i < traffic->stream_count; i++) {
        bench_stream_release(&traffic->streams[i]);
    }
    free(traffic->order);
    free(traffic->streams);
    free(traffic->ready);
    free(traffic->publishers);
}

/* One that is not in flight. */
static uint16_t packet_id_next(struct bench_publisher *publisher, int64_t due_ns)
{
    do {
        publisher->packet_id = (uint16_t)(publisher->packet_id % UINT16_MAX + 1);
    } while (publisher->sent_ns != NULL && publisher->sent_ns[publisher->packet_id] != 0);
    if (publisher->sent_ns != NULL) {
        publisher->sent_ns[publisher->packet_id] = due_ns;
    }
    return publisher->packet_id;
}

static void message_write(struct bench_traffic *traffic, struct bench_publisher *publisher,
                          uint8_t *at, const struct bench_stamp *stamp)
{
    const struct bench_template *template = &publisher->template;
    memcpy(at, template->bytes, template->size);
    publisher->connection->codec->template_fill(template, at,
                                                packet_id_next(publisher, stamp->due_ns), stamp);
    bool topics = traffic->run->cell->filter == BENCH_FILTER_MATCH;
    if (topics) {
        uint32_t number =
            bench_match_number(stamp->publisher, stamp->sequence, (uint32_t)traffic->run->filters);
        bench_match_topic_write(at + template->topic.offset, number);
    }
    if (template->header > 0) {
        bench_template_mask(template, at, &template->id);
        bench_template_mask(template, at, &template->stamp);
        if (topics) {
            bench_template_mask(template, at, &template->topic);
        }
    }
}

/* Queues up to `count` messages; returns how many. `due_ns` goes into each. */
static uint64_t publisher_publish(struct bench_traffic *traffic, struct bench_publisher *publisher,
                                  uint64_t count, int64_t due_ns)
{
    struct bench_run *run = traffic->run;
    bool acknowledged = run->options->qos > 0;
    uint64_t quota = publisher->unacknowledged_max - publisher->unacknowledged;
    if (acknowledged && count > quota) {
        count = quota;
    }
    if (count > traffic->allowance) {
        count = traffic->allowance;
    }
    if (count == 0) {
        return 0;
    }
    if (traffic->outstanding == 0) {
        traffic->progress_ns = clock_monotonic_ns(); /* the wait for an answer begins now */
    }
    struct buffer *out = &publisher->connection->out;
    uint8_t *at = buffer_reserve(out, count * publisher->template.size);
    struct bench_stamp stamp = {due_ns, publisher->sent,
                                (uint32_t)(publisher - traffic->publishers), run->fleet.run};
    for (uint64_t i = 0; i < count; i++) {
        message_write(traffic, publisher, at, &stamp);
        at += publisher->template.size;
        stamp.sequence++;
    }
    out->length += count * publisher->template.size;
    publisher->sent = stamp.sequence;
    publisher->owed += count * bench_run_fan(run);
    publisher->unacknowledged += acknowledged ? (uint32_t)count : 0;
    traffic->outstanding += count * (bench_run_fan(run) + (acknowledged ? 1 : 0));
    traffic->allowance -= count;
    bench_connection_queue(&run->fleet, publisher->connection);
    return count;
}

static void traffic_fill_windows(struct bench_traffic *traffic)
{
    /* If acknowledgements count, unacknowledged_max is the window. */
    uint64_t fan = bench_run_counts_acks(traffic->run) ? 1 : bench_run_fan(traffic->run);
    uint64_t window = (uint64_t)traffic->run->window * fan;
    int64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < traffic->ready_count; i++) {
        struct bench_publisher *publisher = traffic->ready[i];
        publisher->ready = false;
        publisher_publish(traffic, publisher, (window - publisher->owed) / fan, now);
    }
    traffic->ready_count = 0;
}

/* A message that cannot leave now holds up the ones after it; their latencies show it. */
static void traffic_follow_schedule(struct bench_traffic *traffic)
{
    int64_t now = clock_monotonic_ns();
    int64_t due;
    while ((due = bench_traffic_next_due(traffic)) <= now) {
        struct bench_publisher *publisher =
            &traffic->publishers[traffic->scheduled % traffic->run->publishers];
        if (publisher->connection->out.length > UNSENT_MAX ||
            publisher_publish(traffic, publisher, 1, due) == 0) {
            break;
        }
        traffic->scheduled++;
    }
}

void bench_traffic_publish(struct bench_traffic *traffic)
{
    if (traffic->period_ns > 0) {
        traffic_follow_schedule(traffic);
    } else {
        traffic_fill_windows(traffic);
    }
}

int64_t bench_traffic_next_due(const struct bench_traffic *traffic)
{
    if (traffic->period_ns <= 0 || traffic->allowance == 0) {
        return INT64_MAX;
    }
    return traffic->schedule_ns + (int64_t)((double)traffic->scheduled * traffic->period_ns);
}

/* Shared subscription, match: a subscriber's numbers must still rise. */
static bool member_in_order(struct bench_traffic *traffic, size_t member,
                            const struct bench_stamp *stamp)
{
    uint64_t *lowest = &traffic->order[stamp->publisher * traffic->run->subscribers + member];
    if (stamp->sequence < *lowest) {
        return false;
    }
    *lowest = stamp->sequence + 1;
    return true;
}

/* False: a duplicate. */
static bool delivery_verify(struct bench_traffic *traffic, size_t subscriber,
                            const struct bench_stamp *stamp)
{
    struct bench_result *result = &traffic->run->result;
    bool per_subscriber = traffic->run->cell->filter == BENCH_FILTER_GROUP;
    size_t stream = per_subscriber ? subscriber : stamp->publisher;
    enum bench_arrival arrival = bench_stream_take(&traffic->streams[stream], stamp->sequence);
    if (arrival == BENCH_DUPLICATE) {
        result->duplicates++;
        return false;
    }
    bool in_order = traffic->order == NULL ? arrival == BENCH_IN_ORDER
                                           : member_in_order(traffic, subscriber, stamp);
    result->reordered += in_order ? 0 : 1;
    return true;
}

/* Was this message sent, and to this subscriber? */
static bool delivery_is_ours(const struct bench_traffic *traffic, size_t subscriber,
                             const struct bench_event *delivery)
{
    const struct bench_run *run = traffic->run;
    const struct bench_stamp *stamp = &delivery->stamp;
    return delivery->payload == (size_t)run->options->payload && stamp->run == run->fleet.run &&
           stamp->publisher < run->publishers &&
           stamp->sequence < traffic->publishers[stamp->publisher].sent &&
           bench_topics_deliver_to(run, subscriber, delivery);
}

bool bench_traffic_verify(struct bench_traffic *traffic, size_t subscriber,
                          const struct bench_event *delivery)
{
    if (!delivery_is_ours(traffic, subscriber, delivery)) {
        traffic->run->result.foreign++;
        return false;
    }
    return delivery_verify(traffic, subscriber, &delivery->stamp);
}

static void latency_count(const struct bench_traffic *traffic, int64_t since_ns)
{
    struct bench_result *result = &traffic->run->result;
    if (traffic->measuring) {
        int64_t latency = traffic->now_ns - since_ns;
        result->deliveries++;
        bench_histogram_add(&result->latency, latency > 0 ? (uint64_t)latency : 0);
    }
}

static void delivery_count(struct bench_traffic *traffic, const struct bench_stamp *stamp)
{
    struct bench_publisher *publisher = &traffic->publishers[stamp->publisher];
    publisher->owed--;
    traffic->outstanding--;
    publisher_ready(traffic, publisher);
    latency_count(traffic, stamp->due_ns);
}

static bool delivery_take(struct bench_traffic *traffic, struct bench_connection *connection,
                          const struct bench_event *event)
{
    struct bench_run *run = traffic->run;
    size_t subscriber = bench_fleet_number(&run->fleet, connection);
    if (subscriber >= run->subscribers || !delivery_is_ours(traffic, subscriber, event)) {
        run->result.foreign++;
    } else if (delivery_verify(traffic, subscriber, &event->stamp)) {
        delivery_count(traffic, &event->stamp);
    }
    return true;
}

/* Where acknowledgements count: the time of the acknowledged message is taken; false: none was in
 * flight. */
static bool sent_time_take(struct bench_traffic *traffic, struct bench_publisher *publisher,
                           const struct bench_event *event)
{
    if (publisher->sent_ns == NULL) {
        return true;
    }
    uint16_t packet_id = event->packet_id != 0
                             ? event->packet_id
                             : (uint16_t)(publisher->acknowledged % UINT16_MAX + 1);
    int64_t sent_ns = publisher->sent_ns[packet_id];
    publisher->sent_ns[packet_id] = 0;
    if (sent_ns != 0) {
        latency_count(traffic, sent_ns);
    }
    return sent_ns != 0;
}

static bool acknowledgement_take(struct bench_traffic *traffic, struct bench_connection *connection,
                                 const struct bench_event *event)
{
    struct bench_run *run = traffic->run;
    size_t number = bench_fleet_number(&run->fleet, connection) - run->publisher_base;
    struct bench_publisher *publisher =
        number < run->publishers ? &traffic->publishers[number] : NULL;
    if (publisher == NULL || publisher->unacknowledged == 0 ||
        !sent_time_take(traffic, publisher, event)) {
        return bench_fleet_fail(&run->fleet, "the broker acknowledged what was not sent");
    }
    publisher->unacknowledged--;
    publisher->acknowledged++;
    traffic->outstanding--;
    publisher_ready(traffic, publisher);
    return true;
}

bool bench_traffic_take(struct bench_traffic *traffic, struct bench_connection *connection,
                        const struct bench_event *event)
{
    switch (event->kind) {
    case BENCH_EVENT_DELIVERY:
        return delivery_take(traffic, connection, event);
    case BENCH_EVENT_ACKNOWLEDGED:
        return acknowledgement_take(traffic, connection, event);
    case BENCH_EVENT_FOREIGN:
        traffic->run->result.foreign++;
        return true;
    case BENCH_EVENT_NONE:
        return true;
    case BENCH_EVENT_WELCOME:
    case BENCH_EVENT_SUBSCRIBED:
    case BENCH_EVENT_PONG:
        break;
    }
    return bench_fleet_fail(&traffic->run->fleet, "the broker answered what was not asked");
}

void bench_traffic_sum(struct bench_traffic *traffic)
{
    struct bench_run *run = traffic->run;
    struct bench_result *result = &run->result;
    bool per_subscriber = run->cell->filter == BENCH_FILTER_GROUP && run->publishers > 0;
    for (size_t i = 0; i < run->publishers; i++) {
        result->sent += traffic->publishers[i].sent;
        result->acknowledged += traffic->publishers[i].acknowledged;
    }
    for (size_t i = 0; i < traffic->stream_count; i++) {
        size_t number = per_subscriber ? i % run->publishers : i;
        const struct bench_publisher *publisher = &traffic->publishers[number];
        /* What was not acknowledged need not be there after a restart. */
        uint64_t due = run->cell->durable ? publisher->acknowledged : publisher->sent;
        result->lost += run->subscribers > 0 ? bench_stream_missing(&traffic->streams[i], due) : 0;
    }
}
