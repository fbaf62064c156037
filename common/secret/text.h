/* The fields of the secrets' texts: numbers and base64 between `$` and `,`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_TEXT_H
#define PUBGRID_SECRET_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "secret/digest.h"

/* Appends base64 and `end`, unless that is '\0'. */
void text_append_bytes(struct buffer *out, struct slice bytes, char end);

/* Each takes a field and the `end` behind it from the front of `text` ('\0': up to the very end).
 * False if it is not of that form; `text` is undefined then. */
bool text_take_field(struct slice *text, char end, struct slice *field);
bool text_take_number(struct slice *text, const char *prefix, char end, uint32_t *value);
bool text_take_bytes(struct slice *text, char end, uint8_t *out, size_t size, size_t *length);
bool text_take_digest(struct slice *text, char end, uint8_t out[DIGEST_SIZE]);

#endif
