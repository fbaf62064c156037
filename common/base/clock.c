/* Time in milliseconds, never set back.
 *
 * CLOCK_BOOTTIME counts through suspend, so an expiry interval means what it says on a laptop too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* What to add to CLOCK_BOOTTIME: made once, then only read. */
static int64_t clock_offset_ns;
static pthread_once_t clock_offset_once = PTHREAD_ONCE_INIT;

static int64_t clock_read_ns(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) < 0) {
        abort(); /* only for a clock that the kernel does not have */
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void clock_offset_make(void)
{
    clock_offset_ns = clock_read_ns(CLOCK_REALTIME) - clock_read_ns(CLOCK_BOOTTIME);
}

msec_t clock_now(void)
{
    pthread_once(&clock_offset_once, clock_offset_make);
    return (clock_read_ns(CLOCK_BOOTTIME) + clock_offset_ns) / 1000000;
}

int64_t clock_monotonic_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}
