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
    [METRIC_WEBHOOK_EVENTS] = {"webhook_events_total",
                               "counter",
                               "Events for event handlers, by what became of them.",
                               {"hub", "event", "result"}},
    [METRIC_WEBHOOK_SECONDS] = {"webhook_event_seconds",
                                "histogram",
                                "Time from an event to its handler's answer, if it came.",
                                {"hub", "event", NULL}},
    [METRIC_WEBHOOK_REQUESTS] = {"webhook_requests_total",
                                 "counter",
                                 "Requests to event handlers, repetitions included.",
                                 {"hub", "event", NULL}},
    [METRIC_WEBHOOK_COPIES] = {"webhook_copies_total",
                               "counter",
                               "Copies of events to event listeners.",
                               {"hub", NULL}},
    [METRIC_WEBHOOK_WAITING] = {"webhook_waiting_events",
                                "gauge",
                                "Events that wait for a connection to their handler.",
                                {NULL}},
    [METRIC_WEBHOOK_RUNNING] = {"webhook_running_requests",
                                "gauge",
                                "Requests to event handlers that are under way.",
                                {NULL}},
    [METRIC_ASKS] = {"asks_total",
                     "counter",
                     "Questions to all bridge processes, for the REST API.",
                     {"outcome", NULL}},
    [METRIC_EVENTS_PUBLISHED] = {"events_published_total",
                                 "counter",
                                 "Events that event topics have accepted.",
                                 {"kind", "topic", NULL}},
    [METRIC_EVENTS_REFUSED] = {"events_refused_requests_total",
                               "counter",
                               "Publish requests that were refused.",
                               {"kind", "topic", NULL}},
    [METRIC_EVENTS_SECONDS] = {"events_publish_seconds",
                               "histogram",
                               "Time from a publish request to its answer, if it was accepted.",
                               {"kind", "topic", NULL}},
    [METRIC_EVENTS_MATCHED] = {"events_matched_total",
                               "counter",
                               "Events that some event subscription takes.",
                               {"kind", "topic", NULL}},
    [METRIC_EVENTS_UNMATCHED] = {"events_unmatched_total",
                                 "counter",
                                 "Events that no event subscription takes.",
                                 {"kind", "topic", NULL}},
    [METRIC_EVENTS_DELIVERED] = {"events_delivered_total",
                                 "counter",
                                 "Deliveries: an event to a subscription.",
                                 {"kind", "topic", NULL}},
    [METRIC_EVENTS_FAILED] = {"events_failed_attempts_total",
                              "counter",
                              "Attempts to deliver an event that have failed.",
                              {"kind", "topic", NULL}},
    [METRIC_EVENTS_DEAD] = {"events_dead_lettered_total",
                            "counter",
                            "Events that became dead letters.",
                            {"kind", "topic", NULL}},
    [METRIC_EVENTS_DROPPED] = {"events_dropped_total",
                               "counter",
                               "Events that were given up without a place for dead letters.",
                               {"kind", "topic", NULL}},
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
    return metric == METRIC_REST_SECONDS || metric == METRIC_WEBHOOK_SECONDS ||
                   metric == METRIC_EVENTS_SECONDS
               ? SAMPLE_NUMBERS_MAX
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

