/* Derives rates and ratios from a result and prints them.
 *
 * What was not measured (no --pid, nothing delivered) is null, never 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_report.h"

#include <math.h>
#include <stdio.h>

#include "bench_json.h"
#include "bench_report_durable.h"

enum { STATUS_BROKEN_PROMISE = 3 };

/* Above this share of its core the generator limits the rate, not the broker. */
static const double generator_bound_percent = 93;

/* NaN stands for "not measured". */
struct figures {
    double rate;
    double server_us_per_message, server_cpu_percent;
    double generator_cpu_percent, others_cpu_percent;
    double p50_us, p99_us, p999_us, max_us;
    double connect_rate, server_us_per_connect, rss_per_connection;
};

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static void figures_latency(struct figures *out, const struct bench_histogram *latency)
{
    if (latency->count == 0) {
        out->p50_us = out->p99_us = out->p999_us = out->max_us = NAN;
        return;
    }
    out->p50_us = (double)bench_histogram_percentile(latency, 50) / 1e3;
    out->p99_us = (double)bench_histogram_percentile(latency, 99) / 1e3;
    out->p999_us = (double)bench_histogram_percentile(latency, 99.9) / 1e3;
    out->max_us = (double)latency->maximum / 1e3;
}

static struct figures figures_make(const struct bench_run *run)
{
    const struct bench_result *result = &run->result;
    double elapsed_ns = (double)result->cost.elapsed_ns;
    double deliveries = (double)result->deliveries;
    double connections = (double)run->fleet.count;
    struct figures figures = {
        .rate = run->publishers > 0 ? ratio(deliveries * 1e9, elapsed_ns) : NAN,
        .server_us_per_message = ratio((double)result->cost.broker_ns / 1e3, deliveries),
        .server_cpu_percent = ratio((double)result->cost.broker_ns * 100, elapsed_ns),
        .generator_cpu_percent = ratio((double)result->cost.generator_ns * 100, elapsed_ns),
        .others_cpu_percent = ratio((double)result->cost.others_ns * 100, elapsed_ns),
        .connect_rate = ratio(connections * 1e9, (double)result->setup.elapsed_ns),
        .server_us_per_connect = ratio((double)result->setup.broker_ns / 1e3, connections),
        .rss_per_connection = ratio((double)result->resident, connections),
    };
    figures_latency(&figures, run->publishers > 0 ? &result->latency : &result->connect_latency);
    if (run->options->broker.count == 0) {
        figures.server_us_per_message = figures.server_cpu_percent = NAN;
        figures.others_cpu_percent = NAN;
        figures.server_us_per_connect = figures.rss_per_connection = NAN;
    }
    return figures;
}

static void json_parameters(const struct bench_run *run)
{
    const struct bench_options *options = run->options;
    if (options->label != NULL) {
        bench_json_text("label", options->label);
    }
    bench_json_text("server", options->endpoint.name);
    bench_json_text("protocol", options->codec->protocol);
    bench_json_bool("websocket", options->codec->subprotocol != NULL);
    if (options->codec->sessions) {
        bench_json_text("version", options->version == 5 ? "5" : "3.1.1");
    }
    bench_json_count("qos", (uint64_t)options->qos);
    bench_json_count("payload", (uint64_t)options->payload);
    bench_json_count("publishers", run->publishers);
    bench_json_count("subscribers", run->subscribers);
    if (options->idle > 0) {
        bench_json_count("idle", (uint64_t)options->idle);
    }
    if (options->rate > 0) {
        bench_json_number("rate_asked", options->rate, 0);
    } else {
        bench_json_count("window", (uint64_t)run->window);
    }
    bench_json_count("lazy_us", (uint64_t)options->lazy_us);
}

/* The growth of memory and the CPU of set-up are those of the filters: there are many to each
 * connection. */
static void json_filters(const struct bench_run *run)
{
    bool known = run->options->broker.count > 0;
    double filters = (double)run->filters;
    bench_json_count("filters", run->filters);
    bench_json_number("server_us_per_filter",
                      known ? (double)run->result.setup.broker_ns / 1e3 / filters : NAN, 3);
    bench_json_number("rss_per_filter", known ? (double)run->result.resident / filters : NAN, 0);
}

static void json_store(const struct bench_run *run)
{
    const struct bench_store *store = &run->result.store;
    bool known = run->options->broker.count > 0;
    double messages = (double)store->messages;
    double elapsed_ns = (double)store->cost.elapsed_ns;
    bench_json_count("stores", store->messages);
    bench_json_number("store_rate", ratio(messages * 1e9, elapsed_ns), 0);
    bench_json_number("store_server_us_per_message",
                      known ? ratio((double)store->cost.broker_ns / 1e3, messages) : NAN, 4);
    bench_json_number("store_generator_cpu_percent",
                      ratio((double)store->cost.generator_ns * 100, elapsed_ns), 1);
    bench_json_number("rss_per_message", known ? ratio((double)store->memory, messages) : NAN, 0);
}

