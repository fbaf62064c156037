/* PUBLISH to a client, for carriers that write it themselves (connection_carrier.publish).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_PUBLISH_WRITE_H
#define PUBGRID_CORE_PUBLISH_WRITE_H

#include "base/buffer.h"
#include "core/connection.h"
#include "core/delivery.h"
#include "core/encoding.h"

/* Its form, below PUBLISH_FORMS. What has properties of its own or an alias, or is sent again, is
 * like no other. */
enum { PUBLISH_OWN_FORM = -1 };
int publish_form(const struct connection *connection, const struct delivery *delivery, bool dup);

/* Appends the PUBLISH, its packet identifier 0. False: larger than the peer takes. */
bool publish_append(struct buffer *out, struct connection *connection,
                    const struct delivery *delivery, bool dup);

#endif
