/* Files that commands are given, whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_INPUT_FILE_H
#define PUBGRID_CLI_INPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Appends the file, or standard input ("-"), of at most `size_max` bytes; `what` it is for, in an
 * error message. False after one. */
bool input_read(const char *path, size_t size_max, const char *what, struct buffer *text);

#endif
