/* The delivery log of a hub, or of an event subscription: what became of its last requests to
 * webhooks, so that one that fails does not fail in silence. Bounded; failures have room of their
 * own, or successes would wash them away at once.
 *
 * Single-threaded. In a steady state nothing is allocated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_DELIVERY_LOG_H
#define PUBGRID_EVENTS_DELIVERY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/slice.h"

enum { DELIVERY_LOG_SIZE = 500, DELIVERY_TEXT_MAX = 512 };

struct delivery {
    uint64_t number;         /* counts the hub's requests, from 1 on: set by delivery_log_add() */
    msec_t time;             /* when it ended */
    uint32_t latency_us;     /* of this attempt */
    uint32_t attempt;        /* from 1 on */
    int status;              /* 0: no answer */
    const char *reason;      /* static; NULL: all went well */
    struct slice event;      /* its name */
    struct slice url;        /* each cut at DELIVERY_TEXT_MAX */
    struct slice connection; /* id */
    msec_t next;             /* when it is tried again; 0: it is not, or that is not known */
};

struct delivery_log; /* NULL: empty */

/* Returns its number. */
uint64_t delivery_log_add(struct delivery_log **log, const struct delivery *delivery);
/* The oldest one with a number behind `after` (0: of all), also without successes. False: there is
 * none. Its slices are valid until the next delivery_log_add(). */
bool delivery_log_next(const struct delivery_log *log, uint64_t after, bool only_failures,
                       struct delivery *out);
void delivery_log_free(struct delivery_log *log);

/* Appends a JSON object: {"number","time","event","url","connectionId","status","latencyMs",
 * "attempt","reason"}. */
void delivery_append_json(struct buffer *out, const struct delivery *delivery);
/* Its parts: `"number":..,"time":..` and `"status":..,"latencyMs":..,"attempt":..`. */
void delivery_append_number(struct buffer *out, const struct delivery *delivery);
void delivery_append_measures(struct buffer *out, const struct delivery *delivery);

#endif
