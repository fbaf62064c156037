/* The store in memory: see durable_store.h. It does in plain loops what the real one does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/durable_store.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"
#include "core/recover.h"
#include "store/format.h"

/* ---------------------------------------------------------------- rows */

static int compare_keys(struct slice a, struct slice b)
{
    size_t length = a.length < b.length ? a.length : b.length;
    int order = length > 0 ? memcmp(a.data, b.data, length) : 0;

    return order ? order : a.length < b.length ? -1 : a.length > b.length;
}

static size_t row_index(const struct durable_world *world, struct slice key)
{
    size_t index = 0;

    while (index < world->row_count &&
           compare_keys(buffer_slice(&world->rows[index].key), key) < 0) {
        index++;
    }
    return index;
}

static bool row_is(const struct durable_world *world, size_t index, struct slice key)
{
    return index < world->row_count && slice_equal(buffer_slice(&world->rows[index].key), key);
}

static void delete_row(struct durable_world *world, size_t index)
{
    buffer_release(&world->rows[index].key);
    buffer_release(&world->rows[index].value);
    memmove(&world->rows[index], &world->rows[index + 1],
            (--world->row_count - index) * sizeof(*world->rows));
}

void durable_put_row(struct durable_world *world, struct slice key, uint64_t stamp,
                     struct slice value)
{
    size_t index = row_index(world, key);

    if (!row_is(world, index, key)) {
        if (world->row_count == world->row_capacity) {
            world->row_capacity = world->row_capacity * 2 + 16;
            world->rows = memory_resize(world->rows, world->row_capacity * sizeof(*world->rows));
        }
        memmove(&world->rows[index + 1], &world->rows[index],
                (world->row_count++ - index) * sizeof(*world->rows));
        world->rows[index] = (struct durable_row){0};
        buffer_append(&world->rows[index].key, key);
    }
    world->rows[index].stamp = stamp;
    world->rows[index].value.length = 0;
    buffer_append(&world->rows[index].value, value);
}

static void change_row(struct durable_world *world, const struct batch *batch,
                       const struct row_change *change, struct slice key, struct slice value)
{
    size_t index = row_index(world, key);
    bool found = row_is(world, index, key);

    if (change->operation == ROW_PUT) {
        durable_put_row(world, key, batch->base + change->frames, value);
    } else if (change->operation == ROW_PUT_VERSIONED) {
        if (!found || world->rows[index].stamp < change->version) {
            durable_put_row(world, key, change->version, value);
        }
    } else if (change->operation == ROW_DELETE && found) {
        delete_row(world, index);
    } else if (change->operation == ROW_DELETE_PREFIX) {
        while (index < world->row_count &&
               slice_starts_with(buffer_slice(&world->rows[index].key), key)) {
            delete_row(world, index);
        }
    }
}

/* ---------------------------------------------------------------- pins */

static void change_pin(struct durable_world *world, uint64_t position, int64_t users)
{
    size_t index = 0;

    while (index < world->pin_count && world->pins[index].position < position) {
        index++;
    }
    if (index == world->pin_count || world->pins[index].position != position) {
        if (world->pin_count == world->pin_capacity) {
            world->pin_capacity = world->pin_capacity * 2 + 16;
            world->pins = memory_resize(world->pins, world->pin_capacity * sizeof(*world->pins));
        }
        memmove(&world->pins[index + 1], &world->pins[index],
                (world->pin_count++ - index) * sizeof(*world->pins));
        world->pins[index] = (struct durable_pin){.position = position};
    }
    world->pins[index].users += users;
    if (world->pins[index].users == 0) {
        memmove(&world->pins[index], &world->pins[index + 1],
                (--world->pin_count - index) * sizeof(*world->pins));
    }
}

static void pin_one(void *context, uint64_t position)
{
    change_pin(context, position, 1);
}

static void unpin_one(void *context, uint64_t position)
{
    change_pin(context, position, -1);
}

static void change_pins(struct durable_world *world, const struct batch *batch)
{
    for (size_t i = 0; i < batch->pins.length / sizeof(struct pin); i++) {
        struct pin pin;
        memcpy(&pin, batch->pins.data + i * sizeof(pin), sizeof(pin));
        change_pin(world, batch->base + pin.offset, pin.count);
    }
    for (size_t i = 0; i < batch->unpins.length / sizeof(uint64_t); i++) {
        uint64_t position;
        memcpy(&position, batch->unpins.data + i * sizeof(position), sizeof(position));
        change_pin(world, position, -1);
    }
}

