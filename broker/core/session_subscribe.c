/* SUBSCRIBE and UNSUBSCRIBE: the session's own list, the shared tree, and retained messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/reply.h"
#include "core/session.h"
#include "mqtt/topic.h"

static struct slice subscription_filter(const struct session_subscription *subscription)
{
    return slice_make(subscription->filter, subscription->filter_length);
}

static struct slice subscription_key(const struct map_node *node)
{
    return subscription_filter(
        CONTAINER_OF((struct map_node *)(uintptr_t)node, struct session_subscription, by_filter));
}

static struct session_subscription *find_subscription(const struct session *session,
                                                      struct slice filter)
{
    struct map_node *node = map_find(&session->subscriptions, filter);
    return node ? CONTAINER_OF(node, struct session_subscription, by_filter) : NULL;
}

/* What the filter is about without its $share prefix; true if it has one. */
static bool strip_share(struct slice filter, struct slice *plain)
{
    struct slice name;
    *plain = filter;
    return topic_filter_split_share(filter, &name, plain);
}

/* The flags that follow from the session's state and the access rules. */
static uint8_t derived_flags(const struct session *session, bool shared)
{
    return (uint8_t)((session_is_durable(session) ? SUBSCRIBER_DURABLE : 0) |
                     (shared && session->connection ? SUBSCRIBER_ONLINE : 0));
}

/* --- SUBSCRIBE --- */

/* One filter of a SUBSCRIBE on its way through. */
struct subscribe_step {
    struct slice filter, plain; /* plain: without $share */
    struct subscription_options options;
    uint32_t identifier;
    bool shared, is_new;
};

static struct subscriber make_subscriber(const struct session *session,
                                         const struct subscribe_step *step,
                                         enum access_filter access)
{
    return (struct subscriber){
        .session = session->ref,
        .identifier = step->identifier,
        .qos = (uint8_t)step->options.qos,
        .flags =
            (uint8_t)((step->options.no_local ? SUBSCRIBER_NO_LOCAL : 0) |
                      (step->options.retain_as_published ? SUBSCRIBER_RETAIN_AS_PUBLISHED : 0) |
                      (access == ACCESS_FILTER_PER_MESSAGE ? SUBSCRIBER_PER_MESSAGE : 0) |
                      derived_flags(session, step->shared)),
    };
}

static void keep_subscription(struct session *session, const struct subscribe_step *step,
                              const struct subscriber *subscriber)
{
    if (!session->subscriptions.key_of) {
        map_init(&session->subscriptions, subscription_key);
    }
    struct session_subscription *subscription = find_subscription(session, step->filter);
    if (!subscription) {
        subscription = memory_allocate_zero(sizeof(*subscription) + step->filter.length);
        subscription->filter_length = (uint16_t)step->filter.length;
        memcpy(subscription->filter, step->filter.data, step->filter.length);
        map_insert(&session->subscriptions, &subscription->by_filter);
        session->shared_count += step->shared;
    }
    subscription->subscriber = *subscriber;
}

/* The reason code for SUBACK; the subscription is in the tree if it is a granted QoS. */
static enum reason_code subscribe_one(struct session *session, struct subscribe_step *step)
{
    struct shard *shard = session->shard;
    step->shared = strip_share(step->filter, &step->plain);
    if (step->filter.length > TOPIC_LEVELS_MAX &&
        topic_level_count(step->filter) > TOPIC_LEVELS_MAX) {
        return REASON_TOPIC_FILTER_INVALID;
    }
    enum access_filter access =
        access_check_filter(shard->settings->access, session->identity,
                            session_client_identifier(session), step->plain);
    if (access == ACCESS_FILTER_REFUSED) {
        LOG_LIMITED(LOG_INFO, "subscribe refused", "client=%s filter=%s",
                    log_quote(session_client_identifier(session)), log_quote(step->filter));
        return REASON_NOT_AUTHORIZED;
    }
    if (session->subscriptions.count >= shard->settings->options.subscriptions_maximum &&
        !find_subscription(session, step->filter)) {
        LOG_LIMITED(LOG_WARNING, "too many subscriptions", "client=%s subscriptions=%zu",
                    log_quote(session_client_identifier(session)), session->subscriptions.count);
        return REASON_QUOTA_EXCEEDED;
    }
    struct subscriber subscriber = make_subscriber(session, step, access);
    step->is_new = subscriptions_add(shard->broker->subscriptions, step->filter, &subscriber);
    keep_subscription(session, step, &subscriber);
    return (enum reason_code)step->options.qos;
}

static bool wants_retained(const struct subscribe_step *step)
{
    /* MQTT-3.3.1-9 to -11; never for shared subscriptions (4.8.2). */
    return !step->shared && (step->options.retain_handling == 0 ||
                             (step->options.retain_handling == 1 && step->is_new));
}

static void deliver_retained(struct session *session, const struct subscribe_step *step)
{
    const struct session_subscription *subscription = find_subscription(session, step->filter);
    struct retained_matches matches = {0};
    retained_match(session->shard->broker->retained, step->filter, session->shard->now, &matches);
    for (size_t i = 0; i < matches.count; i++) {
        session_deliver_retained(session, matches.items[i], &subscription->subscriber);
    }
    retained_matches_release(&matches);
}

