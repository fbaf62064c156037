/* `pubgrid store check|dump|compact`: looks after the files of a store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BROKER_STORE_TOOL_H
#define PUBGRID_BROKER_STORE_TOOL_H

/* argv[0] is "store". Exit status: 0 good, 1 damaged or not done, 2 wrong arguments. */
int store_tool_main(int argc, char **argv);

#endif
