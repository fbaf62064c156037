/* `pubgrid keys`: prints the connection strings of the server, and renews its keys.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_KEYS_H
#define PUBGRID_CLI_KEYS_H

/* argv[0] is "keys". Returns the exit status. */
int keys_main(int argc, char **argv);

#endif
