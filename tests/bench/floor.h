/* What the two files of the floor share; see floor.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BENCH_FLOOR_H
#define PUBGRID_TESTS_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FRAME_TEXT = 1, FRAME_BINARY = 2 };

/* Bytes that somebody else owns, and bytes that one owns. */
struct part {
    const uint8_t *data;
    size_t length;
};
struct bytes {
    uint8_t *data;
    size_t length, room;
};

enum mode { MODE_NEW, MODE_MQTT, MODE_WEBSOCKET_MQTT, MODE_WEBSOCKET_JSON };

/* Never freed, as routes point to it: a floor serves one run. */
struct client {
    int fd; /* -1: it has gone */
    enum mode mode;
    int version;
    struct bytes rest; /* of an incomplete packet */
    struct bytes out;
    bool queued, blocked;
    struct bytes filter;
    bool shared, any; /* $share/.../, and the rest ends with + */
    struct client **route;
    size_t route_length, turn;
    bool routed;
    struct client *next, *next_queued;
};

struct server {
    int epoll, listener;
    struct client *clients, **clients_end, *queue;
    uint8_t *input;
    size_t input_room;
    struct bytes frame; /* the message at hand as a receiver gets it */
};

static inline struct part part_from(struct part part, size_t from)
{
    return (struct part){part.data + from, part.length - from};
}

static inline struct part part_of(const char *text)
{
    return (struct part){(const uint8_t *)text, strlen(text)};
}

/* An MQTT packet: all of it, and what is behind the fixed header. */
struct packet {
    struct part whole, body;
};

void floor_append(struct bytes *out, struct part part);
/* There is something in to->out. */
void floor_enqueue(struct server *server, struct client *to);
/* To one client, in the framing of its connection. */
void floor_answer(struct server *server, struct client *to, struct part part);
/* server->frame to all receivers, or to the one whose turn it is. */
void floor_pass_on(struct server *server, struct client *from, struct part topic);
void floor_subscribe(struct client *client, struct part filter);

/* MQTT. False: the packet is not all there. */
bool floor_packet_next(struct part in, struct packet *out);
void floor_packet_take(struct server *server, struct client *from, const struct packet *packet);

/* WebSocket. The header of a server's frame. */
void floor_header_append(struct bytes *out, uint8_t opcode, size_t length);
void floor_upgrade(struct server *server, struct client *client, struct part request);
/* Unmasks the frame at the start of `in` and takes what is in it. Returns how many bytes were used;
 * 0: it is not all there. */
size_t floor_frame_take(struct server *server, struct client *client, uint8_t *in, size_t length);

#endif
