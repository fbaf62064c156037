/* See answer.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>

void answer_print(struct slice json, bool as_it_is)
{
    struct buffer compact = {0}, text = {0};

    if (!as_it_is && json_append_compact(&compact, json)) {
        json_append_indented(&text, buffer_slice(&compact));
        json = buffer_slice(&text);
    }
    printf("%.*s\n", SLICE_PRINT(json));
    buffer_release(&compact);
    buffer_release(&text);
}

const char *answer_text(const struct json_value *object, const char *name, struct buffer *text)
{
    struct json_value value;

    text->length = 0;
    if (json_find_member(object, name, &value)) {
        if (value.type == JSON_STRING) {
            json_append_string_value(text, &value);
        } else if (value.type != JSON_NULL) {
            buffer_append(text, value.text);
        }
    }
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] < ' ' || text->data[i] == 0x7F) {
            text->data[i] = '?';
        }
    }
    buffer_append_byte(text, '\0');
    return (const char *)text->data;
}

size_t answer_count(const struct json_value *object, const char *name)
{
    struct json_value array, element;
    struct json_walk walk;
    size_t count = 0;

    if (json_find_member(object, name, &array) && array.type == JSON_ARRAY) {
        walk = json_elements(&array);
        while (json_next_element(&walk, &element)) {
            count++;
        }
    }
    return count;
}

bool answer_walk(struct slice json, const char *name, struct json_walk *walk)
{
    struct json_value object, array;

    if (!json_parse(json, &object) || object.type != JSON_OBJECT ||
        !json_find_member(&object, name, &array) || array.type != JSON_ARRAY) {
        return false;
    }
    *walk = json_elements(&array);
    return true;
}
