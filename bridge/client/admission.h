/* The connect event: before a client is let in, the hub's handler is asked, if there is one
 * (spec/webpubsub.md 7.4, 5.3). What it answers changes the upgrade: who it is, what it may, which
 * groups it joins, what it speaks.
 *
 * For WebSockets of Web PubSub that is before the handshake is answered; for MQTT at each CONNECT
 * packet (mqtt_admission.c). Recoveries are not asked about.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_ADMISSION_H
#define PUBGRID_CLIENT_ADMISSION_H

#include "access/upgrade.h"
#include "base/buffer.h"
#include "client/events.h"
#include "events/connect.h"

struct gateway;

/* Is a handler to be asked about it? Then upgrade->arrival is to be filled. */
bool admission_is_wanted(struct gateway *gateway, const struct upgrade *upgrade);

/* Appends to upgrade->arrival what the client came with: the query, the header
 * Sec-WebSocket-Protocol, then name and value of each header. */
void arrival_add(struct buffer *arrival, struct slice text);

struct admission;
struct admission_verdict {
    int status;        /* 101: it is let in, as the upgrade says now; else an HTTP status */
    struct slice text; /* why not, UTF-8; borrowed */
};

/* Embedded by who waits for a handshake's answer. */
struct admission {
    struct event_wait wait;
    struct gateway *gateway;
    struct upgrade *upgrade; /* the owner's */
    void (*decided)(struct admission *admission, const struct admission_verdict *verdict);
};

/* Asks. `decided` is called later, once, unless it is cancelled. */
void admission_begin(struct admission *admission, struct gateway *gateway, struct upgrade *upgrade);
void admission_cancel(struct admission *admission);

/* --- for mqtt_admission.c --- */

/* Raises the event. `name`: the connection id. */
void admission_raise(struct gateway *gateway, const struct upgrade *upgrade, struct slice name,
                     struct slice physical_connection, const struct connect_mqtt *mqtt,
                     struct event_wait *wait);
/* Makes the upgrade what a 2xx answer says; `said` is then what its body does, to be released.
 * False: the answer cannot be used. */
bool admission_apply(struct upgrade *upgrade, const struct event_answer *answer,
                     struct connect_answer *said);

#endif
