/* What the durable cell adds to the report: the backlog, and how it came back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_REPORT_DURABLE_H
#define PUBGRID_CLI_BENCH_REPORT_DURABLE_H

#include "bench_cell.h"

/* Members of the JSON object. */
void bench_report_durable_json(const struct bench_run *run);
/* The rest of a sentence. */
void bench_report_durable_human(const struct bench_run *run);

#endif
