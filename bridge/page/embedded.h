/* What cmake/embed.cmake makes of a file: its bytes and how HTTP names them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_PAGE_EMBEDDED_H
#define PUBGRID_PAGE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *path;           /* "/page.js"; NULL ends a table */
    const char *tag;            /* the entity tag, with its quotes: changes with the bytes */
    const unsigned char *bytes; /* a NUL follows that is not part of the file */
    size_t length;
};

extern const struct embedded_file page_files[], console_files[];

#endif
