/* A network connection as the protocol sees it: bytes in, packets out, no file descriptor.
 *
 * Who drives it (broker/net/stream.c, or a test):
 *   connection_init      after accept
 *   connection_receive   with bytes as they come; it uses whole packets
 *   connection_lost      when the peer is gone without DISCONNECT
 *   connection_writable  when everything in `output` was written (more may wait in the session)
 *   connection_release   when it is CLOSED and shall be freed
 * Whatever core wants done to a connection puts it into its shard's outbox.dirty; at the end of
 * the turn the driver takes the list and calls each one's carrier, which writes `output` (not while
 * `output_waits`) and looks at `state`:
 *
 *   ACCEPTED --CONNECT--> AUTHENTICATING --accepted--> MOVING --connection_adopt--> ATTACHED
 *       |                      |                         (only if another shard owns the session)
 *       +----------------------+--------> CLOSING --output written--> CLOSED <-- ATTACHED
 *
 * MOVING: hand the connection over to shard `target` by mail, with the bytes not yet used, and
 *   call connection_adopt() there. CLOSING: write what is in output, then close the socket and
 *   call connection_lost() (harmless) and connection_release(). All calls on the owning shard's
 *   thread (invariant 2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_CONNECTION_H
#define PUBGRID_CORE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/timers.h"
#include "core/authenticator.h"
#include "core/identity.h"
#include "core/output.h"
#include "core/session_bounds.h"
#include "mqtt/packet.h"

struct aliases;
struct delivery;
struct peer_certificate;
struct session;
struct shard;

enum connection_state {
    CONNECTION_ACCEPTED,
    CONNECTION_AUTHENTICATING,
    CONNECTION_MOVING,
    CONNECTION_ATTACHED,
    CONNECTION_CLOSING,
    CONNECTION_CLOSED,
};

/* What the carrier knows about the peer. All that it points at outlives the connection. */
struct connection_origin {
    const char *peer_address;                   /* "127.0.0.1:1234", "[::1]:1234", "unix" */
    const struct peer_certificate *certificate; /* that it has shown, for the authenticator; NULL:
                                                   none */
    struct identity *verified; /* who it is, if that is known: no authentication. NULL: it is
                                  not, the authenticator decides */
    struct slice proven_name;  /* the user name, if the carrier has seen that proven; what the user
                                  may do is for the access rules to say. Empty: it has not */
    struct session_bounds bounds;
    bool anonymous_allowed;       /* this listener lets clients in without a user name */
    bool use_certificate_as_user; /* the Common Name in its certificate is the user name */
};

/* How a connection is carried: on a stream of its own, or on a trunk that many share. Immutable. */
struct connection_carrier {
    /* Asked at CONNECT and for the log, so that no connection keeps it. */
    struct connection_origin (*origin)(const struct connection *connection);
    /* The end of a turn in which core put the connection into the dirty list. */
    void (*flush)(struct connection *connection);
    /* Sends a PUBLISH, behind what is in `output`. False: it is larger than the peer takes, and
     * nothing was sent. NULL: PUBLISHes go into `output` like all else, and so is the other. */
    bool (*publish)(struct connection *connection, const struct delivery *delivery, bool dup);
    /* Has a PUBLISH to wait for connection_writable()? That will follow. */
    bool (*is_congested)(struct connection *connection);
};

/* What is kept of CONNECT until the connection is attached: most of many are, and idle. */
struct greeting {
    struct buffer connect_packet;
    struct slice client_identifier; /* inside connect_packet, or `assigned` */
    struct buffer auth_reply_data;  /* Authentication Data for CONNACK */
    bool is_assigned;               /* tell the identifier in CONNACK */
    char assigned[24];
};

/* Of a client that asked for enhanced authentication in CONNECT (MQTT 5 section 4.12): it may do it
 * again for as long as it is connected. */
struct enhanced_authentication {
    struct buffer method;
    void *state;     /* the authenticator's */
    bool once_again; /* a re-authentication is under way */
};

