/* Reads one flat msgpack array with msgpack-c's parser.
 *
 * It is instantiated here from its template, with callbacks that note each value and refuse all
 * that no frame has in it: nothing is allocated, whatever the peer says about sizes. (msgpack-c's
 * own objects would be allocated for as many elements as an array's header claims.)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "trunk/values.h"

#include <msgpack/unpack_define.h>

/* The template's names for what it is made for. */
#define msgpack_unpack_struct(name)    struct values_parser##name
#define msgpack_unpack_func(ret, name) static inline ret values_parser##name
#define msgpack_unpack_callback(name)  on##name
#define msgpack_unpack_object          struct value
#define msgpack_unpack_user            struct values *
#define MSGPACK_UNPACK_PARSE_ERROR     (-1)
#define MSGPACK_UNPACK_NOMEM_ERROR     (-1)

enum { VALUE_ACCEPTED = 0, VALUE_REFUSED = -1 };

static struct value on_root(struct values **values)
{
    (void)values;
    return (struct value){0};
}

static int number(struct value *out, uint64_t value)
{
    *out = (struct value){.type = VALUE_NUMBER, .number = value};
    return VALUE_ACCEPTED;
}

static int on_uint8(struct values **values, uint8_t value, struct value *out)
{
    (void)values;
    return number(out, value);
}

static int on_uint16(struct values **values, uint16_t value, struct value *out)
{
    (void)values;
    return number(out, value);
}

static int on_uint32(struct values **values, uint32_t value, struct value *out)
{
    (void)values;
    return number(out, value);
}

static int on_uint64(struct values **values, uint64_t value, struct value *out)
{
    (void)values;
    return number(out, value);
}

static int boolean(struct value *out, bool value)
{
    *out = (struct value){.type = VALUE_BOOLEAN, .number = value};
    return VALUE_ACCEPTED;
}

static int on_true(struct values **values, struct value *out)
{
    (void)values;
    return boolean(out, true);
}

static int on_false(struct values **values, struct value *out)
{
    (void)values;
    return boolean(out, false);
}

static int run(struct value *out, enum value_type type, const char *start, unsigned length)
{
    *out = (struct value){.type = type, .bytes = slice_make(start, length)};
    return VALUE_ACCEPTED;
}

static int on_str(struct values **values, const char *in, const char *start, unsigned length,
                  struct value *out)
{
    (void)values, (void)in;
    return run(out, VALUE_TEXT, start, length);
}

static int on_bin(struct values **values, const char *in, const char *start, unsigned length,
                  struct value *out)
{
    (void)values, (void)in;
    return run(out, VALUE_BYTES, start, length);
}

/* `count` says how many are to come; an array inside the array comes when some have been noted, or
 * when an outer one has begun. */
static int on_array(struct values **values, unsigned count, struct value *out)
{
    (void)out;
    if (count == 0 || count > TRUNK_VALUES_MAX || (*values)->count != SIZE_MAX) {
        return VALUE_REFUSED;
    }
    (*values)->count = 0;
    return VALUE_ACCEPTED;
}

static int on_array_item(struct values **values, struct value *array, struct value item)
{
    (void)array;
    (*values)->items[(*values)->count] = item;
    (*values)->count++;
    return VALUE_ACCEPTED;
}

/* What has no place in a frame: negative numbers, fractions, nil, maps, extensions. */

static int on_nil(struct values **values, struct value *out)
{
    (void)values, (void)out;
    return VALUE_REFUSED;
}

#define REFUSE_NUMBER(name, type)                                                                  \
    static int name(struct values **values, type value, struct value *out)                         \
    {                                                                                              \
        (void)values, (void)value, (void)out;                                                      \
        return VALUE_REFUSED;                                                                      \
    }

REFUSE_NUMBER(on_int8, int8_t)
REFUSE_NUMBER(on_int16, int16_t)
REFUSE_NUMBER(on_int32, int32_t)
REFUSE_NUMBER(on_int64, int64_t)
REFUSE_NUMBER(on_float, float)
REFUSE_NUMBER(on_double, double)
REFUSE_NUMBER(on_map, unsigned)

static int on_map_item(struct values **values, struct value *map, struct value key,
                       struct value item)
{
    (void)values, (void)map, (void)key, (void)item;
    return VALUE_REFUSED;
}

static int on_ext(struct values **values, const char *in, const char *start, unsigned length,
                  struct value *out)
{
    (void)values, (void)in, (void)start, (void)length, (void)out;
    return VALUE_REFUSED;
}

#include <msgpack/unpack_template.h>

bool values_read(struct values *values, struct slice in)
{
    struct values_parser_context parser;
    size_t used = 0;

    values->count = SIZE_MAX; /* no array yet */
    parser.user = values;
    values_parser_init(&parser);
    return values_parser_execute(&parser, (const char *)in.data, in.length, &used) == 1 &&
           used == in.length && values->count != SIZE_MAX;
}
