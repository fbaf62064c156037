/* See input_file.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool input_read(const char *path, size_t size_max, const char *what, struct buffer *text)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && text->length <= size_max) {
        got = read(fd, buffer_reserve(text, BUFSIZ), BUFSIZ);
        text->length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        fprintf(stderr, "Error: %s cannot be read: %s\n", path, strerrordesc_np(errno));
    } else if (got > 0) {
        fprintf(stderr, "Error: %s is too long for %s\n", path, what);
    }
    if (fd >= 0 && !is_input) {
        close(fd);
    }
    return got == 0;
}
