/* Fuzzes the property list reader and writer.
 *
 * The first byte chooses the list, the rest is its bytes. For a list that is accepted: the walk
 * visits each byte once and finds what `present` and the fields say; what a server forwards is a
 * valid list again; writing and reading gives the same fields.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/packet.h"
#include "mqtt/properties.h"

/* Numbers and slices by name, to compare without knowing the reader's table. */
static void check_item(const struct properties *p, const struct property_item *item)
{
    switch ((unsigned)item->property) {
#define CHECK_BYTE(field)   FUZZ_CHECK(p->field == item->number)
#define CHECK_U16(field)    FUZZ_CHECK(p->field == item->number)
#define CHECK_U32(field)    FUZZ_CHECK(p->field == item->number)
#define CHECK_VARINT(field) FUZZ_CHECK(p->field == item->number)
#define CHECK_STRING(field) FUZZ_CHECK(slice_equal(p->field, item->value))
#define CHECK_BINARY(field) FUZZ_CHECK(slice_equal(p->field, item->value))
#define CHECK_PAIR(field)   FUZZ_CHECK(item->encoded.length >= 5)
#define PROPERTY(name, field, identifier, type, packets)                                           \
    case identifier:                                                                               \
        CHECK_##type(field);                                                                       \
        break;
#include "mqtt/properties.def"
#undef PROPERTY
    default:
        FUZZ_CHECK(false);
    }
}

static void check_walk(const struct properties *p)
{
    struct property_item item;
    struct slice raw = p->raw;
    uint64_t seen = 0;

    while (raw.length > 0) {
        const uint8_t *at = raw.data;
        FUZZ_CHECK(properties_next(&raw, &item));
        FUZZ_CHECK(item.encoded.data == at && at + item.encoded.length == raw.data);
        if ((seen >> item.property & 1) == 0) {
            check_item(p, &item); /* the first of several stands in the field */
        }
        seen |= UINT64_C(1) << item.property;
    }
    FUZZ_CHECK(seen == p->present);
}

static void check_forwarded(const struct properties *p)
{
    uint8_t *out = memory_allocate(p->raw.length);
    size_t length = properties_copy_forwarded(out, p->raw);
    struct properties forwarded;

    FUZZ_CHECK(length <= p->raw.length);
    FUZZ_CHECK(properties_read(&forwarded, slice_make(out, length), P_WILL) == REASON_SUCCESS);
    FUZZ_CHECK((forwarded.present & ~p->present) == 0);
    check_walk(&forwarded);
    free(out);
}

static void check_written(const struct properties *p, enum property_list list)
{
    struct properties again;
    struct buffer out = {0};
    uint32_t length = 0;
    int prefix;

    properties_write(&out, p);
    prefix = varint_read(buffer_slice(&out), &length);
    FUZZ_CHECK(prefix > 0 && (size_t)prefix + length == out.length);
    FUZZ_CHECK(length == p->raw.length);
    FUZZ_CHECK(properties_read(&again, slice_from(buffer_slice(&out), (size_t)prefix), list) ==
               REASON_SUCCESS);
    FUZZ_CHECK(again.present == p->present);
    check_walk(&again);
    buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct properties properties;
    struct property_item item;
    enum property_list list;
    struct slice raw;

    if (size == 0) {
        return 0;
    }
    list = (enum property_list)(1 << data[0] % 11);
    raw = fuzz_copy(slice_make(data + 1, size - 1));
    memset(&properties, 0xA5, sizeof(properties));
    if (properties_read(&properties, raw, list) == REASON_SUCCESS) {
        check_walk(&properties);
        check_forwarded(&properties);
        check_written(&properties, list);
    } else {
        /* Not promised to make sense on such bytes, but to end and to stay inside. */
        for (struct slice rest = raw; properties_next(&rest, &item);) {
        }
    }
    fuzz_free(raw);
    return 0;
}
