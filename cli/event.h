/* `pubgrid event`: event topics and event subscriptions of a running server.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_EVENT_H
#define PUBGRID_CLI_EVENT_H

int event_main(int argc, char **argv);

#endif
