/* Where Pubgrid's other programs are.
 *
 * The one beside this binary goes first: a build folder then never starts an installed program of
 * another version. PATH is second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_PROGRAM_H
#define PUBGRID_CLI_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_BROKER "pubgrid-broker"
#define PROGRAM_BRIDGE "pubgrid-bridge"

/* The path of a program, the caller's to free; NULL, after a message on stderr, if there is none.
 */
char *program_find(const char *name);
/* This process becomes the program, so signals and service managers need not know of it. argv[0] is
 * to be its name. Returns, with an exit status, only if that fails. */
int program_become(const char *name, char **argv);

#endif
