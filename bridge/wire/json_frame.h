/* The parts of the JSON codecs (codec.h has their tables, which stand in json_write.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_JSON_FRAME_H
#define PUBGRID_WIRE_JSON_FRAME_H

#include "base/buffer.h"
#include "wire/message.h"

/* The names of enum data_type in frames. */
enum { DATA_TYPE_COUNT = DATA_PROTOBUF + 1 };
extern const char *const json_data_types[DATA_TYPE_COUNT];

/* json_read.c */
enum frame_verdict json_decode(struct slice frame, struct request *out, struct buffer *scratch);

#endif