struct connection {
    struct shard *shard;     /* the owner */
    struct session *session; /* while ATTACHED */
    const struct connection_carrier *carrier;
    struct list dirty; /* in shard->outbox.dirty; points at itself otherwise */
    struct output output;
    struct timer timer; /* connect time-out, then keep alive and the end of what was shown */
    msec_t last_received;
    msec_t expires_at;         /* closed then, unless the client shows anew who it is */
    struct identity *identity; /* counted; set once authenticated */
    struct greeting *greeting; /* from CONNECT until attached; NULL before and after */
    struct enhanced_authentication *enhanced; /* NULL: the client has not asked for it */
    struct aliases *aliases_in, *aliases_out; /* NULL until used */
    uint32_t packet_size_max;                 /* that we take, as it was told */
    uint32_t peer_packet_size_max;
    uint16_t keep_alive; /* seconds, as the client was told; 0: off */
    uint16_t peer_topic_alias_max;
    uint16_t send_maximum;  /* unacknowledged PUBLISHes the peer takes */
    uint16_t receive_count; /* its unacknowledged PUBLISHes to us */
    uint8_t state;          /* enum connection_state */
    uint8_t version;        /* enum protocol_version */
    uint8_t target;         /* shard to move to */
    uint8_t close_reason;   /* why the server closed it; 0: it did not, or there is no blame */
    bool auth_pending;      /* an answer will come: do not free */
    bool input_paused;      /* core's own note; ask connection_wants_input */
    bool output_waits;      /* for a commit: write nothing until it is false again */
};

/* That CONNECT asks for; empty before and once it is attached. */
static inline struct slice connection_client_identifier(const struct connection *connection)
{
    return connection->greeting ? connection->greeting->client_identifier : SLICE_EMPTY;
}

static inline struct connection_origin connection_origin(const struct connection *connection)
{
    return connection->carrier->origin(connection);
}

/* Is what it has shown still worth something? Once it is authenticated. */
bool connection_is_still_good(const struct connection *connection);

/* Empty without enhanced authentication. */
static inline struct slice connection_authentication_method(const struct connection *connection)
{
    return connection->enhanced ? buffer_slice(&connection->enhanced->method) : SLICE_EMPTY;
}

/* Arms the connect time-out. */
void connection_init(struct connection *connection, struct shard *shard,
                     const struct connection_carrier *carrier);

/* Handles all whole packets at the front of `in`; returns the bytes used. Stops early when the
 * connection is closing, moving, waiting for an answer, or its peer does not read. */
size_t connection_receive(struct connection *connection, struct slice in);

/* False while input must wait (an authentication is pending, or replies pile up unread). When it
 * turns true again the connection is put into the dirty list; the driver then goes on reading,
 * beginning with bytes it holds back. */
bool connection_wants_input(const struct connection *connection);

/* The transport failed or the peer closed it: publishes the will unless the client disconnected
 * properly; state is CLOSED afterwards. Harmless if CLOSING or CLOSED. */
void connection_lost(struct connection *connection);

/* All output was written: moves waiting messages of the session into it (they make it dirty). */
void connection_writable(struct connection *connection);

/* The connection arrived (with the mail) at the shard that owns its session. */
void connection_adopt(struct connection *connection, struct shard *shard);

/* Answer of the authenticator after AUTH_PENDING, on the connection's shard (connections do not
 * move while one is pending). Takes over what is in `answer`. */
void connection_authenticated(struct connection *connection, enum auth_verdict verdict,
                              struct auth_answer *answer);

/* Closes with a reason: DISCONNECT (MQTT 5) then CLOSING. For the driver and core alike. */
void connection_close(struct connection *connection, enum reason_code reason, const char *text);

/* Frees what the connection owns (not the struct). False while auth_pending: then it comes back
 * through the dirty list as CLOSED. */
bool connection_release(struct connection *connection);

#endif
