/* ASCII without regard to case, and tokens, as names of headers, schemes and resources want them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_ASCII_H
#define PUBGRID_BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

uint8_t ascii_lower(uint8_t c);
bool ascii_is_digit(uint8_t c);
bool ascii_is_alphanumeric(uint8_t c);
/* Only letters, digits and the bytes of `others`? */
bool ascii_has_only(struct slice text, const char *others);

/* Appends the text in lower case. */
void ascii_append_lower(struct buffer *out, struct slice text);

bool equal_ignoring_case(struct slice a, struct slice b);
bool starts_ignoring_case(struct slice text, struct slice prefix);

/* A name that a header can have: a token of RFC 9110, 5.6.2. */
bool is_token(struct slice text);

#endif
