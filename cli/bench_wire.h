/* The bench's own MQTT: what a load generator sends and has to understand, and no more.
 *
 * It shares nothing with the codec of the broker, so that a mistake there cannot hide here. Every
 * payload begins with a stamp that says which message it is and when it was due. The parts that
 * run once per message are inline.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_WIRE_H
#define PUBGRID_CLI_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"
#include "bench_template.h"

/* First bytes of the packets, flags included. */
enum {
    WIRE_CONNECT = 0x10,
    WIRE_CONNACK = 0x20,
    WIRE_PUBLISH = 0x30,
    WIRE_PUBACK = 0x40,
    WIRE_PUBREC = 0x50,
    WIRE_PUBREL = 0x62,
    WIRE_PUBCOMP = 0x70,
    WIRE_SUBSCRIBE = 0x82,
    WIRE_SUBACK = 0x90,
    WIRE_PINGREQ = 0xc0,
    WIRE_PINGRESP = 0xd0,
    WIRE_DISCONNECT = 0xe0,
};

/* One control packet in a receive buffer. */
struct wire_packet {
    uint8_t first;       /* type and flags */
    const uint8_t *body; /* behind the fixed header */
    size_t length;       /* of the body */
    size_t size;         /* of the whole packet */
};

enum wire_frame { WIRE_FRAME_WHOLE, WIRE_FRAME_INCOMPLETE, WIRE_FRAME_BAD };

/* The packet at the start of `in`. INCOMPLETE with out->size > 0: that many bytes are wanted. */
static inline enum wire_frame wire_frame_next(struct slice in, struct wire_packet *out)
{
    out->size = 0;
    size_t length = 0;
    size_t header = 1;
    do {
        if (header >= in.length) {
            return WIRE_FRAME_INCOMPLETE;
        }
        if (header == 5) {
            return WIRE_FRAME_BAD;
        }
        length |= (size_t)(in.data[header] & 0x7f) << (7 * (header - 1));
    } while ((in.data[header++] & 0x80) != 0);
    out->first = in.data[0];
    out->body = in.data + header;
    out->length = length;
    out->size = header + length;
    return out->size <= in.length ? WIRE_FRAME_WHOLE : WIRE_FRAME_INCOMPLETE;
}

static inline uint16_t wire_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A received PUBLISH. */
struct wire_publish {
    uint16_t packet_id; /* 0 at QoS 0 */
    size_t payload;     /* bytes */
    bool retain;
    struct slice topic;
    struct bench_stamp stamp;
};

/* The codes of a SUBACK; empty: it is cut short. */
struct slice wire_suback_codes(const struct wire_packet *packet, int version);

/* Bytes of an MQTT 5 property list with its length; 0 if it does not fit. */
size_t wire_properties_size(struct slice in);

/* False: not one of our messages (or cut short). */
static inline bool wire_publish_read(const struct wire_packet *packet, int version,
                                     struct wire_publish *out)
{
    bool identified = (packet->first & 0x06) != 0;
    size_t at = packet->length < 2 ? 2 : (size_t)2 + wire_u16(packet->body);
    size_t head = at + (identified ? 2 : 0);
    if (head > packet->length) {
        return false;
    }
    out->retain = (packet->first & 1) != 0;
    out->topic = slice_make(packet->body + 2, at - 2);
    out->packet_id = identified ? wire_u16(packet->body + at) : 0;
    if (version == 5) {
        size_t size = wire_properties_size(slice_make(packet->body + head, packet->length - head));
        if (size == 0) {
            return false;
        }
        head += size;
    }
    out->payload = packet->length - head;
    if (out->payload < BENCH_STAMP_SIZE) {
        return false;
    }
    memcpy(&out->stamp, packet->body + head, sizeof(out->stamp));
    return true;
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP: the same four bytes but for the first. */
enum { WIRE_ACK_SIZE = 4 };

static inline void wire_ack_put(uint8_t at[WIRE_ACK_SIZE], uint8_t first, uint16_t packet_id)
{
    at[0] = first;
    at[1] = 2;
    at[2] = (uint8_t)(packet_id >> 8);
    at[3] = (uint8_t)packet_id;
}

static inline void wire_ack_write(struct buffer *out, uint8_t first, uint16_t packet_id)
{
    wire_ack_put(buffer_reserve(out, WIRE_ACK_SIZE), first, packet_id);
    out->length += WIRE_ACK_SIZE;
}

/* A PUBLISH of that shape as a template, not framed. */
void wire_template_build(struct bench_template *out, const struct bench_shape *shape);

/* Fills in packet identifier and stamp; `at` has a copy of the template's bytes. */
static inline void wire_template_fill(const struct bench_template *template, uint8_t *at,
                                      uint16_t packet_id, const struct bench_stamp *stamp)
{
    if (template->id.size != 0) {
        at[template->id.offset] = (uint8_t)(packet_id >> 8);
        at[template->id.offset + 1] = (uint8_t)packet_id;
    }
    memcpy(at + template->stamp.offset, stamp, sizeof(*stamp));
}

struct wire_connect {
    int version;
    const char *client_identifier;
    const char *user_name, *password; /* NULL: none */
    bool durable;                     /* the session outlives the connection */
    uint16_t receive_maximum;         /* MQTT 5; 0: none is named */
};

void wire_connect_write(struct buffer *out, const struct wire_connect *connect);
/* One packet for all `count` filters. */
void wire_subscribe_write(struct buffer *out, int version, const struct slice *filters,
                          size_t count, int qos);
void wire_disconnect_write(struct buffer *out);
void wire_pingreq_write(struct buffer *out);

/* Receive Maximum of an MQTT 5 CONNACK, 65,535 if it has none. */
uint16_t wire_connack_receive_maximum(const struct wire_packet *packet);

#endif
