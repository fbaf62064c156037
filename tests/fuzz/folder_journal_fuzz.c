/* Fuzzes the reading of the state files of folders. Input: lines.
 *
 * Oracles: what is read stays within the folder, and written once more it is one line that is read
 * as the same again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/folder_journal.h"

static void check_line(struct slice text)
{
    struct buffer out = {0}, space = {0}, other_space = {0};
    struct journal_line line, again;

    if (journal_read(text, &space, &line)) {
        FUZZ_CHECK(line.path.length > 0 && line.path.length <= JOURNAL_PATH_MAX);
        FUZZ_CHECK(line.path.data[0] != '/' && !memchr(line.path.data, '\0', line.path.length));
        FUZZ_CHECK(!memmem(line.path.data, line.path.length, "/../", 4));
        journal_append(&out, &line);
        FUZZ_CHECK(memchr(out.data, '\n', out.length) == out.data + out.length - 1);
        FUZZ_CHECK(journal_read(slice_make(out.data, out.length - 1), &other_space, &again));
        FUZZ_CHECK(again.kind == line.kind && again.sequence == line.sequence);
        FUZZ_CHECK(file_facts_equal(&again.facts, &line.facts));
        FUZZ_CHECK(slice_equal(again.path, line.path));
    }
    buffer_release(&out);
    buffer_release(&space);
    buffer_release(&other_space);
}

static void check_head(struct slice text)
{
    struct buffer out = {0}, space = {0}, other_space = {0};
    struct slice directory, again;

    if (journal_read_head(text, &space, &directory)) {
        journal_append_head(&out, directory);
        FUZZ_CHECK(journal_read_head(slice_make(out.data, out.length - 1), &other_space, &again));
        FUZZ_CHECK(slice_equal(directory, again));
    }
    buffer_release(&out);
    buffer_release(&space);
    buffer_release(&other_space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);

    while (rest.length > 0) {
        struct slice line = fuzz_copy(fuzz_take_line(&rest));
        check_line(line);
        check_head(line);
        fuzz_free(line);
    }
    return 0;
}
