/* What a run is made of: the cell that names its shape, the connections, the figures it yields.
 *
 * A cell is one row of the table in bench.c. It says who publishes to whom and which function
 * drives it, so that a new kind of measurement is a new row, and at most a new function.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_CELL_H
#define PUBGRID_CLI_BENCH_CELL_H

#include "bench_codec.h"
#include "bench_fleet.h"
#include "bench_histogram.h"
#include "bench_process.h"

enum bench_many { BENCH_NONE, BENCH_ONE, BENCH_MANY, BENCH_MEMBERS /* of each of many groups */ };

/* What subscriber number s subscribes to. Publisher number p publishes to bench/<run>/<p>. Where a
 * protocol has no wildcards, ANY is bench/<run>, and all publish to that. */
enum bench_filter {
    BENCH_FILTER_OWN,    /* bench/<run>/<s> */
    BENCH_FILTER_GROUP,  /* bench/<run>/<s modulo number of publishers> */
    BENCH_FILTER_ANY,    /* bench/<run>/+ */
    BENCH_FILTER_SHARED, /* $share/bench/bench/<run>/+ */
    BENCH_FILTER_MATCH,  /* many, see bench_match.h */
    BENCH_FILTER_LATER,  /* nothing during set-up */
};

struct bench_run;

struct bench_cell {
    const char *name;
    const char *help;
    bool (*run)(struct bench_run *run); /* after set-up; false: fleet.error says why */
    enum bench_many publishers, subscribers;
    enum bench_filter filter;
    int count, window; /* defaults */
    bool durable;      /* subscribers are away while messages are published, at QoS 1 */
    bool echoes;       /* what a client publishes comes back to it */
};

/* The durable cell: what the backlog costs, and how it comes back. */
struct bench_drain {
    struct bench_memory before, after; /* of the broker, around the publishing */
    int64_t between_ns;                /* command between, until the port is open again */
    bool session_present;
    uint64_t messages; /* that arrived, duplicates not counted */
    int64_t first_ns;  /* from connect() to the first message */
    int64_t last_ns;   /* ... and to the last */
    struct bench_cost cost;
};

/* The retained cell: what storing costs. */
struct bench_store {
    uint64_t messages;
    struct bench_cost cost;
    int64_t memory; /* growth, resident bytes */
};

struct bench_result {
    /* Set-up */
    struct bench_cost setup;
    int64_t resident_before; /* of the broker, bytes */
    struct bench_histogram connect_latency;
    int64_t resident; /* growth, bytes */
    /* The measured stretch */
    struct bench_cost cost;
    uint64_t deliveries;
    struct bench_histogram latency;
    struct bench_drain drain;
    struct bench_store store;
    /* The whole run, warm-up and drain included */
    uint64_t sent;
    uint64_t acknowledged;
    uint64_t lost;
    uint64_t duplicates;
    uint64_t reordered;
    uint64_t foreign;      /* PUBLISH packets that nobody here sent */
    bool stalled;          /* ended because nothing came any more */
    uint64_t stuck_closed; /* stuck subscribers that the broker has closed */
};

/* The subscribers are the fleet's first connections, the publishers follow (or are the same ones,
 * if the cell echoes), then idle ones. */
struct bench_run {
    const struct bench_options *options;
    const struct bench_cell *cell;
    size_t subscribers, publishers;
    size_t publisher_base; /* number of the first publisher's connection */
    size_t stuck;          /* the last ones of the subscribers */
    size_t filters;        /* match: of all subscribers together */
    int window;
    struct bench_fleet fleet;
    struct bench_result result;
};

/* Is in flight what has not been acknowledged, rather than what has not been delivered? */
static inline bool bench_run_counts_acks(const struct bench_run *run)
{
    return run->cell->durable || run->subscribers == 0;
}

/* How many deliveries one message makes while messages are published. */
static inline uint64_t bench_run_fan(const struct bench_run *run)
{
    if (bench_run_counts_acks(run)) {
        return 0;
    }
    return run->cell->filter == BENCH_FILTER_GROUP
               ? (run->subscribers - run->stuck) / run->publishers
               : 1;
}

/* The functions behind the table: publish and verify; the same with the subscriber away meanwhile;
 * store, then deliver; hold still. */
bool bench_load_run(struct bench_run *run);
bool bench_durable_run(struct bench_run *run);
bool bench_retained_run(struct bench_run *run);
bool bench_idle_run(struct bench_run *run);

#endif
