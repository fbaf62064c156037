/* `pubgrid bench`: the table of cells, and the course of a run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench_cell.h"
#include "bench_options.h"
#include "bench_relay.h"
#include "bench_report.h"
#include "bench_setup.h"
#include "secret/access_keys.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const struct bench_cell cells[] = {
    {"pairs", "K publishers to K subscribers, each pair its own topic", bench_load_run, BENCH_MANY,
     BENCH_MANY, BENCH_FILTER_OWN, 50, 50, false, false},
    {"fan-out", "one publisher to K subscribers", bench_load_run, BENCH_ONE, BENCH_MANY,
     BENCH_FILTER_GROUP, 100, 2, false, false},
    {"groups", "K groups, each with one publisher and its own members", bench_load_run, BENCH_MANY,
     BENCH_MEMBERS, BENCH_FILTER_GROUP, 10, 2, false, false},
    {"fan-in", "K publishers, each its own topic, to one subscriber with a wildcard",
     bench_load_run, BENCH_MANY, BENCH_ONE, BENCH_FILTER_ANY, 100, 10, false, false},
    {"share", "publishers to a shared subscription of K members", bench_load_run, BENCH_MANY,
     BENCH_MANY, BENCH_FILTER_SHARED, 4, 50, false, false},
    {"latency", "pairs with one message at a time", bench_load_run, BENCH_MANY, BENCH_MANY,
     BENCH_FILTER_OWN, 1, 1, false, false},
    {"match", "K publishers to K subscribers with many filters, of which each message matches one",
     bench_load_run, BENCH_MANY, BENCH_MANY, BENCH_FILTER_MATCH, 50, 4, false, false},
    {"retained", "one publisher stores messages, then K subscribers get them, one after another",
     bench_retained_run, BENCH_ONE, BENCH_MANY, BENCH_FILTER_LATER, 5, 1000, false, false},
    {"connect", "K connections with one subscription each, then idle", bench_idle_run, BENCH_NONE,
     BENCH_MANY, BENCH_FILTER_OWN, 1000, 1, false, false},
    {"durable", "K publishers to one subscriber that is away, and then comes back",
     bench_durable_run, BENCH_MANY, BENCH_ONE, BENCH_FILTER_ANY, 1, 100, true, false},
    {"echo", "K clients to which comes back what they send (events through a webhook)",
     bench_load_run, BENCH_MANY, BENCH_MANY, BENCH_FILTER_OWN, 50, 1, false, true},
    {"requests", "K clients of the REST API whose requests are answered, and that is all",
     bench_load_run, BENCH_MANY, BENCH_NONE, BENCH_FILTER_OWN, 50, 1, false, false},
};

enum { CELL_COUNT = sizeof(cells) / sizeof(cells[0]) };

static const struct bench_cell *cell_find(const char *name)
{
    for (size_t i = 0; i < CELL_COUNT; i++) {
        if (name != NULL && strcmp(cells[i].name, name) == 0) {
            return &cells[i];
        }
    }
    return NULL;
}

static void help_print(void)
{
    printf("Usage: pubgrid bench CELL [ENDPOINT] [OPTION]...\n\n"
           "Endpoints: ws://HOST:PORT/PATH, mqtt://HOST:PORT, unix:PATH; else see -h and -p.\n\n"
           "Cells (K and W if not given):\n");
    for (size_t i = 0; i < CELL_COUNT; i++) {
        printf("  %-9s %s (%d, %d)\n", cells[i].name, cells[i].help, cells[i].count,
               cells[i].window);
    }
    printf("\nOptions:\n");
    bench_options_print_help();
    printf("\nExit status: 0 good, 1 failed, 2 wrong usage, 3 loss at QoS 1 or 2, duplicates at\n"
           "QoS 2, or disorder.\n");
}

static size_t many(const struct bench_options *options, enum bench_many how, size_t count)
{
    switch (how) {
    case BENCH_NONE:
        break;
    case BENCH_ONE:
        return 1;
    case BENCH_MANY:
        return count;
    case BENCH_MEMBERS:
        return count * (size_t)options->group_size;
    }
    return 0;
}

static void run_shape(struct bench_run *run)
{
    const struct bench_options *options = run->options;
    const struct bench_cell *cell = run->cell;
    size_t count = (size_t)(options->count > 0 ? options->count : cell->count);
    run->window = options->window > 0 ? options->window : cell->window;
    run->subscribers = many(options, cell->subscribers, count);
    run->publishers = many(options, cell->publishers, count);
    run->filters = (size_t)options->filters;
    if (cell->filter == BENCH_FILTER_SHARED && options->publishers > 0) {
        run->publishers = (size_t)options->publishers;
    }
    run->stuck = (size_t)options->stuck;
    run->publisher_base = cell->echoes ? 0 : run->subscribers;
}

/* How many connections there are; publishers that use HTTP get their codec. */
static size_t run_connections(const struct bench_run *run)
{
    return run->publisher_base + run->publishers + (size_t)run->options->idle;
}

