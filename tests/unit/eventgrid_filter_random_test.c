/* Sets of filters made by chance on events made by chance, against the plain way: each filter walks
 * the event by itself and compares as spec/eventgrid.md 3.4 says, word by word.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_fixture.h"

#include "eventgrid/fold.h"
#include "eventgrid/pattern.h"

enum { ROUNDS = 2000, FILTERS = 24, ADVANCED_MAX = 3, VALUES_MAX = 3, DEPTH_MAX = 3 };

/* --- chance --- */

static const char *const names[] = {"a", "b", "A", "c", "data", "x", "\\u0061"};
static const char *const keys[] = {
    "data", "data.a",  "data.b", "data.A.b", "Data.a.a", "data.c.x",  "a", "a.b",       "b.a.c",
    "id",   "subject", "type",   "topic",    "source",   "eventType", "x", "data.a.b.c"};
static const char *const scalars[] = {"1",
                                      "2",
                                      "2.0",
                                      "-3.5",
                                      "1e2",
                                      "true",
                                      "false",
                                      "null",
                                      "\"\"",
                                      "\"red\"",
                                      "\"RED\"",
                                      "\"redder\"",
                                      "\"infra\\u0052ed\"",
                                      "\"100\"",
                                      "\"\xC3\x84"
                                      "x\""};
static const char *const texts[] = {"red", "Re", "ED", "", "fraR", "\xC3\xA4", "100", "r*d", "?e*"};
static const double numbers[] = {1, 2, -3.5, 100, 0, 50};

#define ONE_OF(random, array) ((array)[test_random_below(random, COUNT(array))])

static void append_value(struct buffer *out, uint64_t *random, int depth);

static void append_object(struct buffer *out, uint64_t *random, int depth)
{
    uint32_t members = test_random_below(random, 5);

    buffer_append_byte(out, '{');
    for (uint32_t i = 0; i < members; i++) {
        buffer_append_format(out, "%s\"%s\" : ", i > 0 ? "," : "", ONE_OF(random, names));
        append_value(out, random, depth);
    }
    buffer_append_byte(out, '}');
}

static void append_array(struct buffer *out, uint64_t *random, int depth)
{
    uint32_t elements = test_random_below(random, 4);

    buffer_append_byte(out, '[');
    for (uint32_t i = 0; i < elements; i++) {
        buffer_append_string(out, i > 0 ? ", " : "");
        append_value(out, random, depth);
    }
    buffer_append_byte(out, ']');
}

static void append_value(struct buffer *out, uint64_t *random, int depth)
{
    uint32_t kind = test_random_below(random, 8);

    if (depth > 0 && kind < 3) {
        append_object(out, random, depth - 1);
    } else if (depth > 0 && kind < 5) {
        append_array(out, random, depth - 1);
    } else {
        buffer_append_string(out, ONE_OF(random, scalars));
    }
}

static enum event_schema append_event(struct buffer *out, uint64_t *random)
{
    static const char *const heads[EVENT_SCHEMAS] = {
        [SCHEMA_EVENT_GRID] = "{\"id\":\"red\",\"topic\":\"100\",\"subject\":\"RED\",\"eventType\":"
                              "\"redder\",\"data\":",
        [SCHEMA_CLOUD_EVENTS] = "{\"id\":\"red\",\"source\":\"100\",\"type\":\"redder\",\"x\":2,"
                                "\"data\":",
        [SCHEMA_CUSTOM] = "{\"id\":\"red\",\"x\":[1,\"red\"],\"a\":",
    };
    enum event_schema schema = (enum event_schema)test_random_below(random, EVENT_SCHEMAS);

    buffer_append_string(out, heads[schema]);
    append_value(out, random, DEPTH_MAX);
    buffer_append_byte(out, '}');
    return schema;
}

struct made_filter {
    struct event_filter filter;
    struct advanced_filter advanced[ADVANCED_MAX];
    struct filter_value values[ADVANCED_MAX][VALUES_MAX];
    struct slice type;
};

