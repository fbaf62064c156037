/* The parameters of a run, and the table that reads them from the command line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_OPTIONS_H
#define PUBGRID_CLI_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_endpoint.h"
#include "bench_process.h"

struct access_keys;
struct bench_codec;

/* Whom publishers address in the REST API. */
enum bench_rest {
    BENCH_REST_OFF,
    BENCH_REST_GROUP,
    BENCH_REST_USER,
    BENCH_REST_HUB,
    BENCH_REST_HEALTH, /* nobody: the empty route */
    BENCH_REST_EVENT,  /* an event topic */
    BENCH_REST_MQTT,   /* an MQTT topic, of the cell's own; one for each publisher */
};

/* How the built-in relay of --self-test treats the messages. */
enum bench_self_test {
    BENCH_SELF_TEST_OFF,
    BENCH_SELF_TEST_RELAY,     /* passes everything on */
    BENCH_SELF_TEST_DROP,      /* loses a message now and then */
    BENCH_SELF_TEST_DUPLICATE, /* sends one twice now and then */
    BENCH_SELF_TEST_SWAP,      /* swaps two now and then */
};

struct bench_options {
    const char *cell;
    struct bench_endpoint endpoint;
    const char *protocol; /* NULL: MQTT */
    const struct bench_codec *codec;
    int version; /* the CONNECT packet's protocol level: 4 or 5 */
    const char *user_name, *password;
    int count;      /* the cell's K; 0: the cell's default */
    int publishers; /* share: how many; 0: as many as members */
    int group_size; /* groups: members of each */
    int filters;    /* match: of all subscribers together */
    int idle;       /* connections besides */
    int qos;        /* -1: the cell's */
    int payload;    /* bytes */
    int window;     /* messages in flight per publisher; 0: the cell's default */
    double rate;    /* messages a second of all publishers together; 0: closed loop */
    double seconds, warmup;
    int64_t messages;    /* 0: the time decides, or the cell's */
    int lazy_us;         /* at least so long between two turns of the loop */
    int sources;         /* source addresses on loopback */
    int concurrency;     /* connections being set up at once */
    double timeout;      /* seconds without progress */
    int stuck;           /* fan-out: subscribers that stop reading */
    bool durable;        /* the subscribers' sessions outlive their connections */
    int receive_maximum; /* MQTT 5, durable: of the subscriber */
    enum bench_rest rest;
    const char *keys;                /* of REST: the file of the server's access keys */
    struct access_keys *access_keys; /* what is in it; owned by bench_main() */
    const char *filter;              /* of REST; NULL: none */
    int batch;                       /* of BENCH_REST_EVENT: events in a request */
    const char *event_key;           /* of BENCH_REST_EVENT: the topic's; NULL: none */
    const char *between;             /* durable: a shell command; NULL: none */
    struct bench_processes broker;
    const char *label;
    bool human, help;
    bool endpoint_given; /* as an argument, not by host and port */
    enum bench_self_test self_test;
};

/* Reads argv[1...]. False: a message about the first mistake is on stderr. */
bool bench_options_parse(struct bench_options *out, int argc, char **argv);

/* The list of options, one line each. */
void bench_options_print_help(void);

#endif
