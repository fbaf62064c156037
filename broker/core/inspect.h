/* Questions to the broker about itself, asked over MQTT by who is trusted (the console, over the
 * system hub): a PUBLISH on `$wps//inspect/<what>` with a Response Topic, where the answer comes, a
 * JSON object, with the question's Correlation Data, at QoS 0. Parameters are User Properties. The
 * question itself is routed to nobody.
 *
 *     what       parameters                      answer
 *     sessions   contains, after, limit, all     {"sessions":[{...}],"after":"1.4711"}
 *     session    clientId                        {"session":{...,"filters":[...]}}, or null
 *     close      clientId                        {"closed":true}: DISCONNECT 0x98
 *     end        clientId                        {"ended":true}: the session, too
 *     retained   filter, after, limit            {"retained":[{...}],"after":"a/topic"}
 *
 * docs/console.md has the members. Lists are gathered in pieces, a turn each, so nobody waits for
 * them; without "after" the list is at its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_INSPECT_H
#define PUBGRID_CORE_INSPECT_H

#include <stdbool.h>

#include "core/session.h"
#include "mqtt/packet.h"

/* Does a message to this topic ask us? */
bool inspect_is_question(const struct session *session, struct slice topic);
/* The answer follows, if it is known what is asked, and there is a Response Topic. */
void inspect_ask(struct session *session, const struct packet *packet, struct slice topic);

#endif
