/* See log_lines.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "log_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/memory.h"

/* In an answer, the newest first. */
struct attempts {
    struct json_value *items; /* owned */
    size_t count;
};

static bool read_attempts(struct slice json, struct attempts *attempts)
{
    struct json_walk walk;
    struct json_value attempt;

    if (!answer_walk(json, "value", &walk)) {
        return false;
    }
    while (json_next_element(&walk, &attempt)) {
        attempts->items =
            memory_resize(attempts->items, (attempts->count + 1) * sizeof(*attempts->items));
        attempts->items[attempts->count++] = attempt;
    }
    return true;
}

/* Ids sort the newest to the front: it is new if it is before the last of the ones before, and none
 * of them. */
static bool is_new(const struct json_value *attempt, const struct attempts *before)
{
    struct buffer id = {0}, other = {0};
    bool found = false, is_newer = true;

    answer_text(attempt, "id", &id);
    for (size_t i = 0; i < before->count; i++) {
        int order = strcmp((const char *)id.data, answer_text(&before->items[i], "id", &other));
        found = found || order == 0;
        is_newer = order < 0;
    }
    buffer_release(&id);
    buffer_release(&other);
    return is_newer && !found;
}

bool log_lines_print(struct slice json, bool as_json, struct buffer *before,
                     void (*print)(const struct json_value *attempt))
{
    struct attempts now = {0}, known = {0};
    bool good = read_attempts(json, &now);

    read_attempts(buffer_slice(before), &known);
    for (size_t i = now.count; i-- > 0;) {
        if (!is_new(&now.items[i], &known)) {
            continue;
        }
        if (as_json) {
            printf("%.*s\n", SLICE_PRINT(now.items[i].text));
        } else {
            print(&now.items[i]);
        }
    }
    if (now.count > 0) {
        before->length = 0;
        buffer_append(before, json);
    }
    fflush(stdout);
    free(now.items);
    free(known.items);
    return good;
}
