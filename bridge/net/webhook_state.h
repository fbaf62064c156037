/* What the parts of the webhooks share: webhook.c (events come and go), webhook_call.c (an event's
 * way), webhook_upstream.c (whom it goes to), webhook_probe.c (preflights), webhook_check.c.
 *
 * A call is in one of these states, and its link in the list named:
 *
 *     waiting    upstream->waiting     for the preflight or a connection
 *     running    webhook->running      a request is under way
 *     retrying   webhook->retrying     its timer is set
 *     ended      webhook->ended        its result is known, but nobody was told yet
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBHOOK_STATE_H
#define PUBGRID_NET_WEBHOOK_STATE_H

#include <uv.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timers.h"
#include "events/answer.h"
#include "events/preflight.h"
#include "net/http_client.h"
#include "net/webhook.h"

struct webhook {
    uv_loop_t *loop;
    struct webhook_options options;
    struct http_client client;

    struct map hubs, upstreams;
    struct list all_upstreams; /* by struct upstream.all; who was used last is last */
    struct list stalled;       /* upstreams that wait for one of all connections, by .stalled */
    struct list running, retrying, ended;
    size_t call_count, running_count; /* calls; those that run */
    size_t call_bytes;
    struct list spare_calls;
    size_t spare_call_count;
    struct list probes; /* under way */
    size_t check_count; /* `hub check`s under way */

    msec_t told_in; /* a second, in which that many failures were told */
    unsigned told_count;

    struct answer_scratch scratch;
    struct buffer url, text; /* scratch */
    struct listener_message message;

    uv_idle_t finisher; /* active: some have ended */
    struct timer stop_timer;
    bool is_stopping, is_closing;
    unsigned handles_left;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* Every hub that had events has one; too many share the last one. */
struct webhook_hub {
    struct map_node node; /* in webhook->hubs */
    char *name;
    struct delivery_log *log;
    struct event_statistics statistics;
};

/* Whom events go to: a handler's template, for one hub. */
struct upstream {
    struct map_node node; /* in webhook->upstreams */
    struct list all, stalled;
    struct buffer key; /* the URL of the preflight */
    struct preflight preflight;
    const char *failure;              /* why the preflight failed */
    struct list waiting;              /* calls */
    size_t running_count, call_count; /* those that run; all */
    bool skips_validation;
    struct probe *probe; /* the preflight that is under way */
};

/* An event on its way. */
struct event_call {
    struct webhook *webhook;
    struct list link;
    struct event_wait *wait; /* NULL: nobody waits */
    struct webhook_hub *hub;
    struct upstream *upstream;
    unsigned kind; /* of struct event_statistics */
    bool is_blocking;
    uint32_t attempt, attempts, timeout_ms;
    struct buffer texts; /* what the slices below point into */
    struct slice url, origin, lines, body, name, connection, cookies;
    int64_t raised_ns, sent_ns;
    struct timer timer;        /* the next attempt */
    struct transfer *transfer; /* while it runs */
    /* Ended without an answer. */
    const char *error;
    int status;
    enum event_result result; /* EVENT_RESULTS: does not count */
};

/* --- webhook_call.c --- */

/* A call for the event; `handler` NULL: nobody takes it. */
struct event_call *call_new(struct webhook *webhook, const struct client_event *event,
                            const struct event_handler *handler, struct event_wait *wait);
/* Makes the request. */
void call_send(struct event_call *call);
/* Without an answer, now: who waits is told at the end of the turn. */
void call_fail(struct event_call *call, enum event_result result, const char *error);
/* Tells those who wait for calls that have ended. */
void calls_finish(struct webhook *webhook);
/* Fails what is waiting, running or retrying. */
void calls_abandon(struct webhook *webhook, const char *error);

/* --- webhook_upstream.c --- */

struct upstream *upstream_of(struct webhook *webhook, const struct event_handler *handler,
                             struct slice hub);
/* Puts the call in line, and starts what can be. */
void upstream_add(struct event_call *call);
/* A call of it runs no longer. */
void upstream_free_connection(struct upstream *upstream, struct webhook *webhook);
/* The result of a preflight. */
void upstream_learn(struct upstream *upstream, struct webhook *webhook, const char *failure);
void upstreams_init(struct webhook *webhook);
void upstreams_free(struct webhook *webhook);

/* --- webhook_probe.c --- */

/* A preflight under way. */
struct probe {
    struct list link; /* in webhook->probes */
    struct webhook *webhook;
    struct transfer *transfer;
    struct buffer url, lines;
    bool was_get;
    int64_t sent_ns;
    /* A step was answered: what it came to, and why it is no success. A second step follows after
     * PREFLIGHT_TRY_GET; else it was the last call. */
    void (*stepped)(struct probe *probe, const struct transfer_result *result,
                    enum preflight_result verdict, const char *reason);
    void *owner;
};

/* NULL: the server is stopping. */
struct probe *probe_start(struct webhook *webhook, struct slice url,
                          void (*stepped)(struct probe *probe, const struct transfer_result *result,
                                          enum preflight_result verdict, const char *reason),
                          void *owner);
/* Nothing is called any more. */
void probe_cancel(struct probe *probe);
/* The server stops: all fail. */
void probes_abandon(struct webhook *webhook, const char *error);

/* --- webhook.c --- */

struct webhook_hub *webhook_hub_of(struct webhook *webhook, struct slice name);

static inline msec_t webhook_now(const struct webhook *webhook)
{
    return webhook->options.clock();
}

/* Some have ended: they are told at the end of the turn. */
void webhook_finish_soon(struct webhook *webhook);
#endif
