/* One PUBLISH from the broker on its way to many browsers: decoded once, and encoded once for each
 * kind of receiver.
 *
 * Lives while the link hands it to its channels. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_FANOUT_H
#define PUBGRID_CLIENT_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "rest/filter.h"
#include "wire/codec.h"
#include "wire/message.h"
#include "wire/outgoing.h"

enum { FANOUT_ENCODINGS = 8 };

/* Memory that one fanout after the other uses; zeroed memory is empty. */
struct fanout_scratch {
    struct buffer names;   /* the group's name, if it had escapes */
    struct buffer body;    /* of a frame that is being made */
    struct pair *metadata; /* [metadata_capacity] */
    size_t metadata_capacity;
    struct slice *excluded; /* [excluded_capacity] */
    size_t excluded_capacity;
};

void fanout_scratch_release(struct fanout_scratch *scratch);

struct fanout {
    struct fanout_scratch *scratch;
    struct slice packet; /* as it came, but for the packet identifier, which is any */
    uint8_t version;     /* enum protocol_version of `packet` */
    bool is_valid;       /* `publish` is decoded */
    bool is_read;        /* and what follows is, too: fanout_read() */
    struct packet publish;
    size_t excluded_count; /* of scratch->excluded: connection ids that must not get it */
    bool is_command;       /* for the bridge, on behalf of the connection */
    bool has_filter;       /* only connections that it takes get it */
    struct filter *filter; /* NULL though it has one: that is wrong, so it takes none */
    uint64_t at;           /* of a group state: Unix ms */
    uint16_t reply;        /* to an event: the publisher's packet identifier; 0: it is none */
    struct message_response message;
    struct {
        const void *key; /* codec, or a marker of this module */
        struct outgoing *outgoing;
    } encodings[FANOUT_ENCODINGS];
};

/* Decodes `packet`, which must outlive the fanout, as must the scratch; as a packet, no more. */
void fanout_init(struct fanout *fanout, struct fanout_scratch *scratch, uint8_t version,
                 struct slice packet);
/* What the packet means to clients of a hub, who call this before they look at anything else. */
void fanout_read(struct fanout *fanout);
void fanout_release(struct fanout *fanout);

/* Is it for all that the broker names? Else fanout_takes() decides on each connection of a hub. */
static inline bool fanout_is_for_all(const struct fanout *fanout)
{
    return fanout->excluded_count == 0 && !fanout->has_filter;
}
bool fanout_takes(const struct fanout *fanout, const struct filter_subject *subject);

/* The frame for receivers of this subprotocol. Not owned. */
struct outgoing *fanout_encode(struct fanout *fanout, const struct codec *codec);
/* A frame for one receiver of this subprotocol; `scratch` is overwritten. The caller's. */
struct outgoing *message_encode(const struct message_response *message, const struct codec *codec,
                                struct buffer *scratch);
/* The same of a message about a group's state (client/group_state.h). */
struct outgoing *fanout_encode_group_state(struct fanout *fanout, const struct codec *codec);
/* The packet itself, in its own version, for receivers that speak MQTT; `strips_hub`: topic and
 * Response Topic as clients of the hub know them, and no word of who else gets it. packet_id_at is
 * set at QoS > 0. Not owned. */
struct outgoing *fanout_mqtt(struct fanout *fanout, bool strips_hub);

/* Names of the user properties in which the bridge keeps what MQTT has no place for. Only verified
 * connections may send them. */
#define PROPERTY_FROM         "$wps.from"         /* user id of the sender */
#define PROPERTY_EXCLUDE      "$wps.exclude"      /* connection id that does not get it; several */
#define PROPERTY_FILTER       "$wps.filter"       /* only connections that it takes get it */
#define PROPERTY_DO           "$wps.do"           /* a command: the payload is a rest_question */
#define PROPERTY_STREAM       "$wps.stream"       /* stream id */
#define PROPERTY_STREAM_AT    "$wps.stream-at"    /* stream sequence id */
#define PROPERTY_STREAM_END   "$wps.stream-end"   /* it is the end; the value is the error's name */
#define PROPERTY_STREAM_ERROR "$wps.stream-error" /* the error's message */
#define PROPERTY_STREAM_CODE  "$wps.stream-code"  /* the user's error code */
#define PROPERTY_REPLY        "$wps.reply"        /* to an event: its packet identifier */
#define PROPERTY_AT           "$wps.at"           /* of a group state: Unix ms */

#endif
