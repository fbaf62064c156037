/* Texts of lines, as lists of files and archives are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_LINES_H
#define PUBGRID_DISPATCH_LINES_H

#include <stdbool.h>
#include <string.h>

#include "base/slice.h"

/* Takes the next line, without its end, off the front of `*rest`; false: there is no whole one. */
static inline bool line_next(struct slice *rest, struct slice *line)
{
    const uint8_t *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;

    if (!end) {
        return false;
    }
    *line = slice_make(rest->data, (size_t)(end - rest->data));
    *rest = slice_from(*rest, line->length + 1);
    return true;
}

#endif
