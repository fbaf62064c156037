/* See runner_session.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/runner_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/staff.h"
#include "trunk/trunk.h"

enum {
    SUBSCRIBE_ID = 1,
    CONFIRM_ID = 2,
    UNSUBSCRIBE_ID = 3,
    WAIT_FIRST_MS = 50,
    WAIT_MOST_MS = 10000,
    TAKEN_OVER_MS = 2000, /* by then all processes know the same of each other */
    JITTER_MS = 1000,
};

#define ROLE "events"

#define QUEUE_PREFIX "$wps//" ROLE "/"

static struct runner_session *session_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct runner_session, own);
}

/* The name behind the role, for own_channel_connect(). */
static const char *name_of(const struct buffer *queue)
{
    return (const char *)queue->data + strlen(QUEUE_PREFIX);
}

static struct slice name_in(const struct buffer *queue)
{
    return slice_make(queue->data, queue->length - 1);
}

static void set_name(struct buffer *queue, struct slice name)
{
    buffer_append(queue, name);
    buffer_append_byte(queue, '\0');
}

/* ---------------------------------------------------------------- connecting */

static void subscribe(struct runner_session *session, uint16_t packet_id)
{
    struct slice filters = buffer_slice(&session->filters);
    struct buffer own_filter = {0};

    if (filters.length == 0) {
        write_filter(&own_filter, name_in(&session->queue),
                     &(struct subscription_options){.qos = QOS_1});
        filters = buffer_slice(&own_filter);
    }
    write_subscribe(&session->own.gateway->packet, packet_id, filters);
    own_channel_send(&session->own);
    buffer_release(&own_filter);
}

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct runner_session *session = session_of(own);

    (void)connack;
    session->state = SESSION_SUBSCRIBING;
    if (session->events->connected) {
        session->events->connected(session);
    }
    subscribe(session, SUBSCRIBE_ID);
}

static void on_retained(struct own_channel *own, const struct trunk_retained *retained)
{
    struct runner_session *session = session_of(own);

    if (session->events->retained) {
        session->events->retained(session, retained);
    }
}

bool runner_session_confirm(struct runner_session *session)
{
    if (!session->own.is_connected) {
        return false;
    }
    subscribe(session, CONFIRM_ID);
    return true;
}

static bool listens_to(const struct runner_session *session, struct slice filter)
{
    struct slice rest = buffer_slice(&session->filters), own;
    struct subscription_options options;

    while (subscribe_next(&rest, MQTT_5, &own, &options)) {
        if (slice_equal(own, filter)) {
            return true;
        }
    }
    return false;
}

static void on_subscriptions(struct own_channel *own, struct slice filters)
{
    struct runner_session *session = session_of(own);
    struct slice filter;

    session->stale.length = 0;
    while (session->filters.length > 0 && trunk_next_filter(&filters, &filter)) {
        if (!listens_to(session, filter)) {
            buffer_append_u16(&session->stale, (uint16_t)filter.length);
            buffer_append(&session->stale, filter);
        }
    }
}

static void unsubscribe_stale(struct runner_session *session)
{
    struct slice rest = buffer_slice(&session->stale), filter;

    while (unsubscribe_next(&rest, &filter)) {
        write_unsubscribe(&session->own.gateway->packet, UNSUBSCRIBE_ID, filter);
    }
    own_channel_send(&session->own);
    buffer_release(&session->stale);
}

/* A session that was there delivers before its SUBACK. */
static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    struct runner_session *session = session_of(own);

    if (session->events->event && (sequence != 0 || session->filters.length > 0)) {
        session->events->event(session, fanout, sequence);
    } else if (own->holds_credit) {
        own_channel_credit(own, fanout->packet.length); /* nobody publishes to queues at QoS 0 */
    }
}

