/* See requeue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/requeue.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/gateway.h"
#include "client/staff.h"

struct message {
    struct staff_sent sent;
    struct list link; /* in requeue->sent */
    struct requeue *requeue;
};

static void end_if_settled(struct requeue *requeue, msec_t wait_ms)
{
    if (requeue->is_settling && requeue->waiting == 0) {
        timers_set(&requeue->gateway->timers, &requeue->timer,
                   gateway_now(requeue->gateway) + wait_ms);
    }
}

static void on_settled(struct timer *timer, void *context)
{
    struct requeue *requeue = CONTAINER_OF(timer, struct requeue, timer);
    bool is_good = !requeue->has_failed;

    (void)context;
    requeue->is_settling = requeue->has_failed = false;
    requeue->settled(requeue, is_good);
}

static void message_free(struct message *message)
{
    message->requeue->waiting--;
    list_remove(&message->link);
    free(message);
}

/* That nobody keeps the queue is a failure, too. */
static void acknowledged(struct staff_sent *sent, uint8_t reason)
{
    struct message *message = CONTAINER_OF(sent, struct message, sent);
    struct requeue *requeue = message->requeue;

    requeue->has_failed |= reason_is_error(reason) || reason == REASON_NO_MATCHING_SUBSCRIBERS;
    message_free(message);
    end_if_settled(requeue, requeue->has_failed ? REQUEUE_AGAIN_MS : 0);
}

void requeue_init(struct requeue *requeue, struct gateway *gateway,
                  void (*settled)(struct requeue *requeue, bool is_good))
{
    *requeue = (struct requeue){.gateway = gateway, .settled = settled};
    list_init(&requeue->sent);
    timer_init(&requeue->timer, on_settled);
}

bool requeue_send(struct requeue *requeue, struct slice queue, const struct queued_event *event)
{
    struct gateway *gateway = requeue->gateway;
    struct publication publication = {
        .topic = queue, .data = {DATA_JSON, event->json}, .is_plain = true};
    struct message *message;

    if (requeue->waiting >= REQUEUE_MAX) {
        return false;
    }
    gateway->properties.length = 0;
    queued_event_append_properties(&gateway->properties, event);
    publication.user_properties = buffer_slice(&gateway->properties);
    message = memory_allocate_zero(sizeof(*message));
    message->requeue = requeue;
    message->sent.acknowledged = acknowledged;
    if (!staff_publish(gateway->staff, &publication, &message->sent)) {
        free(message);
        return false;
    }
    list_add_last(&requeue->sent, &message->link);
    requeue->waiting++;
    return true;
}

/* With nothing sent, something may have been in the way: time has to go by. */
void requeue_settle(struct requeue *requeue)
{
    requeue->is_settling = true;
    end_if_settled(requeue, REQUEUE_AGAIN_MS);
}

void requeue_release(struct requeue *requeue)
{
    timers_cancel(&requeue->gateway->timers, &requeue->timer);
    LIST_FOREACH_SAFE (link, &requeue->sent) {
        struct message *message = CONTAINER_OF(link, struct message, link);
        staff_forget_sent(&message->sent);
        message_free(message);
    }
}
