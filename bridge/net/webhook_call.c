/* An event's way: made into a request, sent, tried again, answered. See webhook_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "events/match.h"
#include "events/request.h"
#include "events/retry.h"
#include "events/url_template.h"
#include "net/webhook_state.h"

enum {
    SPARE_CALLS_MAX = 1024,
    SPARE_TEXTS_MAX = 16 << 10, /* bytes that a spare call keeps */
    FAILURES_TOLD_A_SECOND = 20,
};

/* ---------------------------------------------------------------- making */

static void try_again(struct timer *timer, void *context);

static struct event_call *take_call(struct webhook *webhook)
{
    struct event_call *call;
    struct buffer texts = {0};

    if (list_is_empty(&webhook->spare_calls)) {
        call = memory_allocate(sizeof(*call));
    } else {
        call = CONTAINER_OF(webhook->spare_calls.next, struct event_call, link);
        texts = call->texts;
        list_remove(&call->link);
        webhook->spare_call_count--;
    }
    *call = (struct event_call){.webhook = webhook, .texts = texts};
    call->texts.length = 0;
    list_init(&call->link);
    timer_init(&call->timer, try_again);
    return call;
}

static void call_free(struct event_call *call)
{
    struct webhook *webhook = call->webhook;

    webhook->call_count--;
    webhook->call_bytes -= call->texts.length;
    if (call->upstream) {
        call->upstream->call_count--;
    }
    list_remove(&call->link);
    if (call->texts.capacity > SPARE_TEXTS_MAX || webhook->spare_call_count == SPARE_CALLS_MAX) {
        buffer_release(&call->texts);
    }
    if (webhook->spare_call_count == SPARE_CALLS_MAX) {
        free(call);
    } else {
        list_add_last(&webhook->spare_calls, &call->link);
        webhook->spare_call_count++;
    }
    if (webhook->is_stopping) {
        webhook_finish_soon(webhook);
    }
}

/* Everything that is needed later, in one piece of memory. */
static void write_texts(struct event_call *call, const struct client_event *event,
                        const struct event_handler *handler)
{
    struct webhook *webhook = call->webhook;
    struct slice template = slice_from_string(handler->url_template);
    struct event_sender sender = {.keys = webhook->options.access->keys,
                                  .origin = slice_from_string(webhook->options.origin),
                                  .time = webhook_now(webhook) / 1000};
    struct slice name = event_name(event);
    const struct slice copied[] = {event->data.bytes, name, event->connection_id, event->cookies};
    struct slice *const places[] = {&call->body, &call->name, &call->connection, &call->cookies};
    size_t lines, rest;

    url_template_expand(&call->texts, template, event->hub, name);
    lines = call->texts.length;
    event_request_append(&call->texts, event, &sender, url_template_origin(template),
                         &webhook->text);
    rest = call->texts.length;
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        buffer_append(&call->texts, copied[i]);
    }
    call->url = slice_make(call->texts.data, lines);
    call->origin = slice_make(call->texts.data, url_template_origin(template).length);
    call->lines = slice_make(call->texts.data + lines, rest - lines);
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        *places[i] = slice_make(call->texts.data + rest, copied[i].length);
        rest += copied[i].length;
    }
}

struct event_call *call_new(struct webhook *webhook, const struct client_event *event,
                            const struct event_handler *handler, struct event_wait *wait)
{
    struct event_call *call = take_call(webhook);

    webhook->call_count++;
    call->wait = wait;
    if (wait) {
        wait->call = call;
    }
    call->kind = event->is_user_event ? (unsigned)EVENT_KIND_USER : (unsigned)event->system;
    call->is_blocking = event->is_user_event || event->system == SYSTEM_EVENT_CONNECT;
    call->raised_ns = clock_monotonic_ns();
    if (handler) {
        call->hub = webhook_hub_of(webhook, event->hub);
        call->upstream = upstream_of(webhook, handler, event->hub);
        call->upstream->call_count++;
        call->attempts = handler->attempts;
        call->timeout_ms = handler->timeout_ms;
        write_texts(call, event, handler);
        webhook->call_bytes += call->texts.length;
    }
    return call;
}

/* ---------------------------------------------------------------- the result */

