/* Which of our WebSocket endpoints a target names (spec/webpubsub.md 1.1): what a request asks for,
 * and what the audience of a token names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_ENDPOINT_H
#define PUBGRID_ACCESS_ENDPOINT_H

#include <stdbool.h>

#include "access/hub.h"
#include "access/url.h"

enum endpoint_kind {
    ENDPOINT_NONE,     /* no such path */
    ENDPOINT_CLIENT,   /* /client/hubs/{hub}, /client?hub={hub}, /client/?hub={hub} */
    ENDPOINT_MQTT,     /* /mqtt */
    ENDPOINT_MQTT_HUB, /* /clients/mqtt/hubs/{hub} */
    ENDPOINT_SYSTEM,   /* /clients/mqtt/hubs/$system: no hub has such a name */
};

struct endpoint {
    enum endpoint_kind kind;
    bool hub_is_valid;
    char hub[HUB_NAME_MAX + 1]; /* lower case; of a kind with a hub, if it is valid */
};

void endpoint_find(struct endpoint *endpoint, const struct url *url);

/* Do both have the same kind, for which there are tokens, and name the same valid hub if it has
 * one?
 */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
