/* See user_property.h. A list's room is made once a pair: browsers' messages come through here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/user_property.h"

#include "mqtt/properties.h"

enum { PAIR_OVERHEAD = 5 }; /* the identifier and two lengths */

void write_user_pair(struct buffer *list, struct slice name, struct slice value)
{
    buffer_reserve(list, PAIR_OVERHEAD + name.length + value.length);
    buffer_append_byte(list, PROPERTY_USER_PROPERTY);
    buffer_append_u16(list, (uint16_t)name.length);
    buffer_append(list, name);
    buffer_append_u16(list, (uint16_t)value.length);
    buffer_append(list, value);
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
