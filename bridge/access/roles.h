/* What a client may do in its hub: roles and wildcard rules (spec/webpubsub.md 1.3). Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_ROLES_H
#define PUBGRID_ACCESS_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

enum role_action { ROLE_JOIN_LEAVE, ROLE_SEND, ROLE_ACTIONS };

struct roles; /* NULL: none, may only send events */

/* Limits of 1.3: 1,000 literal rules and 10 patterns an action. False (with a sentence) if a role
 * is beyond them or a pattern is not valid; unknown role strings are ignored. Add as many as there
 * are. */
bool roles_add(struct roles **roles, struct slice role, struct buffer *error);
void roles_free(struct roles *roles);

/* May it do this to exactly this group? */
bool roles_allow(const struct roles *roles, enum role_action action, struct slice group);
/* To every group that the topic filter `filter` (with + or #, levels unescaped) can name? Yes with
 * the role for all groups, with one for exactly this filter's text, or with a pattern where what
 * stands for + and # is covered by a **. */
bool roles_allow_filter(const struct roles *roles, enum role_action action, struct slice filter);

/* --- permissions that the server grants and revokes while the client is connected (6.3) --- */

/* `group` NULL: all groups. Takes back a denial of the same. False: there are too many already. */
bool roles_grant(struct roles **roles, enum role_action action, const struct slice *group);
/* The permission for this group is gone, whatever else allows it, until it is granted again; NULL:
 * all permissions for this action are. */
void roles_revoke(struct roles **roles, enum role_action action, const struct slice *group);
/* Is it allowed for every group, by a role or grant that says so? */
bool roles_allow_all(const struct roles *roles, enum role_action action);

/* Appends them as a JSON array of role strings, from which roles_add() makes the same again, but
 * for what was revoked. */
void roles_append_json(struct buffer *out, const struct roles *roles);

#endif
