/* The header lines of a script (`# login`, `# allow`, `# anonymous`, ...) as a configuration file
 * of our broker, with its listeners, certificate and password file in the job's directory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERSATION_RUNNER_BROKER_CONFIG_H
#define CONVERSATION_RUNNER_BROKER_CONFIG_H

#include "runner_broker.h"

/* False if a file cannot be written. */
bool broker_config_write(const char *path, const struct broker_process *broker,
                         const struct target_settings *settings, const struct script *script);

#endif
