/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_topics.h"

#include <stdio.h>

#include "bench_match.h"

static void topic_write(const struct bench_run *run, size_t number, char *out, size_t size)
{
    snprintf(out, size, "bench/%08x/%zu", run->fleet.run, number);
}

static void match_write(const struct bench_run *run, uint32_t number, char *out, size_t size)
{
    int prefix = snprintf(out, size, "bench/%08x/", run->fleet.run);
    bench_match_filter_write(out + prefix, size - (size_t)prefix, number);
}

/* The filter of a subscriber that has one; in `match` the one with that place among its own. */
static void filter_write(const struct bench_run *run, size_t subscriber, size_t place, char *out,
                         size_t size)
{
    switch (run->cell->filter) {
    case BENCH_FILTER_OWN:
        topic_write(run, subscriber, out, size);
        break;
    case BENCH_FILTER_GROUP:
        topic_write(run, subscriber % run->publishers, out, size);
        break;
    case BENCH_FILTER_ANY:
        snprintf(out, size, run->fleet.codec->wildcards ? "bench/%08x/+" : "bench/%08x",
                 run->fleet.run);
        break;
    case BENCH_FILTER_SHARED:
        snprintf(out, size, "$share/bench/bench/%08x/+", run->fleet.run);
        break;
    case BENCH_FILTER_MATCH:
        match_write(run, (uint32_t)(place * run->subscribers + subscriber), out, size);
        break;
    case BENCH_FILTER_LATER:
        break;
    }
}

/* How many filters the connection has. */
static size_t filters_of(const struct bench_run *run, size_t number)
{
    if (number >= run->subscribers) {
        return number >= run->subscribers + run->publishers ? 1 : 0;
    }
    if (run->cell->filter == BENCH_FILTER_MATCH) {
        return (run->filters - number + run->subscribers - 1) / run->subscribers;
    }
    return run->cell->filter == BENCH_FILTER_LATER ? 0 : 1;
}

void bench_topics_filters(const struct bench_run *run, size_t number, size_t first,
                          struct bench_filters *out)
{
    size_t end = filters_of(run, number);
    out->count = 0;
    for (size_t i = first; i < end && out->count < BENCH_FILTERS_MAX; i++) {
        char *text = out->text[out->count];
        if (number < run->subscribers) {
            filter_write(run, number, i, text, BENCH_TOPIC_SIZE);
        } else { /* idle */
            snprintf(text, BENCH_TOPIC_SIZE, "bench/%08x/idle/%zu", run->fleet.run, number);
        }
        out->filters[out->count++] = slice_from_string(text);
    }
}

void bench_topics_topic(const struct bench_run *run, size_t number, char *out, size_t size)
{
    if (run->cell->filter == BENCH_FILTER_MATCH) {
        snprintf(out, size, "bench/%08x/%0*d", run->fleet.run, BENCH_MATCH_TOPIC_SIZE, 0);
    } else if (run->cell->filter == BENCH_FILTER_ANY && !run->fleet.codec->wildcards) {
        filter_write(run, number, 0, out, size);
    } else {
        topic_write(run, number, out, size);
    }
}

static bool match_is_for(const struct bench_run *run, size_t subscriber,
                         const struct bench_event *delivery)
{
    const struct bench_stamp *stamp = &delivery->stamp;
    uint32_t number = bench_match_number(stamp->publisher, stamp->sequence, (uint32_t)run->filters);
    uint8_t topic[BENCH_MATCH_TOPIC_SIZE];
    bench_match_topic_write(topic, number);
    size_t prefix = delivery->topic.length - sizeof(topic);
    return number % run->subscribers == subscriber && delivery->topic.length > sizeof(topic) &&
           slice_equal(slice_from(delivery->topic, prefix), slice_make(topic, sizeof(topic)));
}

bool bench_topics_deliver_to(const struct bench_run *run, size_t subscriber,
                             const struct bench_event *delivery)
{
    uint32_t publisher = delivery->stamp.publisher;
    switch (run->cell->filter) {
    case BENCH_FILTER_OWN:
        return publisher == subscriber;
    case BENCH_FILTER_GROUP:
        return publisher == subscriber % run->publishers;
    case BENCH_FILTER_MATCH:
        return match_is_for(run, subscriber, delivery);
    case BENCH_FILTER_ANY:
    case BENCH_FILTER_SHARED:
    case BENCH_FILTER_LATER:
        break;
    }
    return true;
}
