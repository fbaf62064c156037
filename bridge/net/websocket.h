/* One browser: the WebSocket that a client (client/websocket.h) has, on libwebsockets.
 *
 * libwebsockets reads: frames, fragments and control frames come through its callbacks. Writing is
 * ours: what websocket_ops.send() queues is made into frames at the end of the turn and handed over
 * as raw bytes, all in one lws_write(), so a delivery costs one send() and nothing else. Only when
 * the socket took less than all of it does libwebsockets hold the rest and tell when it may go on.
 * It gets whole frames only, so its own pongs and close frames fall between them. Our close frames
 * go the same way (Debian's libwebsockets is a debugging build, which with libuv closes twice where
 * a callback asks it to, and so sends none).
 *
 *     none       the struct is libwebsockets' memory for a connection: no WebSocket yet
 *     asking     the hub's event handler is asked; the browser has no answer yet, and there is no
 *                client (websocket_ask.c)
 *     open       the client lives
 *     closing    websocket_ops.close(): the queue is written, then the close frame, within 5 s
 *     leaving    a close frame was sent or came: within 5 s nothing is left
 *     broken     being dropped
 *
 * The client hears the end once, by client_socket_closed(), when libwebsockets lets go of the
 * socket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_WEBSOCKET_H
#define PUBGRID_NET_WEBSOCKET_H

#include <libwebsockets.h>

#include "base/buffer.h"
#include "client/metrics.h"
#include "net/send_queue.h"
#include "net/service_state.h"

enum websocket_phase {
    WEBSOCKET_NONE,
    WEBSOCKET_ASKING,
    WEBSOCKET_OPEN,
    WEBSOCKET_CLOSING,
    WEBSOCKET_LEAVING,
    WEBSOCKET_BROKEN,
};

struct asking;

struct websocket {
    struct lws *lws;
    struct service *service;
    struct client *client;  /* NULL: none (yet) */
    struct asking *asking;  /* while asking */
    struct list all;        /* in service->websockets */
    struct list busy;       /* in service->busy */
    struct timer timer;     /* keep-alive while open, then how long the closing may take */
    msec_t listening_since; /* opened, or read from again after a pause */
    struct send_queue queue;
    struct traffic *traffic; /* what it counts in */
    struct buffer message;   /* what has come of a message in several pieces; while asking: the
                                handshake's answer; while closing: the close frame */
    size_t replies;          /* bytes of what waits that the broker's credit does not bound */
    uint32_t credit;         /* of frames of which libwebsockets holds a part */
    uint16_t keep_alive_s;
    uint16_t closed_code;    /* for client_socket_closed() */
    uint16_t read_size;      /* bytes that came in this turn */
    uint8_t phase;           /* enum websocket_phase */
    uint8_t closed_category; /* enum close_category */
    bool is_assembling;      /* `message` has the beginning of one */
    bool is_paused;          /* by the client */
    bool is_clogged;         /* it asks and does not read: too many replies wait */
    bool is_ping_due;
};

/* bridge/client's way to its browser. */
extern const struct websocket_ops websocket_operations;

/* --- from the callbacks of libwebsockets; what returns an int says 0, or -1: close it --- */

/* libwebsockets takes the handshake for answered; `websocket` is zeroed memory. Takes over
 * `upgrade`. */
void websocket_open(struct websocket *websocket, struct lws *lws, struct upgrade *upgrade);
void websocket_receive(struct websocket *websocket, struct slice piece);
int websocket_writable(struct websocket *websocket);
/* A close frame came. libwebsockets answers it unless it is itself an answer: then -1. */
int websocket_peer_closes(struct websocket *websocket, struct slice payload);
/* libwebsockets is closing it, for whatever reason. */
void websocket_leaves(struct websocket *websocket);
/* Tells the client and releases what it holds. */
void websocket_gone(struct websocket *websocket);

/* --- from the service --- */

/* Reads what is left, then writes what waits, of all that are busy. */
void websocket_end_turn(struct service *service);
void websocket_close(struct websocket *websocket, uint16_t code, enum close_category category,
                     struct slice reason);

/* --- websocket_ask.c --- */

/* Asks the hub's event handler whether it is let in. Takes over `upgrade`. */
void websocket_ask(struct websocket *websocket, struct upgrade *upgrade);
/* The browser is gone, or the service stops: nobody wants to know any more. Harmless if it does not
 * ask. */
void websocket_stop_asking(struct websocket *websocket);
/* Answers the handshake with this status. */
void websocket_refuse(struct websocket *websocket, int status, struct slice text);

/* --- between the files of the WebSocket --- */

/* It is open: there is a client. Takes over `upgrade`. */
void websocket_begin(struct websocket *websocket, struct upgrade *upgrade);
/* It is to be gone within 5 s. */
void websocket_limit_closing(struct websocket *websocket);

/* What a frame adds to websocket->replies. */
static inline size_t websocket_reply_cost(const struct outgoing *outgoing)
{
    return outgoing->credit > 0 ? 0 : sizeof(*outgoing) + sizeof(struct sending) + outgoing->length;
}

/* Writes what waits unless libwebsockets still holds something. */
void websocket_flush(struct websocket *websocket);
void websocket_be_busy(struct websocket *websocket);
/* The connection is no good: it is dropped without a closing handshake. */
void websocket_break(struct websocket *websocket);

#endif
