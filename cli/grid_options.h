/* The options of the commands that manage Event Grid: those that all have, and behind them flags of
 * a command's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_GRID_OPTIONS_H
#define PUBGRID_CLI_GRID_OPTIONS_H

#include <getopt.h>
#include <stddef.h>

#include "look_options.h"

/* What getopt_long() returns for the first flag; the others follow. */
enum { OPTION_FLAG_FIRST = OPTION_BEHIND_LOOK };

/* The rows for getopt_long(), which are the caller's. `name` and `argument` (what struct option has
 * as has_arg) are those of each flag. */
struct option *grid_options_make(size_t flags, const char *(*name)(size_t flag),
                                 int (*argument)(size_t flag));

#endif
