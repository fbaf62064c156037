/* What a client publishes: checks, QoS 2 without duplicates, acknowledgements.
 *
 * A QoS 2 message is routed when its PUBLISH comes; its identifier is kept until PUBREL, so that a
 * repetition is answered and not routed again (MQTT-4.3.3-10, "method B" of section 4.3.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/alias.h"
#include "core/delayed.h"
#include "core/facts.h"
#include "core/inspect.h"
#include "core/publisher.h"
#include "core/reply.h"
#include "core/router.h"
#include "core/session.h"
#include "core/stored_message.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"

/* The topic name, through the alias if there is one (MQTT-3.3.2-7 to -12). */
static enum reason_code resolve_topic(struct connection *connection, const struct packet *packet,
                                      struct slice *topic)
{
    *topic = packet->publish.topic;
    if (!properties_have(&packet->properties, PROPERTY_TOPIC_ALIAS)) {
        return REASON_SUCCESS;
    }
    uint16_t alias = packet->properties.topic_alias;
    if (alias > connection->shard->settings->options.topic_alias_maximum) {
        return REASON_TOPIC_ALIAS_INVALID;
    }
    if (topic->length > 0) {
        if (!connection->aliases_in) {
            connection->aliases_in = aliases_new();
        }
        aliases_set(connection->aliases_in, alias, *topic);
        return REASON_SUCCESS;
    }
    return aliases_topic(connection->aliases_in, alias, topic) ? REASON_SUCCESS
                                                               : REASON_PROTOCOL_ERROR;
}

/* May this be published? A refusal goes into the acknowledgement. */
static enum reason_code check_publish(struct session *session, const struct packet *packet,
                                      struct slice topic)
{
    const struct settings *settings = session->shard->settings;
    const struct properties *properties = &packet->properties;
    if (topic.length > TOPIC_LEVELS_MAX && topic_level_count(topic) > TOPIC_LEVELS_MAX) {
        return REASON_TOPIC_NAME_INVALID;
    }
    if (!session_may_publish(session, topic) || !access_may_carry(session->identity, properties)) {
        LOG_LIMITED(LOG_INFO, "publish refused", "client=%s topic=%s",
                    log_quote(session_client_identifier(session)), log_quote(topic));
        return REASON_NOT_AUTHORIZED;
    }
    if (settings->options.validate_payload_format &&
        properties_have(properties, PROPERTY_PAYLOAD_FORMAT_INDICATOR) &&
        properties->payload_format_indicator == 1 &&
        !utf8_is_well_formed(packet->publish.payload)) {
        return REASON_PAYLOAD_FORMAT_INVALID;
    }
    return REASON_SUCCESS;
}

static msec_t expiry_of(const struct session *session, const struct properties *properties,
                        uint32_t delay_seconds)
{
    if (!properties_have(properties, PROPERTY_MESSAGE_EXPIRY_INTERVAL)) {
        return MSEC_NEVER;
    }
    return session->shard->now +
           ((msec_t)delay_seconds + properties->message_expiry_interval) * 1000;
}

static struct message *make_message(struct session *session, const struct packet *packet,
                                    struct slice topic, uint32_t delay_seconds)
{
    return message_new(&(struct message_parts){
        .topic = topic,
        .payload = packet->publish.payload,
        .properties = packet->properties.raw,
        .forwards_all = (packet->properties.present & ~PROPERTIES_FORWARDED) == 0,
        .told = publisher_told(session),
        .expires_at = expiry_of(session, &packet->properties, delay_seconds),
        .publisher = session_as_publisher(session),
        .qos = packet->publish.qos,
        .retain = packet->publish.retain,
    });
}

/* A delayed message at QoS > 0 is stored, and so is its reception at QoS 2 by a durable session. */
static enum reason_code accept_delayed(struct session *session, const struct packet *packet,
                                       struct slice topic)
{
    struct shard *shard = session->shard;
    const struct publish *publish = &packet->publish;
    uint32_t seconds = 0;
    enum reason_code reason =
        delayed_parse(topic, shard->settings->options.delayed_seconds_maximum, &seconds, &topic);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    struct message *message = make_message(session, packet, topic, seconds);
    reason = delayed_add(shard, message, seconds);
    if (reason == REASON_SUCCESS && publish->qos == QOS_2 && session_is_durable(session)) {
        stored_message_put(shard, message, &(struct recipients){0}, false,
                           session_durable_id(session), publish->packet_id);
    }
    message_release(message);
    return reason;
}