/* ---------------------------------------------------------------- commits and reads */

void durable_store_commit(struct durable_world *world, struct batch *batch)
{
    struct row_change change;
    struct slice key, value;
    size_t at = 0;

    if (world->is_full) {
        batch_refuse(batch, STORE_FULL, world->inboxes);
    }
    if (world->is_stuck) {
        batch->next = world->kept;
        world->kept = batch;
        return;
    }
    batch->base = world->log.length + 1;
    buffer_append(&world->log, buffer_slice(&batch->log));
    while (batch_next_row(batch, &at, &change, &key, &value)) {
        change_row(world, batch, &change, key, value);
    }
    change_pins(world, batch);
    world->saved += batch->saved_round != 0 && batch->saved_round == world->round;
    batch_post(batch, STORE_OK, world->inboxes);
    batch_free(batch);
}

void durable_put_frame(struct durable_world *world, struct slice payload)
{
    struct frame_header header = {(uint32_t)payload.length, store_checksum(payload)};

    buffer_append(&world->log, slice_make(&header, sizeof(header)));
    buffer_append(&world->log, payload);
}

/* The payload of the frame at a position. */
static struct slice frame_at(const struct durable_world *world, uint64_t position)
{
    struct slice payload;

    if (frame_read(slice_from(buffer_slice(&world->log), position - 1), &payload) == 0) {
        abort();
    }
    return payload;
}

bool durable_store_read(struct durable_world *world, struct mail_list *reads)
{
    struct mail *mail = reads->first;
    bool any = mail != NULL;

    *reads = (struct mail_list){0};
    while (mail) {
        struct mail *next = mail->next;
        struct store_read *read = CONTAINER_OF(mail, struct store_read, mail);
        size_t bytes = 0;
        for (size_t i = 0; i < read->count; i++) {
            bytes += frame_at(world, read->positions[i]).length;
        }
        buffer_reserve(&read->bytes, bytes); /* so that none moves */
        for (size_t i = 0; i < read->count; i++) {
            struct slice payload = frame_at(world, read->positions[i]);
            read->frames[i] = slice_make(read->bytes.data + read->bytes.length, payload.length);
            buffer_append(&read->bytes, payload);
        }
        mail_list_add(&world->inboxes[read->shard], mail);
        mail = next;
    }
    return any;
}

static bool load_frames(struct durable_world *world, const struct store_loader *loader,
                        struct buffer *error)
{
    bool good = true;

    for (uint64_t position = world->replay_from; good && position <= world->log.length;) {
        struct slice payload = frame_at(world, position);
        good = loader->frame(loader->context, position, payload, error);
        position += sizeof(struct frame_header) + payload.length;
    }
    return good;
}

bool durable_store_load(struct durable_world *world, msec_t alive_until, struct buffer *error)
{
    struct recovery_pins pins = {world, pin_one, unpin_one};
    struct recovery *recovery = recovery_new(&world->broker, &pins, alive_until);
    struct store_loader loader = recovery_loader(recovery);
    bool good = true;

    world->pin_count = 0;
    for (size_t i = 0; good && i < world->row_count; i++) {
        const struct durable_row *row = &world->rows[i];
        good = loader.row(loader.context, buffer_slice(&row->key), row->stamp,
                          buffer_slice(&row->value), error);
    }
    good = good && load_frames(world, &loader, error);
    if (good) {
        recovery_finish(recovery);
    }
    recovery_free(recovery);
    return good;
}

void durable_store_release(struct durable_world *world)
{
    while (world->row_count > 0) {
        delete_row(world, world->row_count - 1);
    }
    while (world->kept) {
        struct batch *batch = world->kept;
        world->kept = batch->next;
        batch_free(batch);
    }
    free(world->rows);
    free(world->pins);
    buffer_release(&world->log);
}

size_t durable_count_rows(const struct durable_world *world, uint64_t session, char kind)
{
    struct fact_key key = fact_row_key(session, kind);
    size_t count = 0;

    for (size_t i = 0; i < world->row_count; i++) {
        count += slice_starts_with(buffer_slice(&world->rows[i].key), fact_key_slice(&key));
    }
    return count;
}
