/* What a webhook that lets clients in is sent, and what its answer means (spec/eventgrid.md 6.2).
 * Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SIGN_IN_WEBHOOK_H
#define PUBGRID_NET_SIGN_IN_WEBHOOK_H

#include "base/buffer.h"
#include "mqtt/properties.h"
#include "net/peer_certificate.h"
#include "net/proof.h"

/* All that a client has shown of itself. */
struct webhook_client {
    struct slice client_identifier;
    struct slice user_name, password;           /* empty: not given */
    const struct properties *properties;        /* of CONNECT or AUTH */
    const struct peer_certificate *certificate; /* NULL: none */
};

/* Appends the body of the request. */
void webhook_request_append(struct buffer *out, const struct webhook_client *client);

enum webhook_decision {
    WEBHOOK_ALLOWS,
    WEBHOOK_DENIES,
    WEBHOOK_FAILS, /* it has not decided: its status is no answer to the question */
    WEBHOOK_BROKEN /* it has answered what is none */
};

/* Reads the answer into `proof`, which is complete only if the webhook allows; its name is empty if
 * none was given. *why (of the other decisions) is a sentence, or what the webhook says, as JSON;
 * valid as long as `body`. `now`: wall clock, ms since 1970. */
enum webhook_decision webhook_answer_read(long status, struct slice body, int64_t now,
                                          struct proof *proof, struct slice *why);

#endif
