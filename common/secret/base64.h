/* Base64 (RFC 4648 section 4, with padding).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_BASE64_H
#define PUBGRID_SECRET_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

void base64_append(struct buffer *out, struct slice bytes);
/* Is it base64? Empty text is. */
bool base64_is_valid(struct slice text);
/* False if it is not base64 or does not fit `size` bytes. Empty text is empty bytes. */
bool base64_decode(struct slice text, uint8_t *out, size_t size, size_t *length);
/* The same for text of any length; `out` grows by no more than three bytes for four of the text. */
bool base64_append_decoded(struct buffer *out, struct slice text);

#endif
