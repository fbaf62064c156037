/* Fuzzes the reading of dead letter files. Input: a file.
 *
 * Oracles: what is read is valid JSON, and written as a dead letter once more it is read as the
 * same again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/dead_letter.h"

static void check_again(const struct dead_letter_item *item)
{
    struct buffer file = {0}, texts = {0};
    struct dead_letter_item again;
    struct json_value array;
    struct json_walk rest;

    buffer_append_byte(&file, '[');
    dead_letter_append(&file, &item->event, DEAD_ATTEMPTS);
    buffer_append_byte(&file, ']');
    FUZZ_CHECK(json_parse(buffer_slice(&file), &array));
    rest = json_elements(&array);
    FUZZ_CHECK(dead_letter_read(&rest, &texts, &again));
    FUZZ_CHECK(again.event.schema == item->event.schema);
    FUZZ_CHECK(slice_equal(again.event.json, item->event.json));
    FUZZ_CHECK(slice_equal(again.event.id, item->event.id));
    FUZZ_CHECK(slice_equal(again.event.data_version, item->event.data_version));
    FUZZ_CHECK(again.event.published_ms == item->event.published_ms);
    FUZZ_CHECK(again.event.attempts == item->event.attempts);
    FUZZ_CHECK(again.event.attempted_ms == item->event.attempted_ms);
    FUZZ_CHECK(again.event.outcome == item->event.outcome);
    FUZZ_CHECK(again.event.status == item->event.status);
    FUZZ_CHECK(slice_equal(again.reason, SLICE_LITERAL("MaxDeliveryAttemptsExceeded")));
    FUZZ_CHECK(!dead_letter_read(&rest, &texts, &again));
    buffer_release(&file);
    buffer_release(&texts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice file = fuzz_copy(slice_make(data, size));
    struct dead_letter_item item;
    struct buffer texts = {0};
    struct json_value array, event;

    if (json_parse(file, &array) && array.type == JSON_ARRAY) {
        struct json_walk rest = json_elements(&array);
        while (dead_letter_read(&rest, &texts, &item)) {
            FUZZ_CHECK(json_parse(item.event.json, &event));
            check_again(&item);
        }
    }
    buffer_release(&texts);
    fuzz_free(file);
    return 0;
}
