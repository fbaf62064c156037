/* `pubgrid hub`: the settings of hubs of a running server, and what becomes of their events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_HUB_H
#define PUBGRID_CLI_HUB_H

/* argv[0] is "hub". Returns the exit status. */
int hub_main(int argc, char **argv);

#endif
