/* A broker and a browser of our own making, for tests of bridge/client: what the client sends to
 * either is kept as lines of text, and packets and frames go in by call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_FAKES_H
#define PUBGRID_TESTS_BRIDGE_FAKES_H

#include "client/client.h"
#include "client/fanout.h"
#include "support/bridge_event_fakes.h"

enum { FAKES_CHANNELS_MAX = 16 };

struct fakes {
    struct link link;
    struct gateway gateway;
    struct upgrade_context access;
    struct hub_settings hub;
    struct channel *channels[FAKES_CHANNELS_MAX]; /* open ones by number; NULL: closed */
    size_t channel_count;
    struct buffer to_broker;       /* a line a packet: `1 SUBSCRIBE id=4097 "h/a" qos=1` */
    struct buffer to_browser;      /* a line a frame: `{"type":...} #7`; `close 1008 reason` */
    uint32_t credited;             /* bytes */
    enum close_category closed_as; /* the last WebSocket that a client has closed */
    struct event_fakes events;
    struct buffer will;      /* payload of the last CONNECT's */
    struct buffer published; /* payload of the last PUBLISH */
    bool may_send, is_ready, is_paused;
};

/* One at a time: the clock is fakes_now. */
struct fakes *fakes_new(void);
/* All clients have been closed. */
void fakes_free(struct fakes *fakes);
extern msec_t fakes_now;

/* An upgrade for hub `h`; `role` may be NULL. */
struct upgrade *fakes_upgrade(struct fakes *fakes, enum upgrade_kind kind,
                              enum subprotocol subprotocol, const char *user, const char *role);
/* A browser whose upgrade was decided so. */
struct client *fakes_client(struct fakes *fakes, struct upgrade *upgrade);

/* From the broker. */
void fakes_packet(struct client *client, const struct packet *packet);
/* With the SUBACK that a new session of Web PubSub begins with. */
void fakes_connack(struct client *client, bool session_present);
void fakes_answer(struct client *client, enum packet_type type, uint16_t packet_id, uint8_t reason);
/* A PUBLISH at QoS 1, or 0 with sequence 0. */
void fakes_deliver(struct client *client, const struct packet *publish, uint32_t sequence);
/* The broker is gone; and is back. */
void fakes_lose(struct fakes *fakes);
void fakes_return(struct fakes *fakes);

/* From now on the hub has an event handler, for all events but connect. */
void fakes_handle_events(struct fakes *fakes);
/* It answers the oldest event: with a status, and text unless that is NULL; with anything. */
void fakes_answer_event(struct fakes *fakes, int status, const char *text);
void fakes_answer_event_with(struct fakes *fakes, const struct event_answer *answer);

/* A frame from the browser. */
void fakes_say(struct client *client, const char *text);

/* What was written since the last call, NUL-terminated; valid until the next. */
const char *fakes_to_broker(struct fakes *fakes);
const char *fakes_to_browser(struct fakes *fakes);
const char *fakes_raised(struct fakes *fakes);

#endif
