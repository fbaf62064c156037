/* See names.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "names/names.h"

#include "mqtt/utf8.h"

/* --- hubs and events --- */

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A letter, then letters, digits and `others`. */
static bool is_name(struct slice name, size_t size_max, const char *others)
{
    if (name.length == 0 || name.length > size_max || !is_letter(name.data[0])) {
        return false;
    }
    for (size_t i = 1; i < name.length; i++) {
        uint8_t c = name.data[i];
        bool good =
            is_letter(c) || (c >= '0' && c <= '9') || (c != '\0' && strchr(others, c) != NULL);
        if (!good) {
            return false;
        }
    }
    return true;
}

bool hub_name_is_valid(struct slice name)
{
    return is_name(name, HUB_NAME_MAX, "_`,.[]");
}

bool event_name_is_valid(struct slice name)
{
    return is_name(name, EVENT_NAME_MAX, "_.-");
}

/* --- groups --- */

/* Unicode's White_Space. */
static bool is_white_space(uint32_t c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* Bytes of the characters that the name begins with and that are printable ASCII. */
static size_t printable_length(struct slice name)
{
    size_t i = 0;

    while (i < name.length && name.data[i] > ' ' && name.data[i] < 0x7F) {
        i++;
    }
    return i;
}

bool group_name_is_valid(struct slice name)
{
    size_t characters = printable_length(name);
    bool visible = characters > 0;

    if (characters == name.length) { /* as nearly all */
        return visible && characters <= GROUP_NAME_MAX;
    }
    if (name.length > GROUP_NAME_BYTES_MAX || !utf8_is_well_formed(name)) {
        return false;
    }
    name = slice_from(name, characters);
    while (name.length > 0) {
        visible |= !is_white_space(utf8_take(&name));
        characters++;
    }
    return visible && characters <= GROUP_NAME_MAX;
}
