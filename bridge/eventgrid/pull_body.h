/* The bodies of pull delivery (spec/eventgrid.md 5.2): the lock tokens of a request, and what is
 * answered. Pure.
 *
 * A token that is given more than once counts once. That none is given is no fault.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PULL_BODY_H
#define PUBGRID_EVENTGRID_PULL_BODY_H

#include "eventgrid/pull_request.h"
#include "eventgrid/pull_token.h"

enum { PULL_TOKENS_MAX = 1000 }; /* of a request */

enum pull_result { PULL_SUCCEEDED, PULL_TOKEN_LOST, PULL_BAD_TOKEN, PULL_RESULTS };

struct pull_lock {
    struct slice text; /* of the token, as it came */
    struct pull_token token;
    enum pull_result result; /* PULL_BAD_TOKEN: it is none; else as it was done */
};

/* Those that stand in `locks`. */
static inline struct pull_lock *pull_locks_in(const struct buffer *locks, size_t *count)
{
    *count = locks->length / sizeof(struct pull_lock);
    return (struct pull_lock *)(void *)locks->data;
}

/* Reads {"lockTokens":[..]}. Appends struct pull_lock to `locks`, whose texts are slices of the
 * body or of `texts`. False with `error`. */
bool pull_locks_read(struct slice body, struct buffer *locks, struct buffer *texts,
                     struct request_error *error);
/* Appends {"failedLockTokens":[..],"succeededLockTokens":[..]}. */
void pull_locks_append(struct buffer *out, const struct pull_lock *locks, size_t count);

/* {"value":[..]}: what stands before and behind the events, and one of them, with the comma before
 * it if need be. `json`: the event, as it is. */
#define PULL_EVENTS_BEGIN SLICE_LITERAL("{\"value\":[")
#define PULL_EVENTS_END   SLICE_LITERAL("]}")
/* Bytes that stand around an event, at most. */
enum { PULL_EVENT_MARGIN = 112 };
void pull_event_append(struct buffer *out, const struct pull_token *token, uint32_t delivery_count,
                       struct slice json, bool is_first);

#endif
