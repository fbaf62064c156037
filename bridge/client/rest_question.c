/* See rest_question.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/rest_question.h"

#include <assert.h>

#include "mqtt/reader.h"

enum {
    VERSION = 1,
    HAS_TARGET_NAME = 0x80,
    ONLY_FAILURES = 1 << 6,
    PAGE_MAX = 201,
    LIST_MAX = 100000
};

/* ---------------------------------------------------------------- writing */

static void append_text(struct buffer *out, struct slice text)
{
    assert(text.length <= UINT16_MAX);
    buffer_append_u16(out, (uint16_t)text.length);
    buffer_append(out, text);
}

static void append_list(struct buffer *out, const struct slice *texts, size_t count)
{
    buffer_append_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        append_text(out, texts[i]);
    }
}

static void append_u64(struct buffer *out, uint64_t value)
{
    buffer_append_u32(out, (uint32_t)(value >> 32));
    buffer_append_u32(out, (uint32_t)value);
}

void rest_question_append(struct buffer *out, const struct rest_operation *operation)
{
    unsigned action = (unsigned)operation->action |
                      (operation->has_target_name ? HAS_TARGET_NAME : 0u) |
                      (operation->only_failures ? ONLY_FAILURES : 0u);

    buffer_append_byte(out, VERSION);
    buffer_append_byte(out, (uint8_t)operation->kind);
    buffer_append_byte(out, (uint8_t)operation->target);
    buffer_append_byte(out, (uint8_t)action);
    buffer_append_u32(out, operation->page_size);
    append_text(out, operation->hub);
    append_text(out, operation->name);
    append_text(out, operation->filter);
    append_text(out, operation->reason);
    append_text(out, operation->target_name);
    append_text(out, operation->continuation);
    append_list(out, operation->groups, operation->group_count);
    append_list(out, operation->excluded, operation->excluded_count);
}

void rest_answer_append(struct buffer *out, const struct rest_answer *answer)
{
    buffer_append_byte(out, VERSION);
    buffer_append_byte(out, answer->flags);
    append_u64(out, answer->connections);
    append_u64(out, answer->users);
    append_u64(out, answer->groups);
    buffer_append(out, answer->items);
}

void rest_item_append(struct buffer *items, const struct rest_item *item)
{
    buffer_append_u32(items, item->number);
    append_text(items, item->name);
    append_text(items, item->user);
}

/* ---------------------------------------------------------------- reading */

static uint64_t read_u64(struct reader *reader)
{
    uint64_t high = reader_u32(reader);

    return high << 32 | reader_u32(reader);
}

static size_t read_list(struct reader *reader, struct buffer *lists)
{
    uint32_t count = reader_u32(reader);

    if (count > LIST_MAX || count > reader_left(reader) / 2) {
        reader_fail(reader);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice text = reader_binary(reader);
        buffer_append(lists, slice_make(&text, sizeof(text)));
    }
    return count;
}

static bool is_good(const struct rest_operation *operation)
{
    return operation->kind < REST_KINDS && operation->target <= TARGET_CONNECTION &&
           operation->action < ROLE_ACTIONS && operation->page_size <= PAGE_MAX;
}

bool rest_question_parse(struct slice bytes, struct rest_operation *out, struct buffer *lists)
{
    struct reader reader = reader_make(bytes);
    uint8_t version = reader_u8(&reader), action;

    *out = (struct rest_operation){.kind = (enum rest_kind)reader_u8(&reader)};
    out->target = (enum rest_target)reader_u8(&reader);
    action = reader_u8(&reader);
    out->has_target_name = (action & HAS_TARGET_NAME) != 0;
    out->only_failures = (action & ONLY_FAILURES) != 0;
    out->action = (enum role_action)(action & ~(unsigned)(HAS_TARGET_NAME | ONLY_FAILURES));
    out->page_size = reader_u32(&reader);
    out->hub = reader_binary(&reader);
    out->name = reader_binary(&reader);
    out->filter = reader_binary(&reader);
    out->reason = reader_binary(&reader);
    out->target_name = reader_binary(&reader);
    out->continuation = reader_binary(&reader);
    out->group_count = read_list(&reader, lists);
    out->excluded_count = read_list(&reader, lists);
    out->groups = (const struct slice *)(const void *)lists->data;
    out->excluded = out->excluded_count > 0 ? out->groups + out->group_count : NULL;
    return !reader.failed && reader_left(&reader) == 0 && version == VERSION && is_good(out);
}

bool rest_answer_parse(struct slice bytes, struct rest_answer *out)
{
    struct reader reader = reader_make(bytes);
    uint8_t version = reader_u8(&reader);

    out->flags = reader_u8(&reader);
    out->connections = read_u64(&reader);
    out->users = read_u64(&reader);
    out->groups = read_u64(&reader);
    out->items = reader_rest(&reader);
    return !reader.failed && version == VERSION;
}

bool rest_answer_next(struct slice *items, struct rest_item *out)
{
    struct reader reader = reader_make(*items);

    out->number = reader_u32(&reader);
    out->name = reader_binary(&reader);
    out->user = reader_binary(&reader);
    *items = reader_rest(&reader);
    return !reader.failed;
}
