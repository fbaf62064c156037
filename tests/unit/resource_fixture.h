/* What the tests of resources share: texts with ' for ", mistakes, members as a GET shows them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_RESOURCE_FIXTURE_H
#define PUBGRID_TESTS_RESOURCE_FIXTURE_H

#include "quoted.h"
#include "test.h"

#include "base/buffer.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every line is `place: what`, and one of them is about `place` and says `said`. */
static inline void check_mistake(struct buffer *error, const char *place, const char *said)
{
    const char *line;
    bool found = false;

    CHECK(error->length > 0 && error->data[error->length - 1] == '\n');
    error->data[error->length - 1] = '\0';
    for (line = strtok((char *)error->data, "\n"); line; line = strtok(NULL, "\n")) {
        size_t length = strlen(place);
        CHECK(strstr(line, ": "));
        found = found || (strncmp(line, place, length) == 0 && line[length] == ':' &&
                          strstr(line, said) != NULL);
        if (!found) {
            test_note("said: %s", line);
        }
    }
    CHECK(found);
    buffer_release(error);
}

/* Is the text, in braces, JSON and does it have this in it? */
static inline void check_shows(const struct buffer *members, const char *expected)
{
    struct buffer whole = {0}, part = {0};
    struct json_value value;

    buffer_append_format(&whole, "{%.*s}", SLICE_PRINT(*members));
    CHECK(json_parse(buffer_slice(&whole), &value));
    append_quoted(&part, expected);
    if (!memmem(whole.data, whole.length, part.data, part.length)) {
        test_fail(__FILE__, __LINE__, "%.*s is not in %.*s", SLICE_PRINT(part), SLICE_PRINT(whole));
    }
    buffer_release(&whole);
    buffer_release(&part);
}

#endif
