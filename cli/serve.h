/* `pubgrid serve`: starts the server.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SERVE_H
#define PUBGRID_CLI_SERVE_H

/* argv[0] is "serve"; the rest goes to pubgrid-broker. Does not return unless it cannot start. */
int serve_main(int argc, char **argv);
int store_main(int argc, char **argv);

#endif
