/* A stand-in for bridge/client and bridge/access in tests of bridge/net: decides on upgrades by
 * what stands in the URL, echoes what it gets, does what text messages command, and keeps note.
 *
 *     "close CODE REASON"     closes
 *     "flood COUNT SIZE"      sends that many binary messages of that size, numbered
 *     "pause"                 stops reading; echo_resume() goes on
 *     anything else           is sent back
 *
 * A URL with `ask` waits for echo_decide(). One with `refuse=STATUS` is refused; with
 * `keep_alive=SECONDS` that is the ping's interval.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_ECHO_BRIDGE_H
#define PUBGRID_TESTS_ECHO_BRIDGE_H

#include "base/list.h"
#include "client/admission.h"
#include "client/metrics.h"
#include "client/websocket.h"

struct gateway {
    bool is_unready;
    struct metrics metrics;
    struct list clients;  /* newest last */
    size_t opened, ended; /* ever */
    uint16_t ended_code;  /* of the last one that ended */
    char target[40000];   /* of the last request */
    char authorization[64];
    struct admission *asking; /* NULL: nobody is waiting */
    char arrival[8192];       /* of whoever asked last: texts, each ended by LF */
};

struct client {
    struct list link;
    struct gateway *gateway;
    struct websocket *websocket;
    enum subprotocol subprotocol;
    char peer[64];
    bool is_loopback;
    size_t received;       /* messages */
    size_t written;        /* bytes of credit reported */
    struct buffer payload; /* of the last message */
};

void echo_init(struct gateway *gateway);
void echo_release(struct gateway *gateway);
/* What upgrade_decide() gets; its `hubs` are this stand-in's way to the gateway. */
struct upgrade_context echo_context(struct gateway *gateway);
/* The newest client. */
struct client *echo_client(struct gateway *gateway);
/* The event handler answers (client/admission.h); the subprotocol is chosen unless that is NULL. */
void echo_decide(struct gateway *gateway, int status, const char *text, const char *subprotocol);
/* The number that message `index` of a flood carries in its first four bytes is big endian; all
 * others are its low byte. */
void echo_flood(struct client *client, uint32_t count, uint32_t size);
void echo_resume(struct client *client);
void echo_close(struct client *client, uint16_t code);

#endif
