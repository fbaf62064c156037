/* The rate of the drain counts from connect() to the last message, so it includes what the broker
 * does before the first one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_report_durable.h"

#include <math.h>
#include <stdio.h>

#include "bench_json.h"

/* NaN stands for "not measured". */
struct drain_figures {
    double queued; /* messages */
    double resident_per_message, anonymous_per_message;
    double first_ms, rate;
    double server_us_per_message, server_cpu_percent, generator_cpu_percent;
    double between_seconds;
};

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static struct drain_figures figures_make(const struct bench_run *run)
{
    const struct bench_drain *drain = &run->result.drain;
    double messages = (double)drain->messages;
    double elapsed_ns = (double)drain->cost.elapsed_ns;
    double broker_ns = (double)drain->cost.broker_ns;
    bool known = run->options->broker.count > 0;
    double queued = (double)run->result.acknowledged;
    return (struct drain_figures){
        .queued = queued,
        .resident_per_message =
            known ? ratio((double)(drain->after.resident - drain->before.resident), queued) : NAN,
        .anonymous_per_message =
            known ? ratio((double)(drain->after.anonymous - drain->before.anonymous), queued) : NAN,
        .first_ms = messages > 0 ? (double)drain->first_ns / 1e6 : NAN,
        .rate = ratio(messages * 1e9, (double)drain->last_ns),
        .server_us_per_message = broker_ns > 0 ? ratio(broker_ns / 1e3, messages) : NAN,
        .server_cpu_percent = broker_ns > 0 ? ratio(broker_ns * 100, elapsed_ns) : NAN,
        .generator_cpu_percent = ratio((double)drain->cost.generator_ns * 100, elapsed_ns),
        .between_seconds = run->options->between == NULL ? NAN : (double)drain->between_ns / 1e9,
    };
}

static void json_memory(const struct bench_run *run, const struct drain_figures *figures)
{
    const struct bench_drain *drain = &run->result.drain;
    bool known = run->options->broker.count > 0;
    const struct {
        const char *name;
        int64_t bytes;
    } rows[] = {
        {"rss_before", drain->before.resident},
        {"rss_after", drain->after.resident},
        {"anonymous_before", drain->before.anonymous},
        {"anonymous_after", drain->after.anonymous},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench_json_number(rows[i].name, known ? (double)rows[i].bytes : NAN, 0);
    }
    bench_json_number("rss_per_message", figures->resident_per_message, 1);
    bench_json_number("anonymous_per_message", figures->anonymous_per_message, 1);
}

void bench_report_durable_json(const struct bench_run *run)
{
    const struct bench_drain *drain = &run->result.drain;
    struct drain_figures figures = figures_make(run);
    bench_json_count("queued", run->result.acknowledged);
    json_memory(run, &figures);
    bench_json_number("between_seconds", figures.between_seconds, 3);
    bench_json_bool("session_present", drain->session_present);
    bench_json_count("drained", drain->messages);
    bench_json_number("drain_seconds", (double)drain->last_ns / 1e9, 3);
    bench_json_number("drain_rate", figures.rate, 0);
    bench_json_number("first_ms", figures.first_ms, 3);
    bench_json_number("drain_server_us_per_message", figures.server_us_per_message, 4);
    bench_json_number("drain_server_cpu_percent", figures.server_cpu_percent, 1);
    bench_json_number("drain_generator_cpu_percent", figures.generator_cpu_percent, 1);
}

void bench_report_durable_human(const struct bench_run *run)
{
    const struct bench_drain *drain = &run->result.drain;
    struct drain_figures figures = figures_make(run);
    printf("; %.0f queued", figures.queued);
    if (!isnan(figures.anonymous_per_message)) {
        printf(" with %.0f bytes each (%.0f anonymous)", figures.resident_per_message,
               figures.anonymous_per_message);
    }
    if (!isnan(figures.between_seconds)) {
        printf("; %.2f s between", figures.between_seconds);
    }
    if (!drain->session_present) {
        printf("; the session is gone");
        return;
    }
    printf("; drained %.0f/s, the first after %.1f ms", figures.rate, figures.first_ms);
    if (!isnan(figures.server_us_per_message)) {
        printf(", server %.3f us each", figures.server_us_per_message);
    }
}
