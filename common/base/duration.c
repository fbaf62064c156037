/* See duration.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <stddef.h>

#include "base/ascii.h"

/* In the order in which they stand; those from `TIME` on behind a T. */
static const struct {
    uint8_t designator;
    uint32_t seconds; /* 0: of no certain length */
} units[] = {
    {'Y', 0}, {'M', 0}, {'W', 604800}, {'D', 86400}, {'H', 3600}, {'M', 60}, {'S', 1},
};
enum { DAYS = 3, TIME = 4, UNITS = sizeof(units) / sizeof(units[0]) };

/* "12D": false if there is none. */
static bool take_count(struct slice *rest, uint64_t *count, uint8_t *designator)
{
    size_t i = 0;

    *count = 0;
    while (i < rest->length && ascii_is_digit(rest->data[i]) && *count <= UINT32_MAX) {
        *count = *count * 10 + (rest->data[i++] - '0');
    }
    if (i == 0 || i == rest->length || *count > UINT32_MAX) {
        return false;
    }
    *designator = rest->data[i];
    *rest = slice_from(*rest, i + 1);
    return true;
}

/* Those from `unit` to before `end`, each at most once. */
static bool take_units(struct slice *rest, size_t unit, size_t end, uint64_t *seconds)
{
    uint64_t count;
    uint8_t designator;

    while (rest->length > 0 && rest->data[0] != 'T') {
        if (!take_count(rest, &count, &designator)) {
            return false;
        }
        while (unit < end && units[unit].designator != designator) {
            unit++;
        }
        if (unit == end || (count > 0 && units[unit].seconds == 0)) {
            return false;
        }
        *seconds += count * units[unit++].seconds;
    }
    return true;
}

bool duration_parse(struct slice text, uint64_t *ms)
{
    struct slice rest = text.length > 1 && text.data[0] == 'P' ? slice_from(text, 1) : SLICE_EMPTY;
    uint64_t seconds = 0;

    if (rest.length == 0 || !take_units(&rest, 0, TIME, &seconds)) {
        return false;
    }
    if (rest.length > 0) {
        rest = slice_from(rest, 1);
        if (rest.length == 0 || !take_units(&rest, TIME, UNITS, &seconds) || rest.length > 0) {
            return false;
        }
    }
    *ms = seconds * 1000;
    return seconds <= UINT32_MAX;
}

void duration_append(struct buffer *out, uint64_t ms)
{
    uint64_t seconds = ms / 1000;

    buffer_append_byte(out, 'P');
    for (size_t i = DAYS; i < UNITS && seconds > 0; i++) {
        uint64_t count = seconds / units[i].seconds;
        if (i == TIME) {
            buffer_append_byte(out, 'T'); /* what is left is of hours or less */
        }
        if (count > 0) {
            buffer_append_decimal(out, count);
            buffer_append_byte(out, units[i].designator);
        }
        seconds %= units[i].seconds;
    }
    if (ms < 1000) {
        buffer_append_string(out, "T0S");
    }
}
