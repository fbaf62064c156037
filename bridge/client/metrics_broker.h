/* What the broker tells of itself under `$SYS/broker/`, for /metrics. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_BROKER_H
#define PUBGRID_CLIENT_METRICS_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

struct broker_metric {
    const char *topic; /* behind "$SYS/broker/" */
    const char *name;  /* behind "pubgrid_broker_" */
    const char *type;  /* "counter", "gauge" */
    const char *help;
    unsigned per_unit; /* the number in the topic is so many times as large; 0: as large */
};

enum { BROKER_METRICS = 29 };

extern const struct broker_metric broker_metrics[BROKER_METRICS];

struct broker_numbers {
    uint64_t values[BROKER_METRICS];
    bool known[BROKER_METRICS];
    struct buffer version, store_state; /* empty: not told */
};

void broker_numbers_release(struct broker_numbers *numbers);
/* `topic` is what stands behind "$SYS/broker/"; what is not in the table is left out. */
void broker_numbers_take(struct broker_numbers *numbers, struct slice topic, struct slice text);

#endif
