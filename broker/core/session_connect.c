/* The life of a session: CONNECT creates, resumes or takes it over; when its network connection is
 * gone, the will's delay and the expiry interval decide.
 *
 *   (none) --CONNECT--> connected --connection ends--> waiting --CONNECT--> connected
 *                           |                             |
 *                           +--expiry interval 0----------+--will delay: publish the will
 *                           |                             +--expiry: the session ends
 *                           v
 *                         (none)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/admission.h"
#include "core/connect.h"
#include "core/life_cycle.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/will.h"

/* --- the end of a network connection --- */

enum { WILL_RETRY_MS = 1000 };

static void session_timer_fire(struct timer *timer, void *context);

struct session_schedule *session_schedule(struct session *session)
{
    struct session_schedule *schedule = session->schedule;
    if (!schedule) {
        schedule = memory_allocate_zero(sizeof(*schedule));
        schedule->session = session;
        schedule->will_at = schedule->expires_at = MSEC_NEVER;
        timer_init(&schedule->timer, session_timer_fire);
        session->schedule = schedule;
    }
    return schedule;
}

void session_drop_schedule(struct session *session)
{
    if (session->schedule) {
        timers_cancel(&session->shard->timers, &session->schedule->timer);
        free(session->schedule);
        session->schedule = NULL;
    }
}

static void arm_timer(struct session *session)
{
    struct session_schedule *schedule = session_schedule(session);
    msec_t deadline =
        schedule->will_at < schedule->expires_at ? schedule->will_at : schedule->expires_at;
    deadline = session->overflowed ? session->shard->now : deadline;
    if (deadline == MSEC_NEVER) {
        timers_cancel(&session->shard->timers, &schedule->timer);
    } else {
        timers_set(&session->shard->timers, &schedule->timer, deadline);
    }
}

/* A will that must be stored waits in its session's row until the store takes it. */
static bool postpone_will(struct session *session)
{
    const struct will_message *will = session->will;
    bool waits = will && session_is_durable(session) && will->message->qos > QOS_0 &&
                 shard_store_refusal(session->shard) != REASON_SUCCESS;
    if (waits) {
        session_schedule(session)->will_at = session->shard->now + WILL_RETRY_MS;
    }
    return waits;
}

static void end_overflowed(struct session *session)
{
    session->expiry_interval = 0;
    if (session->connection) {
        connection_close(session->connection, REASON_QUOTA_EXCEEDED,
                         "more messages wait for this client than may");
    } else {
        session_end(session);
    }
}

static void session_timer_fire(struct timer *timer, void *context)
{
    struct shard *shard = context;
    struct session_schedule *schedule = CONTAINER_OF(timer, struct session_schedule, timer);
    struct session *session = schedule->session;
    if (session->overflowed) {
        end_overflowed(session);
        return;
    }
    if (schedule->expires_at <= shard->now) {
        counter_add(&shard->counters.clients_expired, 1);
        session_end(session);
        return;
    }
    if (schedule->will_at <= shard->now && !postpone_will(session)) {
        will_publish(session);
        session_put_row(session);
    }
    arm_timer(session);
}

static void let_go(struct batch *batch, const struct delivery *delivery)
{
    if (delivery->position != 0 && delivery->position != DELIVERY_POSITION_UNKNOWN) {
        batch_unpin(batch, delivery->position);
    }
}

/* Whatever of its deliveries is stored is needed no more. */
static void let_go_of_stored(struct session *session)
{
    struct batch *batch = session->shard->outbox.batch;
    for (struct delivery_place place = delivery_queue_begin(&session->queue); place.chunk;
         place = delivery_place_next(place)) {
        let_go(batch, delivery_at(place));
    }
    for (uint32_t i = 0; i < session->inflight.capacity; i++) {
        const struct inflight_entry *entry = &session->inflight.entries[i];
        if (entry->state != INFLIGHT_FREE) {
            let_go(batch, &entry->delivery);
        }
    }
}

void session_end(struct session *session)
{
    struct shard *shard = session->shard;
    assert(!session->connection);
    session_drop_subscriptions(session);
    will_publish(session); /* MQTT-3.1.2-8: at the latest when the session ends */
    session_become_volatile(session);
    let_go_of_stored(session);
    counter_subtract(&shard->counters.clients_disconnected, 1);
    sessions_remove(session);
}

static void arm_will(struct session *session)
{
    const struct will_message *will = session->will;
    if (!will) {
        return;
    }
    struct session_schedule *schedule = session_schedule(session);
    schedule->will_at = schedule->disconnected_at + (msec_t)will->delay * 1000;
    if (will->delay == 0 && !postpone_will(session)) {
        will_publish(session);
    }
}

