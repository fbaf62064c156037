/* The defaults of what core can be told (config/core_options.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_OPTIONS_H
#define PUBGRID_CORE_OPTIONS_H

#include "config/core_options.h"

/* The documented defaults. */
void core_options_defaults(struct core_options *options);

#endif
