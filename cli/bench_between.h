/* What happens between the two halves of the durable cell: a shell command, for example one that
 * kills the broker and starts it again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_BETWEEN_H
#define PUBGRID_CLI_BENCH_BETWEEN_H

#include "bench_process.h"

/* Runs the command and waits for it to end; programs that it leaves behind go on. If the last line
 * that it prints is a list of process ids, they are the broker from now on; if the broker's old
 * processes are gone and it prints none, nothing is known about it any more. Returns the command's
 * exit status, 128 and the signal that ended it, or -1: errno tells. */
int bench_between_run(const char *command, struct bench_processes *broker);

#endif
