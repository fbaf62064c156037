/* Plays one conversation against one target.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_PLAY_H
#define CONVERSATION_RUNNER_PLAY_H

#include "runner_target.h"

/* True if every line held. Else `report` gets file:line, what was expected, what came, and the
 * last packets. The target has begun the script. */
bool play_script(struct script *script, const struct target_operations *operations,
                 struct target *target, struct buffer *report);

#endif
