/* Samples as Prometheus reads them: text format 0.0.4. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_METRICS_TEXT_H
#define PUBGRID_CLIENT_METRICS_TEXT_H

#include "base/buffer.h"
#include "client/metrics_broker.h"
#include "client/metrics_sample.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Lines by family, since those of one stand together; zeroed memory is empty. */
struct metrics_text {
    struct buffer families[METRICS];
};

void metrics_text_add(struct metrics_text *text, unsigned process, const struct sample *sample);
/* Appends all families that have lines, and empties them. */
void metrics_text_finish(struct metrics_text *text, struct buffer *out);
/* Appends what is known of the broker. */
void metrics_text_append_broker(struct buffer *out, const struct broker_numbers *numbers);

#endif
