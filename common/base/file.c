/* See file.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <unistd.h>

bool file_write_durably(int fd, struct slice bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written < 0) {
            return false;
        }
        bytes = slice_from(bytes, (size_t)written);
    }
    return fsync(fd) == 0;
}
