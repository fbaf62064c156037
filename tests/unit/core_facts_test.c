/* What core writes into the store, piece by piece: numbers, sets of sessions, keys, messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "core/fact_attributes.h"
#include "core/facts.h"
#include "core/recipient_set.h"
#include "core/varint64.h"
#include "store/format.h"

/* ---------------------------------------------------------------- numbers */

TEST(numbers_of_any_size)
{
    static const struct {
        uint64_t value;
        size_t size;
    } rows[] = {
        {0, 1},           {127, 1},
        {128, 2},         {16383, 2},
        {16384, 3},       {2097151, 3},
        {UINT32_MAX, 5},  {UINT64_C(1) << 56, 9},
        {INT64_MAX, 9},   {UINT64_C(1) << 63, 10},
        {UINT64_MAX, 10},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer buffer = {0};
        test_note("%" PRIu64, rows[i].value);
        varint64_append(&buffer, rows[i].value);
        CHECK_INT_EQUAL(buffer.length, rows[i].size);
        struct reader reader = reader_make(buffer_slice(&buffer));
        CHECK(varint64_read(&reader) == rows[i].value && !reader.failed);
        CHECK_INT_EQUAL(reader_left(&reader), 0);
        reader = reader_make(slice_make(buffer.data, buffer.length - 1)); /* cut */
        varint64_read(&reader);
        CHECK(reader.failed);
        buffer_release(&buffer);
    }
}

TEST(a_number_that_does_not_end_is_none)
{
    uint8_t bytes[11] = {0};
    struct reader reader = reader_make(slice_make(bytes, sizeof(bytes)));

    memset(bytes, 0xFF, sizeof(bytes));
    varint64_read(&reader);
    CHECK(reader.failed);
}

TEST(bytes_with_a_length)
{
    struct buffer buffer = {0};

    varint64_append_bytes(&buffer, SLICE_LITERAL("abc"));
    varint64_append_bytes(&buffer, SLICE_EMPTY);
    struct reader reader = reader_make(buffer_slice(&buffer));
    CHECK_SLICE_EQUAL(varint64_read_bytes(&reader), SLICE_LITERAL("abc"));
    CHECK_SLICE_EQUAL(varint64_read_bytes(&reader), SLICE_EMPTY);
    CHECK(!reader.failed);
    buffer.data[0] = 5; /* more than there is */
    reader = reader_make(buffer_slice(&buffer));
    varint64_read_bytes(&reader);
    CHECK(reader.failed);
    buffer_release(&buffer);
}

/* ---------------------------------------------------------------- sets of sessions */

static void take_number(void *context, uint64_t number)
{
    buffer_append(context, slice_make(&number, sizeof(number)));
}

/* Writes and reads; the size. */
static size_t check_set(const uint64_t *numbers, size_t count)
{
    struct buffer buffer = {0}, read = {0};

    recipient_set_append(&buffer, numbers, count);
    size_t size = buffer.length;
    buffer_append_byte(&buffer, 0x77);
    struct reader reader = reader_make(buffer_slice(&buffer));
    recipient_set_read(&reader, take_number, &read);
    CHECK(!reader.failed);
    CHECK_INT_EQUAL(reader_left(&reader), 1);
    CHECK(slice_equal(buffer_slice(&read), slice_make(numbers, count * sizeof(*numbers))));
    for (size_t cut = 0; cut < size && cut < 64; cut++) {
        reader = reader_make(slice_make(buffer.data, cut));
        recipient_set_read(&reader, take_number, &read);
        CHECK(reader.failed);
    }
    buffer_release(&buffer);
    buffer_release(&read);
    return size;
}