static void connect_later(struct runner_session *session, msec_t wait_ms)
{
    struct gateway *gateway = session->own.gateway;
    uint16_t random;

    gateway->random(&random, sizeof(random));
    timers_set(&gateway->timers, &session->again,
               gateway_now(gateway) + wait_ms +
                   random % (wait_ms < JITTER_MS ? wait_ms : JITTER_MS));
}

static void wait_and_connect(struct runner_session *session)
{
    connect_later(session, session->wait_ms);
    session->wait_ms = session->wait_ms * 2 < WAIT_MOST_MS ? session->wait_ms * 2 : WAIT_MOST_MS;
}

static bool is_refused(const struct packet *suback)
{
    struct slice codes = suback->suback.codes;

    for (size_t i = 0; i < codes.length; i++) {
        if (reason_is_error(codes.data[i])) {
            return true;
        }
    }
    return codes.length == 0;
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    struct runner_session *session = session_of(own);
    bool is_good;

    if (packet->type != PACKET_SUBACK) {
        return;
    }
    is_good = !is_refused(packet);
    if (packet->suback.packet_id == CONFIRM_ID) {
        session->events->confirmed(session, is_good);
        return;
    }
    if (session->state != SESSION_SUBSCRIBING) {
        return;
    }
    if (!is_good) {
        log_write(LOG_WARNING, "a queue of events cannot be subscribed to", "queue=%s",
                  (const char *)session->queue.data);
        own_channel_close(own);
        session->state = SESSION_IDLE;
        session->events->ended(session);
        wait_and_connect(session);
        return;
    }
    unsubscribe_stale(session);
    session->state = SESSION_OPEN;
    session->wait_ms = WAIT_FIRST_MS;
    if (session->events->opened) {
        session->events->opened(session);
    }
}

static void on_ended(struct own_channel *own)
{
    struct runner_session *session = session_of(own);

    session->state = SESSION_IDLE;
    session->events->ended(session);
}

static void on_closed(struct own_channel *own, uint8_t reason)
{
    struct runner_session *session = session_of(own);

    if (reason == REASON_SESSION_TAKEN_OVER) {
        log_write(LOG_INFO, "another process runs a subscription now", "queue=%s",
                  (const char *)session->queue.data);
        connect_later(session, TAKEN_OVER_MS);
    } else {
        log_write(LOG_WARNING, "the connection of a queue was ended", "queue=%s reason=\"%s\"",
                  (const char *)session->queue.data, reason_text(reason));
        wait_and_connect(session);
    }
}

static const struct own_channel_events channel_events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .subscriptions = on_subscriptions,
    .retained = on_retained,
    .ended = on_ended,
    .closed = on_closed,
};

static void on_again(struct timer *timer, void *context)
{
    struct runner_session *session = CONTAINER_OF(timer, struct runner_session, again);

    (void)context;
    if (session->events->is_wanted(session)) {
        runner_session_connect(session);
    }
}

void runner_session_init(struct runner_session *session, struct gateway *gateway,
                         const struct runner_session_events *events, struct slice queue,
                         uint16_t window)
{
    *session = (struct runner_session){
        .events = events, .window = window, .expiry_s = RUNNER_SESSION_FOREVER};
    own_channel_init(&session->own, gateway, &channel_events);
    session->own.holds_credit = events->event != NULL;
    session->wait_ms = WAIT_FIRST_MS;
    set_name(&session->queue, queue);
    timer_init(&session->again, on_again);
}

void runner_session_listen(struct runner_session *session, struct slice filters, uint32_t expiry_s)
{
    session->filters.length = 0;
    buffer_append(&session->filters, filters);
    session->expiry_s = expiry_s;
}

void runner_session_connect(struct runner_session *session)
{
    struct gateway *gateway = session->own.gateway;

    if (session->state != SESSION_IDLE || !gateway_is_ready(gateway)) {
        return;
    }
    timers_cancel(&gateway->timers, &session->again);
    session->state = SESSION_CONNECTING;
    session->connections++;
    own_channel_connect(
        &session->own, ROLE, name_of(&session->queue),
        (struct connect_request){.session_expiry_s = session->expiry_s, .window = session->window});
}