void session_disconnect(struct session *session, bool keep_will)
{
    struct shard *shard = session->shard;
    life_cycle_disconnected(session, session->connection);
    session->connection->session = NULL;
    session->connection = NULL;
    session->unacknowledged = 0;
    counter_subtract(&shard->counters.clients_connected, 1);
    counter_add(&shard->counters.clients_disconnected, 1);
    if (!keep_will && !shard->stopping) {
        will_drop(session);
    }
    if (session->expiry_interval == 0 && !shard->stopping) {
        session_end(session);
        return;
    }
    session_schedule(session)->disconnected_at = shard->now;
    if (shard->stopping) {
        session_put_row(session);
        return; /* sessions and wills stay as they are */
    }
    session_update_subscriptions(session, false);
    session_requeue(session);
    session_arm(session);
    session_put_row(session);
}

void session_arm(struct session *session)
{
    arm_will(session);
    if (session->expiry_interval != SESSION_NEVER_EXPIRES) {
        struct session_schedule *schedule = session_schedule(session);
        schedule->expires_at = schedule->disconnected_at + (msec_t)session->expiry_interval * 1000;
    }
    arm_timer(session);
}

/* Not at once: whoever delivers or subscribes right now has the session in its hands. */
void session_overflow(struct session *session)
{
    if (!session->overflowed) {
        session->overflowed = true;
        session_put_row(session); /* after a crash too, a message is missing */
        LOG_LIMITED(LOG_WARNING, "too much waits for a client, its session ends",
                    "client=%s messages=%u bytes=%llu",
                    log_quote(session_client_identifier(session)), session->queue.count,
                    (unsigned long long)session->queue.bytes);
        arm_timer(session);
    }
}

void session_set_expiry(struct session *session, uint32_t seconds)
{
    uint32_t maximum = session_expiry_bound(session->shard, session->is_bridge);
    session->expiry_interval = seconds < maximum ? seconds : maximum;
}

/* --- CONNECT --- */

/* A session belongs to its user: nobody resumes another's queue. */
static bool resumes(const struct session *session, const struct connection *connection,
                    const struct connect *connect)
{
    return !connect->clean_start && admission_same_user(session, connection) &&
           !session->overflowed;
}

/* Closes the connection that has the session now (MQTT-3.1.4-3), and ends the session if this
 * CONNECT must not resume it (*ended_stored: one that was in the store). NULL: there is none to
 * resume. */
static struct session *take_over(struct connection *connection, const struct connect *connect,
                                 bool *ended_stored)
{
    struct shard *shard = connection->shard;
    struct slice client_identifier = connection_client_identifier(connection);
    struct session *session = sessions_find(shard, client_identifier);
    if (session && session->connection) {
        connection_close(session->connection, REASON_SESSION_TAKEN_OVER,
                         "another client connected with this client identifier");
        session = sessions_find(shard, client_identifier);
    }
    if (session && !resumes(session, connection, connect)) {
        *ended_stored = session_is_durable(session);
        session_end(session);
        session = NULL;
    }
    return session;
}

struct session *session_create(struct shard *shard, struct slice client_identifier)
{
    struct session *session = sessions_add(shard, client_identifier);
    if (session) {
        counter_add(&shard->counters.clients_disconnected, 1);
    }
    return session;
}

/* Is it in the store exactly if it outlives its connection? */
static void set_durability(struct session *session)
{
    if (session->expiry_interval == 0) {
        session_become_volatile(session);
    } else if (!session_is_durable(session)) {
        session_become_durable(session);
    }
    session_put_row(session);
}

static void attach(struct session *session, struct connection *connection,
                   const struct packet *packet)
{
    struct shard *shard = session->shard;
    session_drop_schedule(session);
    session->connection = connection;
    session->connection_number++;
    session->version = connection->version;
    session->queue_overflowing = false;
    session->bounds = connection_origin(connection).bounds;
    session_set_identity(session, connection->identity);
    session_set_expiry(session, admission_wanted_expiry(packet));
    will_set(session, &packet->connect.will);
    connection->session = session;
    connection_set_state(connection, CONNECTION_ATTACHED);
    counter_subtract(&shard->counters.clients_disconnected, 1);
    counter_add(&shard->counters.clients_connected, 1);
    counter_add(&shard->counters.clients_total_connects, 1);
    set_durability(session);
    session_update_subscriptions(session, true);
    life_cycle_connected(session);
}

static void add_number(struct packet *packet, enum property property)
{
    packet->properties.present |= UINT64_C(1) << property;
}

/* What differs from what the client asked for or may assume (section 3.2.2.3). */
static void add_limits(struct packet *connack, const struct session *session,
                       const struct packet *connect)
{
    const struct core_options *options = &session->shard->settings->options;
    struct properties *p = &connack->properties;
    if (session->expiry_interval != admission_wanted_expiry(connect)) {
        p->session_expiry_interval = session->expiry_interval;
        add_number(connack, PROPERTY_SESSION_EXPIRY_INTERVAL);
    }
    if (session_receive_maximum(session) != UINT16_MAX) {
        p->receive_maximum = session_receive_maximum(session);
        add_number(connack, PROPERTY_RECEIVE_MAXIMUM);
    }
    if (!options->retain_available) {
        p->retain_available = 0;
        add_number(connack, PROPERTY_RETAIN_AVAILABLE);
    }
    p->maximum_packet_size = options->maximum_packet_size;
    add_number(connack, PROPERTY_MAXIMUM_PACKET_SIZE);
    if (options->topic_alias_maximum > 0) {
        p->topic_alias_maximum = options->topic_alias_maximum;
        add_number(connack, PROPERTY_TOPIC_ALIAS_MAXIMUM);
    }
}

