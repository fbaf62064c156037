/* Abuse protection (spec/webpubsub.md 7.3): a webhook gets events only if it said, asked with
 * OPTIONS, that it takes them from our host. What it said is good for a minute; a webhook that did
 * not agree is asked again after 1 s, then 2, 4, ... 60.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_PREFLIGHT_H
#define PUBGRID_EVENTS_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"

enum { PREFLIGHT_TIMEOUT_MS = 10000, PREFLIGHT_GOOD_MS = 60000, PREFLIGHT_BACKOFF_MAX_MS = 60000 };

/* --- what an answer means --- */

enum preflight_result {
    PREFLIGHT_PASSED,
    PREFLIGHT_FAILED,
    PREFLIGHT_TRY_GET, /* it knows no OPTIONS */
};

/* `origin` is ours, "host" or "host:port"; `head` the answer's header lines. `reason` gets a
 * sentence unless it passed. `status` 0: there was no answer. */
enum preflight_result preflight_judge(bool was_get, int status, struct slice head,
                                      struct slice origin, const char **reason);

/* --- what is remembered of it; zeroed: nothing --- */

struct preflight {
    msec_t checked_at;
    uint32_t failures; /* in a row */
    bool is_known, is_running;
};

enum preflight_advice {
    PREFLIGHT_SEND,    /* go on */
    PREFLIGHT_RECHECK, /* go on, and check it again meanwhile */
    PREFLIGHT_CHECK,   /* check it first */
    PREFLIGHT_WAIT,    /* a check is under way that has to be awaited */
    PREFLIGHT_REFUSE,  /* it did not agree a moment ago */
};

enum preflight_advice preflight_advise(const struct preflight *preflight, msec_t now);
void preflight_begin(struct preflight *preflight);
void preflight_end(struct preflight *preflight, bool passed, msec_t now);

#endif
