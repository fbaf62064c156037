/* The slow half of a stream: gaps are opened, narrowed, split and closed here.
 *
 * The list is searched from its end, because a late message is nearly always one of the last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void gap_insert(struct bench_stream *stream, size_t at, struct bench_gap gap)
{
    if (stream->gap_count == stream->gap_capacity) {
        stream->gap_capacity = stream->gap_capacity == 0 ? 8 : stream->gap_capacity * 2;
        stream->gaps = memory_resize(stream->gaps, stream->gap_capacity * sizeof(gap));
    }
    struct bench_gap *place = stream->gaps + at;
    memmove(place + 1, place, (stream->gap_count - at) * sizeof(gap));
    *place = gap;
    stream->gap_count++;
}

static void gap_remove(struct bench_stream *stream, size_t at)
{
    struct bench_gap *place = stream->gaps + at;
    stream->gap_count--;
    memmove(place, place + 1, (stream->gap_count - at) * sizeof(*place));
}

/* Takes `sequence` out of the gap that holds it. */
static void gap_fill(struct bench_stream *stream, size_t at, uint64_t sequence)
{
    struct bench_gap *gap = &stream->gaps[at];
    if (gap->first == gap->last) {
        gap_remove(stream, at);
    } else if (sequence == gap->first) {
        gap->first++;
    } else if (sequence == gap->last) {
        gap->last--;
    } else {
        struct bench_gap upper = {sequence + 1, gap->last};
        gap->last = sequence - 1;
        gap_insert(stream, at + 1, upper);
    }
}

enum bench_arrival bench_stream_take_slow(struct bench_stream *stream, uint64_t sequence)
{
    if (sequence >= stream->next) {
        if (sequence > stream->next) {
            struct bench_gap gap = {stream->next, sequence - 1};
            gap_insert(stream, stream->gap_count, gap);
        }
        stream->next = sequence + 1;
        return BENCH_IN_ORDER;
    }
    for (size_t i = stream->gap_count; i-- > 0 && sequence <= stream->gaps[i].last;) {
        if (sequence >= stream->gaps[i].first) {
            gap_fill(stream, i, sequence);
            return BENCH_LATE;
        }
    }
    return BENCH_DUPLICATE;
}

uint64_t bench_stream_missing(const struct bench_stream *stream, uint64_t sent)
{
    uint64_t missing = sent > stream->next ? sent - stream->next : 0;
    for (size_t i = 0; i < stream->gap_count; i++) {
        missing += stream->gaps[i].last - stream->gaps[i].first + 1;
    }
    return missing;
}

void bench_stream_release(struct bench_stream *stream)
{
    free(stream->gaps);
    *stream = (struct bench_stream){0};
}