static void make_advanced(struct advanced_filter *out, struct filter_value *values,
                          uint64_t *random)
{
    out->operation = (enum filter_operator)test_random_below(random, FILTER_ANY);
    out->key = slice_from_string(ONE_OF(random, keys));
    out->values = values;
    out->value_count = 1 + test_random_below(random, VALUES_MAX);
    for (size_t i = 0; i < VALUES_MAX; i++) {
        values[i].text = slice_from_string(ONE_OF(random, texts));
        values[i].low = ONE_OF(random, numbers);
        values[i].high = values[i].low + test_random_below(random, 3);
    }
    out->alternatives = NULL;
}

static void make_filter(struct made_filter *made, uint64_t *random)
{
    struct event_filter *filter = &made->filter;

    *filter = (struct event_filter){.on_arrays = test_random_below(random, 2) == 0,
                                    .is_subject_case_sensitive = test_random_below(random, 2) == 0,
                                    .advanced = made->advanced};
    filter->advanced_count = test_random_below(random, ADVANCED_MAX + 1);
    for (size_t i = 0; i < filter->advanced_count; i++) {
        make_advanced(&made->advanced[i], made->values[i], random);
    }
    if (filter->advanced_count == ADVANCED_MAX) { /* the first one holds, or the second */
        made->advanced[2] = (struct advanced_filter){
            .operation = FILTER_ANY, .alternatives = made->advanced, .alternative_count = 2};
        filter->advanced = &made->advanced[2];
        filter->advanced_count = 1;
    }
    if (test_random_below(random, 4) == 0) {
        made->type = slice_from_string(ONE_OF(random, texts));
        filter->included_types = &made->type;
        filter->included_type_count = 1;
    }
    if (test_random_below(random, 3) == 0) {
        filter->subject_begins_with = slice_from_string(ONE_OF(random, texts));
        filter->subject_ends_with = slice_from_string(ONE_OF(random, texts));
    }
}

/* --- the plain way --- */

static struct buffer folded(struct slice text)
{
    struct buffer out = {0};

    fold_append(&out, text);
    return out;
}

enum compared { EQUAL, BEGINS, ENDS, CONTAINS, MATCHES };

static bool plain_compare(enum compared how, struct slice text, struct slice value)
{
    size_t beyond = text.length - value.length;

    if (how == MATCHES) {
        struct pattern *pattern = pattern_new(value);
        bool is_match = pattern_matches(pattern, text);
        pattern_free(pattern);
        return is_match;
    }
    if (text.length < value.length) {
        return false;
    }
    for (size_t i = 0; i <= beyond; i++) {
        bool is_here = slice_equal(slice_make(text.data + i, value.length), value);
        bool is_place = how == CONTAINS || (how == BEGINS && i == 0) ||
                        (how == ENDS && i == beyond) || (how == EQUAL && beyond == 0);
        if (is_here && is_place) {
            return true;
        }
    }
    return false;
}

static bool text_fits(enum compared how, const struct json_value *json,
                      const struct advanced_filter *filter)
{
    struct buffer text = {0};
    bool fits = false;

    json_append_string_value(&text, json);
    struct buffer small = folded(buffer_slice(&text));
    for (size_t i = 0; i < filter->value_count; i++) {
        struct buffer value = folded(filter->values[i].text);
        fits |= plain_compare(how, buffer_slice(&small), buffer_slice(&value));
        buffer_release(&value);
    }
    buffer_release(&text);
    buffer_release(&small);
    return fits;
}