static void add_connection_facts(struct packet *connack, const struct connection *connection,
                                 const struct packet *connect)
{
    struct properties *p = &connack->properties;
    if (connection->keep_alive != connect->connect.keep_alive) {
        p->server_keep_alive = connection->keep_alive;
        add_number(connack, PROPERTY_SERVER_KEEP_ALIVE);
    }
    if (connection->greeting->is_assigned) {
        p->assigned_client_identifier = connection_client_identifier(connection);
        add_number(connack, PROPERTY_ASSIGNED_CLIENT_IDENTIFIER);
    }
    if (connection->enhanced) {
        p->authentication_method = connection_authentication_method(connection);
        add_number(connack, PROPERTY_AUTHENTICATION_METHOD);
        if (connection->greeting->auth_reply_data.length > 0) {
            p->authentication_data = buffer_slice(&connection->greeting->auth_reply_data);
            add_number(connack, PROPERTY_AUTHENTICATION_DATA);
        }
    }
}

static void send_connack(struct session *session, const struct packet *connect, bool present)
{
    struct packet connack = {.type = PACKET_CONNACK, .connack = {.session_present = present}};
    if (connect->connect.version == MQTT_5) {
        add_limits(&connack, session, connect);
        add_connection_facts(&connack, session->connection, connect);
    }
    if (!reply_packet(session->connection, &connack)) {
        /* Not even CONNACK fits the client's Maximum Packet Size, and nothing may come before it
         * (MQTT-3.14.0-1): a connection without a word. */
        LOG_LIMITED(LOG_INFO, "client takes too small packets", "client=%s",
                    log_quote(session_client_identifier(session)));
        connection_close(session->connection, REASON_NORMAL_DISCONNECTION, NULL);
    }
}

static void refuse(struct connection *connection, struct refusal refusal)
{
    LOG_LIMITED(LOG_WARNING, "session refused", "client=%s reason=\"%s\"",
                log_quote(connection_client_identifier(connection)), refusal.text);
    reply_connack_refused(connection, refusal.reason, refusal.text);
    connection_close(connection, refusal.reason, NULL);
}

/* The owed CONNACK of a client that began anew: a crash must not bring back what it ended. What the
 * client gets behind it waits with it. */
struct sealed_connack {
    struct sealed sealed;
    struct session_link link;
};

static void connack_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_connack *connack = CONTAINER_OF(sealed, struct sealed_connack, sealed);
    struct session *session = receiver ? sessions_resolve(receiver, connack->link.session) : NULL;
    if (session_has_link(session, connack->link)) {
        if (commit->result == STORE_OK) {
            session->connection->output_waits = false;
            connection_mark_dirty(session->connection);
        } else {
            connection_close(session->connection, REASON_SERVER_UNAVAILABLE, NULL);
        }
    }
    free(connack);
}

static void withhold_connack(struct session *session)
{
    struct sealed_connack *connack = memory_allocate(sizeof(*connack));
    *connack = (struct sealed_connack){
        .sealed = {.run = connack_committed},
        .link = session_link(session),
    };
    session->connection->output_waits = true;
    batch_begin(session->shard->outbox.batch, false);
    batch_seal(session->shard->outbox.batch, session->shard->index, &connack->sealed);
}

void session_connect(struct connection *connection, const struct packet *packet)
{
    struct shard *shard = connection->shard;
    struct session_count *counted = NULL; /* of a new session */
    bool ended_stored = false;
    struct session *session = sessions_find(shard, connection_client_identifier(connection));
    bool resumed =
        session && session_is_durable(session) && resumes(session, connection, &packet->connect);
    struct refusal refusal = admission_check(connection, packet, session, resumed, &counted);
    if (refusal.reason != REASON_SUCCESS) {
        refuse(connection, refusal);
        return;
    }
    session = take_over(connection, &packet->connect, &ended_stored);
    bool present = session != NULL;
    if (resumed && !present) {
        counted = admission_count(connection); /* it has overflowed by its own will meanwhile */
    }
    if (!session) {
        session = session_create(shard, connection_client_identifier(connection));
    }
    if (!session) {
        session_counts_give(shard->broker->session_counts, counted);
        log_write(LOG_ERROR, "too many sessions", "worker=%u", shard->index);
        refuse(connection, (struct refusal){REASON_QUOTA_EXCEEDED, "the server is full"});
        return;
    }
    session->counted = present ? session->counted : counted;
    ended_stored |= present && session_is_durable(session) && admission_wanted_expiry(packet) == 0;
    attach(session, connection, packet);
    if (ended_stored) {
        withhold_connack(session);
    }
    send_connack(session, packet, present);
    if (connection->state == CONNECTION_ATTACHED) {
        session_resend_pubrels(session);
        session_send_waiting(session);
    }
}
