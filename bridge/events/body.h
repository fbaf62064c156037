/* The bodies of requests to webhooks that are not the client's own data: JSON (spec/webpubsub.md
 * 5.3, 7.5). That of connect: connect.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_BODY_H
#define PUBGRID_EVENTS_BODY_H

#include "base/buffer.h"
#include "wire/message.h"

/* "userProperties":[{"name","value"},...], or null without any. */
void user_properties_append(struct buffer *out, struct pairs properties);

/* {"reason":"..."} */
void disconnected_body_append(struct buffer *out, struct slice reason);
/* The same of an MQTT session (5.3). */
struct disconnected_mqtt {
    bool by_client;
    bool has_packet; /* a DISCONNECT was sent, by whoever; else the network was lost */
    unsigned code;   /* of it */
    struct pairs user_properties;
};
void disconnected_mqtt_body_append(struct buffer *out, struct slice reason,
                                   const struct disconnected_mqtt *mqtt);
/* {"group":"..."} */
void group_body_append(struct buffer *out, struct slice group);

#endif
