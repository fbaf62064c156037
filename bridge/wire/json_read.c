/* A JSON frame becomes a request (spec/webpubsub.md 2.1, 2.5, 2.6).
 *
 * One pass over the frame checks it and notes where the value of each known property stands (of one
 * that stands twice, the last). Then a table says which of them the type of the request has, and a
 * row of another table how each is read and where it goes. A property that is null is absent, as
 * serializers write what is not set; only for `data` null is a value.
 *
 * What has to be unescaped or decoded goes into the scratch buffer. Its room is reserved before,
 * for what is made of a frame has a bound; so nothing moves while slices point into it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/json_frame.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>
#include <strings.h>

#include "secret/base64.h"
#include "wire/request_check.h"
#include "json/json.h"

enum {
    STREAM_IDLE_TIMEOUT_MS = 300000, /* if the client names none (2.5) */
    PAIRS_MAX = METADATA_MAX,        /* members of a map; with more, metadata is too long anyway */
    PAIR_TEXT_MIN = 6,               /* bytes of the shortest member of a map: "":"", */
    PROPERTIES_MAX = 24,             /* of one object */
};

/* ---------------------------------------------------------------- values */

/* Reads a value into the field of the request. */
typedef enum frame_verdict read_value(const struct json_value *value, void *field,
                                      struct buffer *scratch);

static enum frame_verdict verdict_of(bool good)
{
    return good ? FRAME_OK : FRAME_MALFORMED;
}

static enum frame_verdict worse(enum frame_verdict a, enum frame_verdict b)
{
    return a > b ? a : b;
}

static enum frame_verdict read_string(const struct json_value *value, void *field,
                                      struct buffer *scratch)
{
    struct slice *out = field;

    if (value->type != JSON_STRING) {
        return FRAME_MALFORMED;
    }
    *out = json_string_value(value, scratch);
    return FRAME_OK;
}

static enum frame_verdict read_bool(const struct json_value *value, void *field,
                                    struct buffer *scratch)
{
    bool *out = field;

    (void)scratch;
    *out = value->type == JSON_TRUE;
    return verdict_of(value->type == JSON_TRUE || value->type == JSON_FALSE);
}

static enum frame_verdict read_u64(const struct json_value *value, void *field,
                                   struct buffer *scratch)
{
    (void)scratch;
    return verdict_of(json_to_u64(value, field));
}

/* A number of seconds or milliseconds: one that is no such is out of bounds rather than malformed.
 */
static enum frame_verdict read_u32(const struct json_value *value, void *field,
                                   struct buffer *scratch)
{
    uint32_t *out = field;
    uint64_t number;

    (void)scratch;
    if (value->type != JSON_NUMBER) {
        return FRAME_MALFORMED;
    }
    if (!json_to_u64(value, &number) || number > UINT32_MAX) {
        return FRAME_BAD_REQUEST;
    }
    *out = (uint32_t)number;
    return FRAME_OK;
}

static size_t count_members(const struct json_value *object)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;
    size_t count = 0;

    while (json_next_member(&walk, &key, &value)) {
        count++;
    }
    return count;
}

/* Room in the scratch buffer, which has been reserved. */
static struct pair *allocate_pairs(struct buffer *scratch, size_t count)
{
    size_t misaligned = scratch->length % alignof(struct pair);
    struct pair *pairs;

    scratch->length += misaligned == 0 ? 0 : alignof(struct pair) - misaligned;
    assert(scratch->capacity - scratch->length >= count * sizeof(struct pair));
    pairs = (struct pair *)(void *)(scratch->data + scratch->length);
    scratch->length += count * sizeof(struct pair);
    return pairs;
}

/* A map of strings. A key that stands twice stays twice: who reads it takes the last. */
static enum frame_verdict read_pairs(const struct json_value *value, void *field,
                                     struct buffer *scratch)
{
    struct pairs *out = field;
    struct json_walk walk;
    struct json_value member;
    struct slice key;
    struct pair *pair;
    size_t count;

    if (value->type != JSON_OBJECT) {
        return FRAME_MALFORMED;
    }
    count = count_members(value);
    if (count > PAIRS_MAX) {
        return FRAME_BAD_REQUEST;
    }
    pair = allocate_pairs(scratch, count);
    *out = (struct pairs){pair, count};
    walk = json_members(value);
    for (; json_next_member(&walk, &key, &member); pair++) {
        /* The key with its quotes is a string, too. */
        struct json_value name = {JSON_STRING, slice_make(key.data - 1, key.length + 2)};

        if (member.type != JSON_STRING) {
            return FRAME_MALFORMED;
        }
        pair->key = json_string_value(&name, scratch);
        pair->value = json_string_value(&member, scratch);
    }
    return FRAME_OK;
}