static void run_codecs(struct bench_run *run)
{
    for (size_t i = 0; run->options->rest != BENCH_REST_OFF && i < run->publishers; i++) {
        run->fleet.connections[run->publisher_base + i].codec = &bench_codec_rest;
    }
}

/* Subscribers before publishers: nothing may be published that not all would get. */
static bool run_connect(struct bench_run *run)
{
    struct bench_result *result = &run->result;
    const struct bench_processes *broker = &run->options->broker;
    result->resident_before = bench_processes_memory(broker).resident;
    for (size_t i = run->subscribers - run->stuck; i < run->subscribers; i++) {
        run->fleet.connections[i].stuck = true;
    }
    struct bench_moment begun = bench_moment_now(broker);
    for (size_t i = 0; run->options->durable && i < run->subscribers; i++) {
        run->fleet.connections[i].session = BENCH_SESSION_KEEP;
    }
    if (!bench_setup_run(run, 0, run->subscribers) ||
        !bench_setup_run(run, run->subscribers, run->fleet.count)) {
        return false;
    }
    struct bench_moment now = bench_moment_now(broker);
    result->setup = bench_cost_between(&begun, &now);
    result->resident = bench_processes_memory(broker).resident - result->resident_before;
    for (size_t i = run->subscribers - run->stuck; i < run->subscribers; i++) {
        bench_connection_abandon(&run->fleet, &run->fleet.connections[i]);
    }
    return true;
}

/* A broker keeps sessions; the bench leaves none behind, if the broker still answers. */
static void run_forget(struct bench_run *run)
{
    bool good = true;
    for (size_t i = 0; good && i < run->subscribers; i++) {
        good = bench_connection_leave(&run->fleet, &run->fleet.connections[i]);
        run->fleet.connections[i].session = BENCH_SESSION_FORGET;
    }
    if (good) {
        bench_setup_run(run, 0, run->subscribers);
    }
}

static void run_fail(const struct bench_run *run)
{
    fprintf(stderr, "pubgrid bench: %s: %s\n", run->cell->name, run->fleet.error);
}

static int run_all(struct bench_run *run)
{
    run_shape(run);
    bool good = bench_fleet_open(&run->fleet, run->options, run_connections(run));
    if (good) {
        run_codecs(run);
        good = run_connect(run) && run->cell->run(run);
    }
    int status = STATUS_FAILED;
    if (good) {
        bench_report_print(run);
        status = bench_report_status(run);
        if (run->options->durable) {
            run_forget(run);
        }
    } else {
        run_fail(run);
    }
    bench_fleet_close(&run->fleet);
    return status;
}

static int run_with_relay(struct bench_run *run, struct bench_options *options)
{
    if (!bench_relay_start(options)) {
        fprintf(stderr, "pubgrid bench: self-test: %s\n", strerror(errno));
        return STATUS_FAILED;
    }
    int status = run_all(run);
    bench_relay_stop(options);
    return status;
}

/* What the protocol cannot do. NULL: nothing. */
static const char *protocol_check(const struct bench_options *options,
                                  const struct bench_cell *cell)
{
    const struct bench_codec *codec = options->codec;
    if (codec == NULL) {
        return "no such protocol; JSON and Socket.IO need an endpoint ws://";
    }
    if (options->qos > codec->qos_max) {
        return "JSON and Socket.IO have acknowledgements (QoS 1) or none (QoS 0)";
    }
    if (options->payload < codec->payload_min) {
        return "JSON and Socket.IO need a payload of 48 or more";
    }
    if (cell->filter == BENCH_FILTER_SHARED && !codec->shared_subscriptions) {
        return "only MQTT has shared subscriptions";
    }
    if ((cell->filter == BENCH_FILTER_MATCH || cell->filter == BENCH_FILTER_LATER) &&
        !codec->wildcards) {
        return "only MQTT has wildcards and retained messages";
    }
    if ((cell->durable || options->durable) && !codec->sessions) {
        return "durable is for MQTT";
    }
    if ((codec == &bench_codec_json_event) != cell->echoes) {
        return "echo is for json-event, and the other way about";
    }
    if (options->self_test != BENCH_SELF_TEST_OFF && codec != &bench_codec_mqtt) {
        return "the self-test's relay speaks MQTT over TCP";
    }
    return NULL;
}

