/* UTF-8 as MQTT wants it (section 1.5.4): well formed, no surrogates (MQTT-1.5.4-1), no NUL
 * (MQTT-1.5.4-2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_UTF8_H
#define PUBGRID_MQTT_UTF8_H

#include <stdbool.h>

#include "base/slice.h"

/* A UTF-8 Encoded String's bytes. */
bool utf8_is_valid_string(struct slice text);
/* Payload with Payload Format Indicator 1: well formed, NUL allowed. */
bool utf8_is_well_formed(struct slice text);
/* Bytes of the character that the text (not empty) begins with; 0 if it is not well formed. */
size_t utf8_character_length(struct slice text);
/* Takes the first character of well-formed text that is not empty. */
uint32_t utf8_take(struct slice *text);
/* How many characters well-formed text has. */
size_t utf8_count(struct slice text);
enum { UTF8_CHARACTER_MAX = 4 };
/* The character as bytes, UTF8_CHARACTER_MAX at the most; returns how many. */
size_t utf8_write(uint8_t *out, uint32_t character);

#endif
