/* The request that wants to become a WebSocket: checked, decided on (access/upgrade.h) and
 * answered.
 *
 * libwebsockets knows subprotocols as a table of names fixed at its start, echoes the name of the
 * one it took, and hangs up without an answer when it knows none of those offered. Here a browser
 * may offer what nobody knows and is answered without a subprotocol (spec/webpubsub.md 1.4). So its
 * table has one entry, whose name is ours to change: while it looks it is what the browser offers
 * first, and when it answers it is what was chosen.
 *
 * Nor does it know of answers that come later, when the hub's event handler has been asked (7.4).
 * Then it is to think that it has answered: the head that it makes is taken out of its hands before
 * it writes it (it writes nothing then), and is kept with the WebSocket (websocket_ask.c), which
 * writes it, or a refusal, when that is decided.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HANDSHAKE_H
#define PUBGRID_NET_HANDSHAKE_H

#include <libwebsockets.h>

#include "base/buffer.h"

struct service;
struct upgrade;

/* What is known of a connection until it is a WebSocket: libwebsockets' opaque pointer. */
struct handshake {
    struct buffer head;      /* of the request, as it came; empty: it has been decided on */
    struct upgrade *upgrade; /* what the decision was, if it was accepted; else NULL */
};

/* The socket becomes libwebsockets', which closes it if it cannot take it. `head` is of the request
 * that it begins with, and `read` what is not in the socket any more. */
void handshake_adopt(struct service *service, int fd, struct slice head, struct slice read);
/* LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED, in the course of that. */
void handshake_attach(struct lws *lws);
/* LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: 0 to go on, 1 if it was answered, -1 to hang up. */
int handshake_begin(struct lws *lws, const char *protocol);
/* LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: the answer is made next. */
void handshake_choose(struct lws *lws);
/* LWS_CALLBACK_ADD_HEADERS: if the answer has to wait, it is moved to `head`. 0, or -1 to hang up.
 */
int handshake_hold(struct lws *lws, struct lws_process_html_args *answer, struct buffer *head);
/* An answer of our own, to which its bytes are appended; handshake_write() releases it. False: the
 * connection is no good. */
struct buffer handshake_answer(void);
bool handshake_write(struct lws *lws, struct buffer *answer);
/* It is over. The accepted upgrade becomes the caller's; NULL if there is none (any more). */
struct upgrade *handshake_take(struct lws *lws);

#endif
