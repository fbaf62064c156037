/* The figures of a run as one line: JSON for programs, words for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_REPORT_H
#define PUBGRID_CLI_BENCH_REPORT_H

#include "bench_cell.h"

void bench_report_print(const struct bench_run *run);

/* 0, or 3 when the broker broke a promise: loss at QoS 1 or 2, duplicates at QoS 2, disorder. */
int bench_report_status(const struct bench_run *run);

#endif
