/* Brings connections up to the point where the load can start: TCP, WebSocket, CONNECT, SUBSCRIBE.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_SETUP_H
#define PUBGRID_CLI_BENCH_SETUP_H

#include "bench_cell.h"

/* Connections first ... end - 1; those that are subscribers subscribe. Records the time from
 * connect() to the welcome of the server. False: fleet.error says why not. */
bool bench_setup_run(struct bench_run *run, size_t first, size_t end);

#endif
