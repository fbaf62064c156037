/* Sequence numbers of one stream of deliveries: what is missing, doubled or late.
 *
 * A stream is what the specification keeps in order: the messages of one publisher on one topic
 * as one subscriber sees them. In the good case a delivery costs one comparison. Out of order,
 * the numbers that were jumped over are remembered as gaps, so that a late message and a
 * duplicate are told apart exactly.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_STREAM_H
#define PUBGRID_CLI_BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Sequence numbers [first, last] that have not been seen though later ones were. */
struct bench_gap {
    uint64_t first, last;
};

/* Zeroed memory is a stream that expects sequence number 0. */
struct bench_stream {
    uint64_t next;          /* one above the highest sequence number seen */
    struct bench_gap *gaps; /* owned; ascending */
    size_t gap_count, gap_capacity;
};

enum bench_arrival { BENCH_IN_ORDER, BENCH_LATE, BENCH_DUPLICATE };

/* For bench_stream_take(): a sequence number other than the expected one. */
enum bench_arrival bench_stream_take_slow(struct bench_stream *stream, uint64_t sequence);

static inline enum bench_arrival bench_stream_take(struct bench_stream *stream, uint64_t sequence)
{
    if (sequence == stream->next) {
        stream->next++;
        return BENCH_IN_ORDER;
    }
    return bench_stream_take_slow(stream, sequence);
}

/* Sequence numbers below `sent` that never came. */
uint64_t bench_stream_missing(const struct bench_stream *stream, uint64_t sent);

void bench_stream_release(struct bench_stream *stream);

#endif
