/* A set of durable sessions as bytes: what a stored message says of who gets it.
 *
 * Whatever is smaller: the differences between the sorted numbers, or a bitmap from the first to
 * the last; so a message for ten thousand browsers that came one after the other costs a bit each.
 *
 *   varint count; count 1: varint number
 *   else: varint (first << 1 | is_bitmap), then
 *     list: count - 1 times varint difference
 *     bitmap: varint bytes, then bits, the low one of the first byte standing for `first`
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_RECIPIENT_SET_H
#define PUBGRID_CORE_RECIPIENT_SET_H

#include "base/buffer.h"
#include "mqtt/reader.h"

/* `numbers` are ascending, each once; below 2^63. */
void recipient_set_append(struct buffer *buffer, const uint64_t *numbers, size_t count);
/* Calls `each` for every number, ascending. Fails the reader if the bytes make no sense. */
void recipient_set_read(struct reader *reader, void (*each)(void *context, uint64_t number),
                        void *context);

#endif
