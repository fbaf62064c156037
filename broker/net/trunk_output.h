/* What a trunk has to say to its bridge: frames that wait for the socket, and PUBLISHes that are
 * still collecting the channels they go to.
 *
 * A PUBLISH is encoded for the first channel; every further one that gets the same bytes (same
 * message, same form, see core/publish_write.h) costs an entry in its list of targets. It becomes a
 * frame when another message is published, at the end of the turn, or when something else must go
 * behind it in one of its channels. That a channel is in such a list is known by the round.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TRUNK_OUTPUT_H
#define PUBGRID_NET_TRUNK_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "core/encoding.h"
#include "core/message.h"
#include "trunk/trunk.h"

/* One PUBLISH and who gets it. */
struct trunk_sharing {
    struct buffer packet;  /* its packet identifier 0 */
    struct buffer targets; /* struct trunk_target each; empty: this form is not open */
};

/* Zeroed memory is empty. */
struct trunk_output {
    /* Frames: those that are being written, and those behind them. */
    struct buffer writing, filling;
    size_t written;          /* bytes of `writing` */
    struct trunk_tail tail;  /* of `filling` */
    struct message *message; /* that is being collected for; one count; NULL: none */
    uint64_t round;          /* counts what was collected */
    uint32_t open;           /* bits of the forms that have targets */
    struct trunk_sharing forms[PUBLISH_FORMS];
    struct buffer alone; /* scratch: a PUBLISH that is like no other */
};

/* Bytes that the socket has not taken. */
static inline size_t trunk_output_pending(const struct trunk_output *output)
{
    return output->writing.length - output->written + output->filling.length;
}

/* Where frames are appended. What was collected is not in it yet. */
static inline struct buffer *trunk_output_frames(struct trunk_output *output)
{
    return &output->filling;
}

/* What was collected becomes frames. */
void trunk_output_collect(struct trunk_output *output);
/* Collects for this message from now on. */
void trunk_output_begin(struct trunk_output *output, struct message *message);

/* The sharing of a form of the message, to which a target is added; its packet is empty if it is
 * not encoded yet. */
static inline struct trunk_sharing *trunk_output_share(struct trunk_output *output,
                                                       struct message *message, int form)
{
    if (output->message != message) {
        trunk_output_begin(output, message);
    }
    output->open |= UINT32_C(1) << form;
    return &output->forms[form];
}

static inline void trunk_sharing_add(struct trunk_sharing *sharing, uint32_t channel,
                                     uint32_t sequence)
{
    struct trunk_target target = {channel, sequence};
    struct buffer *targets = &sharing->targets;

    if (targets->capacity - targets->length < sizeof(target)) {
        buffer_reserve(targets, sizeof(target));
    }
    memcpy(targets->data + targets->length, &target, sizeof(target));
    targets->length += sizeof(target);
}

/* Writes to a non-blocking socket: 1: all is written, 0: the socket is full, or -errno. The
 * bytes that it took are added to *taken. */
int trunk_output_write(struct trunk_output *output, int fd, size_t *taken);
void trunk_output_release(struct trunk_output *output);

#endif
