/* Webhooks: events go to the event handlers of their hub over HTTP, copies of them to its event
 * listeners (spec/webpubsub.md section 7). The implementation of struct events_ops.
 *
 * A handler's requests share a pool of connections that are kept alive. More of them than there are
 * connections wait in line, and what finds the line full fails at once. Settings may change at any
 * time: an event keeps what it needs of those that it came with.
 *
 * Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBHOOK_H
#define PUBGRID_NET_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "client/events.h"
#include "events/delivery_log.h"
#include "events/listener.h"
#include "events/statistics.h"

struct uv_loop_s;
struct webhook;

/* What it points to must outlive the webhook. */
struct webhook_options {
    const struct upgrade_context *access; /* whose keys sign; may be replaced in place */
    const char *origin;                   /* our public host: WebHook-Request-Origin */
    const char *ca_file;                  /* PEM; NULL: the system's certificates */
    bool accepts_any_certificate;         /* for tests with certificates of one's own making */
    size_t connections_per_handler, connections; /* 0: 128 and 1,024 */
    size_t waiting_max;                          /* events, 0: 20,000 */
    size_t waiting_bytes_max;                    /* of them, 0: 64 MiB */
    msec_t (*clock)(void);
    /* Publishes a listener's message; NULL: there are no listeners. */
    void (*publish)(void *context, const struct listener_message *message);
    void *publish_context;
};

/* NULL: libcurl cannot start. */
struct webhook *webhook_new(struct uv_loop_s *loop, const struct webhook_options *options);
/* Its context is the struct webhook. */
extern const struct events_ops webhook_operations;

/* Ends what is under way, for at most 5 s, then all connections. `stopped` is called from the loop
 * when nothing is left of it; events that are raised meanwhile fail. */
void webhook_stop(struct webhook *webhook, void (*stopped)(void *context), void *context);

/* --- what it tells of itself --- */

struct webhook_gauges {
    size_t waiting, running;
};

struct webhook_gauges webhook_gauges(const struct webhook *webhook);
/* The log of the hub (lower case); NULL: it is empty. */
const struct delivery_log *webhook_log(const struct webhook *webhook, struct slice hub);
/* Calls `visit` for each hub that had events. */
void webhook_each_hub(const struct webhook *webhook,
                      void (*visit)(void *context, struct slice hub,
                                    const struct event_statistics *statistics),
                      void *context);

/* --- `hub check` --- */

struct webhook_check; /* under way */
/* Asks each handler of the hub, as before its first event, and tells of each step in a line of
 * text, from the loop; `settings` must stay until `done`, which comes exactly once, unless it is
 * cancelled before. */
struct webhook_check *webhook_check(struct webhook *webhook, const struct hub_settings *settings,
                                    struct slice hub,
                                    void (*line)(void *context, struct slice text),
                                    void (*done)(void *context, bool all_good), void *context);
void webhook_check_cancel(struct webhook_check *check);

/* Fires the timers (retries, backoffs) that are due; the loop does so by itself, tests with a clock
 * of their own call it. */
void webhook_advance(struct webhook *webhook);

#endif
