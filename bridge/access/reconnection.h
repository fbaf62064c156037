/* The reconnection token (spec/webpubsub.md 4.1, 4.2): what a reliable client shows to get its
 * connection back. It says all that the bridge must know again, so any bridge process can take it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_RECONNECTION_H
#define PUBGRID_ACCESS_RECONNECTION_H

#include "access/upgrade.h"

enum { RECONNECTION_TOKEN_LIFE_S = 7 * 24 * 3600 };

/* Is the token good for this connection, and for the hub and subprotocol of `upgrade`? Then user
 * and roles are set from it. */
bool reconnection_token_read(struct upgrade *upgrade, const struct access_keys *keys,
                             struct slice token, struct slice connection_id, int64_t now);

#endif
