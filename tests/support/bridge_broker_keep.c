/* See bridge_broker_keep.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/bridge_broker_keep.h"

#include <stdlib.h>

#include "base/memory.h"

enum { DUP = 1 << 3 }; /* in the first byte of a PUBLISH */

/* A message of a session that keeps. */
struct kept {
    struct list link; /* in session->kept */
    uint32_t sequence;
    bool is_sent, was_sent;
    struct buffer bytes;
};

struct delayed {
    struct list link; /* in broker->delayed */
    msec_t due;
    struct buffer bytes; /* a PUBLISH to the topic behind the delay */
};

static void kept_free(struct broker_session *session, struct kept *kept)
{
    session->kept_count--;
    session->in_flight -= kept->is_sent;
    list_remove(&kept->link);
    buffer_release(&kept->bytes);
    free(kept);
}

void kept_add(struct broker_session *session, struct slice packet)
{
    struct kept *kept = memory_allocate_zero(sizeof(*kept));

    kept->sequence = ++session->next_sequence;
    buffer_append(&kept->bytes, packet);
    list_add_last(&session->kept, &kept->link);
    session->kept_count++;
}

void kept_send(struct broker_session *session)
{
    LIST_FOREACH (link, &session->kept) {
        struct kept *kept = CONTAINER_OF(link, struct kept, link);
        if (!session->channel || session->in_flight >= session->window || session->credit <= 0) {
            return;
        }
        if (!kept->is_sent) {
            kept->bytes.data[0] |= kept->was_sent ? DUP : 0;
            kept->is_sent = kept->was_sent = true;
            session->in_flight++;
            session->credit -= (int64_t)kept->bytes.length;
            broker_queue_bytes(session, buffer_slice(&kept->bytes), true, kept->sequence);
        }
        if (link->next == &session->kept && session->flood > 0) {
            session->flood--;
            kept_add(session, session->flood_packet);
        }
    }
}

void kept_acknowledge(struct broker_session *session, uint16_t packet_id)
{
    LIST_FOREACH_SAFE (link, &session->kept) {
        struct kept *kept = CONTAINER_OF(link, struct kept, link);
        if (kept->is_sent && (uint16_t)kept->sequence == packet_id) {
            kept_free(session, kept);
            break;
        }
    }
    if (list_is_empty(&session->kept) && session->flood > 0) {
        session->flood--;
        kept_add(session, session->flood_packet);
    }
    kept_send(session);
}

uint8_t delayed_add(struct broker *broker, const struct packet *packet)
{
    struct packet later = *packet;
    struct delayed *delayed;
    long seconds = 0;
    size_t at = sizeof("$delayed/") - 1;

    if (broker->refuses_delayed) {
        return REASON_QUOTA_EXCEEDED;
    }
    while (packet->publish.topic.data[at] != '/') {
        seconds = seconds * 10 + packet->publish.topic.data[at++] - '0';
    }
    delayed = memory_allocate_zero(sizeof(*delayed));
    later.publish.topic = slice_from(packet->publish.topic, at + 1);
    packet_encode(&delayed->bytes, &later, MQTT_5);
    delayed->due = broker_now + seconds * 1000;
    list_add_last(&broker->delayed, &delayed->link);
    return REASON_SUCCESS;
}

void delayed_publish(struct broker *broker, msec_t now, size_t (*route)(const struct packet *))
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    struct packet packet;

    LIST_FOREACH_SAFE (link, &broker->delayed) {
        struct delayed *delayed = CONTAINER_OF(link, struct delayed, link);
        if (delayed->due <= now && !broker->is_away) {
            packet_decode(&packet, buffer_slice(&delayed->bytes), &limits);
            route(&packet);
            list_remove(&delayed->link);
            buffer_release(&delayed->bytes);
            free(delayed);
        }
    }
}

void kept_send_again(struct broker_session *session)
{
    session->in_flight = 0;
    LIST_FOREACH (link, &session->kept) {
        CONTAINER_OF(link, struct kept, link)->is_sent = false;
    }
    kept_send(session);
}

void kept_release(struct broker_session *session)
{
    while (session->keeps && !list_is_empty(&session->kept)) {
        kept_free(session, CONTAINER_OF(session->kept.next, struct kept, link));
    }
}

void delayed_release(struct broker *broker)
{
    LIST_FOREACH_SAFE (link, &broker->delayed) {
        struct delayed *delayed = CONTAINER_OF(link, struct delayed, link);
        buffer_release(&delayed->bytes);
        free(delayed);
    }
}
