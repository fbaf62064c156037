/* Header lines of requests that we make: "Name: value" with a NUL behind each, as
 * net/webhook_transfer.h takes them. Whatever is in a value, it stays one line.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_HEADER_LINES_H
#define PUBGRID_ACCESS_HEADER_LINES_H

#include "base/buffer.h"
#include "base/slice.h"

/* As it is, but for control characters, which become blanks. */
void header_line_append(struct buffer *lines, struct slice name, struct slice value);
/* Bytes that may not be in a header are percent-encoded, as CloudEvents says (HTTP binding
 * 3.1.3.2), and with them a % that could be taken for such an encoding. */
void header_line_append_encoded(struct buffer *lines, struct slice name, struct slice value);

#endif
