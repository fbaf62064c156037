/* The header lines of a script as settings of the core harness.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_CORE_CONFIG_H
#define CONVERSATION_RUNNER_CORE_CONFIG_H

#include "runner_script.h"
#include "support/core_harness.h"

enum { CONFIG_USERS_MAX = 8, CONFIG_WORD_MAX = 64 };

/* What the settings point at; lives as long as the harness. */
struct core_config {
    struct core_harness_user users[CONFIG_USERS_MAX];
    char words[CONFIG_USERS_MAX][3][CONFIG_WORD_MAX]; /* name, password, group */
};

/* False: why stands in `report`. */
bool core_config_read(struct core_config *config, const struct script *script,
                      struct core_harness_settings *settings, struct buffer *report);

/* The access rules that stand right above the line; above the first one: NULL. The script was found
 * good by core_config_read(). */
struct rule_set *core_rules_read(const struct script *script, const struct line *line);

#endif
