/* How our types become those of the generated code (webpubsub.pb-c.h), and its messages bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_PROTOBUF_FIELDS_H
#define PUBGRID_WIRE_PROTOBUF_FIELDS_H

#include "wire/message.h"
#include "wire/protobuf_arena.h"
#include "wire/webpubsub.pb-c.h"

/* Appends the encoded message. */
void protobuf_append(struct buffer *out, const ProtobufCMessage *message);
/* Borrows the bytes. */
ProtobufCBinaryData protobuf_bytes(struct slice bytes);
/* A string field: what is not UTF-8 would break the receiver's parser and is left out. */
ProtobufCBinaryData protobuf_string(struct slice text);

/* Are the bytes a google.protobuf.Any? */
bool protobuf_is_any(struct slice bytes);

ErrorInfo protobuf_error(const struct error_info *error);

/* What protobuf_pairs() allocates for so many. */
size_t protobuf_pairs_size(size_t count);
/* A map as the generated code wants it, allocated in the arena, which must have room for it. */
Pair **protobuf_pairs(struct protobuf_arena *arena, struct pairs pairs);

#endif
