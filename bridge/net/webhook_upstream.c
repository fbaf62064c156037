/* Upstreams: who may get events, and how many at once. See webhook_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "events/url_template.h"
#include "net/webhook_state.h"

enum { UPSTREAMS_MAX = 1024 }; /* that are remembered without being in use */

static struct slice upstream_key(const struct map_node *node)
{
    return buffer_slice(&CONTAINER_OF(node, struct upstream, node)->key);
}

/* ---------------------------------------------------------------- the table */

void upstreams_init(struct webhook *webhook)
{
    map_init(&webhook->upstreams, upstream_key);
}

static void upstream_free(struct upstream *upstream, struct webhook *webhook)
{
    map_remove(&webhook->upstreams, &upstream->node);
    list_remove(&upstream->all);
    list_remove(&upstream->stalled);
    buffer_release(&upstream->key);
    free(upstream);
}

/* Hubs come into being by their clients' naming them: what was used long ago is forgotten. */
static void make_room(struct webhook *webhook)
{
    LIST_FOREACH_SAFE (link, &webhook->all_upstreams) {
        struct upstream *upstream = CONTAINER_OF(link, struct upstream, all);
        if (webhook->upstreams.count < UPSTREAMS_MAX) {
            return;
        }
        if (upstream->call_count == 0 && !upstream->probe) {
            upstream_free(upstream, webhook);
        }
    }
}

static struct upstream *upstream_new(struct webhook *webhook, struct slice key)
{
    struct upstream *upstream;

    make_room(webhook);
    upstream = memory_allocate_zero(sizeof(*upstream));
    buffer_append(&upstream->key, key);
    list_init(&upstream->waiting);
    list_init(&upstream->stalled);
    list_init(&upstream->all);
    map_insert(&webhook->upstreams, &upstream->node);
    return upstream;
}

struct upstream *upstream_of(struct webhook *webhook, const struct event_handler *handler,
                             struct slice hub)
{
    struct map_node *node;
    struct upstream *upstream;
    struct slice key;

    webhook->url.length = 0;
    buffer_append_byte(&webhook->url, handler->skips_validation ? '-' : '+');
    url_template_expand(&webhook->url, slice_from_string(handler->url_template), hub,
                        SLICE_LITERAL("validate"));
    key = buffer_slice(&webhook->url);
    node = map_find(&webhook->upstreams, key);
    upstream = node ? CONTAINER_OF(node, struct upstream, node) : upstream_new(webhook, key);
    upstream->skips_validation = handler->skips_validation;
    list_remove(&upstream->all);
    list_add_last(&webhook->all_upstreams, &upstream->all);
    return upstream;
}

void upstreams_free(struct webhook *webhook)
{
    LIST_FOREACH_SAFE (link, &webhook->all_upstreams) {
        upstream_free(CONTAINER_OF(link, struct upstream, all), webhook);
    }
    map_release(&webhook->upstreams);
}

/* ---------------------------------------------------------------- the line */

static bool has_connection(const struct upstream *upstream, const struct webhook *webhook)
{
    return upstream->running_count < webhook->options.connections_per_handler &&
           webhook->running_count < webhook->options.connections;
}

/* Sends what can be sent. */
static void pump(struct upstream *upstream, struct webhook *webhook)
{
    bool is_allowed = upstream->skips_validation ||
                      (upstream->preflight.is_known && upstream->preflight.failures == 0);

    while (is_allowed && !list_is_empty(&upstream->waiting) && has_connection(upstream, webhook)) {
        struct event_call *call = CONTAINER_OF(upstream->waiting.next, struct event_call, link);
        upstream->running_count++;
        webhook->running_count++;
        call_send(call);
    }
    list_remove(&upstream->stalled);
    if (!list_is_empty(&upstream->waiting) &&
        webhook->running_count >= webhook->options.connections) {
        list_add_last(&webhook->stalled, &upstream->stalled);
    }
}

void upstream_free_connection(struct upstream *upstream, struct webhook *webhook)
{
    upstream->running_count--;
    webhook->running_count--;
    if (!list_is_empty(&webhook->stalled)) { /* they have waited for longer */
        pump(CONTAINER_OF(webhook->stalled.next, struct upstream, stalled), webhook);
    }
    pump(upstream, webhook);
}

/* ---------------------------------------------------------------- preflights */

static void refuse_waiting(struct upstream *upstream)
{
    LIST_FOREACH_SAFE (link, &upstream->waiting) {
        call_fail(CONTAINER_OF(link, struct event_call, link), EVENT_RESULT_PREFLIGHT,
                  upstream->failure);
    }
}

void upstream_learn(struct upstream *upstream, struct webhook *webhook, const char *failure)
{
    preflight_end(&upstream->preflight, failure == NULL, webhook_now(webhook));
    upstream->failure = failure;
    if (failure) {
        LOG_LIMITED(LOG_WARNING, "a webhook gets no events", "url=%s reason=\"%s\"",
                    log_quote(slice_from(buffer_slice(&upstream->key), 1)), failure);
        refuse_waiting(upstream);
    } else {
        pump(upstream, webhook);
    }
}

static void stepped(struct probe *probe, const struct transfer_result *result,
                    enum preflight_result verdict, const char *reason)
{
    struct upstream *upstream = probe->owner;

    (void)result;
    if (verdict != PREFLIGHT_TRY_GET) {
        upstream->probe = NULL;
        upstream_learn(upstream, probe->webhook, verdict == PREFLIGHT_PASSED ? NULL : reason);
    }
}

static void check(struct upstream *upstream, struct webhook *webhook)
{
    preflight_begin(&upstream->preflight);
    upstream->probe =
        probe_start(webhook, slice_from(buffer_slice(&upstream->key), 1), stepped, upstream);
    if (!upstream->probe) {
        upstream_learn(upstream, webhook, "the server is stopping");
    }
}

void upstream_add(struct event_call *call)
{
    struct upstream *upstream = call->upstream;
    struct webhook *webhook = call->webhook;
    enum preflight_advice advice =
        upstream->skips_validation ? PREFLIGHT_SEND
                                   : preflight_advise(&upstream->preflight, webhook_now(webhook));

    if (advice == PREFLIGHT_REFUSE) {
        call_fail(call, EVENT_RESULT_PREFLIGHT, upstream->failure);
        return;
    }
    list_add_last(&upstream->waiting, &call->link);
    if (advice == PREFLIGHT_CHECK || advice == PREFLIGHT_RECHECK) {
        check(upstream, webhook);
    }
    if (advice == PREFLIGHT_SEND || advice == PREFLIGHT_RECHECK) {
        pump(upstream, webhook);
    }
}