static const char *rest_check(const struct bench_options *options, const struct bench_cell *cell)
{
    bool alone = cell->subscribers == BENCH_NONE && cell->publishers != BENCH_NONE;
    if (alone && options->rest == BENCH_REST_OFF) {
        return "requests are of the REST API: --rest says to whom";
    }
    if (!alone && options->rest >= BENCH_REST_HEALTH) {
        return "the empty route, event topics and MQTT topics deliver nothing here: they are for "
               "the "
               "cell requests";
    }
    if (options->rest == BENCH_REST_OFF) {
        return NULL;
    }
    if (options->keys == NULL) {
        return "REST needs the server's access keys: --keys FILE";
    }
    return options->codec == &bench_codec_json ? NULL : "REST goes with --protocol json";
}

/* Complaints of what the table of options cannot see. NULL: none. */
static const char *options_check(const struct bench_options *options)
{
    const struct bench_cell *cell = cell_find(options->cell);
    if (cell == NULL) {
        return "name a cell";
    }
    int count = options->count > 0 ? options->count : cell->count;
    if (options->stuck > 0 && (cell->filter != BENCH_FILTER_GROUP ||
                               cell->publishers != BENCH_ONE || options->stuck >= count)) {
        return "stuck is for fan-out, and for a part of the subscribers";
    }
    if (cell->filter == BENCH_FILTER_MATCH && count > options->filters) {
        return "match needs a filter for each subscriber";
    }
    if (options->idle > 0 && (cell->run != bench_load_run || cell->durable)) {
        return "idle connections go with publishing ones";
    }
    if (cell->durable && options->qos >= 0 && options->qos != 1) {
        return "durable runs at QoS 1";
    }
    if (cell->filter == BENCH_FILTER_LATER && options->durable) {
        return "retained has no durable sessions";
    }
    if (!cell->durable && options->between != NULL) {
        return "only durable has a time between";
    }
    if (options->password != NULL && options->user_name == NULL) {
        return "a password needs a user name";
    }
    if (!bench_processes_exist(&options->broker)) {
        return "--pid: no such process";
    }
    const char *complaint = rest_check(options, cell);
    if (complaint != NULL) {
        return complaint;
    }
    return protocol_check(options, cell);
}

/* Those that REST needs; false after an error message. */
static bool keys_open(struct bench_options *options)
{
    struct buffer error = {0};
    if (options->rest == BENCH_REST_OFF) {
        return true;
    }
    options->access_keys = access_keys_read(options->keys, &error);
    if (options->access_keys == NULL) {
        fprintf(stderr, "pubgrid bench: %.*s\n", SLICE_PRINT(error));
    }
    buffer_release(&error);
    return options->access_keys != NULL;
}

int bench_main(int argc, char **argv)
{
    struct bench_options options;
    if (!bench_options_parse(&options, argc, argv)) {
        return STATUS_USAGE;
    }
    if (options.help) {
        help_print();
        return 0;
    }
    options.codec = bench_codec_find(options.protocol, options.endpoint.path != NULL);
    const char *complaint = options_check(&options);
    if (complaint != NULL) {
        fprintf(stderr, "pubgrid bench: %s (see pubgrid bench --help)\n", complaint);
        return STATUS_USAGE;
    }
    if (!keys_open(&options)) {
        return STATUS_FAILED;
    }
    struct bench_run *run = memory_allocate_zero(sizeof(*run));
    run->options = &options;
    run->cell = cell_find(options.cell);
    options.durable = options.durable || run->cell->durable;
    if (options.qos < 0 || options.rest != BENCH_REST_OFF) {
        options.qos = run->cell->durable || options.rest != BENCH_REST_OFF ? 1 : 0;
    }
    int status =
        options.self_test == BENCH_SELF_TEST_OFF ? run_all(run) : run_with_relay(run, &options);
    free(run);
    access_keys_free(options.access_keys);
    return status;
}
