/* `pubgrid namespace`: namespaces of Event Grid of a running server, and all that is in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_NAMESPACE_H
#define PUBGRID_CLI_NAMESPACE_H

int namespace_main(int argc, char **argv);

#endif
