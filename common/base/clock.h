/* Time in milliseconds. The pure core never reads a clock; it gets `now` as an argument.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_CLOCK_H
#define PUBGRID_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970 as of the process start plus CLOCK_BOOTTIME since then: comparable with
 * wall-clock times in the store, yet never set back by a clock step. */
typedef int64_t msec_t;

#define MSEC_NEVER INT64_MAX

msec_t clock_now(void);
/* CLOCK_MONOTONIC in nanoseconds, for measuring. */
int64_t clock_monotonic_ns(void);

#endif
