/* Will messages: see will.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/will.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/delayed.h"
#include "core/publisher.h"

void will_set(struct session *session, const struct will *will)
{
    will_drop(session);
    if (!will->present) {
        return;
    }
    const struct properties *properties = &will->properties;
    session->will = memory_allocate(sizeof(*session->will));
    *session->will = (struct will_message){
        .message = message_new(&(struct message_parts){
            .topic = will->topic,
            .payload = will->payload,
            .properties = properties->raw,
            .expires_at = MSEC_NEVER,
            .publisher = session_as_publisher(session),
            .qos = will->qos,
            .retain = will->retain,
        }),
        .delay = properties_have(properties, PROPERTY_WILL_DELAY_INTERVAL)
                     ? properties->will_delay_interval
                     : 0,
        .expires = properties_have(properties, PROPERTY_MESSAGE_EXPIRY_INTERVAL),
    };
    if (session->will->expires) {
        session->will->expiry = properties->message_expiry_interval;
    }
}

void will_drop(struct session *session)
{
    if (session->schedule) {
        session->schedule->will_at = MSEC_NEVER;
    }
    if (session->will) {
        message_release(session->will->message);
        free(session->will);
        session->will = NULL;
    }
}

/* The will as it is published: its expiry counts from now, its topic may ask for a delay. */
static struct message *make_message(struct session *session, struct slice topic, uint32_t delay)
{
    const struct will_message *will = session->will;
    msec_t due = session->shard->now + (msec_t)delay * 1000;
    return message_new(&(struct message_parts){
        .topic = topic,
        .payload = message_payload(will->message),
        .properties = message_properties(will->message),
        .told = publisher_told(session),
        .expires_at = will->expires ? due + (msec_t)will->expiry * 1000 : MSEC_NEVER,
        .publisher = session_as_publisher(session),
        .qos = will->message->qos,
        .retain = will->message->retain,
    });
}

static void publish_now(struct session *session)
{
    struct shard *shard = session->shard;
    struct slice topic = message_topic(session->will->message);
    uint32_t delay = 0;
    enum reason_code reason = REASON_SUCCESS;
    bool delayed = delayed_is_delayed_topic(topic);
    if (delayed) {
        reason =
            delayed_parse(topic, shard->settings->options.delayed_seconds_maximum, &delay, &topic);
        if (reason != REASON_SUCCESS) {
            return;
        }
    }
    struct message *message = make_message(session, topic, delay);
    if (delayed) {
        delayed_add(shard, message, delay);
    } else {
        delayed_publish_now(shard, message);
    }
    message_release(message);
}

void will_publish(struct session *session)
{
    if (!session->will) {
        return;
    }
    struct slice topic = message_topic(session->will->message);
    if (session_may_publish(session, topic)) {
        publish_now(session);
    } else {
        LOG_LIMITED(LOG_INFO, "will refused", "client=%s topic=%s",
                    log_quote(session_client_identifier(session)), log_quote(topic));
    }
    will_drop(session);
}
