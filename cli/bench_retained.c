/* The retained cell: one publisher stores messages, each on its own topic; then the subscribers
 * subscribe to all of them with one filter, one after another, and each must get every message
 * once, with its payload, on its topic, marked as retained.
 *
 * At QoS 1 and 2 a message is stored when it is acknowledged; at QoS 0 the answer to a PINGREQ
 * behind the last one says that the broker has taken them. At the end the topics are cleared, so
 * that nothing stays with a broker that keeps it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench_topics.h"

enum {
    EVENTS = 64,
    WAIT_MS = 100,
    UNSENT_MAX = 1 << 17, /* bytes that wait for the socket; then no more is written behind them */
    DIGITS = 8,           /* of a topic's number */
    MESSAGES_DEFAULT = 10000,
    MESSAGES_MAX = 10000000,
};

struct retained {
    struct bench_run *run;
    struct bench_connection *publisher;
    uint64_t messages;
    /* Storing (and clearing) */
    uint64_t written, acknowledged;
    bool asked, answered; /* PINGREQ */
    /* Delivering, to one subscriber */
    struct bench_connection *reader;
    uint8_t *seen; /* owned: a byte for each message */
    uint64_t missing;
    bool subscribed;
    int64_t subscribe_ns, now_ns, progress_ns;
};

/* What an event means in the step at hand. */
typedef bool take_function(struct retained *retained, struct bench_connection *from,
                           const struct bench_event *event);

/* ---------------------------------------------------------------- the loop */

static bool connection_read(struct retained *retained, struct bench_connection *connection,
                            take_function *take)
{
    struct bench_fleet *fleet = &retained->run->fleet;
    struct slice in;
    struct bench_event event;
    enum bench_next next;
    size_t size;
    if (!bench_connection_fill(fleet, connection, &in)) {
        return false;
    }
    retained->now_ns = clock_monotonic_ns();
    retained->progress_ns = retained->now_ns;
    while ((next = connection->codec->next(fleet, connection, in, &event, &size)) ==
           BENCH_NEXT_EVENT) {
        if (event.kind != BENCH_EVENT_NONE && !take(retained, connection, &event)) {
            return false;
        }
        in = slice_from(in, size);
    }
    bench_connection_keep(connection, in);
    return next != BENCH_NEXT_FAILED;
}

/* One turn; sets result.stalled when nothing has come for too long. */
static bool turn(struct retained *retained, take_function *take)
{
    struct bench_fleet *fleet = &retained->run->fleet;
    struct epoll_event events[EVENTS];
    if (!bench_fleet_flush(fleet)) {
        return false;
    }
    int count = epoll_wait(fleet->epoll, events, EVENTS, WAIT_MS);
    for (int i = 0; i < count; i++) {
        struct bench_connection *connection = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0) {
            bench_connection_unblock(fleet, connection);
            retained->progress_ns = clock_monotonic_ns();
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 &&
            !connection_read(retained, connection, take)) {
            return false;
        }
    }
    int64_t silence_ns = clock_monotonic_ns() - retained->progress_ns;
    if (count == 0 && (double)silence_ns > retained->run->options->timeout * 1e9) {
        retained->run->result.stalled = true;
    }
    return true;
}

static bool unexpected(struct retained *retained, const char *when)
{
    return bench_fleet_fail(&retained->run->fleet, "unexpected packet while %s", when);
}

/* ---------------------------------------------------------------- storing */

static void topic_digits_write(uint8_t at[DIGITS], uint64_t number)
{
    for (int i = DIGITS; i > 0; i--, number /= 10) {
        at[i - 1] = (uint8_t)('0' + number % 10);
    }
}

/* A retained message whose topic's number, stamp and identifier are open; without payload it
 * clears its topic. */
static struct bench_template template_make(const struct bench_run *run, size_t payload, int qos)
{
    char topic[BENCH_TOPIC_SIZE];
    struct bench_template template;
    snprintf(topic, sizeof(topic), "bench/%08x/%0*d", run->fleet.run, DIGITS, 0);
    struct bench_shape shape = {.topic = topic,
                                .version = run->options->version,
                                .qos = qos,
                                .retain = true,
                                .payload = payload};
    run->fleet.codec->template_build(&template, &shape);
    template.topic.offset += template.topic.size - DIGITS;
    template.topic.size = DIGITS;
    return template;
}