static enum frame_verdict read_data_type(const struct json_value *value, void *field,
                                         struct buffer *scratch);

/* The data as its type says it is written. */
static enum frame_verdict read_data(const struct json_value *value, struct payload *out,
                                    struct buffer *scratch)
{
    struct slice text;

    if (out->type == DATA_JSON) {
        out->bytes = value->text;
        return value->type == JSON_NULL ? FRAME_BAD_REQUEST : FRAME_OK;
    }
    if (value->type != JSON_STRING) {
        return FRAME_MALFORMED;
    }
    text = json_string_value(value, scratch);
    out->bytes = text;
    if (out->type != DATA_TEXT) {
        size_t start = scratch->length;
        bool good = base64_append_decoded(scratch, text);

        out->bytes = slice_from(buffer_slice(scratch), start);
        return verdict_of(good);
    }
    return FRAME_OK;
}

/* ---------------------------------------------------------------- objects */

struct property {
    struct slice name;
    read_value *read;
    size_t field; /* where in struct request it goes */
    size_t flag;  /* where the bool stands that says it was there; 0: nowhere */
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define FIELD(member) offsetof(struct request, member)
#define BIT(index)    (UINT32_C(1) << (index))

struct object {
    const struct property *properties;
    size_t count;
};

#define OBJECT(table)                                                                              \
    {                                                                                              \
        table, sizeof(table) / sizeof((table)[0])                                                  \
    }

/* The index of the property; `count` if there is none of this name. */
static size_t find_property(const struct object *object, struct slice key)
{
    size_t i = 0;

    while (i < object->count && !slice_equal(key, object->properties[i].name)) {
        i++;
    }
    if (i < object->count || key.length == 0 || !memchr(key.data, '\\', key.length)) {
        return i;
    }
    i = 0;
    while (i < object->count &&
           !json_string_equal(key, (const char *)object->properties[i].name.data)) {
        i++;
    }
    return i;
}

/* Notes the values of the known properties; those that are absent have no text. */
static void collect(struct json_walk *walk, const struct object *object,
                    struct json_value values[PROPERTIES_MAX])
{
    struct json_value value;
    struct slice key;

    memset(values, 0, PROPERTIES_MAX * sizeof(*values));
    while (json_next_member(walk, &key, &value)) {
        size_t i = find_property(object, key);

        if (i < object->count) {
            values[i] = value;
        }
    }
}

static bool is_absent(const struct json_value *value)
{
    return value->text.length == 0 || value->type == JSON_NULL;
}

/* Reads those properties of `wanted` that are there; those of `required` must be. All are read even
 * if one is out of bounds, for the answer to that needs the others. */
static enum frame_verdict read_properties(const struct object *object,
                                          const struct json_value *values, uint32_t wanted,
                                          uint32_t required, struct request *out,
                                          struct buffer *scratch)
{
    enum frame_verdict verdict = FRAME_OK;
    char *base = (char *)out;

    wanted &= BIT(object->count) - 1;
    for (; wanted != 0 && verdict != FRAME_MALFORMED; wanted &= wanted - 1) {
        int i = __builtin_ctz(wanted);
        const struct property *property = &object->properties[i];

        if (!property->read) {
            continue;
        }
        if (is_absent(&values[i])) {
            verdict = worse(verdict, verdict_of((required & BIT(i)) == 0));
            continue;
        }
        verdict = worse(verdict, property->read(&values[i], base + property->field, scratch));
        if (property->flag > 0) {
            *(bool *)(base + property->flag) = true;
        }
    }
    return verdict;
}

/* An object inside of the request. */
static enum frame_verdict read_inner(const struct json_value *value, const struct object *object,
                                     uint32_t required, struct request *out, struct buffer *scratch)
{
    struct json_value values[PROPERTIES_MAX];
    struct json_walk walk;

    if (value->type != JSON_OBJECT) {
        return FRAME_MALFORMED;
    }
    walk = json_members(value);
    collect(&walk, object, values);
    return read_properties(object, values, UINT32_MAX, required, out, scratch);
}

/* These two have properties of their own; their field is the request itself. */

static enum frame_verdict read_stream(const struct json_value *value, void *field,
                                      struct buffer *scratch)
{
    static const struct property properties[] = {
        {NAME("streamId"), read_string, FIELD(stream_id), 0},
        {NAME("idleTimeoutMs"), read_u32, FIELD(idle_timeout_ms), 0},
    };
    static const struct object object = OBJECT(properties);

