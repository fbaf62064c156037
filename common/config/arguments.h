/* A program that has a configuration: its arguments, the same for broker and bridge, and the
 * answers that need no running.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_ARGUMENTS_H
#define PUBGRID_CONFIG_ARGUMENTS_H

#include <stddef.h>

#include "config/config.h"

struct arguments {
    const char *file;      /* NULL: defaults only */
    const char **settings; /* of --set; owned array of argv's strings */
    size_t setting_count;
    unsigned index; /* of --index */
};

/* The lines of --help about them. */
#define ARGUMENTS_HELP                                                                             \
    "  -c, --config FILE      configuration; without it the defaults\n"                            \
    "      --set OPTION=VALUE overrides one option of it, for example --set workers=2\n"           \
    "      --check-config     only says whether the configuration is good\n"                       \
    "      --print-config     prints the configuration that would be used\n"                       \
    "      --index NUMBER     which of several processes this is, for the log\n"                   \
    "      --version          prints the version\n"                                                \
    "      --help             prints this\n"

/* The configuration that they name. NULL, with lines in `error`, if it is not good. */
struct config *arguments_load(const struct arguments *arguments, struct buffer *error);

struct program {
    const char *name; /* "pubgrid-broker" */
    const char *help; /* with ARGUMENTS_HELP in it */
    /* Takes over `config`; returns the exit status. */
    int (*run)(const struct arguments *arguments, struct config *config);
};

/* Does what the arguments ask for. The exit status: what run() returned, or 0; 1 if standard output
 * cannot be written; 2 for wrong arguments or configuration. */
int program_main(const struct program *program, int argc, char **argv);

#endif
