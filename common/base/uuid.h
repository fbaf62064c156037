/* Identifiers that nobody else makes: UUIDs of version 4 (RFC 9562, 5.4), in lower case. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_UUID_H
#define PUBGRID_BASE_UUID_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { UUID_LENGTH = 36 };

/* Appends one, made of 16 bytes that `random` gives (base/random.h: random_bytes). */
void uuid_append(struct buffer *out, void (*random)(void *out, size_t length));
/* The same of given bytes, whose bits of version and variant do not count. */
void uuid_append_bytes(struct buffer *out, const uint8_t bytes[16]);

/* Many of them, where nobody minds that they can be guessed: random at the beginning, then counted
 * up. */
struct uuid_series {
    uint8_t next[16];
};
void uuid_series_begin(struct uuid_series *series, void (*random)(void *out, size_t length));
void uuid_series_append(struct buffer *out, struct uuid_series *series);

#endif
