/* Files of the source tree, for tests that compare documents with the code.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_SOURCE_FILE_H
#define PUBGRID_TESTS_SOURCE_FILE_H

#include <stdio.h>

#include "base/buffer.h"
#include "test.h"

/* Reads the file `name` of the tree that the test `source` (__FILE__) is in. NUL-terminated; the
 * caller frees it. */
static char *read_source(const char *source, const char *name)
{
    struct buffer path = {0}, text = {0};
    const char *end = strstr(source, "tests/unit/");
    CHECK(end);
    buffer_append_format(&path, "%.*s%s", (int)(end - source), source, name);
    buffer_append_byte(&path, '\0');
    FILE *file = fopen((const char *)path.data, "re");
    if (!file) {
        test_fail(__FILE__, __LINE__, "cannot read %s", (const char *)path.data);
    }
    size_t got;
    do {
        got = fread(buffer_reserve(&text, 4096), 1, 4096, file);
        text.length += got;
    } while (got > 0);
    fclose(file);
    buffer_release(&path);
    buffer_append_byte(&text, '\0');
    return (char *)text.data;
}

#endif
