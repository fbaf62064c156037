/* The messages of `pubgrid pub` that are on their way, and the bound on them.
 *
 * A message is handed to Paho at once and kept here until Paho says that it is sent (QoS 0) or
 * acknowledged. What a lost connection leaves over is handed over again, in order, after the next
 * one is there. The window is what makes the memory of `-l` bounded: no more is read from the
 * standard input than fits into it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_OUTBOUND_H
#define PUBGRID_CLI_OUTBOUND_H

#include <stdbool.h>

#include "base/slice.h"
#include "client.h"

struct outbound;

/* Raised with client_raise(): nothing is under way any more, or there is room again. */
enum { OUTBOUND_PROGRESS = CLIENT_USER };

/* Never destroyed: Paho's threads may complete messages until the exit. */
struct outbound *outbound_create(const struct options *options, struct client *client);

bool outbound_has_room(struct outbound *outbound);
/* Nothing is under way and nothing waits to be sent again. */
bool outbound_is_empty(struct outbound *outbound);

/* Paho does not take the message at all; a message said why. */
bool outbound_failed(const struct outbound *outbound);

/* Copies the payload. Requires outbound_has_room(). */
void outbound_publish(struct outbound *outbound, struct slice payload);

/* After the connection was made anew. */
void outbound_resend(struct outbound *outbound);

#endif
