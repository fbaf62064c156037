/* Takes values off the front of a run of bytes.
 *
 * The first read past the end (or of a malformed value) sets `failed` and empties the reader; reads
 * after it return zeros. So a parser is a plain list of reads with one check behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_READER_H
#define PUBGRID_MQTT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "mqtt/packet.h"
#include "mqtt/utf8.h"

struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct reader reader_make(struct slice in)
{
    return (struct reader){in.data, in.length > 0 ? in.data + in.length : in.data, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static inline void reader_fail(struct reader *r)
{
    r->failed = true;
    r->at = r->end;
}

static inline uint8_t reader_u8(struct reader *r)
{
    if (r->at == r->end) {
        reader_fail(r);
        return 0;
    }
    return *r->at++;
}

static inline uint16_t reader_u16(struct reader *r)
{
    uint16_t value;

    if (reader_left(r) < 2) {
        reader_fail(r);
        return 0;
    }
    value = (uint16_t)(r->at[0] << 8 | r->at[1]);
    r->at += 2;
    return value;
}

static inline uint32_t reader_u32(struct reader *r)
{
    uint32_t high = reader_u16(r);

    return high << 16 | reader_u16(r);
}

static inline uint32_t reader_varint(struct reader *r)
{
    uint32_t value = 0;
    int used;

    if (r->at != r->end && *r->at < 0x80) {
        return *r->at++;
    }
    used = varint_read(slice_make(r->at, reader_left(r)), &value);
    if (used <= 0) {
        reader_fail(r);
        return 0;
    }
    r->at += used;
    return value;
}

static inline struct slice reader_take(struct reader *r, size_t length)
{
    struct slice taken = slice_make(r->at, length);

    if (length > reader_left(r)) {
        reader_fail(r);
        return SLICE_EMPTY;
    }
    r->at += length;
    return taken;
}

static inline struct slice reader_rest(struct reader *r)
{
    return reader_take(r, reader_left(r));
}

/* Binary Data (section 1.5.6), and the bytes of a string that is checked elsewhere. */
static inline struct slice reader_binary(struct reader *r)
{
    return reader_take(r, reader_u16(r));
}

/* UTF-8 Encoded String (section 1.5.4). */
static inline struct slice reader_string(struct reader *r)
{
    struct slice text = reader_binary(r);

    if (!utf8_is_valid_string(text)) {
        reader_fail(r);
    }
    return text;
}

#endif
