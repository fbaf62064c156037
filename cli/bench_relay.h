/* A broker of the least possible kind, to measure the generator with and to test its checks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_RELAY_H
#define PUBGRID_CLI_BENCH_RELAY_H

#include "bench_options.h"

/* Starts the relay as a child process on a free port of 127.0.0.1 and points the options at it
 * (host, port, broker). With two processors the relay gets the first and the caller the second.
 * False: errno tells. */
bool bench_relay_start(struct bench_options *options);

/* Ends the child that bench_relay_start() made. */
void bench_relay_stop(const struct bench_options *options);

#endif
