/* Webhooks: a POST for each batch (spec/eventgrid.md 4.1, 4.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/head.h"
#include "base/ascii.h"
#include "base/memory.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "dispatch/destination.h"
#include "dispatch/runner_state.h"
#include "eventgrid/delivery.h"

enum { RETRY_AFTER_DIGITS_MAX = 9 };

/* Seconds, or seconds until a time; 0: it is neither. */
static uint32_t read_delay(struct slice text, msec_t now)
{
    uint32_t seconds = 0;
    int64_t until;
    size_t at = 0;

    if (http_date_parse(text, &until)) {
        return until > now ? (uint32_t)((until - now + 999) / 1000) : 0;
    }
    while (at < text.length && at < RETRY_AFTER_DIGITS_MAX && ascii_is_digit(text.data[at])) {
        seconds = seconds * 10 + (text.data[at++] - '0');
    }
    return at == text.length ? seconds : 0;
}

/* 0: it does not say. */
static uint32_t retry_after(struct slice head, msec_t now)
{
    struct header header;

    while (head_next(&head, &header)) {
        if (head_name_is(&header, "retry-after")) {
            return read_delay(header.value, now);
        }
    }
    return 0;
}

static void answered(struct outside_request *request, const struct outside_answer *answer)
{
    struct delivery_run *run = CONTAINER_OF(request, struct delivery_run, request);
    uint32_t seconds =
        answer->status != 0 ? retry_after(answer->head, runner_now(run->feed->runner)) : 0;

    delivery_run_done(run, &(struct run_result){
                               .status = answer->status,
                               .verdict = delivery_judge(run->properties->retry.rules,
                                                         answer->status, answer->failure, seconds),
                           });
}

static void write_request(struct delivery_run *run)
{
    struct runner *runner = run->feed->runner;
    const struct queued_event **events =
        memory_allocate(run->count * sizeof(struct queued_event *));
    struct buffer id = {0};
    size_t count = 0;

    LIST_FOREACH (link, &run->events) {
        events[count++] = &window_event_of(link)->event;
    }
    uuid_append(&id, runner->gateway->random);
    delivery_append_url(&run->url, &run->lines, run->properties->destination.url);
    delivery_append_request(&run->lines, &run->body,
                            &(struct delivery){
                                .subscription = run->properties,
                                .name = buffer_slice(&run->feed->subscription->name),
                                .events = events,
                                .count = count,
                                .output_id = buffer_slice(&id),
                                .now_ms = runner_now(runner),
                            });
    buffer_release(&id);
    free(events);
}

static bool begin(struct delivery_run *run)
{
    const struct outside *outside = &run->feed->runner->grid->options.outside;

    write_request(run);
    run->request = (struct outside_request){
        .method = "POST",
        .url = buffer_slice(&run->url),
        .lines = buffer_slice(&run->lines),
        .body = buffer_slice(&run->body),
        .timeout_ms = run->properties->destination.timeout_ms,
        .done = answered,
    };
    outside->ops->request(outside->context, &run->request);
    return true;
}

static void cancel(struct delivery_run *run)
{
    const struct outside *outside = &run->feed->runner->grid->options.outside;

    outside->ops->cancel_request(outside->context, &run->request);
}

const struct destination_ops destination_webhook = {
    .may_share = delivery_may_share,
    .begin = begin,
    .cancel = cancel,
};
