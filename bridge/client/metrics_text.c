/* See metrics_text.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/metrics_text.h"

#include <inttypes.h>

#define BRIDGE "pubgrid_bridge_"
#define BROKER "pubgrid_broker_"

enum { MICROSECONDS = 1000000 };

static void append_label(struct buffer *out, const char *name, struct slice value)
{
    buffer_append_format(out, "%s%s=\"", out->data[out->length - 1] == '{' ? "" : ",", name);
    for (size_t i = 0; i < value.length; i++) {
        uint8_t byte = value.data[i];
        if (byte == '\\' || byte == '"' || byte == '\n') {
            buffer_append_byte(out, '\\');
            byte = byte == '\n' ? 'n' : byte;
        }
        buffer_append_byte(out, byte);
    }
    buffer_append_byte(out, '"');
}

/* The name and the labels, without the closing brace. */
static void begin_line(struct buffer *out, const char *suffix, unsigned process,
                       const struct sample *sample)
{
    const struct metric_family *family = &metric_families[sample->metric];
    size_t count = metric_label_count(sample->metric);

    buffer_append_format(out, BRIDGE "%s%s{process=\"%u\"", family->name, suffix, process);
    for (size_t i = 0; i < count; i++) {
        append_label(out, family->labels[i], sample->labels[i]);
    }
}

static void append_seconds(struct buffer *out, uint64_t microseconds)
{
    buffer_append_format(out, "%.10g", (double)microseconds / MICROSECONDS);
}

static void append_histogram(struct buffer *out, unsigned process, const struct sample *sample)
{
    uint64_t count = 0;

    for (size_t i = 0; i < EVENT_LATENCIES; i++) {
        count += sample->numbers[i];
        begin_line(out, "_bucket", process, sample);
        buffer_append_string(out, ",le=\"");
        if (i < EVENT_LATENCIES - 1) {
            append_seconds(out, event_latency_bounds_us[i]);
        } else {
            buffer_append_string(out, "+Inf");
        }
        buffer_append_format(out, "\"} %" PRIu64 "\n", count);
    }
    begin_line(out, "_sum", process, sample);
    buffer_append_format(out, "} %.6f\n", (double)sample->numbers[EVENT_LATENCIES] / MICROSECONDS);
    begin_line(out, "_count", process, sample);
    buffer_append_format(out, "} %" PRIu64 "\n", count);
}

void metrics_text_add(struct metrics_text *text, unsigned process, const struct sample *sample)
{
    struct buffer *out = &text->families[sample->metric];

    if (metric_number_count(sample->metric) > 1) {
        append_histogram(out, process, sample);
    } else {
        begin_line(out, "", process, sample);
        buffer_append_format(out, "} %" PRIu64 "\n", sample->numbers[0]);
    }
}

static void append_head(struct buffer *out, const char *prefix, const char *name, const char *type,
                        const char *help)
{
    buffer_append_format(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name,
                         type);
}

void metrics_text_finish(struct metrics_text *text, struct buffer *out)
{
    for (size_t i = 0; i < METRICS; i++) {
        const struct metric_family *family = &metric_families[i];
        if (text->families[i].length > 0) {
            append_head(out, BRIDGE, family->name, family->type, family->help);
            buffer_append(out, buffer_slice(&text->families[i]));
        }
        buffer_release(&text->families[i]);
    }
}

/* A metric whose label is what there is to know. */
static void append_word(struct buffer *out, const char *name, const char *label,
                        const struct buffer *word, const char *help)
{
    if (word->length > 0) {
        append_head(out, BROKER, name, "gauge", help);
        buffer_append_format(out, BROKER "%s{", name);
        append_label(out, label, buffer_slice(word));
        buffer_append_string(out, "} 1\n");
    }
}

void metrics_text_append_broker(struct buffer *out, const struct broker_numbers *numbers)
{
    append_word(out, "info", "version", &numbers->version, "The broker's version; always 1.");
    append_word(out, "store_state", "state", &numbers->store_state,
                "The store's state: ok, full, read-only, failed or unavailable; always 1.");
    for (size_t i = 0; i < BROKER_METRICS; i++) {
        const struct broker_metric *metric = &broker_metrics[i];
        if (!numbers->known[i]) {
            continue;
        }
        append_head(out, BROKER, metric->name, metric->type, metric->help);
        if (metric->per_unit > 1) {
            buffer_append_format(out, BROKER "%s %.10g\n", metric->name,
                                 (double)numbers->values[i] / metric->per_unit);
        } else {
            buffer_append_format(out, BROKER "%s %" PRIu64 "\n", metric->name, numbers->values[i]);
        }
    }
}
