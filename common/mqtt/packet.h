/* MQTT control packets of 3.1.1 and 5: bytes <-> struct packet, both directions, all 15 types.
 *
 * packet_decode() is pure and allocates nothing: the slices in the struct borrow its input. It
 * checks everything that can be told from the packet alone (formats, flags, lengths, UTF-8, topic
 * names and filters, property lists, reason codes allowed in the packet); what depends on the
 * session or connection (packet identifiers in use, aliases, quotas) is core's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_PACKET_H
#define PUBGRID_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "mqtt/properties.h"
#include "mqtt/reason.h"

enum packet_type {
    PACKET_CONNECT = 1,
    PACKET_CONNACK = 2,
    PACKET_PUBLISH = 3,
    PACKET_PUBACK = 4,
    PACKET_PUBREC = 5,
    PACKET_PUBREL = 6,
    PACKET_PUBCOMP = 7,
    PACKET_SUBSCRIBE = 8,
    PACKET_SUBACK = 9,
    PACKET_UNSUBSCRIBE = 10,
    PACKET_UNSUBACK = 11,
    PACKET_PINGREQ = 12,
    PACKET_PINGRESP = 13,
    PACKET_DISCONNECT = 14,
    PACKET_AUTH = 15,
};

/* The protocol level byte of CONNECT. */
enum protocol_version {
    MQTT_UNKNOWN = 0, /* before CONNECT */
    MQTT_3_1_1 = 4,
    MQTT_5 = 5,
};

enum qos { QOS_0, QOS_1, QOS_2 };

enum { PACKET_SIZE_MAX = 268435460 }; /* 1 + 4 + 268,435,455 bytes */

/* What the decoder has to know about the network connection. */
struct packet_limits {
    enum protocol_version version; /* MQTT_UNKNOWN: only CONNECT is understood (it says which) */
    uint32_t packet_size_max;      /* bytes of a whole packet, as announced to the peer; larger ones
                                      are REASON_PACKET_TOO_LARGE as soon as their header is here */
    bool from_server;              /* the bytes come from a server: accept what servers send (a
                                      client's packets are then errors), for tests and tools */
};

struct will {
    bool present;
    bool retain;
    enum qos qos;
    struct slice topic;
    struct slice payload;
    struct properties properties;
};

struct connect {
    enum protocol_version version;
    bool clean_start;
    bool has_user_name, has_password;
    uint16_t keep_alive; /* seconds; 0: off */
    struct slice client_identifier;
    struct slice user_name;
    struct slice password;
    struct will will;
};

struct connack {
    bool session_present;
    uint8_t reason; /* MQTT 5 reason code, or the 3.1.1 return code */
};

struct publish {
    bool dup, retain;
    enum qos qos;
    uint16_t packet_id; /* 0 at QoS 0 */
    struct slice topic; /* empty only with a topic alias */
    struct slice payload;
};

/* PUBACK, PUBREC, PUBREL, PUBCOMP */
struct ack {
    uint16_t packet_id;
    uint8_t reason; /* REASON_SUCCESS for 3.1.1 */
};

/* SUBSCRIBE and UNSUBSCRIBE: the decoder has validated `filters` as a whole; walk with
 * subscribe_next() / unsubscribe_next(). */
struct subscribe {
    uint16_t packet_id;
    size_t count;         /* filters, at least 1 */
    struct slice filters; /* the encoded payload */
};

/* SUBACK and UNSUBACK: one byte a filter (none in a 3.1.1 UNSUBACK). */
struct suback {
    uint16_t packet_id;
    struct slice codes;
};

struct disconnect {
    uint8_t reason;
};

struct auth {
    uint8_t reason;
};

struct packet {
    enum packet_type type;
    struct properties properties; /* MQTT 5; present == 0 and raw empty otherwise */
    union {
        struct connect connect;
        struct connack connack;
        struct publish publish;
        struct ack ack;
        struct subscribe subscribe; /* UNSUBSCRIBE too */
        struct suback suback;       /* UNSUBACK too */
        struct disconnect disconnect;
        struct auth auth;
    };
};

/* Subscription options (MQTT 5 section 3.8.3.1); 3.1.1 has only the QoS. */
struct subscription_options {
    enum qos qos;
    bool no_local;
    bool retain_as_published;
    uint8_t retain_handling; /* 0: send retained, 1: only if the subscription is new, 2: never */
};

/* > 0: bytes used, *out is filled; 0: more bytes are needed; < 0: -(enum reason_code), where
 * REASON_MALFORMED_PACKET, REASON_PROTOCOL_ERROR, REASON_PACKET_TOO_LARGE,
 * REASON_UNSUPPORTED_PROTOCOL_VERSION, REASON_TOPIC_NAME_INVALID (PUBLISH topic with wildcards),
 * REASON_TOPIC_FILTER_INVALID, REASON_TOPIC_ALIAS_INVALID (alias 0) and
 * REASON_CLIENT_IDENTIFIER_NOT_VALID (3.1.1: empty identifier without clean session) are told
 * apart. After an error in a CONNECT out->type says so and out->connect.version is the version in
 * which to answer, MQTT_UNKNOWN if the packet did not get that far; nothing else of *out counts. */
ssize_t packet_decode(struct packet *out, struct slice in, const struct packet_limits *limits);

/* Total size of the packet that starts at `in`: > 0 its bytes (header included), 0 if the header is
 * not complete, -1 if the length is malformed. Lets a reader reserve exactly; packet_decode() has
 * already refused what is too large. */
ssize_t packet_size(struct slice in);

/* Where the two bytes of the packet identifier of a PUBLISH stand, from the start of the packet; 0:
 * it has none (QoS 0), or the packet is cut short. */
size_t packet_publish_id_at(struct slice publish);

/* Takes the next filter off the front of `*filters` (from struct subscribe); false at the end. */
bool subscribe_next(struct slice *filters, enum protocol_version version, struct slice *filter,
                    struct subscription_options *options);
bool unsubscribe_next(struct slice *filters, struct slice *filter);

/* Appends the packet. Client and server packets alike; core has faster ways for PUBLISH and acks.
 * Writes what it is told (it can make invalid packets on purpose: tests do), except that a
 * reason of 0 and an empty property list are left out where MQTT 5 allows it. */
void packet_encode(struct buffer *out, const struct packet *packet, enum protocol_version version);

/* "CONNECT" ... "AUTH"; "?" otherwise. */
const char *packet_type_name(unsigned type);

/* Variable byte integers (section 1.5.5). */
enum { VARINT_MAX = 268435455 };
/* Bytes that `value` takes: 1 to 4. */
size_t varint_size(uint32_t value);
/* Writes 1 to 4 bytes; returns how many. */
size_t varint_write(uint8_t *out, uint32_t value);
/* > 0 bytes used, 0 more needed, -1 malformed (more than 4 bytes, or not the shortest form). */
int varint_read(struct slice in, uint32_t *value);
/* Inserts before out->data[start] the number of bytes from there to the end: length prefixes of
 * what is written first and measured then. */
void varint_insert_length(struct buffer *out, size_t start);

#endif
