/* HTTP requests for Event Grid: what came, and who waits for the answer. The seam between
 * bridge/net, which reads and answers HTTP, and bridge/dispatch.
 *
 * A request is answered exactly once, now or later, unless it was abandoned. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_CALL_H
#define PUBGRID_DISPATCH_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "wire/message.h"

struct grid; /* dispatch/grid.h */

enum { GRID_BODY_MAX = 1536000 }; /* bytes (spec/eventgrid.md 1.5) */

/* Borrowed until the call returns. */
struct grid_request {
    struct slice method; /* upper case */
    struct slice target; /* path and query, as they came */
    struct pairs headers;
    struct slice body;
    bool is_too_long; /* the body: it was not read; more than GRID_BODY_MAX bytes */
    uint8_t peer[16]; /* address, IPv4 mapped */
    bool is_loopback; /* it is one of this machine's */
    bool is_tls;
};

/* The header's value; empty: there is none. */
static inline struct slice grid_header(const struct grid_request *request, const char *name)
{
    for (size_t i = 0; i < request->headers.count; i++) {
        if (equal_ignoring_case(request->headers.items[i].key, slice_from_string(name))) {
            return request->headers.items[i].value;
        }
    }
    return SLICE_EMPTY;
}

/* Embedded by who waits. */
struct grid_reply {
    /* `headers`: lines ended by CR LF; `content_type` NULL: none. All borrowed. */
    void (*answer)(struct grid_reply *reply, int status, struct slice headers,
                   const char *content_type, struct slice body);
    /* Set by who carries it out; zero before and after. */
    void *call;
    void (*abandon)(struct grid_reply *reply);
};

struct grid_ops {
    /* Is this path Event Grid's? `host` decides about /api/events and /. */
    bool (*is_path)(const struct grid *grid, struct slice method, struct slice target,
                    struct slice host);
    void (*call)(struct grid *grid, const struct grid_request *request, struct grid_reply *reply);
};
/* In grid.c. */
extern const struct grid_ops grid_operations;

/* Nobody waits any more; harmless if it was answered. */
static inline void grid_abandon(struct grid_reply *reply)
{
    if (reply->abandon) {
        reply->abandon(reply);
    }
}

#endif