static void message_write(struct retained *retained, const struct bench_template *template,
                          uint8_t *packet)
{
    struct bench_fleet *fleet = &retained->run->fleet;
    struct bench_stamp stamp = {0, retained->written, 0, fleet->run};
    uint16_t packet_id = (uint16_t)(retained->written % UINT16_MAX + 1);
    memcpy(packet, template->bytes, template->size);
    if (template->stamp.size > 0) {
        fleet->codec->template_fill(template, packet, packet_id, &stamp);
    }
    topic_digits_write(packet + template->topic.offset, retained->written);
    bench_connection_send(fleet, retained->publisher, slice_make(packet, template->size));
    retained->written++;
}

static bool store_take(struct retained *retained, struct bench_connection *from,
                       const struct bench_event *event)
{
    (void)from;
    if (event->kind == BENCH_EVENT_ACKNOWLEDGED && retained->acknowledged < retained->written) {
        retained->acknowledged++;
        return true;
    }
    retained->answered = event->kind == BENCH_EVENT_PONG;
    return retained->answered || unexpected(retained, "storing");
}

/* Writes what may be written now: the window counts only where there are acknowledgements. */
static void store_write(struct retained *retained, const struct bench_template *template, int qos,
                        uint8_t *packet)
{
    struct bench_fleet *fleet = &retained->run->fleet;
    uint64_t window = qos > 0 ? (uint64_t)retained->run->window : UINT64_MAX;
    if (window > retained->publisher->receive_maximum && qos > 0) {
        window = retained->publisher->receive_maximum;
    }
    while (retained->written < retained->messages && retained->publisher->out.length < UNSENT_MAX &&
           retained->written - retained->acknowledged < window) {
        message_write(retained, template, packet);
    }
    if (retained->written == retained->messages && !retained->asked) {
        retained->asked = true;
        fleet->codec->ping(fleet, retained->publisher);
    }
}

/* Publishes on every topic. */
static bool store(struct retained *retained, size_t payload, int qos)
{
    struct bench_template template = template_make(retained->run, payload, qos);
    uint8_t *packet = memory_allocate(template.size);
    bool good = true;
    bool stored = false;
    retained->written = retained->acknowledged = 0;
    retained->asked = retained->answered = false;
    retained->progress_ns = clock_monotonic_ns();
    while (good && !stored && !retained->run->result.stalled) {
        store_write(retained, &template, qos, packet);
        good = turn(retained, store_take);
        stored = retained->answered && (qos == 0 || retained->acknowledged == retained->messages);
    }
    free(packet);
    bench_template_release(&template);
    return good;
}

static bool store_measure(struct retained *retained)
{
    struct bench_run *run = retained->run;
    struct bench_store *result = &run->result.store;
    const struct bench_processes *broker = &run->options->broker;
    int64_t before = bench_processes_memory(broker).resident;
    struct bench_moment begun = bench_moment_now(broker);
    bool good = store(retained, (size_t)run->options->payload, run->options->qos);
    struct bench_moment now = bench_moment_now(broker);
    result->cost = bench_cost_between(&begun, &now);
    result->memory = bench_processes_memory(broker).resident - before;
    result->messages = retained->written;
    run->result.sent = retained->written;
    run->result.acknowledged = retained->acknowledged;
    return good;
}

/* ---------------------------------------------------------------- delivering */

/* Is it one of ours, as it was stored? */
static bool delivery_is_right(const struct retained *retained, const struct bench_event *event)
{
    const struct bench_run *run = retained->run;
    uint8_t digits[DIGITS];
    topic_digits_write(digits, event->stamp.sequence);
    return event->retain && event->payload == (size_t)run->options->payload &&
           event->stamp.run == run->fleet.run && event->stamp.publisher == 0 &&
           event->stamp.sequence < retained->messages && event->topic.length > DIGITS &&
           memcmp(event->topic.data + event->topic.length - DIGITS, digits, DIGITS) == 0;
}

