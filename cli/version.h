/* The version of the program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_VERSION_H
#define PUBGRID_CLI_VERSION_H

void version_print(void);

#endif
