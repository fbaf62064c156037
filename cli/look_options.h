/* Options of the commands that look at a running server: how it is asked, and how its answers are
 * shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_LOOK_OPTIONS_H
#define PUBGRID_CLI_LOOK_OPTIONS_H

#include <stdbool.h>

#include "access_options.h"

struct look_options {
    bool json;          /* --json: as the server answers */
    bool follow;        /* --follow: logs go on */
    bool only_failures; /* --failures */
    bool insecure;      /* --insecure: any certificate is good */
    bool help;          /* --help */
    long lines;         /* -n */
};

/* What getopt_long() returns for them; a command's own come behind them. */
enum {
    OPTION_JSON = OPTION_OF_COMMAND,
    OPTION_FOLLOW,
    OPTION_FAILURES,
    OPTION_INSECURE,
    OPTION_HELP,
    OPTION_BEHIND_LOOK,
};

/* Their rows for getopt_long(). */
#define LOOK_LONG_OPTIONS                                                                          \
    {"json", no_argument, NULL, OPTION_JSON}, {"follow", no_argument, NULL, OPTION_FOLLOW},        \
        {"failures", no_argument, NULL, OPTION_FAILURES},                                          \
        {"insecure", no_argument, NULL, OPTION_INSECURE},                                          \
    {                                                                                              \
        "help", no_argument, NULL, OPTION_HELP                                                     \
    }

/* Takes one of these, or of those of access_options.h; false: it is none, or after an error
 * message. */
bool look_options_take(struct look_options *look, struct access_options *access, int option,
                       const char *argument);

#endif
