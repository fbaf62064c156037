/* Requests of the REST API (spec/webpubsub.md 6) as load: templates, tokens, and the answers'
 * heads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_REST_H
#define PUBGRID_CLI_BENCH_REST_H

#include <stddef.h>

#include "base/buffer.h"
#include "bench_options.h"
#include "bench_template.h"

/* Path and query, without the first slash, with which subscriber `number` connects if publishers
 * address users: as user u<number>, with a token that is signed here. */
void rest_client_path_append(struct buffer *out, const struct bench_options *options,
                             size_t number);

/* The request that publisher shape->number sends: to its group or user, to the hub, or to nobody.
 */
void rest_template_build(struct bench_template *out, const struct bench_shape *shape);

/* GET of the empty route: says whether the server answers. */
void rest_probe_append(struct buffer *out, const struct bench_options *options);

enum rest_answer { REST_ANSWER_WHOLE, REST_ANSWER_INCOMPLETE, REST_ANSWER_BAD };

/* The answer at the start of `in`, which says how long it is. WHOLE: *size bytes. */
enum rest_answer rest_answer_read(struct slice in, int *status, size_t *size);

#endif
