/* The connect event of a hub's MQTT client: see mqtt_event.h, admission.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "client/admission.h"
#include "client/mqtt_client.h"
#include "client/mqtt_event.h"
#include "client/mqtt_write.h"

struct mqtt_asking {
    struct event_wait wait;
    struct mqtt_client *mqtt;
    struct buffer packet; /* CONNECT */
};

/* ---------------------------------------------------------------- the question */

static void on_answer(struct event_wait *wait, const struct event_answer *answer);

bool mqtt_ask(struct mqtt_client *mqtt, const struct packet *packet, struct slice bytes)
{
    const struct connect *connect = &packet->connect;
    const struct upgrade *upgrade = mqtt->client.upgrade;
    struct pairs properties;
    struct connect_mqtt facts = {
        .version = (unsigned)connect->version,
        .clean_start = connect->clean_start,
        .has_user_name = connect->has_user_name,
        .has_password = connect->has_password,
        .user_name = connect->user_name,
        .password = connect->password,
    };

    if (upgrade->arrival.length == 0) {
        return false;
    }
    properties = mqtt_user_properties(&packet->properties);
    facts.user_properties = properties;
    mqtt->hub.asking = memory_allocate_zero(sizeof(*mqtt->hub.asking));
    mqtt->hub.asking->wait.answered = on_answer;
    mqtt->hub.asking->mqtt = mqtt;
    buffer_append(&mqtt->hub.asking->packet, bytes);
    mqtt->awaits_connack = true; /* the packets behind it wait */
    admission_raise(mqtt->client.gateway, upgrade, buffer_slice(&mqtt->hub.identifier),
                    mqtt_physical_id(mqtt), &facts, &mqtt->hub.asking->wait);
    free((void *)(uintptr_t)properties.items);
    return true;
}

static struct buffer stop(struct mqtt_client *mqtt)
{
    struct buffer packet = mqtt->hub.asking->packet;

    free(mqtt->hub.asking);
    mqtt->hub.asking = NULL;
    return packet;
}

void mqtt_stop_asking(struct mqtt_client *mqtt)
{
    const struct events *events = &mqtt->client.gateway->events;
    struct buffer packet;

    if (mqtt->hub.asking) {
        events->ops->cancel(events->context, &mqtt->hub.asking->wait);
        packet = stop(mqtt);
        buffer_release(&packet);
    }
}

/* ---------------------------------------------------------------- the answer */

/* What a status stands for that comes without a code of MQTT, as the official SDK maps them. */
static const struct {
    int status;
    uint8_t reason; /* of MQTT 5 */
    uint8_t code;   /* of MQTT 3.1.1 */
} refusals[] = {
    {400, REASON_BAD_USER_NAME_OR_PASSWORD, 4},
    {401, REASON_NOT_AUTHORIZED, 5},
    {403, REASON_BANNED, 5},
    {429, REASON_CONNECTION_RATE_EXCEEDED, 3},
};

enum { CODE_UNAVAILABLE = 3, CODE_MAX = 5 }; /* of MQTT 3.1.1 */

/* The code of the handler if it can be one, else what the status stands for. */
static uint8_t refusal_of(const struct mqtt_client *mqtt, int status,
                          const struct connect_answer *said)
{
    bool is_5 = mqtt->version == MQTT_5;

    if (said->has_code) {
        bool is_usable = is_5 ? said->code <= UINT8_MAX && said->code >= REASON_UNSPECIFIED_ERROR &&
                                    reason_allowed_from(true, PACKET_CONNACK, (uint8_t)said->code)
                              : said->code >= 1 && said->code <= CODE_MAX;
        if (is_usable) {
            return (uint8_t)said->code;
        }
        return is_5 ? REASON_UNSPECIFIED_ERROR : CODE_UNAVAILABLE;
    }
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].status == status) {
            return is_5 ? refusals[i].reason : refusals[i].code;
        }
    }
    return is_5 ? REASON_UNSPECIFIED_ERROR : CODE_UNAVAILABLE;
}

/* Encoded, for CONNACK. */
static void keep_properties(struct buffer *out, const struct connect_answer *said)
{
    out->length = 0;
    write_user_pairs(out, (struct pairs){said->user_properties, said->user_property_count});
}

static void refuse(struct mqtt_client *mqtt, const struct event_answer *answer)
{
    struct connect_answer said = {0};
    struct packet connack = {.type = PACKET_CONNACK};
    struct buffer properties = {0};

    if (!event_answer_is_success(answer)) { /* else it accepts in a way that is none */
        connect_answer_read(&said, answer->data.bytes);
    }
    connack.connack.reason = refusal_of(mqtt, answer->status, &said);
    keep_properties(&properties, &said);
    if (properties.length > 0) {
        connack.properties.present |= PROPERTY_BIT(USER_PROPERTY);
        connack.properties.raw = buffer_slice(&properties);
    }
    if (said.reason.length > 0) {
        connack.properties.present |= PROPERTY_BIT(REASON_STRING);
        connack.properties.reason_string = buffer_slice(&said.reason);
    }
    mqtt_send_packet(mqtt, &connack);
    mqtt_end(mqtt, mqtt->version == MQTT_5 ? (enum reason_code)connack.connack.reason
                                           : REASON_NOT_AUTHORIZED);
    buffer_release(&properties);
    connect_answer_release(&said);
}

static void on_answer(struct event_wait *wait, const struct event_answer *answer)
{
    struct mqtt_client *mqtt = CONTAINER_OF(wait, struct mqtt_asking, wait)->mqtt;
    struct buffer packet = stop(mqtt);
    struct connect_answer said = {0};

    mqtt->awaits_connack = false;
    if (mqtt->client.closing) {
        buffer_release(&packet);
        return;
    }
    if (event_answer_is_success(answer) && admission_apply(mqtt->client.upgrade, answer, &said)) {
        keep_properties(&mqtt->hub.connack_properties, &said);
        connect_answer_release(&said);
        mqtt_hub_admitted(mqtt, buffer_slice(&packet));
    } else {
        refuse(mqtt, answer);
    }
    buffer_release(&packet);
    mqtt_finish_turn(mqtt);
}
