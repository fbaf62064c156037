/* Fuzzes the JSON of `pubgrid sub`, whose input is any publisher's payload: the checker that takes
 * white space out, the indenter and the string writer.
 *
 * Oracles: what the checker lets through, it lets through again unchanged; what the indenter makes
 * of it is the same value; and any bytes at all, written as a string, are valid JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "../../cli/json.c"

static void check_same(struct slice text, struct slice wanted)
{
    struct buffer again = {0};

    FUZZ_CHECK(json_append_compact(&again, text));
    FUZZ_CHECK(slice_equal(buffer_slice(&again), wanted));
    buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer compact = {0}, indented = {0}, string = {0};
    struct slice input = slice_make(data, size);

    if (json_append_compact(&compact, input)) {
        check_same(buffer_slice(&compact), buffer_slice(&compact));
        json_append_indented(&indented, buffer_slice(&compact));
        check_same(buffer_slice(&indented), buffer_slice(&compact));
    } else {
        FUZZ_CHECK(compact.length == 0);
    }
    json_append_string(&string, input);
    check_same(buffer_slice(&string), buffer_slice(&string));
    buffer_release(&compact);
    buffer_release(&indented);
    buffer_release(&string);
    return 0;
}
