/* See consent.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/consent.h"

#include "base/uuid.h"
#include "client/gateway.h"
#include "dispatch/grid.h"
#include "eventgrid/delivery.h"

bool consent_is_needed(const struct grid *grid, const struct event_subscription *subscription)
{
    return subscription->destination.kind == DESTINATION_WEBHOOK &&
           !subscription->destination.skips_validation && !grid->options.skips_validation;
}

bool consent_is_alike(const struct event_subscription *one, const struct event_subscription *other)
{
    return one->destination.kind == other->destination.kind &&
           one->delivery_schema == other->delivery_schema &&
           slice_equal(one->destination.url, other->destination.url);
}

static void release(struct consent *consent)
{
    event_subscription_release(consent->subscription);
    buffer_release(&consent->sent.lines);
    buffer_release(&consent->sent.body);
    buffer_release(&consent->url);
    buffer_release(&consent->texts);
    consent->subscription = NULL;
    consent->is_under_way = false;
}

static struct slice keep(struct consent *consent, size_t *at, size_t length)
{
    struct slice kept = slice_make(consent->texts.data + *at, length);

    *at += length;
    return kept;
}

/* Copies what the requests are made of. */
static void begin(struct consent *consent, struct grid *grid,
                  struct event_subscription *subscription, const struct consent_target *target)
{
    struct gateway *gateway = grid->gateway;
    size_t at = 0;

    consent->grid = grid;
    consent->subscription = event_subscription_hold(subscription);
    consent->is_under_way = true;
    buffer_append(&consent->texts, target->source_key);
    buffer_append(&consent->texts, target->name);
    buffer_append(&consent->texts, target->topic_id);
    uuid_append(&consent->texts, gateway->random);
    uuid_append(&consent->texts, gateway->random);
    consent->validation = (struct validation){
        .subscription = subscription,
        .base_url = grid->options.base_url,
        .now_ms = gateway_now(gateway),
    };
    consent->validation.source_key = keep(consent, &at, target->source_key.length);
    consent->validation.name = keep(consent, &at, target->name.length);
    consent->validation.topic_id = keep(consent, &at, target->topic_id.length);
    consent->validation.code = keep(consent, &at, UUID_LENGTH);
    consent->validation.event_id = keep(consent, &at, UUID_LENGTH);
}

static void send(struct consent *consent,
                 void (*done)(struct outside_request *request, const struct outside_answer *answer))
{
    const struct outside *outside = &consent->grid->options.outside;

    delivery_append_url(&consent->url, &consent->sent.lines,
                        consent->subscription->destination.url);
    consent->request = (struct outside_request){
        .method = consent->sent.method,
        .url = buffer_slice(&consent->url),
        .body = buffer_slice(&consent->sent.body),
        .lines = buffer_slice(&consent->sent.lines),
        .timeout_ms = VALIDATION_TIMEOUT_MS,
        .done = done,
    };
    outside->ops->request(outside->context, &consent->request);
}

static void answered(struct outside_request *request, const struct outside_answer *answer)
{
    struct consent *consent = CONTAINER_OF(request, struct consent, request);
    struct buffer sentence = {0};
    enum validation_verdict verdict =
        validation_judge(&consent->validation, answer->status, answer->head, answer->body,
                         answer->reason, &sentence);

    release(consent);
    consent->done(consent, verdict, buffer_slice(&sentence));
    buffer_release(&sentence);
}

void consent_ask(struct consent *consent, struct grid *grid,
                 struct event_subscription *subscription, const struct consent_target *target)
{
    begin(consent, grid, subscription, target);
    validation_make(&consent->validation, grid->gateway->access->keys, &consent->sent);
    send(consent, answered);
}

static void farewell_answered(struct outside_request *request, const struct outside_answer *answer)
{
    struct consent *consent = CONTAINER_OF(request, struct consent, request);

    (void)answer;
    release(consent);
    consent->done(consent, VALIDATION_GOOD, SLICE_EMPTY);
}

bool consent_say_farewell(struct consent *consent, struct grid *grid,
                          struct event_subscription *subscription,
                          const struct consent_target *target)
{
    begin(consent, grid, subscription, target);
    if (!validation_make_farewell(&consent->validation, &consent->sent)) {
        release(consent);
        return false;
    }
    send(consent, farewell_answered);
    return true;
}

void consent_abandon(struct consent *consent)
{
    if (consent->is_under_way) {
        const struct outside *outside = &consent->grid->options.outside;
        outside->ops->cancel_request(outside->context, &consent->request);
        release(consent);
    }
}
