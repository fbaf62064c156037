/* What the claims of a verified token say about a client (spec/webpubsub.md 1.2). Each function
 * returns NULL, or the sentence that refuses the token.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_CLAIMS_H
#define PUBGRID_ACCESS_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "json/json.h"

enum { CLAIMS_CLOCK_SKEW_S = 300 }; /* how far apart the clocks of both sides may be */

/* The token of an Authorization header "Bearer ..."; empty: it has none. */
struct slice claims_bearer_token(struct slice authorization);
/* `exp` is required, `nbf` is not. */
const char *claims_check_time(const struct json_value *claims, int64_t now);
/* `sub`, or its long name. */
const char *claims_read_user(const struct json_value *claims, struct buffer *user);
/* `role` and its long name, each a string or an array. */
const char *claims_read_roles(const struct json_value *claims, struct roles **roles);
/* `webpubsub.group`, and for MQTT also `group`, each a string or an array: adds to
 * upgrade->groups. */
const char *claims_read_groups(const struct json_value *claims, struct upgrade *upgrade);

#endif
