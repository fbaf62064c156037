/* %j and %J of `pubgrid sub -F`: the whole message as a JSON object.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_FORMAT_JSON_H
#define PUBGRID_CLI_FORMAT_JSON_H

#include "format.h"

/* `as_text`: the payload is a JSON string (%j); otherwise it is JSON itself (%J), and false is
 * returned, with nothing appended, if it is not. */
bool format_json(struct buffer *out, const struct received *message, bool as_text, bool pretty);

#endif