static uint32_t microseconds_since(int64_t ns)
{
    int64_t us = (clock_monotonic_ns() - ns) / 1000;

    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static const char *reason_of_status(int status)
{
    static const char *const reasons[] = {
        [1] = "the webhook answered with an informational status",
        [2] = NULL,
        [3] = "the webhook redirects, which is not followed",
        [4] = "the webhook refused the event",
        [5] = "the webhook failed",
    };

    return status >= 100 && status < 600 ? reasons[status / 100]
                                         : "the webhook answered with an unknown status";
}

/* Whoever watches $SYS/hubs/HUB/failed sees at once what does not arrive; of many in one second,
 * the first ones. */
static void tell_failure(struct webhook *webhook, const char *hub, const struct delivery *delivery)
{
    struct buffer topic = {0}, payload = {0};
    msec_t second = delivery->time / 1000;

    if (second != webhook->told_in) {
        webhook->told_in = second;
        webhook->told_count = 0;
    }
    if (!webhook->options.publish || webhook->told_count == FAILURES_TOLD_A_SECOND) {
        return;
    }
    webhook->told_count++;
    buffer_append_format(&topic, "$SYS/hubs/%s/failed", hub);
    delivery_append_json(&payload, delivery);
    webhook->options.publish(webhook->options.publish_context,
                             &(struct listener_message){
                                 .topic = buffer_slice(&topic),
                                 .payload = {DATA_JSON, buffer_slice(&payload)},
                             });
    buffer_release(&topic);
    buffer_release(&payload);
}

static void write_log(const struct event_call *call, int status, const char *reason,
                      uint32_t latency_us)
{
    struct delivery delivery = {.time = webhook_now(call->webhook),
                                .latency_us = latency_us,
                                .attempt = call->attempt,
                                .status = status,
                                .reason = reason,
                                .event = call->name,
                                .url = call->url,
                                .connection = call->connection};

    if (!call->hub || call->result == EVENT_RESULTS) {
        return;
    }
    delivery.number = delivery_log_add(&call->hub->log, &delivery);
    if (reason) {
        tell_failure(call->webhook, call->hub->name, &delivery);
        LOG_LIMITED(LOG_WARNING, "an event was not delivered",
                    "hub=%s url=%s status=%d reason=\"%s\"", call->hub->name, log_quote(call->url),
                    status, reason);
    }
}

/* Tells who waits, and ends the call. */
static void finish(struct event_call *call, const struct event_answer *answer,
                   enum event_result result)
{
    struct event_wait *wait = call->wait;

    if (call->hub && result != EVENT_RESULTS) {
        event_statistics_add(&call->hub->statistics.kinds[call->kind], result,
                             microseconds_since(call->raised_ns));
    }
    call->wait = NULL;
    if (wait) {
        wait->call = NULL;
        wait->answered(wait, answer);
    }
    call_free(call);
}

void call_fail(struct event_call *call, enum event_result result, const char *error)
{
    call->result = result;
    call->error = error;
    list_remove(&call->link);
    list_add_last(&call->webhook->ended, &call->link);
    webhook_finish_soon(call->webhook);
}

void calls_finish(struct webhook *webhook)
{
    struct list ended;

    list_init(&ended);
    list_move_all(&ended, &webhook->ended);
    while (!list_is_empty(&ended)) {
        struct event_call *call = CONTAINER_OF(ended.next, struct event_call, link);
        struct event_answer answer = {.status = call->status, .error = call->error};
        write_log(call, call->status, call->error, 0);
        finish(call, &answer, call->result);
    }
}

/* ---------------------------------------------------------------- requests */

static void wait_and_try_again(struct event_call *call, int32_t delay_ms)
{
    struct webhook *webhook = call->webhook;

    list_add_last(&webhook->retrying, &call->link);
    http_client_set_timer(&webhook->client, &call->timer, webhook_now(webhook) + delay_ms);
}

static void try_again(struct timer *timer, void *context)
{
    struct event_call *call = CONTAINER_OF(timer, struct event_call, timer);

    (void)context;
    list_remove(&call->link);
    upstream_add(call);
}

static void finish_answered(struct event_call *call, struct transfer *transfer,
                            const struct transfer_result *result, struct event_answer *answer)
{
    if (result->status == 0) {
        *answer = (struct event_answer){.error = result->reason};
        return;
    }
    event_answer_parse(answer, &call->webhook->scratch,
                       &(struct answer_parts){
                           .is_blocking = call->is_blocking,
                           .status = result->status,
                           .head = buffer_slice(&transfer->head),
                           .body = buffer_slice(&transfer->body),
                           .upstream = call->origin,
                           .cookies = call->cookies,
                       });
}

static void answered(struct transfer *transfer, CURLcode code)
{
    struct event_call *call = transfer->owner;
    struct webhook *webhook = call->webhook;
    struct upstream *upstream = call->upstream;
    struct transfer_result result = transfer_result(transfer, code);
    struct event_answer answer;
    int32_t delay = result.is_final || webhook->is_stopping
                        ? RETRY_NEVER
                        : retry_delay_ms(result.status, call->attempt, call->attempts);

    finish_answered(call, transfer, &result, &answer);
    call->transfer = NULL;
    call->hub->statistics.kinds[call->kind].attempts++;
    write_log(call, result.status, answer.error ? answer.error : reason_of_status(answer.status),
              microseconds_since(call->sent_ns));
    list_remove(&call->link);
    if (delay == RETRY_NEVER) {
        upstream->call_count++; /* it stays while we use it */
        finish(call, &answer, event_result_of_status(answer.status));
        upstream->call_count--;
    } else {
        wait_and_try_again(call, delay);
    }
    http_client_give_back(&webhook->client, transfer);
    upstream_free_connection(upstream, webhook);
}

void call_send(struct event_call *call)
{
    struct webhook *webhook = call->webhook;
    struct transfer *transfer = http_client_take(&webhook->client);

    list_remove(&call->link);
    call->attempt++;
    list_add_last(&webhook->running, &call->link);
    call->transfer = transfer;
    call->sent_ns = clock_monotonic_ns();
    transfer->owner = call;
    transfer->done = answered;
    transfer_start(transfer, &(struct transfer_request){.method = TRANSFER_POST,
                                                        .url = call->url,
                                                        .lines = call->lines,
                                                        .body = call->body,
                                                        .timeout_ms = call->timeout_ms});
}

/* ---------------------------------------------------------------- the end */

static void fail_all(struct list *calls, const char *error)
{
    LIST_FOREACH_SAFE (link, calls) {
        struct event_call *call = CONTAINER_OF(link, struct event_call, link);
        timers_cancel(&call->webhook->client.timers, &call->timer);
        if (call->transfer) {
            transfer_cancel(call->transfer);
            http_client_give_back(&call->webhook->client, call->transfer);
            call->transfer = NULL;
            call->upstream->running_count--;
            call->webhook->running_count--;
        }
        call_fail(call, EVENT_RESULT_CANCELLED, error);
    }
}

void calls_abandon(struct webhook *webhook, const char *error)
{
    fail_all(&webhook->running, error);
    fail_all(&webhook->retrying, error);
    LIST_FOREACH (link, &webhook->all_upstreams) {
        fail_all(&CONTAINER_OF(link, struct upstream, all)->waiting, error);
    }
}
