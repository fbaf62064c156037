/* Fuzzes the children of namespaces as JSON: bodies of PUT, what is retained below
 * `$config/eventgrid/namespaces/`. The first line is a collection's name, the rest the resource.
 *
 * Oracles: what is refused says why, in lines; what a GET shows of what is accepted is JSON that
 * reads as the same again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "resource/namespace_child.h"
#include "json/json.h"

/* `place: what`, one a line. */
static void check_error(const struct buffer *error)
{
    struct slice rest = buffer_slice(error);

    FUZZ_CHECK(error->length > 0 && error->data[error->length - 1] == '\n');
    while (rest.length > 0) {
        struct slice line = fuzz_take_line(&rest);
        const char *colon = memmem(line.data, line.length, ": ", 2);
        FUZZ_CHECK(colon && colon > (const char *)line.data);
    }
}

static void show(const struct namespace_child *child, struct buffer *out)
{
    struct json_value value;

    buffer_append_byte(out, '{');
    namespace_child_append_members(out, child);
    buffer_append_byte(out, '}');
    FUZZ_CHECK(json_parse(buffer_slice(out), &value) && value.type == JSON_OBJECT);
}

static void check_shown(const struct namespace_child *child)
{
    struct buffer shown = {0}, again_shown = {0}, error = {0};

    show(child, &shown);
    if (shown.length <= CHILD_JSON_MAX) {
        struct namespace_child *again =
            namespace_child_read(child->kind, child->name, buffer_slice(&shown), &error);
        FUZZ_CHECK(again && namespace_child_check_change(child, again, &error));
        show(again, &again_shown);
        FUZZ_CHECK(slice_equal(buffer_slice(&shown), buffer_slice(&again_shown)));
        namespace_child_free(again);
    }
    buffer_release(&shown);
    buffer_release(&again_shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size), collection = fuzz_take_line(&rest);
    struct slice json = fuzz_copy(rest);
    struct buffer error = {0};
    enum child_kind kind;

    if (child_kind_from_collection(collection, &kind)) {
        struct namespace_child *child =
            namespace_child_read(kind, SLICE_LITERAL("name"), json, &error);
        FUZZ_CHECK((child == NULL) == (error.length > 0));
        if (child) {
            check_shown(child);
        } else {
            check_error(&error);
        }
        namespace_child_free(child);
    }
    buffer_release(&error);
    fuzz_free(json);
    return 0;
}