/* A value of the moment, like those of the broker itself: the store gets nothing of it. */
static bool is_volatile(const struct publish *publish, struct slice topic)
{
    return publish->qos == QOS_0 && topic.data[0] == '$' &&
           slice_starts_with(topic, SLICE_LITERAL("$SYS/"));
}

/* Routes an accepted PUBLISH, which acknowledges it too. */
static void accept_publish(struct session *session, const struct packet *packet, struct slice topic)
{
    const struct publish *publish = &packet->publish;
    if (topic.data[0] == '$' && delayed_is_delayed_topic(topic)) {
        enum reason_code reason = accept_delayed(session, packet, topic);
        if (publish->qos > QOS_0 && reason == REASON_SUCCESS) {
            router_acknowledge_stored(session, publish->qos, publish->packet_id);
        } else if (publish->qos > QOS_0) {
            router_acknowledge(session, publish->qos, publish->packet_id, reason);
        }
        return;
    }
    if (topic.data[0] == '$' && inspect_is_question(session, topic)) {
        inspect_ask(session, packet, topic);
        if (publish->qos > QOS_0) {
            router_acknowledge(session, publish->qos, publish->packet_id, REASON_SUCCESS);
        }
        return;
    }
    struct message *message = make_message(session, packet, topic, 0);
    if (is_volatile(publish, topic)) {
        router_publish_volatile(session->shard, message);
    } else {
        router_publish(session->shard, message, session, publish->packet_id);
    }
    message_release(message);
}

uint16_t session_receive_maximum(const struct session *session)
{
    return session->identity->trusted ? UINT16_MAX
                                      : session->shard->settings->options.receive_maximum;
}

/* QoS > 0: flow control and repetitions. True if the PUBLISH goes on to be routed. */
static bool begin_acknowledged(struct session *session, const struct publish *publish,
                               enum reason_code *reason)
{
    struct connection *connection = session->connection;
    uint16_t maximum =
        connection->version == MQTT_5 ? session_receive_maximum(session) : UINT16_MAX;
    if (publish->qos == QOS_2 && packet_ids_contain(&session->received, publish->packet_id)) {
        router_acknowledge(session, QOS_2, publish->packet_id, REASON_SUCCESS);
        return false;
    }
    if (connection->receive_count >= maximum) {
        *reason = REASON_RECEIVE_MAXIMUM_EXCEEDED;
        return false;
    }
    connection->receive_count++;
    if (publish->qos == QOS_2) {
        packet_ids_add(&session->received, publish->packet_id);
        packet_ids_add(&session->received_now, publish->packet_id);
        session_mark_unsaved(session);
    }
    return true;
}

/* In a namespace, 3.1.1, which cannot be told no, is not told yes either (spec/eventgrid.md 6.3).
 */
static bool must_go(const struct session *session, enum reason_code refused)
{
    return refused == REASON_NOT_AUTHORIZED && session->version != MQTT_5 &&
           rule_set_has_namespace(session->shard->settings->access);
}

enum reason_code session_receive_publish(struct session *session, const struct packet *packet)
{
    const struct publish *publish = &packet->publish;
    struct counters *counters = &session->shard->counters;
    counter_add(&counters->publish_received, 1);
    counter_add(&counters->publish_bytes_received, publish->payload.length);