/* Those of an event topic. */
static const struct {
    enum metric metric;
    size_t offset;
} topic_numbers[] = {
    {METRIC_EVENTS_PUBLISHED, offsetof(struct topic_statistics, published)},
    {METRIC_EVENTS_REFUSED, offsetof(struct topic_statistics, refused)},
    {METRIC_EVENTS_MATCHED, offsetof(struct topic_statistics, matched)},
    {METRIC_EVENTS_UNMATCHED, offsetof(struct topic_statistics, unmatched)},
    {METRIC_EVENTS_DELIVERED, offsetof(struct topic_statistics, delivered)},
    {METRIC_EVENTS_FAILED, offsetof(struct topic_statistics, attempts_failed)},
    {METRIC_EVENTS_DEAD, offsetof(struct topic_statistics, dead_lettered)},
    {METRIC_EVENTS_DROPPED, offsetof(struct topic_statistics, dropped)},
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

static void tell_latency(const struct visitor *visitor, struct sample *sample, enum metric metric,
                         const uint64_t latencies[EVENT_LATENCIES], uint64_t microseconds)
{
    memcpy(sample->numbers, latencies, EVENT_LATENCIES * sizeof(*latencies));
    sample->numbers[EVENT_LATENCIES] = microseconds;
    sample->metric = metric;
    visitor->visit(visitor->context, sample);
}

/* Numbers that differ in the label number `at`. */
struct row {
    enum metric metric;
    size_t at, count;
    const uint64_t *numbers; /* [count] */
    const char *(*name_of)(size_t index);
};

/* Those above 0; false: there is none. */
static bool tell_row(const struct visitor *visitor, struct sample *sample, const struct row *row)
{
    bool any = false;

    for (size_t i = 0; i < row->count; i++) {
        sample->labels[row->at] = slice_from_string(row->name_of(i));
        if (row->numbers[i] > 0) {
            any = true;
            tell(visitor, sample, row->metric, row->numbers[i]);
        }
    }
    return any;
}

/* Nothing of an operation that never was. */
static void visit_rest(const struct visitor *visitor, const struct metrics *metrics)
{
    for (size_t i = 0; i < METRICS_OPERATIONS; i++) {
        const struct rest_metrics *rest = &metrics->rest[i];
        struct sample sample = {.labels = {slice_from_string(metrics_operation_name(i))}};
        struct row row = {METRIC_REST_REQUESTS, 1, METRICS_STATUSES, rest->statuses,
                          metrics_status_name};
        if (tell_row(visitor, &sample, &row)) {
            tell_latency(visitor, &sample, METRIC_REST_SECONDS, rest->latencies,
                         rest->microseconds);
        }
    }
}

static const char *result_name(size_t result)
{
    return event_result_names[result];
}

/* Nothing of a kind of event that never was. */
static void visit_hub_events(void *context, struct slice hub,
                             const struct event_statistics *statistics)
{
    const struct visitor *visitor = context;
    struct sample sample = {.labels = {hub}};

    for (size_t i = 0; i < EVENT_KINDS; i++) {
        const struct event_kind_statistics *kind = &statistics->kinds[i];
        struct row row = {METRIC_WEBHOOK_EVENTS, 2, EVENT_RESULTS, kind->results, result_name};
        sample.labels[1] = slice_from_string(event_kind_names[i]);
        if (tell_row(visitor, &sample, &row)) {
            tell(visitor, &sample, METRIC_WEBHOOK_REQUESTS, kind->attempts);
            tell_latency(visitor, &sample, METRIC_WEBHOOK_SECONDS, kind->latencies,
                         kind->latency_sum_us);
        }
    }
    if (statistics->listened > 0) {
        tell(visitor, &sample, METRIC_WEBHOOK_COPIES, statistics->listened);
    }
}

static void visit_webhooks(struct visitor *visitor, const struct webhook_source *webhooks)
{
    struct sample sample = {0};
    uint64_t waiting, running;

    if (webhooks->each_hub) {
        webhooks->each_hub(webhooks->context, visit_hub_events, visitor);
        webhooks->gauges(webhooks->context, &waiting, &running);
        tell(visitor, &sample, METRIC_WEBHOOK_WAITING, waiting);
        tell(visitor, &sample, METRIC_WEBHOOK_RUNNING, running);
    }
}

/* Nothing of what never was. */
static void visit_topic(void *context, struct slice kind, struct slice topic,
                        const struct topic_statistics *statistics)
{
    const struct visitor *visitor = context;
    struct sample sample = {.labels = {kind, topic}};

    for (size_t i = 0; i < sizeof(topic_numbers) / sizeof(topic_numbers[0]); i++) {
        uint64_t number;
        memcpy(&number, (const char *)statistics + topic_numbers[i].offset, sizeof(number));
        if (number > 0) {
            tell(visitor, &sample, topic_numbers[i].metric, number);
        }
    }
    if (statistics->published > 0) {
        tell_latency(visitor, &sample, METRIC_EVENTS_SECONDS, statistics->publish_latencies,
                     statistics->publish_microseconds);
    }
}

void metrics_visit(const struct metrics *metrics,
                   void (*visit)(void *context, const struct sample *sample), void *context)
{
    struct visitor visitor = {visit, context};
    struct row refused = {METRIC_REFUSED, 0, METRICS_STATUSES, metrics->refused,
                          metrics_status_name};
    struct sample sample = {0};

    LIST_FOREACH (link, &metrics->hubs) {
        const struct hub_traffic *hub = CONTAINER_OF(link, struct hub_traffic, link);
        for (size_t i = 0; i < METRICS_PROTOCOLS; i++) {
            if (hub->protocols[i]) {
                visit_traffic(&visitor, hub, i);
            }
        }
    }
    tell_row(&visitor, &sample, &refused);
    for (size_t i = 0; i < ASK_OUTCOMES; i++) {
        sample.labels[0] = slice_from_string(metrics_ask_name(i));
        tell(&visitor, &sample, METRIC_ASKS, metrics->asks[i]);
    }
    visit_rest(&visitor, metrics);
    visit_webhooks(&visitor, &metrics->webhooks);
    if (metrics->topics.each_topic) {
        metrics->topics.each_topic(metrics->topics.context, visit_topic, &visitor);
    }
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
