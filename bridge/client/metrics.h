/* Counters of one bridge process: what goes through it, by hub and subprotocol, and what becomes of
 * upgrades, REST requests and questions to other processes; the webhooks have their own. All are
 * listed in docs/metrics.md.
 *
 * Plain numbers that only the bridge's thread adds to; a connection finds its own once, when it is
 * opened. How they are told: metrics_sample.h. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_H
#define PUBGRID_CLIENT_METRICS_H

#include <stdint.h>

#include "access/hub.h"
#include "access/upgrade.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "client/close_category.h"
#include "events/statistics.h"
#include "rest/operation.h"

enum {
    METRICS_HUBS_MAX = 1000,   /* hubs counted by name; others are "_other" together */
    METRICS_TOPICS_MAX = 1000, /* event topics, likewise */
    METRICS_STATUSES = 24,
    METRICS_PROTOCOLS = SUBPROTOCOL_MQTT + 1,
    METRICS_OPERATIONS = REST_KINDS + 1, /* the last: requests that are none */
};

/* Of one hub and subprotocol. */
struct traffic {
    uint64_t connections; /* now */
    uint64_t connections_total;
    uint64_t messages_in, bytes_in;   /* WebSocket messages from clients, payload */
    uint64_t messages_out, bytes_out; /* the same to clients */
    uint64_t unacknowledged;          /* now: messages sent to reliable clients */
    uint64_t closed[CLOSE_CATEGORIES];
};

/* Requests of the REST API, by status and in time. */
struct rest_metrics {
    uint64_t statuses[METRICS_STATUSES]; /* by metrics_status_name() */
    uint64_t latencies[EVENT_LATENCIES]; /* as of events: the same bounds */
    uint64_t microseconds;               /* all together */
};

/* The webhooks' counters, by whoever has them (net/webhook_metrics.h). */
struct webhook_source {
    void (*each_hub)(const void *context,
                     void (*visit)(void *visitor, struct slice hub,
                                   const struct event_statistics *statistics),
                     void *visitor); /* NULL: there are no webhooks */
    void (*gauges)(const void *context, uint64_t *waiting, uint64_t *running);
    const void *context;
};

/* Events of one event topic or domain (spec/eventgrid.md 8.3), and what became of them. */
struct topic_statistics {
    uint64_t published;                          /* accepted */
    uint64_t refused;                            /* requests, whatever the reason */
    uint64_t matched;                            /* events that some subscription takes */
    uint64_t unmatched;                          /* and that none takes */
    uint64_t delivered;                          /* an event to a subscription */
    uint64_t attempts_failed;                    /* the same */
    uint64_t dead_lettered;                      /* the same */
    uint64_t dropped;                            /* the same: there is no place for dead letters */
    uint64_t publish_latencies[EVENT_LATENCIES]; /* of accepted requests: the bounds of events */
    uint64_t publish_microseconds;
};

/* By whoever has them (bridge/dispatch). `kind`: "topics", "domains", "systemtopics". */
struct topic_source {
    void (*each_topic)(const void *context,
                       void (*visit)(void *visitor, struct slice kind, struct slice topic,
                                     const struct topic_statistics *statistics),
                       void *visitor); /* NULL: there is no Event Grid */
    const void *context;
};

/* FAILED: not by all in time, or the broker went. */
enum ask_outcome { ASK_ANSWERED, ASK_FAILED, ASK_OUTCOMES };

struct hub_traffic {
    struct map_node by_name;
    struct list link; /* in metrics->hubs */
    char *name;
    struct traffic *protocols[METRICS_PROTOCOLS]; /* NULL: not seen yet */
};

struct metrics {
    struct map by_name; /* struct hub_traffic */
    struct list hubs;
    uint64_t refused[METRICS_STATUSES]; /* upgrades, by HTTP status */
    struct rest_metrics rest[METRICS_OPERATIONS];
    struct webhook_source webhooks;
    struct topic_source topics;
    uint64_t asks[ASK_OUTCOMES];
};

void metrics_init(struct metrics *metrics);
void metrics_release(struct metrics *metrics);

/* Where a connection with this upgrade counts. Stays valid. */
struct traffic *metrics_traffic(struct metrics *metrics, const struct upgrade *upgrade);
/* An upgrade was refused with this HTTP status. */
void metrics_count_refused(struct metrics *metrics, int status);
/* A request was answered; `operation` REST_KINDS: it was none. */
void metrics_count_rest(struct metrics *metrics, enum rest_kind operation, int status,
                        uint64_t microseconds);
static inline void metrics_count_ask(struct metrics *metrics, enum ask_outcome outcome)
{
    metrics->asks[outcome]++;
}

/* Names of labels. */
const char *metrics_status_name(size_t index); /* "200", "other" */
const char *metrics_protocol_name(size_t protocol);
const char *metrics_operation_name(size_t operation);
const char *metrics_ask_name(size_t outcome);

#endif
