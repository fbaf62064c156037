/* The JSON subprotocols of Web PubSub as a load generator needs them (spec/webpubsub.md 2).
 *
 * Like the bench's MQTT it shares nothing with the server's codec. A message's data is text: the
 * stamp in hexadecimal digits, then filling.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_WEBPUBSUB_H
#define PUBGRID_CLI_BENCH_WEBPUBSUB_H

#include <stdbool.h>

#include "bench_template.h"

enum {
    WEBPUBSUB_STAMP_SIZE = 2 * BENCH_STAMP_SIZE,
    WEBPUBSUB_JOIN_ACK_ID = 1, /* lower than those of messages */
};

/* What is of interest in a frame of the server. Texts are as they stand in the frame, without the
 * quotes; what a frame does not have is empty. */
struct webpubsub_frame {
    struct slice type, event, message; /* `message`: of system events */
    struct slice data_type, data;
    struct slice ack_id, success, error; /* `error`: the whole object */
    struct slice sequence_id;
};

/* False: it is not a JSON object. Nothing is checked inside values that are of no interest. */
bool webpubsub_read(struct webpubsub_frame *out, struct slice text);
/* A number that stands in a frame; false: it is none. */
bool webpubsub_number(struct slice text, uint64_t *out);
/* The stamp at the start of a message's data; false: there is none. */
bool webpubsub_stamp_read(struct slice data, struct bench_stamp *out);

void webpubsub_join_write(struct buffer *out, struct slice group);
void webpubsub_sequence_ack_write(struct buffer *out, uint64_t sequence_id);
/* sendToGroup to shape->topic; with an ackId if shape->qos > 0. Not framed. */
void webpubsub_template_build(struct bench_template *out, const struct bench_shape *shape);
/* The same as an event, `echo`. */
void webpubsub_event_template_build(struct bench_template *out, const struct bench_shape *shape);
/* The ackId comes from the stamp's sequence number. */
void webpubsub_template_fill(const struct bench_template *template, uint8_t *at, uint16_t packet_id,
                             const struct bench_stamp *stamp);

#endif
