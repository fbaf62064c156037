/* Members of the bench's line of JSON, each with a comma in front, on standard output.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_JSON_H
#define PUBGRID_CLI_BENCH_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* NaN, which stands for "not measured", becomes null. */
void bench_json_number(const char *name, double value, int digits);
void bench_json_count(const char *name, uint64_t value);
void bench_json_bool(const char *name, bool value);
void bench_json_text(const char *name, const char *text);

#endif
