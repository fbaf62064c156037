/* Events come, and the webhooks' beginning and end. See webhook.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/webhook.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "events/match.h"
#include "net/webhook_state.h"

enum {
    CONNECTIONS_PER_HANDLER = 128,
    CONNECTIONS = 1024,
    WAITING_MAX = 20000,
    WAITING_BYTES_MAX = 64 << 20,
    HUBS_MAX = 1024, /* with statistics and a log of their own */
    STOP_TIME_MS = 5000,
};

#define OTHER_HUBS SLICE_LITERAL("_other")

/* ---------------------------------------------------------------- hubs */

static struct slice hub_key(const struct map_node *node)
{
    return slice_from_string(CONTAINER_OF(node, struct webhook_hub, node)->name);
}

static struct webhook_hub *find_hub(const struct webhook *webhook, struct slice name)
{
    struct map_node *node = map_find(&webhook->hubs, name);

    return node ? CONTAINER_OF(node, struct webhook_hub, node) : NULL;
}

struct webhook_hub *webhook_hub_of(struct webhook *webhook, struct slice name)
{
    struct webhook_hub *hub = find_hub(webhook, name);

    if (!hub && webhook->hubs.count >= HUBS_MAX) {
        name = OTHER_HUBS;
        hub = find_hub(webhook, name);
    }
    if (!hub) {
        hub = memory_allocate_zero(sizeof(*hub));
        hub->name = memory_copy_string(name);
        map_insert(&webhook->hubs, &hub->node);
    }
    return hub;
}

static void free_hubs(struct webhook *webhook)
{
    struct map_node *node = map_next(&webhook->hubs, NULL);

    while (node) {
        struct webhook_hub *hub = CONTAINER_OF(node, struct webhook_hub, node);
        node = map_next(&webhook->hubs, node);
        map_remove(&webhook->hubs, &hub->node);
        delivery_log_free(hub->log);
        free(hub->name);
        free(hub);
    }
    map_release(&webhook->hubs);
}

const struct delivery_log *webhook_log(const struct webhook *webhook, struct slice name)
{
    const struct webhook_hub *hub = find_hub(webhook, name);

    return hub ? hub->log : NULL;
}

void webhook_each_hub(const struct webhook *webhook,
                      void (*visit)(void *context, struct slice hub,
                                    const struct event_statistics *statistics),
                      void *context)
{
    for (struct map_node *node = map_next(&webhook->hubs, NULL); node;
         node = map_next(&webhook->hubs, node)) {
        const struct webhook_hub *hub = CONTAINER_OF(node, struct webhook_hub, node);
        visit(context, slice_from_string(hub->name), &hub->statistics);
    }
}

struct webhook_gauges webhook_gauges(const struct webhook *webhook)
{
    return (struct webhook_gauges){.waiting = webhook->call_count - webhook->running_count,
                                   .running = webhook->running_count};
}

/* ---------------------------------------------------------------- events come */

static bool is_listened_to(const struct webhook *webhook, const struct client_event *event)
{
    return webhook->options.publish && event_is_listened_to(event->settings, event);
}

static bool is_handled(void *context, const struct client_event *event)
{
    return event_handler_find(event->settings, event) || is_listened_to(context, event);
}

static void publish_copies(struct webhook *webhook, const struct client_event *event)
{
    const struct hub_settings *settings = event->settings;
    struct listener_message *message = &webhook->message;

    listener_message_begin(message, event, webhook->options.access->keys,
                           webhook_now(webhook) / 1000);
    for (size_t i = 0; i < settings->event_listener_count; i++) {
        if (event_listener_takes(&settings->event_listeners[i], event)) {
            listener_message_address(message, event, &settings->event_listeners[i]);
            webhook->options.publish(webhook->options.publish_context, message);
            webhook_hub_of(webhook, event->hub)->statistics.listened++;
        }
    }
}

enum { STATUS_NO_CONTENT = 204 };

/* No handler takes it; if a listener did, that is success (7.7). */
static void end_unhandled(struct event_call *call, bool was_listened_to)
{
    call->status = was_listened_to ? STATUS_NO_CONTENT : 0;
    call_fail(call, EVENT_RESULTS, was_listened_to ? NULL : "no event handler takes the event");
}

static void raise_event(void *context, const struct client_event *event, struct event_wait *wait)
{
    struct webhook *webhook = context;
    const struct event_handler *handler = event_handler_find(event->settings, event);
    bool listened = is_listened_to(webhook, event);
    struct event_call *call;

    if (listened) {
        publish_copies(webhook, event);
    }
    if (!handler && !wait) {
        return;
    }
    call = call_new(webhook, event, handler, wait);
    if (!handler) {
        end_unhandled(call, listened);
    } else if (webhook->is_stopping) {
        call_fail(call, EVENT_RESULT_CANCELLED, "the server is stopping");
    } else if (webhook->call_count - webhook->running_count > webhook->options.waiting_max ||
               webhook->call_bytes > webhook->options.waiting_bytes_max) {
        call_fail(call, EVENT_RESULT_OVERFLOW, "too many events are waiting");
    } else {
        upstream_add(call);
    }
}

