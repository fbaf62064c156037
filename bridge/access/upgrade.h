/* The decision on a request that wants to become a WebSocket: who it is, what it speaks, or the
 * HTTP status that refuses it (spec/webpubsub.md sections 1.1 to 1.5, 4.2, 5.1). Pure: the time and
 * the keys are arguments.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_UPGRADE_H
#define PUBGRID_ACCESS_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/hub.h"
#include "access/roles.h"
#include "base/buffer.h"
#include "base/slice.h"

struct access_keys; /* secret/access_keys.h: primary and secondary */

/* What all decisions share. */
struct upgrade_context {
    const struct access_keys *keys;
    const struct hub_settings *hubs; /* the last one is "_default" */
    size_t hub_count;
    const char *const *public_endpoints; /* "https://pubsub.example.com", NULL-terminated: accepted
                                            in `aud` beside the Host header; may be NULL */
    bool ignore_audience_host;
    bool awaits_settings; /* those of hubs set at run time have not come yet: 503 */
};

/* What came, as it came. */
struct upgrade_request {
    struct slice target;        /* path and query */
    struct slice host;          /* Host header */
    struct slice authorization; /* Authorization header, may be empty */
    struct slice subprotocols;  /* Sec-WebSocket-Protocol header as it came, may be empty */
    int64_t now;                /* Unix seconds */
};

enum upgrade_kind {
    UPGRADE_REFUSED,   /* `status` */
    UPGRADE_WEBPUBSUB, /* a subprotocol of its own: `subprotocol` */
    UPGRADE_RAW,       /* plain WebSocket, `raw_*` */
    UPGRADE_MQTT,      /* /mqtt: MQTT as on any listener, not authenticated yet */
    UPGRADE_MQTT_HUB,  /* /clients/mqtt/hubs/{hub} */
    UPGRADE_SYSTEM,    /* /clients/mqtt/hubs/$system: the whole topic tree, for who has a token that
                          an access key has signed for just this */
};

enum subprotocol {
    SUBPROTOCOL_NONE,
    SUBPROTOCOL_JSON,
    SUBPROTOCOL_JSON_RELIABLE,
    SUBPROTOCOL_PROTOBUF,
    SUBPROTOCOL_PROTOBUF_RELIABLE,
    SUBPROTOCOL_MQTT,
};

/* The subprotocol's name on the wire; NULL for SUBPROTOCOL_NONE. */
const char *subprotocol_name(enum subprotocol subprotocol);
bool subprotocol_is_reliable(enum subprotocol subprotocol);

/* Everything is owned; upgrade_free(). */
struct upgrade {
    enum upgrade_kind kind;
    int status;                   /* of UPGRADE_REFUSED: 400, 401, 404, 503 */
    const char *reason;           /* of UPGRADE_REFUSED: a sentence for the body; static */
    enum subprotocol subprotocol; /* chosen: echo it; SUBPROTOCOL_NONE: no header in the answer */
    bool raw_sends_to_group;      /* webpubsub_mode=sendToGroup; else sendEvent */
    bool raw_no_echo;
    bool is_recovery;   /* awps_connection_id is present */
    bool needs_handler; /* no token: only a connect event that is answered in favour lets it in */
    bool awaits_admission; /* the handshake is answered when the connect event is */
    bool was_asked;        /* there was a connect event, and it was answered in favour */
    const struct hub_settings *settings; /* held */
    char *hub;                           /* lower case; NULL of UPGRADE_MQTT, UPGRADE_SYSTEM */
    struct buffer user;                  /* user id; empty: none */
    struct roles *roles;
    struct buffer *groups; /* webpubsub.group: joined at connect; [group_count] */
    size_t group_count;
    struct buffer raw_group;
    /* What the client came with, for the connect event (client/admission.h); empty: not asked. */
    struct buffer arrival;
    /* What its answer says beyond who it is (7.4). */
    char *custom_subprotocol;     /* chosen among those offered, none of ours; NULL: none */
    struct buffer state, cookies; /* for the events that follow */
    /* Chosen before the connect event; empty: not yet. Of a recovery: the connection to resume, if
     * the token is good for it; empty: it is not (accept, then close with 1008, 4.2). user, roles,
     * hub and subprotocol are then those of the token. */
    struct buffer connection_id;
    struct buffer claims; /* of the token, JSON; empty: there is none */
};

static inline bool upgrade_is_of_hub(const struct upgrade *upgrade)
{
    return upgrade->kind == UPGRADE_WEBPUBSUB || upgrade->kind == UPGRADE_RAW ||
           upgrade->kind == UPGRADE_MQTT_HUB;
}

/* Decides. The result is the caller's, also when it refuses. */
struct upgrade *upgrade_decide(const struct upgrade_context *context,
                               const struct upgrade_request *request);
void upgrade_free(struct upgrade *upgrade);

/* The connect event's answer chooses a subprotocol, one of those in `offered`, or none (empty); one
 * that is not ours makes it a raw client (1.4). False: it was not offered, or `query` is not that
 * of a raw client. */
bool upgrade_choose(struct upgrade *upgrade, struct slice name, struct slice offered,
                    struct slice query);

/* Appends a reconnection token (4.1): HS256 with the primary key, valid a week, for this connection
 * id and what `upgrade` says of hub, subprotocol, user and roles. */
void reconnection_token_append(struct buffer *out, const struct upgrade_context *context,
                               const struct upgrade *upgrade, struct slice connection_id,
                               int64_t now);

#endif
