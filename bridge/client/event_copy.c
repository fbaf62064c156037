/* See event_copy.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/event_copy.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/mqtt_write.h"
#include "client/staff.h"

static void acknowledged(struct staff_sent *sent, uint8_t reason)
{
    (void)reason;
    free(sent);
}

static void send(struct gateway *gateway, struct publication *publication)
{
    struct staff_sent *sent = memory_allocate_zero(sizeof(*sent));
    struct buffer packet = gateway->packet; /* what a client is writing stays as it is */

    sent->acknowledged = acknowledged;
    gateway->packet = (struct buffer){0};
    if (!staff_publish(gateway->staff, publication, sent)) {
        free(sent);
    }
    buffer_release(&gateway->packet);
    gateway->packet = packet;
}

void event_copy_publish(struct gateway *gateway, const struct listener_message *message)
{
    struct buffer properties = {0};
    struct publication publication = {.topic = message->topic, .data = message->payload};

    write_user_pairs(&properties, (struct pairs){message->pairs, message->pair_count});
    publication.user_properties = buffer_slice(&properties);
    if (staff_takes(gateway->staff, &publication)) {
        send(gateway, &publication);
    }
    buffer_release(&properties);
}
