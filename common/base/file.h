/* Files that are written whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_FILE_H
#define PUBGRID_BASE_FILE_H

#include <stdbool.h>

#include "base/slice.h"

/* Writes all of it and has it on the disk. False, with errno, if not. */
bool file_write_durably(int fd, struct slice bytes);

#endif
