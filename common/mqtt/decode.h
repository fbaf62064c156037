/* What the files of the packet decoder share; nobody else includes it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_DECODE_H
#define PUBGRID_MQTT_DECODE_H

#include "mqtt/packet.h"
#include "mqtt/reader.h"

/* One packet being decoded. */
struct decoder {
    struct reader reader; /* the bytes behind the fixed header */
    enum protocol_version version;
    bool from_server;
    uint8_t flags; /* of the fixed header */
};

/* Reads length and properties; for 3.1.1 leaves `out` empty and reads nothing. */
enum reason_code decode_properties(struct decoder *d, struct properties *out,
                                   enum property_list list);
/* A topic that is no valid name or filter: malformed if it is not even a string (MQTT-1.5.4-1),
 * else `if_not_topic`. */
enum reason_code decode_topic_verdict(struct slice topic, enum reason_code if_not_topic);

enum reason_code decode_connect(struct decoder *d, struct packet *out);
/* Check all of subscribe->filters and count them. */
enum reason_code decode_subscribe_filters(struct subscribe *subscribe,
                                          enum protocol_version version);
enum reason_code decode_unsubscribe_filters(struct subscribe *subscribe);

#endif
