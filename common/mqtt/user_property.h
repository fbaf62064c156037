/* Lists of encoded user properties (MQTT 5, 2.2.2.2), as they stand in a PUBLISH: each function
 * appends one pair. Names and values are UTF-8 without U+0000, of at most 65,535 bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_USER_PROPERTY_H
#define PUBGRID_MQTT_USER_PROPERTY_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

void write_user_property(struct buffer *list, const char *name, struct slice value);
void write_user_number(struct buffer *list, const char *name, uint64_t number);
void write_user_pair(struct buffer *list, struct slice name, struct slice value);

#endif
