/* Answers to the client that the bridge gives itself, in the order in which the client may expect
 * them: see mqtt_hub.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_client.h"

/* More than the client may have on the way (section 3.3.4). */
enum { HELD_MAX = UINT16_MAX };

struct held_answer {
    uint32_t after; /* goes when so many PUBLISHes have been answered */
    uint16_t packet_id;
    uint8_t reason;
};

/* ---------------------------------------------------------------- PUBACK and PUBREC */

static void send_answer(struct mqtt_client *mqtt, enum qos qos, uint16_t packet_id, uint8_t reason)
{
    struct packet answer = {
        .type = qos == QOS_1 ? PACKET_PUBACK : PACKET_PUBREC,
        .ack = {.packet_id = packet_id, .reason = reason},
    };

    mqtt_send_packet(mqtt, &answer);
}

void mqtt_answer_is_due(struct mqtt_client *mqtt, enum qos qos)
{
    if (qos != QOS_0) {
        mqtt->hub.qos[qos - QOS_1].sent++;
    }
}

void mqtt_answer_came(struct mqtt_client *mqtt, enum qos qos)
{
    struct mqtt_answers *answers = &mqtt->hub.qos[qos - QOS_1];
    struct held_answer held;
    size_t used = 0;

    answers->answered++;
    while (used < answers->held.length) {
        memcpy(&held, answers->held.data + used, sizeof(held));
        if ((int32_t)(held.after - answers->answered) > 0) {
            break;
        }
        send_answer(mqtt, qos, held.packet_id, held.reason);
        used += sizeof(held);
    }
    buffer_consume(&answers->held, used);
    if (answers->held.length == 0) {
        buffer_release(&answers->held);
    }
}

void mqtt_answer_publish(struct mqtt_client *mqtt, const struct publish *publish, uint8_t reason)
{
    struct mqtt_answers *answers = &mqtt->hub.qos[publish->qos - QOS_1];
    struct held_answer held = {answers->sent, publish->packet_id, reason};

    if (answers->sent == answers->answered) {
        send_answer(mqtt, publish->qos, publish->packet_id, reason);
    } else if (answers->held.length / sizeof(held) >= HELD_MAX) {
        mqtt_fail(mqtt, REASON_RECEIVE_MAXIMUM_EXCEEDED);
    } else {
        buffer_append(&answers->held, slice_make(&held, sizeof(held)));
    }
}

/* ---------------------------------------------------------------- SUBACK */

/* Before the codes of each SUBSCRIBE in `denied`. */
struct denied_header {
    uint32_t count;
    uint16_t packet_id;
};

void mqtt_deny_filters(struct mqtt_hub *hub, uint16_t packet_id, struct slice codes)
{
    struct denied_header header = {(uint32_t)codes.length, packet_id};

    buffer_append(&hub->denied, slice_make(&header, sizeof(header)));
    buffer_append(&hub->denied, codes);
}

/* Where the oldest record of this packet identifier begins; its end if there is none. */
static size_t find_denied(const struct buffer *denied, uint16_t packet_id,
                          struct denied_header *header)
{
    size_t at = 0;

    while (at < denied->length) {
        memcpy(header, denied->data + at, sizeof(*header));
        if (header->packet_id == packet_id) {
            break;
        }
        at += sizeof(*header) + header->count;
    }
    return at;
}

static void remove_denied(struct buffer *denied, size_t at, size_t size)
{
    memmove(denied->data + at, denied->data + at + size, denied->length - at - size);
    denied->length -= size;
    if (denied->length == 0) {
        buffer_release(denied);
    }
}

bool mqtt_merge_codes(struct mqtt_hub *hub, const struct suback *suback, struct buffer *codes)
{
    struct denied_header header;
    size_t at = find_denied(&hub->denied, suback->packet_id, &header), next = 0;
    const uint8_t *known;

    if (at == hub->denied.length) {
        return false;
    }
    known = hub->denied.data + at + sizeof(header);
    for (uint32_t i = 0; i < header.count && next <= suback->codes.length; i++) {
        uint8_t code = known[i];

        if (code == MQTT_CODE_OF_BROKER) {
            code = next < suback->codes.length ? suback->codes.data[next] : 0;
            next++;
        }
        buffer_append_byte(codes, code);
    }
    remove_denied(&hub->denied, at, sizeof(header) + header.count);
    return next == suback->codes.length;
}
