/* One flat msgpack array: numbers, booleans and runs of bytes, the form of every frame; and the
 * sizes that reading and writing share. Internal to the trunk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TRUNK_VALUES_H
#define PUBGRID_TRUNK_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    TRUNK_LENGTH_SIZE = 4,     /* in front of a frame, big endian */
    TRUNK_CHANNEL_SIZE = 4,    /* of an entry of targets, little endian, */
    TRUNK_PAIR_SIZE = 8,       /* with a sequence; of an entry of credit */
    TRUNK_MESSAGE_HEADER = 24, /* of an entry of messages: two times, size, length of the packet */
    TRUNK_VALUES_MAX = 8,
};

enum value_type { VALUE_NUMBER, VALUE_BOOLEAN, VALUE_TEXT, VALUE_BYTES };

struct value {
    enum value_type type;
    uint64_t number;    /* VALUE_NUMBER, VALUE_BOOLEAN */
    struct slice bytes; /* VALUE_TEXT, VALUE_BYTES: inside the input */
};

struct values {
    struct value items[TRUNK_VALUES_MAX];
    size_t count;
};

/* False unless `in` is exactly one array of at most TRUNK_VALUES_MAX such values. */
bool values_read(struct values *values, struct slice in);

#endif