static void delivery_take(struct retained *retained, const struct bench_event *event)
{
    struct bench_result *result = &retained->run->result;
    if (!delivery_is_right(retained, event)) {
        result->foreign++;
    } else if (retained->seen[event->stamp.sequence] != 0) {
        result->duplicates++;
    } else {
        retained->seen[event->stamp.sequence] = 1;
        retained->missing--;
        result->deliveries++;
        bench_histogram_add(&result->latency,
                            (uint64_t)(retained->now_ns - retained->subscribe_ns));
    }
}

static bool deliver_take(struct retained *retained, struct bench_connection *from,
                         const struct bench_event *event)
{
    switch (event->kind) {
    case BENCH_EVENT_DELIVERY:
        if (from == retained->reader) {
            delivery_take(retained, event);
        } else {
            retained->run->result.foreign++;
        }
        return true;
    case BENCH_EVENT_FOREIGN:
        retained->run->result.foreign++;
        return true;
    case BENCH_EVENT_SUBSCRIBED:
        retained->subscribed = from == retained->reader;
        return retained->subscribed || unexpected(retained, "delivering");
    case BENCH_EVENT_NONE:
    case BENCH_EVENT_WELCOME:
    case BENCH_EVENT_ACKNOWLEDGED:
    case BENCH_EVENT_PONG:
        break;
    }
    return unexpected(retained, "delivering");
}

static bool deliver(struct retained *retained, struct bench_connection *reader)
{
    struct bench_run *run = retained->run;
    char text[BENCH_TOPIC_SIZE];
    snprintf(text, sizeof(text), "bench/%08x/#", run->fleet.run);
    struct slice filter = slice_from_string(text);
    bool good = true;
    retained->reader = reader;
    retained->subscribed = false;
    retained->missing = retained->messages;
    memset(retained->seen, 0, retained->messages);
    run->fleet.codec->subscribe(&run->fleet, reader, &filter, 1);
    retained->subscribe_ns = retained->progress_ns = clock_monotonic_ns();
    while (good && !run->result.stalled && (retained->missing > 0 || !retained->subscribed)) {
        good = turn(retained, deliver_take);
    }
    run->result.lost += retained->missing;
    return good && bench_fleet_flush(&run->fleet);
}

static bool deliver_measure(struct retained *retained)
{
    struct bench_run *run = retained->run;
    const struct bench_processes *broker = &run->options->broker;
    struct bench_moment begun = bench_moment_now(broker);
    bool good = true;
    size_t done = 0;
    while (good && done < run->subscribers && !run->result.stalled) {
        good = deliver(retained, &run->fleet.connections[done++]);
    }
    run->result.lost += retained->messages * (run->subscribers - done);
    struct bench_moment now = bench_moment_now(broker);
    run->result.cost = bench_cost_between(&begun, &now);
    return good;
}

/* Clears the topics. The subscribers are gone by then, so nothing is delivered. */
static bool clear(struct retained *retained)
{
    struct bench_run *run = retained->run;
    for (size_t i = 0; i < run->subscribers; i++) {
        if (!bench_connection_leave(&run->fleet, &run->fleet.connections[i])) {
            return false;
        }
    }
    return store(retained, 0, 0);
}

bool bench_retained_run(struct bench_run *run)
{
    struct retained retained = {.run = run};
    int64_t messages = run->options->messages;
    retained.publisher = &run->fleet.connections[run->subscribers];
    retained.messages = messages > 0 ? (uint64_t)messages : MESSAGES_DEFAULT;
    if (retained.messages > MESSAGES_MAX) {
        return bench_fleet_fail(&run->fleet, "retained: at most %d messages", MESSAGES_MAX);
    }
    retained.seen = memory_allocate(retained.messages);
    bool good = store_measure(&retained);
    if (good && !run->result.stalled) {
        good = deliver_measure(&retained);
    }
    if (good && !run->result.stalled) {
        good = clear(&retained);
    }
    free(retained.seen);
    return good;
}
