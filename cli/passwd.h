/* `pubgrid passwd`: edits a password file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_PASSWD_H
#define PUBGRID_CLI_PASSWD_H

/* argv[0] is "passwd". Returns the exit status. */
int passwd_main(int argc, char **argv);

#endif
