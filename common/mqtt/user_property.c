/* See user_property.h. A list's room is made once a pair: browsers' messages come through here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/user_property.h"

#include "mqtt/properties.h"

enum { PAIR_OVERHEAD = 5 }; /* the identifier and two lengths */

static uint8_t *put_text(uint8_t *at, struct slice text)
{
    *at++ = (uint8_t)(text.length >> 8);
    *at++ = (uint8_t)text.length;
    if (text.length > 0) {
        memcpy(at, text.data, text.length);
    }
    return at + text.length;
}

void write_user_pair(struct buffer *list, struct slice name, struct slice value)
{
    size_t size = PAIR_OVERHEAD + name.length + value.length;
    uint8_t *at = buffer_reserve(list, size);

    *at++ = PROPERTY_USER_PROPERTY;
    put_text(put_text(at, name), value);
    list->length += size;
}

void write_user_property(struct buffer *list, const char *name, struct slice value)
{
    write_user_pair(list, slice_from_string(name), value);
}

void write_user_number(struct buffer *list, const char *name, uint64_t number)
{
    uint8_t digits[DECIMAL_MAX];

    write_user_property(list, name, slice_make(digits, decimal_write(digits, number)));
}
