/* The connect event: its body, and what its answers say (spec/webpubsub.md 7.4, 5.3). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_CONNECT_H
#define PUBGRID_EVENTS_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "access/roles.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "wire/message.h"

/* What an MQTT CONNECT packet says. */
struct connect_mqtt {
    unsigned version; /* 4 or 5 */
    bool clean_start;
    bool has_user_name, has_password;
    struct slice user_name, password;
    struct pairs user_properties; /* none: null */
};

/* What a client came with, borrowed. */
struct connect_facts {
    struct slice claims;             /* of its token, a valid JSON object; empty: none */
    struct slice query;              /* of the URL as it came; access_token is left out */
    struct pairs headers;            /* as they came; Authorization is left out */
    struct slice subprotocols;       /* header Sec-WebSocket-Protocol as it came */
    const struct connect_mqtt *mqtt; /* NULL: not MQTT */
};

/* Appends the body, JSON: {"claims":{},"query":{},"headers":{},"subprotocols":[],
 * "clientCertificates":[]}, with "mqtt" if it is. */
void connect_body_append(struct buffer *out, const struct connect_facts *facts);

/* What the body of an answer says; connect_answer_release(). */
struct connect_answer {
    bool has_user_id, has_roles, has_subprotocol;
    struct buffer user_id, subprotocol;
    struct roles *roles;
    struct buffer *groups; /* [group_count]; none: those of the token */
    size_t group_count;
    /* Of "mqtt". */
    bool has_code;
    uint32_t code;                /* of a refusal */
    struct buffer reason;         /* of a refusal, UTF-8 */
    struct buffer property_texts; /* what user_properties are slices of */
    struct pair *user_properties; /* [user_property_count], UTF-8 without null characters */
    size_t user_property_count;
};

/* False: it is neither empty, `null` nor such an object, or a name, role or group in it is not
 * valid; `out` is then empty. Names of properties count without case; unknown ones are ignored. */
bool connect_answer_read(struct connect_answer *out, struct slice body);
void connect_answer_release(struct connect_answer *answer);

#endif
