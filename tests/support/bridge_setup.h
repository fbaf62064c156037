/* What bridge_fakes.h and bridge_broker.h have alike: a hub, its access keys, an upgrade to it, and
 * how frames for a browser are kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_SETUP_H
#define PUBGRID_TESTS_BRIDGE_SETUP_H

#include "access/upgrade.h"
#include "client/client.h"

/* Settings of all hubs, with limits that no test reaches by chance. */
struct hub_settings setup_hub(void);
/* With two access keys; `hub` is borrowed. */
struct upgrade_context setup_access(const struct hub_settings *hub);
void setup_access_release(struct upgrade_context *access);

/* An upgrade for hub `h`; `user` may be empty. */
struct upgrade *setup_upgrade(const struct hub_settings *hub, enum upgrade_kind kind,
                              enum subprotocol subprotocol, const char *user);

/* Appends the frame as a line. */
void setup_append_frame(struct buffer *out, struct outgoing *outgoing, uint64_t number);
/* What was appended since the last call, NUL-terminated; valid until the next. */
const char *setup_take_lines(struct buffer *lines);

#endif