void runner_session_wake(struct runner_session *session)
{
    if (!timer_is_set(&session->again)) {
        runner_session_connect(session);
    }
}

void runner_session_close(struct runner_session *session)
{
    timers_cancel(&session->own.gateway->timers, &session->again);
    own_channel_close(&session->own);
    session->state = SESSION_IDLE;
}

void runner_session_release(struct runner_session *session)
{
    runner_session_close(session);
    buffer_release(&session->queue);
    buffer_release(&session->filters);
    buffer_release(&session->stale);
}

/* ---------------------------------------------------------------- erasing */

void runner_session_append_mark(struct buffer *out, struct slice queue)
{
    buffer_append(out, queue);
    buffer_append_string(out, "/given");
}

/* A connection with Clean Start whose session ends with it. */
struct erasure {
    struct own_channel own;
    struct list link;
    struct buffer queue; /* as a session's */
};

static void erasure_free(struct erasure *erasure)
{
    list_remove(&erasure->link);
    own_channel_close(&erasure->own);
    buffer_release(&erasure->queue);
    free(erasure);
}

static void erased(struct own_channel *own, const struct packet *connack)
{
    struct erasure *erasure = CONTAINER_OF(own, struct erasure, own);
    struct buffer *topic = &own->gateway->topic;

    (void)connack;
    topic->length = 0;
    runner_session_append_mark(topic, name_in(&erasure->queue));
    write_publish(
        &own->gateway->packet,
        &(struct publication){.topic = buffer_slice(topic), .is_plain = true, .retain = true});
    write_disconnect_for_good(&own->gateway->packet, false);
    own_channel_send(own);
    erasure_free(erasure);
}

static void no_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    (void)own, (void)fanout, (void)sequence;
}

static void nothing_ended(struct own_channel *own)
{
    (void)own; /* it is done again when the broker is there */
}

/* Who has taken the session over erases it, too, or wants it: a subscription of that name is there
 * again. Either way it is not ours any more. */
static void erasure_closed(struct own_channel *own, uint8_t reason)
{
    if (reason == REASON_SESSION_TAKEN_OVER) {
        erasure_free(CONTAINER_OF(own, struct erasure, own));
    }
}

static void erasure_connect(struct own_channel *own)
{
    if (!own->channel.is_open && gateway_is_ready(own->gateway)) {
        own_channel_connect(own, ROLE, name_of(&CONTAINER_OF(own, struct erasure, own)->queue),
                            (struct connect_request){.clean_start = true});
    }
}

static const struct own_channel_events erasure_events = {
    .connected = erased,
    .publish = no_publish,
    .ended = nothing_ended,
    .closed = erasure_closed,
    .again = erasure_connect,
};

void runner_session_erase(struct gateway *gateway, struct list *erasures, struct slice queue)
{
    struct erasure *erasure = memory_allocate_zero(sizeof(*erasure));

    own_channel_init(&erasure->own, gateway, &erasure_events);
    set_name(&erasure->queue, queue);
    list_add_last(erasures, &erasure->link);
    erasure_connect(&erasure->own);
}

void runner_session_erase_again(struct list *erasures)
{
    LIST_FOREACH (link, erasures) {
        erasure_connect(&CONTAINER_OF(link, struct erasure, link)->own);
    }
}

void runner_session_keep(struct list *erasures, struct slice queue)
{
    LIST_FOREACH_SAFE (link, erasures) {
        struct erasure *erasure = CONTAINER_OF(link, struct erasure, link);
        if (slice_equal(name_in(&erasure->queue), queue)) {
            erasure_free(erasure);
        }
    }
}

void runner_session_forget_erasures(struct list *erasures)
{
    LIST_FOREACH_SAFE (link, erasures) {
        erasure_free(CONTAINER_OF(link, struct erasure, link));
    }
}
