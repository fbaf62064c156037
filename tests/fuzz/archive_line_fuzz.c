/* Fuzzes the reading of archives. Input: a line of one; and taken as the path of one.
 *
 * Oracles: what is read is within its bounds, and written once more it is one line that is read as
 * the same again; a path that has a time is the path of that time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/archive_line.h"
#include "json/json.h"

static void check_line(struct slice text)
{
    struct archive_line line, again;
    struct json_value event;
    struct buffer out = {0};

    if (!archive_line_read(text, &line)) {
        return;
    }
    FUZZ_CHECK(line.accepted_ms > 0 && line.schema < EVENT_SCHEMAS);
    FUZZ_CHECK(json_parse(line.json, &event) && event.type == JSON_OBJECT);
    line.domain_topic = SLICE_EMPTY; /* of a foreign line it may be a text with escapes */
    archive_line_append(&out, &line);
    FUZZ_CHECK(memchr(out.data, '\n', out.length) == out.data + out.length - 1);
    FUZZ_CHECK(archive_line_read(slice_make(out.data, out.length - 1), &again));
    FUZZ_CHECK(again.accepted_ms == line.accepted_ms && again.schema == line.schema);
    FUZZ_CHECK(again.json.length == line.json.length);
    buffer_release(&out);
}

static void check_path(struct slice path)
{
    struct buffer again = {0};
    int64_t begins;

    if (archive_path_time(path, &begins)) {
        archive_path_append(&again, SLICE_LITERAL("x"), begins);
        FUZZ_CHECK(path.length >= again.length - 2);
        FUZZ_CHECK(slice_equal(slice_from(path, path.length - (again.length - 2)),
                               slice_from(buffer_slice(&again), 2)));
        buffer_release(&again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_copy(slice_make(data, size));

    check_line(text);
    check_path(text);
    fuzz_free(text);
    return 0;
}
