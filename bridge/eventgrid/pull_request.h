/* What a request to a namespace topic wants (spec/eventgrid.md 5.2, 5.3): the operation, the topic
 * and subscription that its path names, and the parameters of its query. Pure.
 *
 *     [/namespaces]/<namespace>/topics/<topic>:publish
 *     [/namespaces]/<namespace>/topics/<topic>/eventsubscriptions/<name>:receive, :acknowledge,
 *         :release, :reject, :renewLock
 *
 * Without a namespace in the path whoever asks has to know which one it is, by the host.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PULL_REQUEST_H
#define PUBGRID_EVENTGRID_PULL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "access/url.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "eventgrid/request_error.h"

enum pull_operation {
    PULL_PUBLISH,
    PULL_RECEIVE,
    PULL_ACKNOWLEDGE,
    PULL_RELEASE,
    PULL_REJECT,
    PULL_RENEW_LOCK,
    PULL_OPERATIONS
};

enum {                        /* 5.3 */
       PULL_EVENTS_MAX = 100, /* maxEvents */
       PULL_WAIT_MIN_S = 10,  /* maxWaitTime */
       PULL_WAIT_MAX_S = 120,
       PULL_WAIT_DEFAULT_S = 60,
};

struct pull_request {
    enum pull_operation operation;
    struct slice namespace_name; /* empty: the path has none */
    struct slice topic;
    struct slice subscription; /* not of PULL_PUBLISH */
    uint32_t events_max;       /* of PULL_RECEIVE */
    uint32_t wait_s;           /* likewise */
    uint32_t delay_s;          /* of PULL_RELEASE */
    struct url url;            /* what the slices point into */
};

/* Is it the path of such a request, or one below a namespace's topics that there is not? `target`:
 * path and query, as they came. */
bool pull_is_path(struct slice target);
/* False with `error`: the path is none of ours, or a parameter is out of its range. To be released
 * in any case. */
bool pull_request_parse(struct pull_request *request, struct slice target,
                        struct request_error *error);
void pull_request_release(struct pull_request *request);

#endif
