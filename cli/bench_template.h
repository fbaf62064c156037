/* A whole message of which only an identifier, the stamp and, in some cells, the end of the topic
 * change, made once per publisher.
 *
 * On WebSocket the template has the frame's header and is masked already; only the fields are
 * masked for each message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_TEMPLATE_H
#define PUBGRID_CLI_BENCH_TEMPLATE_H

#include <stdint.h>

#include "bench_websocket.h"

/* Native byte order: written and read by the same program. */
struct bench_stamp {
    int64_t due_ns;     /* CLOCK_MONOTONIC; open loop: when the schedule wanted it sent */
    uint64_t sequence;  /* per publisher, from 0 */
    uint32_t publisher; /* its number */
    uint32_t run;       /* tells messages of an earlier run apart */
};

enum { BENCH_STAMP_SIZE = sizeof(struct bench_stamp) };

struct bench_options;

struct bench_field {
    size_t offset, size; /* size 0: there is none */
};

struct bench_template {
    uint8_t *bytes; /* owned */
    size_t size;
    struct bench_field id, stamp;
    struct bench_field topic; /* MQTT: all of it, until the cell narrows it to what it changes */
    size_t header;            /* bytes of the frame's header; 0: it is not a frame */
    uint32_t mask;
};

/* What a message looks like. */
struct bench_shape {
    const char *topic;
    int version, qos;
    bool retain;
    size_t payload; /* MQTT: 0, or room for a stamp */
    /* Of REST alone. */
    const struct bench_options *options;
    size_t number; /* of the publisher */
};

/* Puts the message into a frame and masks it. */
void bench_template_frame(struct bench_template *template, enum websocket_opcode opcode,
                          uint32_t mask);
void bench_template_release(struct bench_template *template);

static inline void bench_template_mask(const struct bench_template *template, uint8_t *at,
                                       const struct bench_field *field)
{
    websocket_mask(at + field->offset, field->size, template->mask,
                   field->offset - template->header);
}

#endif