TEST(small_sets)
{
    CHECK_INT_EQUAL(check_set(NULL, 0), 1);
    CHECK_INT_EQUAL(check_set((uint64_t[]){5}, 1), 2);
    CHECK_INT_EQUAL(check_set((uint64_t[]){INT64_MAX}, 1), 10);
    CHECK_INT_EQUAL(check_set((uint64_t[]){1, 2}, 2), 3);
    CHECK_INT_EQUAL(check_set((uint64_t[]){1, 1000}, 2), 4);
    check_set((uint64_t[]){0, INT64_MAX}, 2);
    check_set((uint64_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 11);
}

/* count, every `step`-th from `first` on. */
static size_t check_steps(size_t count, uint64_t first, uint64_t step)
{
    uint64_t *numbers = memory_allocate(count * sizeof(*numbers));

    for (size_t i = 0; i < count; i++) {
        numbers[i] = first + i * step;
    }
    size_t size = check_set(numbers, count);
    free(numbers);
    return size;
}

TEST(large_sets_are_small)
{
    CHECK(check_steps(10000, 1000000, 1) <= 1300); /* a bit each */
    CHECK(check_steps(10000, 1, 7) <= 8800);
    CHECK(check_steps(10000, 1, 8) <= 10010); /* a byte each, and never more while they are near */
    CHECK(check_steps(10000, 1, 100) <= 10010);
    CHECK(check_steps(10000, 1, 1000) <= 20010);
    CHECK(check_steps(100000, 1, 1) <= 12520);
}

TEST(random_sets)
{
    uint64_t random = 3;
    uint64_t numbers[300];

    for (int round = 0; round < 2000; round++) {
        size_t count = test_random_below(&random, 300);
        uint32_t gap = 1 + (test_random(&random) >> test_random_below(&random, 32));
        uint64_t next = test_random(&random);
        test_note("round %d", round);
        for (size_t i = 0; i < count; i++) {
            next += 1 + test_random_below(&random, gap);
            numbers[i] = next;
        }
        check_set(numbers, count);
    }
}

TEST(sets_that_make_no_sense)
{
    /* A bitmap with fewer bits than the count says, with more, and lengths beyond the end. */
    static const uint8_t rows[][5] = {
        {3, 1, 1, 0x03, 0}, {2, 1, 1, 0x07, 0}, {2, 1, 3, 0xFF, 0}, {200, 1, 2, 2, 2}};
    struct buffer read = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reader reader = reader_make(slice_make(rows[i], sizeof(rows[i]) - 1));
        test_note("row %zu", i);
        recipient_set_read(&reader, take_number, &read);
        CHECK(reader.failed);
    }
    buffer_release(&read);
}

/* ---------------------------------------------------------------- keys */

TEST(keys_sort_by_session_kind_and_number)
{
    struct fact_key keys[] = {
        fact_delayed_key(7),  fact_delayed_key(256),        fact_retained_key(SLICE_LITERAL("a")),
        fact_row_key(1, 'a'), fact_numbered_key(1, 'f', 1), fact_numbered_key(1, 'f', 300),
        fact_row_key(1, 'p'), fact_numbered_key(1, 'q', 0), fact_row_key(300, 'a'),
    };
    struct fact_key prefix = fact_session_key(1);

    for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t length = keys[i].length < keys[i - 1].length ? keys[i].length : keys[i - 1].length;
        int order = memcmp(keys[i - 1].bytes, keys[i].bytes, length);
        CHECK(order < 0 || (order == 0 && keys[i - 1].length < keys[i].length));
        CHECK(slice_starts_with(fact_key_slice(&keys[i]), fact_key_slice(&prefix)) ==
              (i >= 3 && i <= 7));
    }
    struct fact_key a = fact_retained_key(SLICE_LITERAL("a/b"));
    struct fact_key b = fact_retained_key(SLICE_LITERAL("a/c"));
    CHECK_INT_EQUAL(a.length, 17);
    CHECK(memcmp(a.bytes, b.bytes, a.length) != 0);
}

/* ---------------------------------------------------------------- messages */

static struct message *read_back(const struct batch *batch, uint32_t offset)
{
    struct slice payload;

    CHECK(frame_read(slice_from(buffer_slice(&batch->log), offset), &payload) > 0);
    return fact_read_message(payload);
}

TEST(a_message_is_read_back)
{
    static const uint64_t many[] = {1, 2, 3, 4, 5, 1000, 1001, 100000};
    static const uint32_t identifiers[] = {7, 268435455};
    struct batch *batch = batch_new(1);
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("some/topic"),
        .payload = SLICE_LITERAL("payload"),
        .properties = slice_make("\x03\0\1t", 4), /* Content Type */
        .expires_at = 1700000001234,
        .qos = QOS_2,
        .retain = true,
    });
    struct fact_group groups[] = {
        {.options = 2,
         .identifiers = identifiers,
         .identifier_count = 2,
         .sessions = many,
         .session_count = 8},
        {.options = 1 | FACT_RETAIN, .sessions = many, .session_count = 1},
    };
    uint32_t first = fact_message(batch, message, 99, 17, groups, 2);
    uint32_t second = fact_message(batch, message, 99, 17, NULL, 0); /* received, for nobody */
    struct message *read = read_back(batch, first);
    CHECK(read != NULL);
    CHECK_SLICE_EQUAL(slice_make(read->bytes, read->length),
                      slice_make(message->bytes, message->length));
    CHECK_SLICE_EQUAL(message_properties(read), message_properties(message));
    CHECK_INT_EQUAL(read->expires_at, 1700000001234);
    CHECK_INT_EQUAL(read->qos, QOS_2);
    CHECK(read->retain);
    message_release(read);
    CHECK(read_back(batch, second) == NULL);
    fact_received_end(batch, 99, 17);
    CHECK(fact_read_message(slice_from(buffer_slice(&batch->log), second + 8)) == NULL);
    message_release(message);
    batch_free(batch);
}

