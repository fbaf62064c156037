/* Logs of what became of requests to webhooks, which a server answers a page at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_LOG_LINES_H
#define PUBGRID_CLI_LOG_LINES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "json/json.h"

enum { FOLLOW_US = 500000, LOG_LINES_DEFAULT = 20, LOG_LINES_MAX = 200 };

/* Prints those of the answer that are not in the one before, oldest first, each by `print` or as
 * JSON; `before` is that one's JSON (empty: none), and becomes this one's. False: it is no such
 * answer. */
bool log_lines_print(struct slice json, bool as_json, struct buffer *before,
                     void (*print)(const struct json_value *attempt));

#endif
