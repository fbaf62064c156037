/* -D command name value: MQTT 5 properties on the command line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_PROPERTY_OPTION_H
#define PUBGRID_CLI_PROPERTY_OPTION_H

#include "options.h"

/* `arguments->at` stands on -D; leaves it on the last word that belongs to it. */
bool property_option_read(struct options *options, struct arguments *arguments);

/* No property twice, no value that the specification forbids. */
bool property_options_check(const struct options *options);

#endif
