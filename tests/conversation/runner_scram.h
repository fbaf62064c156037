/* The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), written on OpenSSL alone so that it
 * checks the broker's arithmetic instead of repeating it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_SCRAM_H
#define CONVERSATION_RUNNER_SCRAM_H

#include <stdbool.h>

#include "base/buffer.h"

struct scram_exchange {
    struct slice client_first; /* without the gs2 header: "n=bob,r=nonce" */
    struct slice password;
    struct slice challenge; /* the server's "r=...,s=...,i=..." */
};

/* Appends the message that proves the password ("c=biws,r=...,p=...") and the one with which the
 * server must answer ("v=..."). False if the challenge is none. */
bool scram_answer(const struct scram_exchange *exchange, struct buffer *client_final,
                  struct buffer *server_final);

#endif
