/* Metrics as others see them: families of samples, each a number (or a histogram) with labels. The
 * same table makes topics under `$SYS/bridge/` and the lines of /metrics (docs/metrics.md):
 *
 *   $SYS/bridge/0/closed_total/chat/json.webpubsub.azure.v1/SlowClient   3
 *   pubgrid_bridge_closed_total{process="0",hub="chat",subprotocol="...",category="SlowClient"} 3
 *
 * A histogram's text is its EVENT_LATENCIES counts and the sum in microseconds, with spaces
 * between. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_SAMPLE_H
#define PUBGRID_CLIENT_METRICS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "client/metrics.h"

enum { SAMPLE_LABELS_MAX = 3, SAMPLE_NUMBERS_MAX = EVENT_LATENCIES + 1 };

/* The order is that of /metrics. */
enum metric {
    METRIC_UPTIME,
    METRIC_READY,
    METRIC_CONNECTIONS,
    METRIC_CONNECTIONS_TOTAL,
    METRIC_MESSAGES_IN,
    METRIC_BYTES_IN,
    METRIC_MESSAGES_OUT,
    METRIC_BYTES_OUT,
    METRIC_UNACKNOWLEDGED,
    METRIC_CLOSED,
    METRIC_REFUSED,
    METRIC_REST_REQUESTS,
    METRIC_REST_SECONDS,
    METRIC_WEBHOOK_EVENTS,
    METRIC_WEBHOOK_SECONDS,
    METRIC_WEBHOOK_REQUESTS,
    METRIC_WEBHOOK_COPIES,
    METRIC_WEBHOOK_WAITING,
    METRIC_WEBHOOK_RUNNING,
    METRIC_ASKS,
    METRIC_EVENTS_PUBLISHED,
    METRIC_EVENTS_REFUSED,
    METRIC_EVENTS_SECONDS,
    METRIC_EVENTS_MATCHED,
    METRIC_EVENTS_UNMATCHED,
    METRIC_EVENTS_DELIVERED,
    METRIC_EVENTS_FAILED,
    METRIC_EVENTS_DEAD,
    METRIC_EVENTS_DROPPED,
    METRICS
};

struct metric_family {
    const char *name; /* behind "pubgrid_bridge_", and in the topic */
    const char *type; /* "counter", "gauge", "histogram" */
    const char *help;
    const char *labels[SAMPLE_LABELS_MAX]; /* NULL: no more */
};

extern const struct metric_family metric_families[METRICS];

struct sample {
    enum metric metric;
    struct slice labels[SAMPLE_LABELS_MAX];
    uint64_t numbers[SAMPLE_NUMBERS_MAX]; /* one, or all of a histogram */
};

/* How many labels; how many numbers. */
size_t metric_label_count(enum metric metric);
size_t metric_number_count(enum metric metric);

/* Everything of this process but METRIC_UPTIME and METRIC_READY. */
void metrics_visit(const struct metrics *metrics,
                   void (*visit)(void *context, const struct sample *sample), void *context);

/* Appends the topic behind "$SYS/bridge/<process>/". */
void sample_append_topic(struct buffer *out, const struct sample *sample);
/* Appends the payload. */
void sample_append_text(struct buffer *out, const struct sample *sample);
/* Reads both; the labels borrow `topic`. False: it is no sample. */
bool sample_parse(struct slice topic, struct slice text, struct sample *sample);
/* Decimal digits and nothing else, of a number that fits. */
bool number_parse(struct slice digits, uint64_t *number);

#endif
