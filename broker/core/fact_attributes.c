/* Attributes in rows. See fact_attributes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/fact_attributes.h"

#include "core/varint64.h"

/* --- integers: small ones of either sign in few bytes --- */

static uint64_t to_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t from_zigzag(uint64_t number)
{
    return (int64_t)(number >> 1 ^ (number & 1 ? UINT64_MAX : 0));
}

/* --- writing --- */

static void append_one(struct buffer *out, const struct attribute *attribute)
{
    varint64_append_bytes(out, attribute->key);
    buffer_append_byte(out, (uint8_t)attribute->type);
    if (attribute->type == ATTRIBUTE_INTEGER) {
        varint64_append(out, to_zigzag(attribute->integer));
        return;
    }
    varint64_append(out, attribute->text_count);
    for (size_t i = 0; i < attribute->text_count; i++) {
        varint64_append_bytes(out, attribute->texts[i]);
    }
}

void fact_append_attributes(struct buffer *out, const struct attribute *first)
{
    uint64_t count = 0;

    for (const struct attribute *one = first; one; one = one->next) {
        count++;
    }
    varint64_append(out, count);
    for (const struct attribute *one = first; one; one = one->next) {
        append_one(out, one);
    }
}

/* --- reading --- */

/* Each has a byte at least, so a count beyond what is left is wrong. */
static size_t take_count(struct reader *reader)
{
    uint64_t count = varint64_read(reader);

    if (count > reader_left(reader)) {
        reader_fail(reader);
        return 0;
    }
    return (size_t)count;
}

static void take_texts(struct reader *reader, struct arena *arena, struct attribute *into)
{
    size_t count = take_count(reader);
    struct slice *texts = arena_allocate(arena, (count + 1) * sizeof(*texts));

    for (size_t i = 0; i < count; i++) {
        texts[i] = arena_copy(arena, varint64_read_bytes(reader));
    }
    into->texts = texts;
    into->text_count = count;
    if (into->type == ATTRIBUTE_TEXT && count != 1) {
        reader_fail(reader);
    }
}

static struct attribute *take_one(struct reader *reader, struct arena *arena)
{
    struct attribute *attribute = arena_allocate(arena, sizeof(*attribute));
    uint8_t type;

    attribute->key = arena_copy(arena, varint64_read_bytes(reader));
    type = reader_u8(reader);
    if (type > ATTRIBUTE_TEXTS || !attribute_key_is_valid(attribute->key)) {
        reader_fail(reader);
        return attribute;
    }
    attribute->type = (enum attribute_type)type;
    if (attribute->type == ATTRIBUTE_INTEGER) {
        attribute->integer = from_zigzag(varint64_read(reader));
    } else {
        take_texts(reader, arena, attribute);
    }
    return attribute;
}

const struct attribute *fact_take_attributes(struct reader *reader, struct arena *arena)
{
    const struct attribute *first = NULL, **end = &first;

    for (size_t left = take_count(reader); left > 0 && !reader->failed; left--) {
        struct attribute *attribute = take_one(reader, arena);
        *end = attribute;
        end = &attribute->next;
    }
    return reader->failed ? NULL : first;
}
