/* Topic aliases that a server has set on this connection (MQTT 5 section 3.3.2.3.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_ALIASES_H
#define PUBGRID_CLI_ALIASES_H

#include <MQTTAsync.h>
#include <stddef.h>

#include "base/slice.h"

struct aliases {
    struct slice *topics; /* by alias; owned, as is each text */
    size_t count;
};

/* The topic of a message: the given one, which is remembered if the message has an alias, or the
 * remembered one if it is empty. */
struct slice aliases_resolve(struct aliases *aliases, struct slice topic,
                             const MQTTProperties *properties);
/* The connection is gone, and its aliases with it. */
void aliases_forget(struct aliases *aliases);

#endif
