/* The messages of a run: who may publish how many, and whether all of them arrive in order.
 *
 * Closed loop: a publisher has at most `window` messages whose deliveries are not complete. Open
 * loop: messages have a schedule, and their latency counts from it even when the generator or a
 * full socket delays the sending, so that a slow broker cannot hide its queue.
 *
 * In the durable cell nothing is delivered while messages are published: in flight is what has not
 * been acknowledged, and the latency is that of the acknowledgement.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_TRAFFIC_H
#define PUBGRID_CLI_BENCH_TRAFFIC_H

#include "bench_cell.h"
#include "bench_stream.h"

struct bench_publisher {
    struct bench_connection *connection;
    struct bench_template template;
    uint64_t sent;
    uint64_t owed; /* deliveries of sent messages that have not come */
    uint64_t acknowledged;
    int64_t *sent_ns; /* owned; durable cell: when each packet identifier was sent, 0: is free */
    uint32_t unacknowledged;
    uint32_t unacknowledged_max; /* Receive Maximum of the broker */
    uint16_t packet_id;          /* the last one used */
    bool ready;                  /* in the list of publishers whose window opened */
};

struct bench_traffic {
    struct bench_run *run;
    struct bench_publisher *publishers; /* owned */
    struct bench_publisher **ready;     /* owned */
    size_t ready_count;
    struct bench_stream *streams; /* owned; per publisher, with groups per subscriber */
    size_t stream_count;
    uint64_t *order;      /* owned; shared, match: [publisher][subscriber] lowest number allowed */
    uint64_t outstanding; /* deliveries and acknowledgements that have not come */
    uint64_t allowance;   /* messages that may still be published */
    int64_t now_ns;       /* when the bytes at hand were read */
    int64_t progress_ns;  /* when something came last */
    bool measuring;       /* deliveries count */
    double period_ns;     /* open loop: between two messages; 0: closed loop */
    int64_t schedule_ns;  /* when message 0 was due */
    uint64_t scheduled;   /* messages published by the schedule */
};

void bench_traffic_open(struct bench_traffic *traffic, struct bench_run *run, int64_t now_ns);
void bench_traffic_close(struct bench_traffic *traffic);

/* Opens the traffic and publishes as the options say, until nothing is outstanding. */
bool bench_load_drive(struct bench_run *run, struct bench_traffic *traffic);

/* What the broker sent. False: fleet.error says what is wrong with it. */
bool bench_traffic_take(struct bench_traffic *traffic, struct bench_connection *connection,
                        const struct bench_event *event);

/* A delivery to that subscriber: true if it is one of ours that came for the first time. Counts
 * what is wrong with it. */
bool bench_traffic_verify(struct bench_traffic *traffic, size_t subscriber,
                          const struct bench_event *delivery);

/* Queues all that may be published now. */
void bench_traffic_publish(struct bench_traffic *traffic);
/* Open loop: when the next message is due; INT64_MAX if none will be. */
int64_t bench_traffic_next_due(const struct bench_traffic *traffic);

/* Fills in sent, lost (the rest is counted on the way). */
void bench_traffic_sum(struct bench_traffic *traffic);

#endif