static void send_suback(struct session *session, enum packet_type type, uint16_t packet_id,
                        struct slice codes)
{
    struct packet suback = {.type = type, .suback = {.packet_id = packet_id, .codes = codes}};
    if (type == PACKET_SUBACK && session->version != MQTT_5) {
        /* 3.1.1 knows one failure (MQTT-3.9.3-2 of 3.1.1). */
        uint8_t *bytes = memory_allocate(codes.length);
        for (size_t i = 0; i < codes.length; i++) {
            bytes[i] = codes.data[i] >= 0x80 ? 0x80 : codes.data[i];
        }
        suback.suback.codes = slice_make(bytes, codes.length);
        reply_packet(session->connection, &suback);
        free(bytes);
        return;
    }
    reply_packet(session->connection, &suback);
}

enum reason_code session_receive_subscribe(struct session *session, const struct packet *packet)
{
    const struct subscribe *subscribe = &packet->subscribe;
    struct subscribe_step *steps = memory_allocate_zero(subscribe->count * sizeof(*steps));
    struct buffer codes = {0};
    struct slice rest = subscribe->filters;
    for (size_t i = 0; i < subscribe->count; i++) {
        struct subscribe_step *step = &steps[i];
        subscribe_next(&rest, session->version, &step->filter, &step->options);
        if (properties_have(&packet->properties, PROPERTY_SUBSCRIPTION_IDENTIFIER)) {
            step->identifier = packet->properties.subscription_identifier;
        }
        buffer_append_byte(&codes, (uint8_t)subscribe_one(session, step));
    }
    send_suback(session, PACKET_SUBACK, subscribe->packet_id, buffer_slice(&codes));
    for (size_t i = 0; i < subscribe->count; i++) {
        if (codes.data[i] < 0x80 && wants_retained(&steps[i])) {
            deliver_retained(session, &steps[i]);
        }
    }
    buffer_release(&codes);
    free(steps);
    return REASON_SUCCESS;
}

/* --- UNSUBSCRIBE and changes of state --- */

static void forget_subscription(struct session *session, struct session_subscription *subscription)
{
    struct slice plain;
    session->shared_count -= strip_share(subscription_filter(subscription), &plain);
    map_remove(&session->subscriptions, &subscription->by_filter);
    free(subscription);
}

enum reason_code session_receive_unsubscribe(struct session *session, const struct packet *packet)
{
    const struct subscribe *unsubscribe = &packet->subscribe;
    struct buffer codes = {0};
    struct slice rest = unsubscribe->filters, filter;
    while (unsubscribe_next(&rest, &filter)) {
        struct session_subscription *subscription =
            session->subscriptions.count ? find_subscription(session, filter) : NULL;
        if (subscription) {
            subscriptions_remove(session->shard->broker->subscriptions, filter, session->ref);
            forget_subscription(session, subscription);
        }
        buffer_append_byte(&codes, subscription ? REASON_SUCCESS : REASON_NO_SUBSCRIPTION_EXISTED);
    }
    struct slice reasons = session->version == MQTT_5 ? buffer_slice(&codes) : SLICE_EMPTY;
    send_suback(session, PACKET_UNSUBACK, unsubscribe->packet_id, reasons);
    buffer_release(&codes);
    return REASON_SUCCESS;
}

void session_update_subscriptions(struct session *session, bool check_access)
{
    struct shard *shard = session->shard;
    const struct map *map = &session->subscriptions;
    for (struct map_node *node = map_next(map, NULL); node; node = map_next(map, node)) {
        struct session_subscription *subscription =
            CONTAINER_OF(node, struct session_subscription, by_filter);
        struct slice filter = subscription_filter(subscription), plain;
        bool shared = strip_share(filter, &plain);
        uint8_t flags = subscription->subscriber.flags;
        flags &= (uint8_t) ~(SUBSCRIBER_DURABLE | SUBSCRIBER_ONLINE);
        flags |= derived_flags(session, shared);
        if (check_access) {
            enum access_filter access =
                access_check_filter(shard->settings->access, session->identity,
                                    session_client_identifier(session), plain);
            flags &= (uint8_t)~SUBSCRIBER_PER_MESSAGE;
            flags |= access == ACCESS_FILTER_GRANTED ? 0 : SUBSCRIBER_PER_MESSAGE;
        }
        if (flags != subscription->subscriber.flags) {
            subscription->subscriber.flags = flags;
            subscriptions_add(shard->broker->subscriptions, filter, &subscription->subscriber);
        }
    }
}

void session_drop_subscriptions(struct session *session)
{
    if (session->subscriptions.count == 0) {
        return;
    }
    struct map_node *node = map_next(&session->subscriptions, NULL);
    while (node) {
        struct map_node *next = map_next(&session->subscriptions, node);
        struct session_subscription *subscription =
            CONTAINER_OF(node, struct session_subscription, by_filter);
        subscriptions_remove(session->shard->broker->subscriptions,
                             subscription_filter(subscription), session->ref);
        forget_subscription(session, subscription);
        node = next;
    }
}
