/* The request that wants to become a WebSocket: checked, decided on (access/upgrade.h) and
 * answered.
 *
 * libwebsockets knows subprotocols as a table of names fixed at its start, echoes the name of the
 * one it took, and hangs up without an answer when it knows none of those offered. Here a browser
 * may offer what nobody knows and is answered without a subprotocol (spec/webpubsub.md 1.4). So its
 * table has one entry, whose name is ours to change: while it looks it is what the browser offers
 * first, and when it answers it is what was chosen.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HANDSHAKE_H
#define PUBGRID_NET_HANDSHAKE_H

#include <libwebsockets.h>

struct upgrade;

/* LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: 0 to go on, 1 if it was answered, -1 to hang up. */
int handshake_begin(struct lws *lws, const char *protocol);
/* LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: the answer is made next. */
void handshake_choose(struct lws *lws);
/* The accepted upgrade becomes the caller's; NULL if there is none (any more). */
struct upgrade *handshake_take(struct lws *lws);

#endif
