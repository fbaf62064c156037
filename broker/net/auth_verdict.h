/* What the ways of signing in come to: verdicts, made in one place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_AUTH_VERDICT_H
#define PUBGRID_NET_AUTH_VERDICT_H

#include "core/authenticator.h"
#include "net/directory.h"
#include "net/proof.h"

enum auth_verdict auth_refuse(struct auth_answer *answer, enum reason_code reason);
/* The client is who the proof says (a client of the namespace under the name that it has there),
 * for as long as that is good. `now`: the shard's clock. */
enum auth_verdict auth_accept(const struct directory *directory, const struct proof *proof,
                              msec_t now, struct auth_answer *answer);
/* The same of a name that lasts. */
enum auth_verdict auth_accept_user(const struct directory *directory, struct slice user,
                                   struct auth_answer *answer);
/* The client has sent a token. */
enum auth_verdict auth_by_token(const struct directory *directory, enum token_kind kind,
                                struct slice token, msec_t now, struct auth_answer *answer);
/* Milliseconds since 1970 by the wall clock, which is what expiry times are told by. */
int64_t auth_wall_clock(void);

#endif
