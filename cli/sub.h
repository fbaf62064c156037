/* `pubgrid sub`: mosquitto_sub's command line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SUB_H
#define PUBGRID_CLI_SUB_H

/* argv[0] is "sub". Returns the exit status. */
int sub_main(int argc, char **argv);

#endif
