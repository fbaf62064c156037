/* See metrics_sample.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_sample.h"

#include <inttypes.h>

const struct metric_family metric_families[METRICS] = {
    [METRIC_UPTIME] = {"uptime_seconds", "gauge", "Time since the process started.", {NULL}},
    [METRIC_READY] = {"ready", "gauge", "1 while the broker is reached, else 0.", {NULL}},
    [METRIC_CONNECTIONS] = {"connections",
                            "gauge",
                            "WebSockets that are open.",
                            {"hub", "subprotocol", NULL}},
    [METRIC_CONNECTIONS_TOTAL] = {"connections_total",
                                  "counter",
                                  "WebSockets that were opened.",
                                  {"hub", "subprotocol", NULL}},
    [METRIC_MESSAGES_IN] = {"received_messages_total",
                            "counter",
                            "WebSocket messages from clients.",
                            {"hub", "subprotocol", NULL}},
    [METRIC_BYTES_IN] = {"received_bytes_total",
                         "counter",
                         "Payload bytes of WebSocket messages from clients.",
                         {"hub", "subprotocol", NULL}},
    [METRIC_MESSAGES_OUT] = {"sent_messages_total",
                             "counter",
                             "WebSocket messages to clients.",
                             {"hub", "subprotocol", NULL}},
    [METRIC_BYTES_OUT] = {"sent_bytes_total",
                          "counter",
                          "Payload bytes of WebSocket messages to clients.",
                          {"hub", "subprotocol", NULL}},
    [METRIC_UNACKNOWLEDGED] = {"unacknowledged_messages",
                               "gauge",
                               "Messages that connected reliable clients have not acknowledged.",
                               {"hub", "subprotocol", NULL}},
    [METRIC_CLOSED] = {"closed_total",
                       "counter",
                       "WebSockets that have ended, by why.",
                       {"hub", "subprotocol", "category"}},
    [METRIC_REFUSED] = {"refused_upgrades_total",
                        "counter",
                        "Requests for a WebSocket that were refused, by HTTP status.",
                        {"status", NULL}},
    [METRIC_REST_REQUESTS] = {"rest_requests_total",
                              "counter",
                              "Requests of the REST API that were answered.",
                              {"operation", "status", NULL}},
    [METRIC_REST_SECONDS] = {"rest_request_seconds",
                             "histogram",
                             "Time from a whole request of the REST API to its answer.",
                             {"operation", NULL}},
    [METRIC_WEBHOOK_CALLS] = {"webhook_calls_total",
                              "counter",
                              "Calls of event handlers; status none: no answer came.",
                              {"event", "status", NULL}},
    [METRIC_WEBHOOK_SECONDS] = {"webhook_call_seconds",
                                "histogram",
                                "Time from an event to its handler's answer, with repetitions.",
                                {"event", NULL}},
    [METRIC_ASKS] = {"asks_total",
                     "counter",
                     "Questions to all bridge processes, for the REST API.",
                     {"outcome", NULL}},
};

size_t metric_label_count(enum metric metric)
{
    size_t count = 0;

    while (count < SAMPLE_LABELS_MAX && metric_families[metric].labels[count]) {
        count++;
    }
    return count;
}

size_t metric_number_count(enum metric metric)
{
    return metric == METRIC_REST_SECONDS || metric == METRIC_WEBHOOK_SECONDS ? SAMPLE_NUMBERS_MAX
                                                                             : 1;
}

/* ---------------------------------------------------------------- visiting */

struct visitor {
    void (*visit)(void *context, const struct sample *sample);
    void *context;
};

/* Those of one hub and subprotocol, but for the reasons of the end. */
static const struct {
    enum metric metric;
    size_t offset;
} traffic_numbers[] = {
    {METRIC_CONNECTIONS, offsetof(struct traffic, connections)},
    {METRIC_CONNECTIONS_TOTAL, offsetof(struct traffic, connections_total)},
    {METRIC_MESSAGES_IN, offsetof(struct traffic, messages_in)},
    {METRIC_BYTES_IN, offsetof(struct traffic, bytes_in)},
    {METRIC_MESSAGES_OUT, offsetof(struct traffic, messages_out)},
    {METRIC_BYTES_OUT, offsetof(struct traffic, bytes_out)},
    {METRIC_UNACKNOWLEDGED, offsetof(struct traffic, unacknowledged)},
};

static void tell(const struct visitor *visitor, struct sample *sample, enum metric metric,
                 uint64_t number)
{
    sample->metric = metric;
    sample->numbers[0] = number;
    visitor->visit(visitor->context, sample);
}

static void visit_traffic(const struct visitor *visitor, const struct hub_traffic *hub,
                          size_t protocol)
{
    const struct traffic *traffic = hub->protocols[protocol];
    struct sample sample = {.labels = {slice_from_string(hub->name),
                                       slice_from_string(metrics_protocol_name(protocol))}};

    for (size_t i = 0; i < sizeof(traffic_numbers) / sizeof(traffic_numbers[0]); i++) {
        uint64_t number;
        memcpy(&number, (const char *)traffic + traffic_numbers[i].offset, sizeof(number));
        tell(visitor, &sample, traffic_numbers[i].metric, number);
    }
    for (size_t i = 0; i < CLOSE_CATEGORIES; i++) {
        sample.labels[2] = slice_from_string(close_category_name((enum close_category)i));
        if (traffic->closed[i] > 0) {
            tell(visitor, &sample, METRIC_CLOSED, traffic->closed[i]);
        }
    }
}

