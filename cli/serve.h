/* `pubgrid serve`: starts the server. `pubgrid store`: looks after its files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SERVE_H
#define PUBGRID_CLI_SERVE_H

/* argv[0] is "serve" or "store"; the rest goes to the broker, and to the bridge. Return when the
 * server has ended, or could not start. */
int serve_main(int argc, char **argv);
int store_main(int argc, char **argv);

#endif
