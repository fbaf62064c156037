/* The server's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677), without channel binding:
 *
 *   client-first  n,,n=bob,r=<client nonce>             in CONNECT or AUTH 0x19
 *   server-first  r=<both nonces>,s=<salt>,i=<count>    in AUTH 0x18
 *   client-final  c=biws,r=<both nonces>,p=<proof>      in AUTH 0x18
 *   server-final  v=<signature>                         in CONNACK or AUTH 0x00
 *
 * An unknown user gets a salt too, always the same one, and fails at the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SCRAM_H
#define PUBGRID_NET_SCRAM_H

#include <stdbool.h>

#include "base/buffer.h"
#include "secret/scram_secret.h"

/* The secret of a user name, true if there is such a user; else false with a made-up one. */
typedef bool scram_lookup(void *context, struct slice user, struct scram_secret *secret);

enum { SCRAM_MESSAGE_MAX = 4096 };

struct scram_exchange;

/* Reads client-first and appends server-first to `reply`. NULL if it is not well-formed. `nonce` is
 * the server's part: printable, without a comma. */
struct scram_exchange *scram_begin(struct slice client_first, struct slice nonce,
                                   scram_lookup *lookup, void *context, struct buffer *reply);
/* Reads client-final. True if the client knows the password: server-final is in `reply`. */
bool scram_finish(struct scram_exchange *exchange, struct slice client_final, struct buffer *reply);
/* As the client wrote it, unescaped. Proven only after scram_finish(). */
struct slice scram_user(const struct scram_exchange *exchange);
void scram_free(struct scram_exchange *exchange);

#endif
