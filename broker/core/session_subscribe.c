/* SUBSCRIBE and UNSUBSCRIBE: the session's own list, the shared tree, and retained messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/facts.h"
#include "core/reply.h"
#include "core/router.h"
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
                     (shared && session->connection ? SUBSCRIBER_ONLINE : 0) |
                     (session->is_bridge ? SUBSCRIBER_BRIDGE : 0) |
                     (session->is_full ? SUBSCRIBER_FULL : 0));
}

/* --- SUBSCRIBE --- */

/* One filter of a SUBSCRIBE on its way through. */
struct subscribe_step {
    struct slice filter, plain; /* plain: without $share */
    struct subscription_options options;
    uint32_t identifier;
    bool shared, is_new;
    uint32_t number; /* of the subscription */
};

static struct subscriber make_subscriber(const struct session *session,
                                         const struct subscribe_step *step,
                                         enum access_filter access)
{
    return (struct subscriber){
        .durable_id = session_durable_id(session),
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

/* The subscription as the tree has it. */
static struct subscriber subscriber_of(const struct session *session,
                                       const struct session_subscription *subscription)
{
    return (struct subscriber){
        .durable_id = session_durable_id(session),
        .session = session->ref,
        .identifier = subscription->identifier,
        .qos = subscription->qos,
        .flags = subscription->flags,
    };
}

static void set_subscription(struct session_subscription *subscription,
                             const struct subscriber *subscriber)
{
    subscription->identifier = subscriber->identifier;
    subscription->qos = subscriber->qos;
    subscription->flags = subscriber->flags;
}

static bool asks_for_the_same(const struct session_subscription *subscription,
                              const struct subscriber *subscriber)
{
    return subscription->qos == subscriber->qos &&
           subscription->identifier == subscriber->identifier &&
           ((subscription->flags ^ subscriber->flags) & SUBSCRIBER_ASKED) == 0;
}

static struct session_subscription *add_subscription(struct session *session, struct slice filter,
                                                     uint32_t number)
{
    struct slice plain;
    struct session_subscription *subscription =
        memory_allocate_zero(sizeof(*subscription) + filter.length);
    if (!session->subscriptions.key_of) {
        map_init(&session->subscriptions, subscription_key);
    }
    subscription->number = number;
    subscription->filter_length = (uint16_t)filter.length;
    memcpy(subscription->filter, filter.data, filter.length);
    map_insert(&session->subscriptions, &subscription->by_filter);
    session->shared_count += strip_share(filter, &plain);
    counter_add(&session->shard->counters.internal_subscriptions, session->is_bridge);
    return subscription;
}

static void keep_subscription(struct session *session, struct subscribe_step *step,
                              const struct subscriber *subscriber)
{
    struct session_subscription *subscription =
        session->subscriptions.count ? find_subscription(session, step->filter) : NULL;
    bool is_stored = subscription && asks_for_the_same(subscription, subscriber);
    if (!subscription) {
        subscription = add_subscription(session, step->filter, session->next_subscription++);
    }
    set_subscription(subscription, subscriber);
    step->number = subscription->number;
    if (session_is_durable(session) && !is_stored) {
        batch_begin(session->shard->outbox.batch, true);
        fact_put_subscription(session->shard->outbox.batch, session, subscription);
    }
}

void session_restore_subscription(struct session *session, struct slice filter, uint32_t number,
                                  const struct subscriber *asked)
{
    struct session_subscription *subscription = add_subscription(session, filter, number);
    set_subscription(subscription, asked);
    if (number >= session->next_subscription) {
        session->next_subscription = number + 1;
    }
}

/* Is there something to store, and the store takes nothing? A client that subscribes again, as many
 * do whenever they connect, changes nothing. */
static enum reason_code store_refusal(const struct session *session,
                                      const struct subscribe_step *step,
                                      const struct subscriber *wanted)
{
    const struct session_subscription *now =
        session->subscriptions.count ? find_subscription(session, step->filter) : NULL;
    if (!session_is_durable(session) || (now && asks_for_the_same(now, wanted))) {
        return REASON_SUCCESS;
    }
    return shard_store_refusal(session->shard);
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
    struct asker asker = session_asker(session);
    enum access_filter access = access_check_filter(&asker, step->plain);
    if (access == ACCESS_FILTER_REFUSED) {
        LOG_LIMITED(LOG_INFO, "subscribe refused", "client=%s filter=%s",
                    log_quote(session_client_identifier(session)), log_quote(step->filter));
        return REASON_NOT_AUTHORIZED;
    }
    if (session->subscriptions.count >= shard->settings->options.subscriptions_maximum &&
        !find_subscription(session, step->filter)) {
        LOG_LIMITED(LOG_WARNING, "too many subscriptions", "client=%s subscriptions=%u",
                    log_quote(session_client_identifier(session)), session->subscriptions.count);
        return REASON_QUOTA_EXCEEDED;
    }
    struct subscriber subscriber = make_subscriber(session, step, access);
    enum reason_code refusal = store_refusal(session, step, &subscriber);
    if (refusal != REASON_SUCCESS) {
        return refusal;
    }
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
    struct subscriber subscriber = subscriber_of(session, find_subscription(session, step->filter));
    struct retained_matches matches = {0};
    batch_begin(session->shard->outbox.batch, true);
    retained_match(session->shard->broker->retained, step->filter, session->shard->now, &matches);
    for (size_t i = 0; i < matches.count; i++) {
        router_send_retained(session, matches.items[i], &subscriber);
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
    if (type == PACKET_UNSUBACK && session->version != MQTT_5) {
        suback.suback.codes = SLICE_EMPTY;
    }
    reply_packet(session->connection, &suback);
}

/* The owed SUBACK or UNSUBACK of a durable session. */
struct sealed_suback {
    struct sealed sealed;
    struct session_link link;
    uint16_t packet_id;
    uint8_t type;
    struct buffer codes;
    struct buffer added; /* uint32_t numbers of new subscriptions */
};

static void take_back(struct session *session, const struct buffer *numbers);

static void suback_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_suback *suback = CONTAINER_OF(sealed, struct sealed_suback, sealed);
    struct session *session = receiver ? sessions_resolve(receiver, suback->link.session) : NULL;
    if (session && commit->result != STORE_OK) {
        enum reason_code refusal = suback->type == PACKET_SUBACK
                                       ? REASON_QUOTA_EXCEEDED
                                       : REASON_IMPLEMENTATION_SPECIFIC_ERROR; /* 3.11.3 */
        take_back(session, &suback->added);
        for (size_t i = 0; i < suback->codes.length; i++) {
            uint8_t *code = &suback->codes.data[i];
            *code = *code >= 0x80 ? *code : (uint8_t)refusal;
        }
    }
    bool attached = session_has_link(session, suback->link);
    if (attached && commit->result != STORE_OK && suback->type == PACKET_UNSUBACK &&
        session->version != MQTT_5) {
        /* 3.1.1 has no way to say no. */
        connection_close(session->connection, REASON_IMPLEMENTATION_SPECIFIC_ERROR, NULL);
    } else if (attached) {
        send_suback(session, suback->type, suback->packet_id, buffer_slice(&suback->codes));
    }
    buffer_release(&suback->codes);
    buffer_release(&suback->added);
    free(suback);
}

/* Answers, for a durable session after the commit. Takes over the buffers. */
static void answer(struct session *session, enum packet_type type, uint16_t packet_id,
                   struct buffer *codes, struct buffer *added)
{
    if (!session_is_durable(session)) {
        send_suback(session, type, packet_id, buffer_slice(codes));
        return;
    }
    struct sealed_suback *suback = memory_allocate(sizeof(*suback));
    *suback = (struct sealed_suback){
        .sealed = {.run = suback_committed},
        .link = session_link(session),
        .packet_id = packet_id,
        .type = (uint8_t)type,
        .codes = *codes,
        .added = *added,
    };
    *codes = *added = (struct buffer){0};
    batch_seal(session->shard->outbox.batch, session->shard->index, &suback->sealed);
}

enum reason_code session_receive_subscribe(struct session *session, const struct packet *packet)
{
    const struct subscribe *subscribe = &packet->subscribe;
    struct subscribe_step *steps = memory_allocate_zero(subscribe->count * sizeof(*steps));
    uint8_t *granted = memory_allocate_zero(subscribe->count);
    struct buffer codes = {0}, added = {0};
    struct slice rest = subscribe->filters;
    bool any_granted = false;
    /* What is stored is refusable, not the answer to who has all of it already: that comes behind
     * the commit of what was sent before, also of what makes room in a full store. */
    batch_begin(session->shard->outbox.batch, false);
    for (size_t i = 0; i < subscribe->count; i++) {
        struct subscribe_step *step = &steps[i];
        subscribe_next(&rest, session->version, &step->filter, &step->options);
        if (properties_have(&packet->properties, PROPERTY_SUBSCRIPTION_IDENTIFIER)) {
            step->identifier = packet->properties.subscription_identifier;
        }
        buffer_append_byte(&codes, (uint8_t)subscribe_one(session, step));
        granted[i] = codes.data[i] < 0x80;
        any_granted |= granted[i];
        if (granted[i] && step->is_new) {
            buffer_append(&added, slice_make(&step->number, sizeof(step->number)));
        }
    }
    if (!any_granted) { /* a refusal does not wait until a store that takes nothing does again */
        batch_begin(session->shard->outbox.batch, true);
    }
    answer(session, PACKET_SUBACK, subscribe->packet_id, &codes, &added);
    for (size_t i = 0; i < subscribe->count; i++) {
        if (granted[i] && wants_retained(&steps[i])) {
            deliver_retained(session, &steps[i]);
        }
    }
    buffer_release(&codes);
    buffer_release(&added);
    free(granted);
    free(steps);
    return REASON_SUCCESS;
}

/* --- UNSUBSCRIBE and changes of state --- */

static void forget_subscription(struct session *session, struct session_subscription *subscription)
{
    struct slice plain;
    session->shared_count -= strip_share(subscription_filter(subscription), &plain);
    counter_subtract(&session->shard->counters.internal_subscriptions, session->is_bridge);
    map_remove(&session->subscriptions, &subscription->by_filter);
    free(subscription);
}

static void remove_subscription(struct session *session, struct session_subscription *subscription)
{
    subscriptions_remove(session->shard->broker->subscriptions, subscription_filter(subscription),
                         session->ref);
    forget_subscription(session, subscription);
}

/* Subscriptions that could not be stored. */
static void take_back(struct session *session, const struct buffer *numbers)
{
    struct map_node *node = map_next(&session->subscriptions, NULL);
    while (node) {
        struct map_node *next = map_next(&session->subscriptions, node);
        struct session_subscription *subscription =
            CONTAINER_OF(node, struct session_subscription, by_filter);
        for (size_t i = 0; i < numbers->length; i += sizeof(uint32_t)) {
            if (memcmp(numbers->data + i, &subscription->number, sizeof(uint32_t)) == 0) {
                remove_subscription(session, subscription);
                break;
            }
        }
        node = next;
    }
}

enum reason_code session_receive_unsubscribe(struct session *session, const struct packet *packet)
{
    const struct subscribe *unsubscribe = &packet->subscribe;
    struct batch *batch = session->shard->outbox.batch;
    struct buffer codes = {0}, none = {0};
    struct slice rest = unsubscribe->filters, filter;
    batch_begin(batch, false);
    while (unsubscribe_next(&rest, &filter)) {
        struct session_subscription *subscription =
            session->subscriptions.count ? find_subscription(session, filter) : NULL;
        if (subscription) {
            if (session_is_durable(session)) {
                fact_delete_subscription(batch, session, subscription->number);
            }
            remove_subscription(session, subscription);
        }
        buffer_append_byte(&codes, subscription ? REASON_SUCCESS : REASON_NO_SUBSCRIPTION_EXISTED);
    }
    answer(session, PACKET_UNSUBACK, unsubscribe->packet_id, &codes, &none);
    buffer_release(&codes);
    return REASON_SUCCESS;
}

void session_update_subscriptions(struct session *session, bool check_access)
{
    struct shard *shard = session->shard;
    const struct map *map = &session->subscriptions;
    struct asker asker = session_asker(session);
    for (struct map_node *node = map_next(map, NULL); node; node = map_next(map, node)) {
        struct session_subscription *subscription =
            CONTAINER_OF(node, struct session_subscription, by_filter);
        struct slice filter = subscription_filter(subscription), plain;
        bool shared = strip_share(filter, &plain);
        uint8_t flags = subscription->flags;
        flags &= (uint8_t)~SUBSCRIBER_DERIVED;
        flags |= derived_flags(session, shared);
        if (check_access) {
            enum access_filter access = access_check_filter(&asker, plain);
            flags &= (uint8_t)~SUBSCRIBER_PER_MESSAGE;
            flags |= access == ACCESS_FILTER_GRANTED ? 0 : SUBSCRIBER_PER_MESSAGE;
        }
        /* The durable_id changes only together with SUBSCRIBER_DURABLE. */
        if (flags != subscription->flags) {
            subscription->flags = flags;
            struct subscriber subscriber = subscriber_of(session, subscription);
            subscriptions_add(shard->broker->subscriptions, filter, &subscriber);
        }
    }
}

void session_drop_subscriptions(struct session *session)
{
    struct map_node *node = map_next(&session->subscriptions, NULL);
    while (node) {
        struct map_node *next = map_next(&session->subscriptions, node);
        remove_subscription(session, CONTAINER_OF(node, struct session_subscription, by_filter));
        node = next;
    }
}
