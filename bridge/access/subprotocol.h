/* The negotiation of the WebSocket subprotocol (spec/webpubsub.md 1.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_SUBPROTOCOL_H
#define PUBGRID_ACCESS_SUBPROTOCOL_H

#include "access/upgrade.h"

/* The first one in the client's order (`offered` is the header Sec-WebSocket-Protocol) that the
 * endpoint speaks: mqtt, or one of Web PubSub's. SUBPROTOCOL_NONE: none of them. */
enum subprotocol subprotocol_choose(struct slice offered, bool mqtt);
/* Is exactly this name in the list? */
bool subprotocol_is_offered(struct slice offered, struct slice wanted);
/* SUBPROTOCOL_NONE: unknown. */
enum subprotocol subprotocol_from_name(struct slice name);

#endif
