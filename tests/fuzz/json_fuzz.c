/* Fuzzes the JSON reader and writer, whose input is any publisher's payload and any browser's
 * frame.
 *
 * Oracles: what the minifier lets through, it lets through again unchanged; what the indenter makes
 * of it is the same value; any bytes at all, written as a string, are valid JSON and read back as
 * they were if they are UTF-8. Parsing whole and walking piece by piece agree on what is valid, and
 * what a walk hands out is valid by itself and lies inside of the input.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "mqtt/utf8.h"
#include "json/json.h"

static void check_same(struct slice text, struct slice wanted)
{
    struct buffer again = {0};

    FUZZ_CHECK(json_append_compact(&again, text));
    FUZZ_CHECK(slice_equal(buffer_slice(&again), wanted));
    buffer_release(&again);
}

static void check_value(struct slice input, const struct json_value *value)
{
    struct json_value again;

    FUZZ_CHECK(value->text.data >= input.data);
    FUZZ_CHECK(value->text.data + value->text.length <= input.data + input.length);
    FUZZ_CHECK(json_parse(value->text, &again));
    FUZZ_CHECK(again.type == value->type && slice_equal(again.text, value->text));
}

/* Walks as the bridge does, without having parsed. Returns whether the text was valid. */
static bool walk(struct slice input, enum json_type type)
{
    struct json_walk walk = json_walk_text(input, type);
    struct json_value value;
    struct slice key;

    if (type == JSON_OBJECT) {
        while (json_next_member(&walk, &key, &value)) {
            check_value(input, &value);
            FUZZ_CHECK(utf8_is_well_formed(key));
        }
    } else {
        while (json_next_element(&walk, &value)) {
            check_value(input, &value);
        }
    }
    return json_walk_is_complete(&walk);
}

/* Walks as a batch of events is read: into each element, which must be an object. */
static bool walk_objects(struct slice input, size_t *count)
{
    struct json_walk walk = json_walk_text(input, JSON_ARRAY), object;
    struct json_value value;
    struct slice key;

    *count = 0;
    while (json_enter_object(&walk, &object)) {
        while (json_next_member(&object, &key, &value)) {
            check_value(input, &value);
        }
        if (json_leave_object(&walk, &object, &value)) {
            check_value(input, &value);
            *count += 1;
        }
    }
    return json_walk_is_complete(&walk);
}

/* How many elements there are, if all are objects; else more than there can be. */
static size_t object_count(const struct json_value *array)
{
    struct json_walk walk = json_elements(array);
    struct json_value value;
    size_t count = 0;

    while (json_next_element(&walk, &value)) {
        count = value.type == JSON_OBJECT && count < SIZE_MAX ? count + 1 : SIZE_MAX;
    }
    return count;
}

static void check_objects(struct slice input, const struct json_value *value)
{
    size_t wanted = value && value->type == JSON_ARRAY ? object_count(value) : SIZE_MAX, count;

    FUZZ_CHECK(walk_objects(input, &count) == (wanted < SIZE_MAX));
    FUZZ_CHECK(wanted == SIZE_MAX || count == wanted);
}

static void check_reader(struct slice input)
{
    struct json_value value;
    bool valid = json_parse(input, &value);
    uint64_t number;

    FUZZ_CHECK(walk(input, JSON_OBJECT) == (valid && value.type == JSON_OBJECT));
    FUZZ_CHECK(walk(input, JSON_ARRAY) == (valid && value.type == JSON_ARRAY));
    check_objects(input, valid ? &value : NULL);
    if (valid) {
        check_value(input, &value);
        json_to_u64(&value, &number);
    }
}

static void check_string(struct slice input)
{
    struct buffer string = {0}, decoded = {0};
    struct json_value value;

    json_append_string(&string, input);
    check_same(buffer_slice(&string), buffer_slice(&string));
    FUZZ_CHECK(json_parse(buffer_slice(&string), &value) && value.type == JSON_STRING);
    json_append_string_value(&decoded, &value);
    FUZZ_CHECK(utf8_is_well_formed(buffer_slice(&decoded)));
    FUZZ_CHECK(slice_equal(buffer_slice(&decoded), input) == utf8_is_well_formed(input));
    buffer_release(&string);
    buffer_release(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer compact = {0}, indented = {0};
    struct slice input = fuzz_copy(slice_make(data, size));

    if (json_append_compact(&compact, input)) {
        check_same(buffer_slice(&compact), buffer_slice(&compact));
        json_append_indented(&indented, buffer_slice(&compact));
        check_same(buffer_slice(&indented), buffer_slice(&compact));
    } else {
        FUZZ_CHECK(compact.length == 0);
    }
    check_reader(input);
    check_string(input);
    fuzz_free(input);
    buffer_release(&compact);
    buffer_release(&indented);
    return 0;
}
