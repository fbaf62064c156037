/* The output of `pubgrid sub`: one received message as text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_FORMAT_H
#define PUBGRID_CLI_FORMAT_H

#include <MQTTAsync.h>
#include <stdbool.h>
#include <time.h>

#include "base/buffer.h"
#include "base/slice.h"

struct received {
    struct slice topic;
    struct slice payload;
    int qos;
    bool retain;
    int packet_id; /* 0 at QoS 0 */
    const MQTTProperties *properties;
    struct timespec at;
};

struct format_options {
    const char *format; /* -F, or NULL */
    bool verbose;       /* -v */
    bool line_end;      /* false: -N */
    bool pretty;        /* --pretty */
};

/* Is this a format that format_message() understands? Says on stderr what is wrong. */
bool format_check(const char *format);

/* Appends the text of the message. False if %J met a payload that is not JSON; the rest of the
 * format is printed all the same. */
bool format_message(struct buffer *out, const struct format_options *options,
                    const struct received *message);

#endif
