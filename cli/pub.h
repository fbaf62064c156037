/* `pubgrid pub`: mosquitto_pub's command line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_PUB_H
#define PUBGRID_CLI_PUB_H

/* argv[0] is "pub". Returns the exit status. */
int pub_main(int argc, char **argv);

#endif