    struct slice topic;
    enum reason_code reason = resolve_topic(session->connection, packet, &topic);
    if (reason != REASON_SUCCESS) {
        return reason;
    }
    if (publish->retain && !session->shard->settings->options.retain_available) {
        return REASON_RETAIN_NOT_SUPPORTED;
    }
    if (publish->qos > QOS_0 && !begin_acknowledged(session, publish, &reason)) {
        return reason;
    }
    enum reason_code refused = check_publish(session, packet, topic);
    if (refused == REASON_SUCCESS) {
        accept_publish(session, packet, topic);
    } else if (must_go(session, refused) ||
               (publish->qos == QOS_0 && refused == REASON_PAYLOAD_FORMAT_INVALID)) {
        return refused; /* there is no acknowledgement to say it in */
    } else if (publish->qos > QOS_0) {
        router_acknowledge(session, publish->qos, publish->packet_id, refused);
    } else {
        counter_add(&counters->publish_dropped, 1);
    }
    return REASON_SUCCESS;
}

/* A PUBACK or PUBREC ends what the client has in flight, or (PUBREC without error) not yet. */
static void end_received(struct session *session)
{
    if (session->connection->receive_count > 0) {
        session->connection->receive_count--;
    }
}

void session_acknowledge(struct session *session, enum qos qos, uint16_t packet_id,
                         enum reason_code reason)
{
    struct connection *connection = session->connection;
    packet_ids_remove(&session->received_now, packet_id);
    if (reason_is_store_refusal(reason) && connection->version != MQTT_5) {
        /* 3.1.1 has no way to say no; without an acknowledgement the client keeps the message. */
        packet_ids_remove(&session->received, packet_id);
        connection_close(connection, reason, NULL);
        return;
    }
    if (qos == QOS_1) {
        end_received(session);
        reply_ack(connection, PACKET_PUBACK, packet_id, reason);
        return;
    }
    /* A refused QoS 2 PUBLISH ends here (MQTT-4.3.3-9); 3.1.1 cannot say so and goes on. */
    if (reason_is_error(reason) && connection->version == MQTT_5) {
        packet_ids_remove(&session->received, packet_id);
        end_received(session);
    }
    reply_ack(connection, PACKET_PUBREC, packet_id, reason);
}

/* The owed PUBCOMP: when it comes, the client may use the identifier again. */
struct sealed_pubcomp {
    struct sealed sealed;
    struct session_link link;
    uint16_t packet_id;
    uint8_t reason;
};

static void pubcomp_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_pubcomp *pubcomp = CONTAINER_OF(sealed, struct sealed_pubcomp, sealed);
    struct session *session = receiver ? sessions_resolve(receiver, pubcomp->link.session) : NULL;
    if (session_has_link(session, pubcomp->link)) {
        if (commit->result == STORE_OK) {
            reply_ack(session->connection, PACKET_PUBCOMP, pubcomp->packet_id, pubcomp->reason);
        } else {
            connection_close(session->connection, REASON_IMPLEMENTATION_SPECIFIC_ERROR,
                             "the store has failed");
        }
    }
    free(pubcomp);
}

/* Also a repeated PUBREL waits for the commit of the first. */
static void complete_stored(struct session *session, uint16_t packet_id, bool found)
{
    struct batch *batch = session->shard->outbox.batch;
    struct sealed_pubcomp *pubcomp = memory_allocate(sizeof(*pubcomp));
    *pubcomp = (struct sealed_pubcomp){
        .sealed = {.run = pubcomp_committed},
        .link = session_link(session),
        .packet_id = packet_id,
        .reason = found ? REASON_SUCCESS : REASON_PACKET_IDENTIFIER_NOT_FOUND,
    };
    batch_begin(batch, false);
    if (found) {
        fact_received_end(batch, session_durable_id(session), packet_id);
        session_mark_unsaved(session);
    }
    batch_seal(batch, session->shard->index, &pubcomp->sealed);
}

enum reason_code session_receive_pubrel(struct session *session, const struct packet *packet)
{
    uint16_t packet_id = packet->ack.packet_id;
    bool found = packet_ids_remove(&session->received, packet_id);
    if (found) {
        end_received(session);
    }
    if (session_is_durable(session)) {
        complete_stored(session, packet_id, found);
    } else {
        reply_ack(session->connection, PACKET_PUBCOMP, packet_id,
                  found ? REASON_SUCCESS : REASON_PACKET_IDENTIFIER_NOT_FOUND);
    }
    return REASON_SUCCESS;
}