/* What an operator is, in words of the table. */
static const struct {
    enum json_type type;
    bool is_negative, if_missing;
    enum compared how;
} rules[FILTER_ANY] = {
    [FILTER_NUMBER_IN] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_NOT_IN] = {JSON_NUMBER, true, true, 0},
    [FILTER_NUMBER_LESS_THAN] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_GREATER_THAN] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_LESS_THAN_OR_EQUALS] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_GREATER_THAN_OR_EQUALS] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_IN_RANGE] = {JSON_NUMBER, false, false, 0},
    [FILTER_NUMBER_NOT_IN_RANGE] = {JSON_NUMBER, true, false, 0},
    [FILTER_BOOL_EQUALS] = {JSON_TRUE, false, false, 0},
    [FILTER_STRING_IN] = {JSON_STRING, false, false, EQUAL},
    [FILTER_STRING_NOT_IN] = {JSON_STRING, true, true, EQUAL},
    [FILTER_STRING_BEGINS_WITH] = {JSON_STRING, false, false, BEGINS},
    [FILTER_STRING_ENDS_WITH] = {JSON_STRING, false, false, ENDS},
    [FILTER_STRING_CONTAINS] = {JSON_STRING, false, false, CONTAINS},
    [FILTER_STRING_NOT_BEGINS_WITH] = {JSON_STRING, true, false, BEGINS},
    [FILTER_STRING_NOT_ENDS_WITH] = {JSON_STRING, true, false, ENDS},
    [FILTER_STRING_NOT_CONTAINS] = {JSON_STRING, true, false, CONTAINS},
    [FILTER_STRING_MATCHES] = {JSON_STRING, false, false, MATCHES},
    [FILTER_STRING_NOT_MATCHES] = {JSON_STRING, true, false, MATCHES},
};

static bool number_fits(double number, enum filter_operator operation,
                        const struct filter_value *value)
{
    switch ((int)operation) {
    case FILTER_NUMBER_LESS_THAN:
        return number < value->low;
    case FILTER_NUMBER_GREATER_THAN:
        return number > value->low;
    case FILTER_NUMBER_LESS_THAN_OR_EQUALS:
        return number <= value->low;
    case FILTER_NUMBER_GREATER_THAN_OR_EQUALS:
        return number >= value->low;
    case FILTER_NUMBER_IN_RANGE:
    case FILTER_NUMBER_NOT_IN_RANGE:
        return number >= value->low && number <= value->high;
    default:
        return number == value->low;
    }
}

static bool is_of_type(enum json_type wanted, const struct json_value *json)
{
    return json->type == wanted || (wanted == JSON_TRUE && json->type == JSON_FALSE);
}

static bool plain_fits(const struct advanced_filter *filter, const struct json_value *json)
{
    bool fits = false;

    if (json->type == JSON_STRING) {
        return text_fits(rules[filter->operation].how, json, filter);
    }
    for (size_t i = 0; i < filter->value_count; i++) {
        fits |= json->type == JSON_NUMBER
                    ? number_fits(json_to_double(json), filter->operation, &filter->values[i])
                    : (filter->values[i].low != 0) == (json->type == JSON_TRUE);
    }
    return fits;
}

/* The last member of that name, in any case. */
static bool plain_member(struct json_value object, struct slice name, struct json_value *out)
{
    struct json_walk walk = json_members(&object);
    struct slice key;
    struct json_value value;
    bool is_found = false;
    struct buffer wanted = folded(name);

    while (object.type == JSON_OBJECT && json_next_member(&walk, &key, &value)) {
        struct json_value string = {JSON_STRING, slice_make(key.data - 1, key.length + 2)};
        struct buffer text = {0};
        json_append_string_value(&text, &string);
        struct buffer small = folded(buffer_slice(&text));
        if (slice_equal(buffer_slice(&small), buffer_slice(&wanted))) {
            *out = value;
            is_found = true;
        }
        buffer_release(&text);
        buffer_release(&small);
    }
    buffer_release(&wanted);
    return is_found;
}

static bool plain_find(const struct event *event, struct slice key, struct json_value *out)
{
    *out = event->whole;
    while (key.length > 0) {
        const uint8_t *dot = memchr(key.data, '.', key.length);
        size_t length = dot ? (size_t)(dot - key.data) : key.length;
        if (!plain_member(*out, slice_make(key.data, length), out)) {
            return false;
        }
        key = slice_from(key, dot ? length + 1 : length);
    }
    /* Of EventGrid's envelope only some can be asked for, and none of these events has another. */
    return true;
}

