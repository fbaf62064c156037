/* Base64 with the URL-safe alphabet and without padding (RFC 4648 section 5), as JWTs use it
 * (RFC 7515 section 2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SECRET_BASE64URL_H
#define PUBGRID_SECRET_BASE64URL_H

#include <stdbool.h>

#include "base/buffer.h"

void base64url_append(struct buffer *out, struct slice bytes);
/* Appends the bytes. Strict, so that each run of bytes has one text: no padding, no line break, no
 * bits left over that are not zero. False (and `out` as it was) for any other text. */
bool base64url_decode(struct buffer *out, struct slice text);

#endif
