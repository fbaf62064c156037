/* Who may manage, and publish to system topics: whoever has a token that is signed with one of the
 * server's access keys; on loopback, if so set (event_grid.open_management), everybody on this
 * machine. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MANAGEMENT_ACCESS_H
#define PUBGRID_DISPATCH_MANAGEMENT_ACCESS_H

#include <stdint.h>

#include "base/buffer.h"
#include "dispatch/call.h"

struct upgrade_context;

/* Whose tokens count, beside those for this server: what Azure's libraries ask for by themselves. A
 * publisher's is not good for managing. */
enum access_purpose { ACCESS_TO_MANAGE, ACCESS_TO_PUBLISH, ACCESS_PURPOSES };

/* NULL: it may; else a sentence, for a 401. The token's `aud` is the request's URL, this server's
 * address, https://management.azure.com, or to publish https://eventgrid.azure.net.
 * `opens` counts for a request that a program of this machine has made itself: none that a proxy
 * has passed on, and none of a page of another site in a browser. `now`: Unix seconds. */
const char *management_check_access(const struct upgrade_context *context,
                                    const struct grid_request *request, enum access_purpose purpose,
                                    bool opens, int64_t now);

/* Whoever publishes or reads MQTT messages: the token, good for publishing, has to say who (`oid`,
 * else `sub`), which is appended to `user`. It is asked for in any case. */
const char *management_check_client(const struct upgrade_context *context,
                                    const struct grid_request *request, struct buffer *user,
                                    int64_t now);

#endif
