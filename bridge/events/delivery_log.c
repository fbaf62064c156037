/* Two rings, one of successes and one of failures, each in the order of the numbers. See
 * delivery_log.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/delivery_log.h"

#include <stdlib.h>

#include "base/memory.h"
#include "events/attributes.h"
#include "json/json.h"

struct slot {
    struct delivery delivery; /* its slices point into `text` */
    struct buffer text;
};

struct ring {
    struct slot slots[DELIVERY_LOG_SIZE];
    size_t count, next; /* `next` is the oldest one when it is full */
};

struct delivery_log {
    uint64_t last_number;
    struct ring rings[2]; /* successes, failures */
};

/* ---------------------------------------------------------------- writing */

static struct slice shortened(struct slice text)
{
    return slice_make(text.data, text.length < DELIVERY_TEXT_MAX ? text.length : DELIVERY_TEXT_MAX);
}

/* Copies the texts into the slot's own memory. */
static void fill(struct slot *slot, const struct delivery *delivery)
{
    struct slice event = shortened(delivery->event), url = shortened(delivery->url),
                 connection = shortened(delivery->connection);
    struct slice all;

    slot->text.length = 0;
    buffer_append(&slot->text, event);
    buffer_append(&slot->text, url);
    buffer_append(&slot->text, connection);
    all = buffer_slice(&slot->text);
    slot->delivery = *delivery;
    slot->delivery.event = slice_make(all.data, event.length);
    slot->delivery.url = slice_make(all.data + event.length, url.length);
    slot->delivery.connection = slice_from(all, event.length + url.length);
}

uint64_t delivery_log_add(struct delivery_log **log, const struct delivery *delivery)
{
    struct ring *ring;
    struct slot *slot;

    if (!*log) {
        *log = memory_allocate_zero(sizeof(**log));
    }
    ring = &(*log)->rings[delivery->reason != NULL];
    slot = &ring->slots[ring->next];
    fill(slot, delivery);
    slot->delivery.number = ++(*log)->last_number;
    ring->next = (ring->next + 1) % DELIVERY_LOG_SIZE;
    ring->count += ring->count < DELIVERY_LOG_SIZE;
    return slot->delivery.number;
}

/* ---------------------------------------------------------------- reading */

static const struct delivery *ring_at(const struct ring *ring, size_t index)
{
    size_t first = ring->count < DELIVERY_LOG_SIZE ? 0 : ring->next;

    return &ring->slots[(first + index) % DELIVERY_LOG_SIZE].delivery;
}

/* The oldest one behind `after`, by halving; NULL: there is none. */
static const struct delivery *ring_next(const struct ring *ring, uint64_t after)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ring_at(ring, middle)->number > after) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low < ring->count ? ring_at(ring, low) : NULL;
}

bool delivery_log_next(const struct delivery_log *log, uint64_t after, bool only_failures,
                       struct delivery *out)
{
    const struct delivery *failure, *success;

    if (!log) {
        return false;
    }
    failure = ring_next(&log->rings[1], after);
    success = only_failures ? NULL : ring_next(&log->rings[0], after);
    if (!failure || (success && success->number < failure->number)) {
        failure = success;
    }
    if (failure) {
        *out = *failure;
    }
    return failure != NULL;
}

void delivery_log_free(struct delivery_log *log)
{
    for (size_t i = 0; log && i < 2; i++) {
        for (size_t j = 0; j < DELIVERY_LOG_SIZE; j++) {
            buffer_release(&log->rings[i].slots[j].text);
        }
    }
    free(log);
}

void delivery_append_number(struct buffer *out, const struct delivery *delivery)
{
    buffer_append_format(out, "\"number\":%llu,\"time\":\"", (unsigned long long)delivery->number);
    event_time_append(out, delivery->time / 1000);
    buffer_append_byte(out, '"');
}

void delivery_append_measures(struct buffer *out, const struct delivery *delivery)
{
    buffer_append_format(out, "\"status\":%d,\"latencyMs\":%u.%03u,\"attempt\":%u",
                         delivery->status, delivery->latency_us / 1000, delivery->latency_us % 1000,
                         delivery->attempt);
}

void delivery_append_json(struct buffer *out, const struct delivery *delivery)
{
    buffer_append_byte(out, '{');
    delivery_append_number(out, delivery);
    buffer_append_string(out, ",\"event\":");
    json_append_string(out, delivery->event);
    buffer_append_string(out, ",\"url\":");
    json_append_string(out, delivery->url);
    buffer_append_string(out, ",\"connectionId\":");
    json_append_string(out, delivery->connection);
    buffer_append_byte(out, ',');
    delivery_append_measures(out, delivery);
    buffer_append_string(out, ",\"reason\":");
    if (delivery->reason) {
        json_append_string(out, slice_from_string(delivery->reason));
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_byte(out, '}');
}
