/* Fuzzes recovery: rows and frames of any content, as a store could hand them out (keys in order,
 * each once). It may say that they make no sense; else the shards go on from there and timers fire.
 *
 * The first byte: the number of shards, whether clients were alive until now. Then records
 *
 *   u8 0, u8 key length, u8 stamp, u16 value length, key, value: a row
 *   u8 other, u16 length, payload: a frame
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/log.h"
#include "mqtt/reader.h"
#include "support/durable_world.h"

enum { ROWS_MAX = 200 };

static void read_row(struct durable_world *world, struct reader *reader)
{
    size_t key_length = reader_u8(reader);
    uint64_t stamp = reader_u8(reader);
    size_t value_length = reader_u16(reader);
    struct slice key = reader_take(reader, key_length);
    struct slice value = reader_take(reader, value_length);

    if (!reader->failed && key.length > 0 && value.length > 0 && world->row_count < ROWS_MAX) {
        durable_put_row(world, key, stamp, value);
    }
}

static void fill_store(struct durable_world *world, struct reader *reader)
{
    while (reader_left(reader) > 0) {
        if (reader_u8(reader) == 0) {
            read_row(world, reader);
            continue;
        }
        struct slice payload = reader_take(reader, reader_u16(reader));
        if (!reader->failed) {
            durable_put_frame(world, payload);
        }
    }
}

/* Time passes: wills, ends of sessions, delayed messages. */
static void go_on(struct durable_world *world)
{
    static const msec_t steps[] = {1, 1000, 3600 * 1000, INT64_C(400) * 24 * 3600 * 1000};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        world->now += steps[i];
        durable_settle(world);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct durable_world world;
    struct buffer error = {0};
    struct reader reader = reader_make(slice_make(data, size));
    uint8_t settings = reader_u8(&reader);

    log_set_level(LOG_ERROR);
    durable_world_init(&world);
    fill_store(&world, &reader);
    unsigned shards = 1 + settings % 3;
    if (durable_start(&world, shards, settings & 4 ? world.now - 5000 : 0, &error)) {
        go_on(&world);
    } else {
        FUZZ_CHECK(error.length > 0);
    }
    buffer_release(&error);
    durable_world_release(&world);
    return 0;
}
