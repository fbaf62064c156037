/* Where the publishers of a run publish, and what its subscribers subscribe to.
 *
 * All topics begin with bench/<run>/, and <run> is random, so that runs do not disturb each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_TOPICS_H
#define PUBGRID_CLI_BENCH_TOPICS_H

#include "bench_cell.h"

enum {
    BENCH_TOPIC_SIZE = 64,
    BENCH_FILTERS_MAX = 1000, /* in one SUBSCRIBE */
};

/* The filters of one SUBSCRIBE. */
struct bench_filters {
    size_t count;
    struct slice filters[BENCH_FILTERS_MAX]; /* into text */
    char text[BENCH_FILTERS_MAX][BENCH_TOPIC_SIZE];
};

/* What connection `number` subscribes to, from its filter `first` on, as much as one SUBSCRIBE
 * takes; none if it has no filter with that number. */
void bench_topics_filters(const struct bench_run *run, size_t number, size_t first,
                          struct bench_filters *out);

/* The topic of publisher `number`. In match it changes with each message, at the end. */
void bench_topics_topic(const struct bench_run *run, size_t number, char *out, size_t size);

/* Is that subscriber the one, or one of those, that the message is for, and is the topic right? */
bool bench_topics_deliver_to(const struct bench_run *run, size_t subscriber,
                             const struct bench_event *delivery);

#endif