/* By status and in time; nothing of what was never called. */
static void visit_calls(const struct visitor *visitor, const struct call_metrics *calls,
                        const char *what, enum metric by_status, enum metric in_time)
{
    struct sample sample = {.labels = {slice_from_string(what)}};
    bool any = false;

    for (size_t i = 0; i < METRICS_STATUSES; i++) {
        sample.labels[1] = slice_from_string(metrics_status_name(i));
        if (calls->statuses[i] > 0) {
            any = true;
            tell(visitor, &sample, by_status, calls->statuses[i]);
        }
    }
    if (any) {
        memcpy(sample.numbers, calls->latency.counts, sizeof(calls->latency.counts));
        sample.numbers[LATENCY_BOUNDS + 1] = calls->latency.microseconds;
        sample.metric = in_time;
        visitor->visit(visitor->context, &sample);
    }
}

static void visit_rest(const struct visitor *visitor, const struct metrics *metrics)
{
    for (size_t i = 0; i < METRICS_OPERATIONS; i++) {
        visit_calls(visitor, &metrics->rest[i], metrics_operation_name(i), METRIC_REST_REQUESTS,
                    METRIC_REST_SECONDS);
    }
    for (size_t i = 0; i < METRICS_EVENTS; i++) {
        visit_calls(visitor, &metrics->webhooks[i], metrics_event_name(i), METRIC_WEBHOOK_CALLS,
                    METRIC_WEBHOOK_SECONDS);
    }
}

void metrics_visit(const struct metrics *metrics,
                   void (*visit)(void *context, const struct sample *sample), void *context)
{
    struct visitor visitor = {visit, context};
    struct sample sample = {0};

    LIST_FOREACH (link, &metrics->hubs) {
        const struct hub_traffic *hub = CONTAINER_OF(link, struct hub_traffic, link);
        for (size_t i = 0; i < METRICS_PROTOCOLS; i++) {
            if (hub->protocols[i]) {
                visit_traffic(&visitor, hub, i);
            }
        }
    }
    for (size_t i = 0; i < METRICS_STATUSES; i++) {
        sample.labels[0] = slice_from_string(metrics_status_name(i));
        if (metrics->refused[i] > 0) {
            tell(&visitor, &sample, METRIC_REFUSED, metrics->refused[i]);
        }
    }
    for (size_t i = 0; i < ASK_OUTCOMES; i++) {
        sample.labels[0] = slice_from_string(metrics_ask_name(i));
        tell(&visitor, &sample, METRIC_ASKS, metrics->asks[i]);
    }
    visit_rest(&visitor, metrics);
}

/* ---------------------------------------------------------------- topics and texts */

void sample_append_topic(struct buffer *out, const struct sample *sample)
{
    size_t count = metric_label_count(sample->metric);

    buffer_append_string(out, metric_families[sample->metric].name);
    for (size_t i = 0; i < count; i++) {
        buffer_append_byte(out, '/');
        buffer_append(out, sample->labels[i]);
    }
}

void sample_append_text(struct buffer *out, const struct sample *sample)
{
    size_t count = metric_number_count(sample->metric);

    for (size_t i = 0; i < count; i++) {
        buffer_append_format(out, "%s%" PRIu64, i > 0 ? " " : "", sample->numbers[i]);
    }
}

/* What is before the next `separator`, which is dropped; false at the end. */
static bool take_part(struct slice *rest, uint8_t separator, struct slice *part)
{
    size_t end = 0;

    if (!rest->data) {
        return false;
    }
    while (end < rest->length && rest->data[end] != separator) {
        end++;
    }
    *part = slice_make(rest->data, end);
    *rest = end < rest->length ? slice_from(*rest, end + 1) : SLICE_EMPTY;
    return true;
}

static bool find_metric(struct slice name, enum metric *metric)
{
    for (int i = 0; i < METRICS; i++) {
        if (slice_equal(name, slice_from_string(metric_families[i].name))) {
            *metric = (enum metric)i;
            return true;
        }
    }
    return false;
}

bool number_parse(struct slice digits, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.length; i++) {
        uint8_t digit = (uint8_t)(digits.data[i] - '0');
        if (digit > 9 || *number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return digits.length > 0;
}

static bool parse_numbers(struct slice text, struct sample *sample)
{
    size_t count = metric_number_count(sample->metric);
    struct slice part;

    for (size_t i = 0; i < count; i++) {
        if (!take_part(&text, ' ', &part) || !number_parse(part, &sample->numbers[i])) {
            return false;
        }
    }
    return !take_part(&text, ' ', &part);
}

bool sample_parse(struct slice topic, struct slice text, struct sample *sample)
{
    struct slice name, none;
    size_t labels;

    *sample = (struct sample){0};
    if (!take_part(&topic, '/', &name) || !find_metric(name, &sample->metric)) {
        return false;
    }
    labels = metric_label_count(sample->metric);
    for (size_t i = 0; i < labels; i++) {
        if (!take_part(&topic, '/', &sample->labels[i]) || sample->labels[i].length == 0) {
            return false;
        }
    }
    return !take_part(&topic, '/', &none) && parse_numbers(text, sample);
}