TEST(what_is_told_is_read_back)
{
    struct batch *batch = batch_new(1);
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"),
        .payload = SLICE_LITERAL("p"),
        .told = SLICE_LITERAL("told"),
        .expires_at = MSEC_NEVER,
        .qos = QOS_1,
    });
    struct fact_group group = {.options = 1, .sessions = (uint64_t[]){5}, .session_count = 1};
    struct message *read = read_back(batch, fact_message(batch, message, 0, 0, &group, 1));
    struct buffer row = {0};

    CHECK(read != NULL);
    CHECK_SLICE_EQUAL(message_payload(read), SLICE_LITERAL("p"));
    CHECK_SLICE_EQUAL(message_told(read), SLICE_LITERAL("told"));
    message_release(read);
    fact_append_message(&row, message);
    for (size_t length = 0; length < row.length; length++) {
        struct reader cut = reader_make(slice_make(row.data, length));
        CHECK(!fact_take_message(&cut));
    }
    struct reader whole = reader_make(buffer_slice(&row));
    read = fact_take_message(&whole);
    CHECK_SLICE_EQUAL(message_told(read), SLICE_LITERAL("told"));
    message_release(read);
    message_release(message);
    buffer_release(&row);
    batch_free(batch);
}

TEST(a_message_that_was_cut_is_none)
{
    struct batch *batch = batch_new(1);
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"), .expires_at = MSEC_NEVER, .qos = QOS_1});
    struct fact_group group = {.options = 1, .sessions = (uint64_t[]){5}, .session_count = 1};

    fact_message(batch, message, 0, 0, &group, 1);
    for (size_t length = 0; length < batch->log.length - 8; length++) {
        struct message *read = fact_read_message(slice_make(batch->log.data + 8, length));
        CHECK(read == NULL);
    }
    message_release(message);
    batch_free(batch);
}

/* ---------------------------------------------------------------- attributes */

TEST(attributes_both_ways)
{
    static const struct slice texts[] = {SLICE_LITERAL("Fan"), SLICE_LITERAL("")};
    const struct attribute attributes[] = {
        {.next = &attributes[1],
         .key = SLICE_LITERAL("floor"),
         .type = ATTRIBUTE_INTEGER,
         .integer = INT64_MIN},
        {.next = &attributes[2],
         .key = SLICE_LITERAL("room"),
         .type = ATTRIBUTE_TEXT,
         .texts = texts,
         .text_count = 1},
        {.next = &attributes[3],
         .key = SLICE_LITERAL("types"),
         .type = ATTRIBUTE_TEXTS,
         .texts = texts,
         .text_count = 2},
        {.next = &attributes[4], .key = SLICE_LITERAL("none"), .type = ATTRIBUTE_TEXTS},
        {.key = SLICE_LITERAL("small"), .type = ATTRIBUTE_INTEGER, .integer = -1},
    };
    struct buffer bytes = {0}, again = {0};
    struct arena arena = {0};

    fact_append_attributes(&bytes, attributes);
    struct reader reader = reader_make(buffer_slice(&bytes));
    const struct attribute *got = fact_take_attributes(&reader, &arena);
    CHECK(!reader.failed && reader_left(&reader) == 0);
    CHECK(got->integer == INT64_MIN);
    CHECK(attributes_find(got, SLICE_LITERAL("small"))->integer == -1);
    CHECK_INT_EQUAL(attributes_find(got, SLICE_LITERAL("types"))->text_count, 2);
    fact_append_attributes(&again, got);
    CHECK_SLICE_EQUAL(buffer_slice(&again), buffer_slice(&bytes));
    for (size_t length = 0; length < bytes.length; length++) { /* cut anywhere */
        reader = reader_make(slice_make(bytes.data, length));
        CHECK(!fact_take_attributes(&reader, &arena) && reader.failed);
    }
    arena_release(&arena);
    buffer_release(&bytes);
    buffer_release(&again);
}

TEST(what_are_no_attributes)
{
    static const struct slice rows[] = {
        SLICE_LITERAL("\x05\1k\0\2"),         /* too many */
        SLICE_LITERAL("\1\1k\3\0"),           /* a type that there is not */
        SLICE_LITERAL("\1\0\0\2"),            /* no key */
        SLICE_LITERAL("\1\1-\0\2"),           /* nor this */
        SLICE_LITERAL("\1\1k\1\0"),           /* a text that is none */
        SLICE_LITERAL("\1\1k\1\2\1a\1b"),     /* or two */
        SLICE_LITERAL("\1\1k\2\xFF\xFF\x7F"), /* more texts than bytes */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct reader reader = reader_make(rows[i]);
        test_note("row %zu", i);
        CHECK(!fact_take_attributes(&reader, &arena) && reader.failed);
        arena_release(&arena);
    }
}