    return read_inner(value, &object, BIT(0), field, scratch);
}

static enum frame_verdict read_error(const struct json_value *value, void *field,
                                     struct buffer *scratch)
{
    static const struct property properties[] = {
        {NAME("message"), read_string, FIELD(error_message), 0},
        {NAME("userErrorCode"), read_string, FIELD(user_error_code), 0},
    };
    static const struct object object = OBJECT(properties);

    return read_inner(value, &object, 0, field, scratch);
}

/* ---------------------------------------------------------------- requests */

enum {
    TYPE,
    GROUP,
    EVENT,
    ACK_ID,
    DATA_TYPE,
    DATA,
    NO_ECHO,
    TTL_SECONDS,
    METADATA,
    SEQUENCE_ID,
    STREAM,
    STREAM_ID,
    STREAM_SEQUENCE_ID,
    ERROR,
    INVOCATION_ID,
    TARGET,
    STATE,
    PROPERTY_COUNT
};

/* `type` and `data` are read apart: what the others mean hangs on the one, the other on dataType.
 */
static const struct property request_properties[] = {
    [TYPE] = {NAME("type"), NULL, 0, 0},
    [GROUP] = {NAME("group"), read_string, FIELD(group), 0},
    [EVENT] = {NAME("event"), read_string, FIELD(event), 0},
    [ACK_ID] = {NAME("ackId"), read_u64, FIELD(ack_id), FIELD(has_ack_id)},
    [DATA_TYPE] = {NAME("dataType"), read_data_type, FIELD(data.type), 0},
    [DATA] = {NAME("data"), NULL, 0, 0},
    [NO_ECHO] = {NAME("noEcho"), read_bool, FIELD(no_echo), 0},
    [TTL_SECONDS] = {NAME("ttlSeconds"), read_u32, FIELD(ttl_seconds), 0},
    [METADATA] = {NAME("metadata"), read_pairs, FIELD(metadata), 0},
    [SEQUENCE_ID] = {NAME("sequenceId"), read_u64, FIELD(sequence_id), 0},
    [STREAM] = {NAME("stream"), read_stream, 0, FIELD(opens_stream)},
    [STREAM_ID] = {NAME("streamId"), read_string, FIELD(stream_id), 0},
    [STREAM_SEQUENCE_ID] = {NAME("streamSequenceId"), read_u64, FIELD(stream_sequence),
                            FIELD(has_stream_sequence)},
    [ERROR] = {NAME("error"), read_error, 0, FIELD(has_error)},
    [INVOCATION_ID] = {NAME("invocationId"), read_string, FIELD(invocation_id), 0},
    [TARGET] = {NAME("target"), read_string, FIELD(target), 0},
    [STATE] = {NAME("state"), read_pairs, FIELD(state), FIELD(has_state)},
};
static const struct object request_object = OBJECT(request_properties);

_Static_assert((int)PROPERTY_COUNT <= (int)PROPERTIES_MAX,
               "the values of all properties have their place");

/* How a type of request looks. `data` that is required may be missing if there is metadata. */
static const struct form {
    struct slice name;
    uint32_t required, optional;
} forms[] = {
    [REQUEST_JOIN_GROUP] = {NAME("joinGroup"), BIT(GROUP), BIT(ACK_ID)},
    [REQUEST_LEAVE_GROUP] = {NAME("leaveGroup"), BIT(GROUP), BIT(ACK_ID)},
    [REQUEST_SEND_TO_GROUP] = {NAME("sendToGroup"), BIT(GROUP) | BIT(DATA),
                               BIT(ACK_ID) | BIT(DATA_TYPE) | BIT(NO_ECHO) | BIT(TTL_SECONDS) |
                                   BIT(METADATA) | BIT(STREAM)},
    [REQUEST_EVENT] = {NAME("event"), BIT(EVENT) | BIT(DATA),
                       BIT(ACK_ID) | BIT(DATA_TYPE) | BIT(METADATA)},
    [REQUEST_PING] = {NAME("ping"), 0, 0},
    [REQUEST_SEQUENCE_ACK] = {NAME("sequenceAck"), BIT(SEQUENCE_ID), 0},
    [REQUEST_INVOKE] = {NAME("invoke"), BIT(INVOCATION_ID) | BIT(TARGET) | BIT(EVENT),
                        BIT(DATA) | BIT(DATA_TYPE) | BIT(METADATA)},
    [REQUEST_CANCEL_INVOCATION] = {NAME("cancelInvocation"), BIT(INVOCATION_ID), 0},
    [REQUEST_STREAM_DATA] = {NAME("streamData"), BIT(STREAM_ID),
                             BIT(STREAM_SEQUENCE_ID) | BIT(DATA) | BIT(DATA_TYPE)},
    [REQUEST_STREAM_END] = {NAME("streamEnd"), BIT(STREAM_ID), BIT(ERROR)},
    [REQUEST_SET_GROUP_STATE] = {NAME("setGroupState"), BIT(GROUP), BIT(ACK_ID) | BIT(STATE)},
    [REQUEST_SUBSCRIBE_GROUP_STATE] = {NAME("subscribeGroupState"), BIT(GROUP), BIT(ACK_ID)},
    [REQUEST_UNSUBSCRIBE_GROUP_STATE] = {NAME("unsubscribeGroupState"), BIT(GROUP), BIT(ACK_ID)},
};

/* Is the string this name, in any case? */
static bool is_name(struct slice text, struct slice name)
{
    return text.length == name.length &&
           strncasecmp((const char *)text.data, (const char *)name.data, text.length) == 0;
}

static enum frame_verdict read_data_type(const struct json_value *value, void *field,
                                         struct buffer *scratch)
{
    enum data_type *out = field;
    struct slice name = SLICE_EMPTY;

