/* What a match costs in the subscription tree, and what a filter costs in memory and to load:
 *
 *     match_micro [most filters, default 1000000]
 *
 * Two kinds of filters, one subscriber each: all exact, and mixed (60 % exact, 15 % `g/+/w`, 15 %
 * `+/d/x`, 10 % `g/d/h/#`). Every topic that is matched has an exact filter (the worst case for
 * the caches: nothing is looked up twice in a row). One JSON line a row. Not run by ctest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "core/subscriptions.h"

enum { ROUNDS = 7, MATCHES = 200000, DEVICES = 100, TEXT_MAX = 48 };

struct text {
    char bytes[TEXT_MAX];
    uint8_t length;
};

__attribute__((format(printf, 1, 2))) static struct text text_make(const char *format, ...)
{
    struct text text;
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text.bytes, sizeof(text.bytes), format, args);
    va_end(args);
    text.length = (uint8_t)length;
    return text;
}

/* The i-th topic that devices publish to: 100 devices in each group. */
static struct text topic_make(unsigned i)
{
    return text_make("group%u/device%u/temperature", i / DEVICES, i % DEVICES);
}

static struct text filter_make(unsigned i, bool mixed)
{
    unsigned kind = mixed ? i * 2654435761U % 100 : 0;

    if (kind < 60) {
        return topic_make(i);
    }
    if (kind < 75) {
        return text_make("group%u/+/signal%u", i / DEVICES, i);
    }
    if (kind < 90) {
        return text_make("+/device%u/x%u", i % DEVICES, i);
    }
    return text_make("group%u/device%u/history/#", i / DEVICES, i % DEVICES);
}

static struct slice text_slice(const struct text *text)
{
    return slice_make(text->bytes, text->length);
}

static double load(struct subscriptions *subscriptions, unsigned filters, bool mixed)
{
    struct text *texts = memory_allocate(filters * sizeof(*texts));

    for (unsigned i = 0; i < filters; i++) {
        texts[i] = filter_make(i, mixed);
    }
    int64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < filters; i++) {
        struct subscriber subscriber = {.session = {i % 1000, 1}, .qos = 1};
        subscriptions_add(subscriptions, text_slice(&texts[i]), &subscriber);
    }
    double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
    free(texts);
    return seconds;
}

static double measure_round(struct subscriptions *subscriptions, const struct text *topics,
                            struct recipients *recipients, size_t *found)
{
    *found = 0;
    int64_t start = clock_monotonic_ns();
    for (unsigned i = 0; i < MATCHES; i++) {
        subscriptions_match(subscriptions, text_slice(&topics[i]), recipients);
        *found += recipients->count;
    }
    return (double)(clock_monotonic_ns() - start) / MATCHES;
}

/* Nanoseconds a match, of the best round (other programs disturb the others); *hits is how many
 * subscriptions were found for each. */
static double measure(struct subscriptions *subscriptions, unsigned filters, double *hits)
{
    struct text *topics = memory_allocate(MATCHES * sizeof(*topics));
    struct recipients recipients = {0};
    double best = 1e9;
    size_t found = 0;
    unsigned next = 0;

    for (unsigned i = 0; i < MATCHES; i++) {
        topics[i] = topic_make(next);
        next = (next + 611953) % filters; /* a prime: jumps all over the filters */
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        double ns = measure_round(subscriptions, topics, &recipients, &found);
        best = ns < best ? ns : best;
    }
    *hits = (double)found / MATCHES;
    recipients_release(&recipients);
    free(topics);
    return best;
}

static size_t memory_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void run(unsigned filters, bool mixed)
{
    struct subscriptions *subscriptions = subscriptions_new();
    size_t before = memory_used();
    double hits;

    double seconds = load(subscriptions, filters, mixed);
    size_t bytes = memory_used() - before;
    double ns = measure(subscriptions, filters, &hits);
    printf("{\"filters\":%u,\"kind\":\"%s\",\"match_ns\":%.0f,\"hits\":%.2f,"
           "\"bytes_per_filter\":%.0f,\"load_s\":%.3f}\n",
           filters, mixed ? "mixed" : "exact", ns, hits, (double)bytes / filters, seconds);
    subscriptions_free(subscriptions);
}

int main(int argc, char **argv)
{
    unsigned most = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;

    for (unsigned filters = 1000; filters <= most; filters *= 10) {
        run(filters, false);
        run(filters, true);
    }
    return 0;
}