static bool plain_holds(const struct event_filter *filter, const struct advanced_filter *advanced,
                        const struct event *event)
{
    struct json_value json, element;
    bool some = false, any = false;

    if (advanced->operation == FILTER_ANY) {
        return plain_holds(filter, &advanced->alternatives[0], event) ||
               plain_holds(filter, &advanced->alternatives[1], event);
    }
    bool is_there = plain_find(event, advanced->key, &json) && json.type != JSON_NULL &&
                    (json.type != JSON_ARRAY || filter->on_arrays);
    if (advanced->operation == FILTER_IS_NOT_NULL ||
        advanced->operation == FILTER_IS_NULL_OR_UNDEFINED) {
        return is_there == (advanced->operation == FILTER_IS_NOT_NULL);
    }
    if (is_there && json.type == JSON_ARRAY) {
        struct json_walk walk = json_elements(&json);
        while (json_next_element(&walk, &element)) {
            if (is_of_type(rules[advanced->operation].type, &element)) {
                some = true;
                any |= plain_fits(advanced, &element);
            }
        }
    } else if (is_there && is_of_type(rules[advanced->operation].type, &json)) {
        some = true;
        any = plain_fits(advanced, &json);
    }
    return some ? any != rules[advanced->operation].is_negative
                : rules[advanced->operation].if_missing;
}

static bool plain_subject(const struct event_filter *filter, struct slice given)
{
    struct buffer subject = folded(given), begin = folded(filter->subject_begins_with),
                  end = folded(filter->subject_ends_with);
    bool is_taken = plain_compare(BEGINS, buffer_slice(&subject), buffer_slice(&begin)) &&
                    plain_compare(ENDS, buffer_slice(&subject), buffer_slice(&end));

    buffer_release(&subject);
    buffer_release(&begin);
    buffer_release(&end);
    return is_taken;
}

static bool plain_takes(const struct event_filter *filter, const struct event *event)
{
    bool is_taken = filter->is_subject_case_sensitive
                        ? plain_compare(BEGINS, event->subject, filter->subject_begins_with) &&
                              plain_compare(ENDS, event->subject, filter->subject_ends_with)
                        : plain_subject(filter, event->subject);

    if (filter->included_types) {
        struct buffer type = folded(event->type), wanted = folded(filter->included_types[0]);
        is_taken &= slice_equal(buffer_slice(&type), buffer_slice(&wanted));
        buffer_release(&type);
        buffer_release(&wanted);
    }
    for (size_t i = 0; i < filter->advanced_count; i++) {
        is_taken &= plain_holds(filter, &filter->advanced[i], event);
    }
    return is_taken;
}

/* --- both --- */

static unsigned check_round(uint64_t *random)
{
    static struct made_filter made[FILTERS];
    const struct event_filter *filters[FILTERS];
    struct buffer json = {0};
    unsigned found = 0;

    for (size_t i = 0; i < FILTERS; i++) {
        make_filter(&made[i], random);
        filters[i] = &made[i].filter;
    }
    struct filter_set *set = filter_set_new(filters, FILTERS);
    for (int events = 0; events < 4; events++) {
        size_t count, next = 0;
        json.length = 0;
        enum event_schema schema = append_event(&json, random);
        struct event event = event_make(schema, buffer_slice(&json));
        const uint32_t *taken = filter_set_match(set, &event, &count);
        for (size_t i = 0; i < FILTERS; i++) {
            bool is_taken = next < count && taken[next] == i;
            test_note("filter %zu on %.*s", i, SLICE_PRINT(buffer_slice(&json)));
            CHECK_INT_EQUAL(is_taken, plain_takes(filters[i], &event));
            next += is_taken;
        }
        CHECK_INT_EQUAL(next, count);
        found += (unsigned)count;
    }
    filter_set_free(set);
    buffer_release(&json);
    return found;
}

TEST(sets_find_what_the_plain_way_finds)
{
    uint64_t random = 20240229;
    unsigned found = 0, all = ROUNDS * 4 * FILTERS;

    for (int i = 0; i < ROUNDS; i++) {
        found += check_round(&random);
    }
    CHECK(found > all / 10 && found < all / 2);
}
