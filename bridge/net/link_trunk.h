/* The link to the broker over its trunk: one Unix socket for each worker of the broker.
 *
 * It connects, and connects again when the broker was away; it is ready while all workers are
 * reached. What channels send is collected and leaves with one write a trunk at the end of the
 * loop's turn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_LINK_TRUNK_H
#define PUBGRID_NET_LINK_TRUNK_H

#include <uv.h>

#include "client/link.h"

struct link_trunk;

/* `path` of the broker's trunk socket. Connects in the loop's first turn. */
struct link_trunk *link_trunk_new(uv_loop_t *loop, const char *path);
/* What clients use; set `ready` and `listener` before the loop runs. */
struct link *link_trunk_link(struct link_trunk *trunks);
/* Ends it; no channel is open any more. Its memory is freed when the loop has run its close
 * callbacks. */
void link_trunk_close(struct link_trunk *trunks);

#endif
