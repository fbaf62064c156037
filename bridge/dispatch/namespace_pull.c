/* Receivers of a namespace's queues (spec/eventgrid.md 5.2, 5.3): a request becomes an errand
 * (pull_desk.h), and what came of it an answer. See namespace_http.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "dispatch/namespace_state.h"

struct pull_call {
    struct pull_errand errand;
    struct list link; /* in http->pulls */
    struct namespace_http *http;
    struct grid_reply *reply;
    struct buffer queue;
    struct buffer texts; /* of the tokens */
    struct buffer locks; /* struct pull_lock, all of the request */
    struct buffer asked; /* struct pull_lock, those that are well-formed */
};

static void call_free(struct pull_call *call)
{
    call->reply->call = NULL;
    call->reply->abandon = NULL;
    list_remove(&call->link);
    pull_errand_release(&call->errand);
    buffer_release(&call->queue);
    buffer_release(&call->texts);
    buffer_release(&call->locks);
    buffer_release(&call->asked);
    free(call);
}

static void abandon(struct grid_reply *reply)
{
    call_free(reply->call);
}

/* ---------------------------------------------------------------- answers */

/* The results of those that were asked for stand among the others again. */
static void collect_results(struct pull_call *call)
{
    size_t count, asked_count, next = 0;
    struct pull_lock *locks = pull_locks_in(&call->locks, &count);
    const struct pull_lock *asked = pull_locks_in(&call->asked, &asked_count);

    for (size_t i = 0; i < count && next < asked_count; i++) {
        if (locks[i].result != PULL_BAD_TOKEN) {
            locks[i].result = asked[next++].result;
        }
    }
}

static void append_body(struct pull_call *call, struct buffer *body)
{
    const struct pull_found *found = &call->errand.found;
    size_t count;

    if (call->errand.wanted.operation == PULL_RECEIVE) {
        buffer_reserve(body, found->events.length + 16);
        buffer_append(body, PULL_EVENTS_BEGIN);
        buffer_append(body, buffer_slice(&found->events));
        buffer_append(body, PULL_EVENTS_END);
    } else {
        const struct pull_lock *locks = pull_locks_in(&call->locks, &count);
        pull_locks_append(body, locks, count);
    }
}

static void done(struct pull_errand *errand, bool is_good)
{
    struct pull_call *call = CONTAINER_OF(errand, struct pull_call, errand);
    struct namespace_http *http = call->http;
    struct grid_reply *reply = call->reply;
    struct buffer body = {0};

    if (is_good) {
        collect_results(call);
        append_body(call, &body);
    }
    call_free(call);
    if (is_good) {
        namespace_answer(http, reply, buffer_slice(&body));
    } else {
        namespace_refuse(http, reply, &request_unavailable);
    }
    buffer_release(&body);
}

/* ---------------------------------------------------------------- requests */

static struct pull_call *call_new(const struct namespace_visit *visit, struct slice queue)
{
    struct pull_call *call = memory_allocate_zero(sizeof(*call));

    call->http = visit->http;
    call->reply = visit->reply;
    buffer_append(&call->queue, queue);
    call->errand.done = done;
    call->errand.wanted = (struct pull_wanted){
        .operation = (int)visit->wanted->operation,
        .queue = buffer_slice(&call->queue),
        .events_max = visit->wanted->events_max,
        .wait_ms = visit->wanted->wait_s * 1000,
        .delay_s = visit->wanted->delay_s,
    };
    list_add_last(&visit->http->pulls, &call->link);
    visit->reply->call = call;
    visit->reply->abandon = abandon;
    return call;
}

/* Reads the tokens of a copy of the body: they are answered later. False: it has none. */
static bool read_tokens(struct pull_call *call, struct slice body, struct request_error *error)
{
    struct pull_wanted *wanted = &call->errand.wanted;
    const struct pull_lock *locks;
    size_t count;

    buffer_reserve(&call->texts, 2 * body.length); /* it does not move */
    buffer_append(&call->texts, body);
    if (!pull_locks_read(buffer_slice(&call->texts), &call->locks, &call->texts, error)) {
        return false;
    }
    locks = pull_locks_in(&call->locks, &count);
    for (size_t i = 0; i < count; i++) {
        if (locks[i].result != PULL_BAD_TOKEN) {
            buffer_append(&call->asked, slice_make(&locks[i], sizeof(locks[i])));
        }
    }
    wanted->locks = pull_locks_in(&call->asked, &wanted->lock_count);
    return true;
}

/* Nobody need be asked about nothing. */
static void begin(struct pull_call *call)
{
    if (call->errand.wanted.operation != PULL_RECEIVE && call->errand.wanted.lock_count == 0) {
        done(&call->errand, true);
    } else {
        pull_errand_begin(call->http->grid->runner, &call->errand);
    }
}

void namespace_pull(const struct namespace_visit *visit)
{
    static const struct request_error no_subscription = {
        404, "ResourceNotFound",
        SLICE_LITERAL("There is no such event subscription of the topic.")};
    static const struct request_error no_queue = {
        400, "BadRequest",
        SLICE_LITERAL(
            "The event subscription's delivery mode is not Queue: its events are pushed.")};
    const struct catalog_subscription *subscription = catalog_find_subscription(
        visit->http->grid->catalog, buffer_slice(&visit->source->key), visit->wanted->subscription);
    struct pull_call *call;
    struct request_error error;

    if (!subscription) {
        namespace_refuse(visit->http, visit->reply, &no_subscription);
        return;
    }
    if (subscription->properties->destination.kind != DESTINATION_QUEUE) {
        namespace_refuse(visit->http, visit->reply, &no_queue);
        return;
    }
    call = call_new(visit, buffer_slice(&subscription->queue));
    if (visit->wanted->operation == PULL_RECEIVE ||
        read_tokens(call, visit->request->body, &error)) {
        begin(call);
    } else {
        call_free(call);
        namespace_refuse(visit->http, visit->reply, &error);
    }
}

void namespace_pulls_free(struct namespace_http *http)
{
    LIST_FOREACH_SAFE (link, &http->pulls) {
        call_free(CONTAINER_OF(link, struct pull_call, link));
    }
}
