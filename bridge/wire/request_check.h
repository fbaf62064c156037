/* What the values of a request may be, in whatever subprotocol it came (spec/webpubsub.md 2.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_REQUEST_CHECK_H
#define PUBGRID_WIRE_REQUEST_CHECK_H

#include "wire/message.h"

enum { TTL_SECONDS_MAX = 300 };
enum { METADATA_KEY_MAX = 256, METADATA_VALUE_MAX = 1024, METADATA_MAX = 8192 /* bytes */ };

/* For a request that was decoded and has what is required: FRAME_OK or FRAME_BAD_REQUEST. The names
 * of groups and events are access/hub.h's to check. */
enum frame_verdict request_check(const struct request *request);

/* Keys are lower-case HTTP tokens, values printable ASCII, each and all together within bounds. */
bool metadata_is_valid(struct pairs metadata);

#endif
