/* What stands behind a % in the format of `pubgrid sub -F`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_FORMAT_PARTS_H
#define PUBGRID_CLI_FORMAT_PARTS_H

#include "format.h"

/* What may stand between the % and the letter. */
struct layout {
    bool left;     /* '-' */
    char pad;      /* ' ' or '0' */
    int width;     /* 0: none */
    int precision; /* -1: none */
};

/* Appends the part of the message. False: see format_message(). */
typedef bool append_part(struct buffer *out, const struct layout *layout,
                         const struct format_options *options, const struct received *message);

/* The function for a letter, or NULL. */
append_part *format_find_part(char letter);

/* Local time of the message by strftime(3). */
void format_append_time(struct buffer *out, const struct received *message, const char *format);

#endif
