/* The bridge put together: the link to the broker, the gateway, the service, and the settings they
 * use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_BRIDGE_H
#define PUBGRID_BRIDGE_BRIDGE_H

#include <uv.h>

#include "base/buffer.h"
#include "config/config.h"

struct bridge;

/* Takes over `config`. `index`: of this process among those that share the ports. NULL, with a
 * sentence in `error` or in the log, if it cannot start. */
struct bridge *bridge_start(uv_loop_t *loop, struct config *config, unsigned index,
                            struct buffer *error);
/* Takes over `config`: hubs, keys, endpoints of tokens and certificates are new for whoever comes
 * from now on.
 * What needs a restart is named in the log. */
void bridge_reload(struct bridge *bridge, struct config *config);
/* Browsers are told (1001), and reliable ones come back to the next process. `stopped` is called
 * when the last handle is being closed; run the loop to its end, then bridge_end(). */
void bridge_stop(struct bridge *bridge, void (*stopped)(void *context), void *context);
void bridge_end(struct bridge *bridge);

#endif
