/* Reads the enrichments of route_wrap_fuzz.c, and writes and reads them again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "resource/enrichment.h"
#include "resource/reading.h"

bool route_wrap_fuzz_read_enrichments(struct arena *arena, struct slice json,
                                      struct enrichments *out);

static bool read(struct arena *arena, struct slice json, struct enrichments *out)
{
    struct buffer error = {0};
    struct reading reading = {.arena = arena, .error = &error};
    struct json_value value;

    if (!json_parse(json, &value)) {
        return false;
    }
    enrichments_read(&reading, &value, out);
    FUZZ_CHECK((reading.mistakes > 0) == (error.length > 0));
    buffer_release(&error);
    return reading.mistakes == 0;
}

bool route_wrap_fuzz_read_enrichments(struct arena *arena, struct slice json,
                                      struct enrichments *out)
{
    struct enrichments again = {0};
    struct buffer shown = {0};

    if (!read(arena, json, out)) {
        return false;
    }
    FUZZ_CHECK(out->count <= ENRICHMENTS_MAX);
    enrichments_append(&shown, out);
    struct slice kept = arena_copy(arena, buffer_slice(&shown));
    FUZZ_CHECK(read(arena, kept, &again) && again.count == out->count);
    for (size_t i = 0; i < out->count; i++) {
        FUZZ_CHECK(slice_equal(out->items[i].key, again.items[i].key));
        FUZZ_CHECK(out->items[i].part_count == again.items[i].part_count);
    }
    buffer_release(&shown);
    return true;
}