    if (read_string(value, &name, scratch) != FRAME_OK) {
        return FRAME_MALFORMED;
    }
    for (size_t i = 0; i < DATA_TYPE_COUNT; i++) {
        if (is_name(name, slice_from_string(json_data_types[i]))) {
            *out = (enum data_type)i;
            return FRAME_OK;
        }
    }
    return FRAME_MALFORMED;
}

static bool read_type(const struct json_value *value, enum request_type *out,
                      struct buffer *scratch)
{
    struct slice name;

    if (value->text.length == 0 || read_string(value, &name, scratch) != FRAME_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (is_name(name, forms[i].name)) {
            *out = (enum request_type)i;
            return true;
        }
    }
    return false;
}

/* Whatever the frame holds fits: strings get no longer by unescaping, data that is base64 and has
 * escapes stands there a second time, and a map has a row for each member. */
static const uint8_t *reserve(struct buffer *scratch, size_t frame_length)
{
    size_t pairs = frame_length / PAIR_TEXT_MIN;

    pairs = pairs > PAIRS_MAX ? PAIRS_MAX : pairs;
    buffer_reserve(scratch, 2 * frame_length + (pairs + 1) * sizeof(struct pair));
    return scratch->data;
}

/* A stream that opens needs no data; what has metadata is the empty text without (2.1). */
static enum frame_verdict read_payload(const struct form *form, const struct json_value *values,
                                       struct request *out, struct buffer *scratch)
{
    if (values[DATA].text.length > 0) {
        out->has_data = true;
        return read_data(&values[DATA], &out->data, scratch);
    }
    if ((form->required & BIT(DATA)) == 0 || out->opens_stream) {
        return FRAME_OK;
    }
    out->has_data = true;
    out->data = (struct payload){DATA_TEXT, SLICE_EMPTY};
    return verdict_of(!is_absent(&values[METADATA]));
}

enum frame_verdict json_decode(struct slice frame, struct request *out, struct buffer *scratch)
{
    struct json_value values[PROPERTIES_MAX];
    struct json_walk walk = json_walk_text(frame, JSON_OBJECT);
    const struct form *form;
    enum frame_verdict verdict;
    const uint8_t *memory;
    uint32_t wanted;

    *out = (struct request){.idle_timeout_ms = STREAM_IDLE_TIMEOUT_MS};
    collect(&walk, &request_object, values);
    if (!json_walk_is_complete(&walk)) {
        return FRAME_MALFORMED;
    }
    memory = reserve(scratch, frame.length);
    if (!read_type(&values[TYPE], &out->type, scratch)) {
        return FRAME_MALFORMED;
    }
    form = &forms[out->type];
    wanted = form->required | form->optional;
    verdict = read_properties(&request_object, values, wanted, form->required, out, scratch);
    if ((wanted & BIT(DATA)) != 0 && verdict != FRAME_MALFORMED) {
        verdict = worse(verdict, read_payload(form, values, out, scratch));
    }
    assert(scratch->data == memory);
    (void)memory;
    return verdict == FRAME_OK ? request_check(out) : verdict;
}