static void cancel(void *context, struct event_wait *wait)
{
    (void)context;
    if (wait->call) {
        wait->call->wait = NULL;
        wait->call = NULL;
    }
}

static const struct delivery_log *log_of(void *context, struct slice hub)
{
    return webhook_log(context, hub);
}

static struct webhook_check *check(void *context, const struct hub_settings *settings,
                                   struct slice hub, const struct event_check *wanted)
{
    return webhook_check(context, settings, hub, wanted->line, wanted->done, wanted->context);
}

const struct events_ops webhook_operations = {
    .is_handled = is_handled,
    .raise = raise_event,
    .cancel = cancel,
    .log = log_of,
    .check = check,
    .cancel_check = webhook_check_cancel,
};

/* ---------------------------------------------------------------- time */

void webhook_advance(struct webhook *webhook)
{
    http_client_advance(&webhook->client);
}

/* ---------------------------------------------------------------- the end */

static void go_on_stopping(struct webhook *webhook);

static void on_finisher(uv_idle_t *finisher)
{
    struct webhook *webhook = finisher->data;

    uv_idle_stop(finisher);
    calls_finish(webhook);
    if (webhook->is_stopping) {
        go_on_stopping(webhook);
    }
}

void webhook_finish_soon(struct webhook *webhook)
{
    if (!webhook->is_closing) {
        uv_idle_start(&webhook->finisher, on_finisher);
    }
}

static void webhook_free(struct webhook *webhook)
{
    void (*stopped)(void *context) = webhook->stopped;
    void *context = webhook->stopped_context;

    LIST_FOREACH_SAFE (link, &webhook->spare_calls) {
        struct event_call *call = CONTAINER_OF(link, struct event_call, link);
        list_remove(link);
        buffer_release(&call->texts);
        free(call);
    }
    upstreams_free(webhook);
    free_hubs(webhook);
    answer_scratch_release(&webhook->scratch);
    listener_message_release(&webhook->message);
    buffer_release(&webhook->url);
    buffer_release(&webhook->text);
    free(webhook);
    stopped(context);
}

static void handle_closed(void *context)
{
    struct webhook *webhook = context;

    if (--webhook->handles_left == 0) {
        webhook_free(webhook);
    }
}

static void finisher_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void close_all(struct webhook *webhook)
{
    webhook->is_closing = true;
    timers_cancel(&webhook->client.timers, &webhook->stop_timer);
    webhook->handles_left = 2; /* finisher, client */
    uv_close((uv_handle_t *)&webhook->finisher, finisher_closed);
    http_client_close(&webhook->client, handle_closed, webhook);
}

static void go_on_stopping(struct webhook *webhook)
{
    if (webhook->call_count == 0 && webhook->check_count == 0 && list_is_empty(&webhook->probes) &&
        !webhook->is_closing) {
        close_all(webhook);
    }
}

static void stop_waiting(struct timer *timer, void *context)
{
    struct webhook *webhook = context;

    (void)timer;
    log_write(LOG_WARNING, "events are dropped", "count=%zu", webhook->call_count);
    calls_abandon(webhook, "the server stopped");
    probes_abandon(webhook, "the server stopped");
    webhook_finish_soon(webhook);
}

void webhook_stop(struct webhook *webhook, void (*stopped)(void *context), void *context)
{
    webhook->is_stopping = true;
    webhook->stopped = stopped;
    webhook->stopped_context = context;
    http_client_set_timer(&webhook->client, &webhook->stop_timer,
                          webhook_now(webhook) + STOP_TIME_MS);
    webhook_finish_soon(webhook);
}

/* ---------------------------------------------------------------- the beginning */

static void set_default(size_t *option, size_t value)
{
    *option = *option > 0 ? *option : value;
}

static bool open_client(struct webhook *webhook)
{
    const struct webhook_options *options = &webhook->options;

    return http_client_open(
        &webhook->client, webhook->loop,
        &(struct http_client_options){
            .trust = {.ca_file = options->ca_file,
                      .accepts_any_certificate = options->accepts_any_certificate},
            .connections = options->connections,
            .clock = options->clock,
            .timer_context = webhook,
        });
}

struct webhook *webhook_new(uv_loop_t *loop, const struct webhook_options *options)
{
    struct webhook *webhook = memory_allocate_zero(sizeof(*webhook));
    struct list *lists[] = {&webhook->all_upstreams, &webhook->stalled, &webhook->running,
                            &webhook->retrying,      &webhook->ended,   &webhook->probes,
                            &webhook->spare_calls};

    webhook->loop = loop;
    webhook->options = *options;
    set_default(&webhook->options.connections_per_handler, CONNECTIONS_PER_HANDLER);
    set_default(&webhook->options.connections, CONNECTIONS);
    set_default(&webhook->options.waiting_max, WAITING_MAX);
    set_default(&webhook->options.waiting_bytes_max, WAITING_BYTES_MAX);
    if (!open_client(webhook)) {
        free(webhook);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        list_init(lists[i]);
    }
    map_init(&webhook->hubs, hub_key);
    upstreams_init(webhook);
    timer_init(&webhook->stop_timer, stop_waiting);
    uv_idle_init(loop, &webhook->finisher);
    webhook->finisher.data = webhook;
    return webhook;
}
