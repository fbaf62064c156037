/* `pubgrid token`: prints a URL with a token, with which a client connects to a hub.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_TOKEN_H
#define PUBGRID_CLI_TOKEN_H

/* argv[0] is "token". Returns the exit status. */
int token_main(int argc, char **argv);

#endif