static void json_print(const struct bench_run *run, const struct figures *figures)
{
    const struct bench_result *result = &run->result;
    printf("{\"cell\":\"%s\"", run->cell->name);
    json_parameters(run);
    bench_json_number("seconds", (double)result->cost.elapsed_ns / 1e9, 3);
    bench_json_count(bench_run_counts_acks(run) ? "acknowledgements" : "deliveries",
                     result->deliveries);
    bench_json_number("rate", figures->rate, 0);
    bench_json_number("server_us_per_message", figures->server_us_per_message, 4);
    bench_json_number("server_cpu_percent", figures->server_cpu_percent, 1);
    bench_json_number("generator_cpu_percent", figures->generator_cpu_percent, 1);
    bench_json_number("others_cpu_percent", figures->others_cpu_percent, 1);
    bench_json_bool("generator_bound", figures->generator_cpu_percent > generator_bound_percent);
    bench_json_number("p50_us", figures->p50_us, 1);
    bench_json_number("p99_us", figures->p99_us, 1);
    bench_json_number("p999_us", figures->p999_us, 1);
    bench_json_number("max_us", figures->max_us, 1);
    if (run->cell->durable) {
        bench_report_durable_json(run);
    }
    if (run->cell->filter == BENCH_FILTER_MATCH) {
        json_filters(run);
    }
    if (run->cell->filter == BENCH_FILTER_LATER) {
        json_store(run);
    }
    bench_json_count("sent", result->sent);
    bench_json_count("lost", result->lost);
    bench_json_count("duplicates", result->duplicates);
    bench_json_count("reordered", result->reordered);
    bench_json_count("foreign", result->foreign);
    bench_json_bool("stalled", result->stalled);
    if (run->stuck > 0) {
        bench_json_count("stuck", run->stuck);
        bench_json_count("stuck_closed", result->stuck_closed);
    }
    bench_json_count("connections", run->fleet.count);
    bench_json_number("connect_rate", figures->connect_rate, 0);
    bench_json_number("server_us_per_connect", figures->server_us_per_connect, 2);
    bench_json_number("rss_per_connection", figures->rss_per_connection, 0);
    printf("}\n");
}

static void human_print(const struct bench_run *run, const struct figures *figures)
{
    const struct bench_result *result = &run->result;
    const char *unit = bench_run_counts_acks(run) ? "acknowledgements" : "deliveries";
    printf("%s %zu:%zu QoS %d, %d bytes: ", run->cell->name, run->publishers, run->subscribers,
           run->options->qos, run->options->payload);
    if (run->publishers > 0) {
        printf("%.0f %s/s, p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us", figures->rate,
               unit, figures->p50_us, figures->p99_us, figures->p999_us, figures->max_us);
    } else {
        printf("%.0f connects/s, p50 %.0f us, p99 %.0f us", figures->connect_rate, figures->p50_us,
               figures->p99_us);
    }
    if (!isnan(figures->server_us_per_message)) {
        printf(", server %.3f us each", figures->server_us_per_message);
    }
    if (!isnan(figures->server_us_per_connect)) {
        printf(", server %.1f us and %.0f bytes per connection", figures->server_us_per_connect,
               figures->rss_per_connection);
    }
    printf(", generator %.0f %%", figures->generator_cpu_percent);
    if (run->cell->durable) {
        bench_report_durable_human(run);
    }
    if (result->lost + result->duplicates + result->reordered > 0) {
        printf("; %llu lost, %llu twice, %llu out of order", (unsigned long long)result->lost,
               (unsigned long long)result->duplicates, (unsigned long long)result->reordered);
    }
    if (run->stuck > 0) {
        printf("; %zu stuck, %llu of them closed", run->stuck,
               (unsigned long long)result->stuck_closed);
    }
    printf("%s\n", result->stalled ? "; stopped, nothing came any more" : "");
}

void bench_report_print(const struct bench_run *run)
{
    struct figures figures = figures_make(run);
    if (run->options->human) {
        human_print(run, &figures);
    } else {
        json_print(run, &figures);
    }
}

int bench_report_status(const struct bench_run *run)
{
    const struct bench_result *result = &run->result;
    int qos = run->options->qos;
    bool promised = qos > 0 || run->fleet.codec->promises;
    bool broken = (promised && (result->lost > 0 || result->stalled)) ||
                  (qos == 2 && result->duplicates > 0) || result->reordered > 0;
    return broken ? STATUS_BROKEN_PROMISE : 0;
}
