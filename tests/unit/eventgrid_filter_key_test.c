/* What the keys of filters mean in each schema, and the simple filters (spec/eventgrid.md 3.3,
 * 3.4); what is said about an event that is not taken; paths of dynamic delivery attributes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_fixture.h"

static const char grid_event[] =
    "{\"id\":\"i1\",\"topic\":\"/t\",\"subject\":\"/Images/a.JPG\",\"eventType\":\"App.Made\","
    "\"eventTime\":\"2024-01-01T00:00:00Z\",\"dataVersion\":\"2\",\"data\":{\"k\":\"v\",\"a\":{"
    "\"b\":{\"c\":7},\"\":\"empty\"},\"k\\u00C4\":\"umlaut\",\"x.y\":\"dot\",\"list\":[{\"k\":1}],"
    "\"twice\":{\"old\":1},\"TWICE\":{\"new\":2},\"flat\":{\"deep\":1},\"flat\":3}}";
static const char cloud_event[] =
    "{\"specversion\":\"1.0\",\"id\":\"i2\",\"source\":\"/"
    "s\",\"type\":\"App.Made\",\"subject\":\"u\","
    "\"time\":\"2024-01-01T00:00:00Z\",\"ext1\":\"v1\",\"extnumber\":5,\"data\":{\"k\":\"v\"}}";
static const char cloud_text[] =
    "{\"specversion\":\"1.0\",\"id\":\"i3\",\"source\":\"/s\",\"type\":"
    "\"t\",\"data\":\"Contoso bought\"}";
static const char cloud_bytes[] =
    "{\"specversion\":\"1.0\",\"id\":\"i4\",\"source\":\"/s\",\"type\":"
    "\"t\",\"data_base64\":\"AQID\"}";
static const char custom_event[] = "{\"myId\":\"i5\",\"Color\":\"red\",\"deep\":{\"er\":{\"still\":"
                                   "true}},\"data_base64\":\"own\"}";

static bool takes(enum event_schema schema, const char *json,
                  const struct advanced_filter *advanced)
{
    struct event_filter filter = {.advanced = advanced, .advanced_count = 1};
    struct event event = event_make(schema, slice_from_string(json));

    return filter_takes(&filter, &event);
}

TEST(keys_by_schema)
{
    static const struct {
        enum event_schema schema;
        const char *json, *key;
        const char *text; /* StringIn this; NULL: there is no such key */
    } rows[] = {
        {SCHEMA_EVENT_GRID, grid_event, "ID", "i1"},
        {SCHEMA_EVENT_GRID, grid_event, "Topic", "/t"},
        {SCHEMA_EVENT_GRID, grid_event, "Subject", "/images/A.jpg"},
        {SCHEMA_EVENT_GRID, grid_event, "EventType", "app.made"},
        {SCHEMA_EVENT_GRID, grid_event, "DataVersion", "2"},
        {SCHEMA_EVENT_GRID, grid_event, "data.k", "V"},
        {SCHEMA_EVENT_GRID, grid_event, "DATA.K", "v"},
        {SCHEMA_EVENT_GRID, grid_event, "data.k\xC3\xA4", "umlaut"},
        {SCHEMA_EVENT_GRID, grid_event, "data.a.", "empty"},
        {SCHEMA_EVENT_GRID, grid_event, "data.x.y", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "data.list.k", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "data.k.k", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "data.twice.old", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "data.flat.deep", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "k", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "", NULL},
        {SCHEMA_EVENT_GRID, grid_event, "eventTime", NULL},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "id", "I2"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "Source", "/S"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "type", "app.made"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "specversion", "1.0"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "subject", "U"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "time", "2024-01-01t00:00:00z"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "EXT1", "v1"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "data.k", "v"},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "data.x", NULL},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "eventType", NULL},
        {SCHEMA_CLOUD_EVENTS, cloud_text, "data", "contoso bought"},
        {SCHEMA_CLOUD_EVENTS, cloud_text, "subject", NULL},
        {SCHEMA_CLOUD_EVENTS, cloud_bytes, "data_base64", NULL},
        {SCHEMA_CLOUD_EVENTS, cloud_bytes, "data", NULL},
        {SCHEMA_CUSTOM, custom_event, "myid", "i5"},
        {SCHEMA_CUSTOM, custom_event, "color", "RED"},
        {SCHEMA_CUSTOM, custom_event, "data_base64", "own"},
        {SCHEMA_CUSTOM, custom_event, "subject", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct filter_value value = {.text = slice_from_string(rows[i].text ? rows[i].text : "")};
        struct advanced_filter filter = {.operation = FILTER_STRING_IN,
                                         .key = slice_from_string(rows[i].key),
                                         .values = &value,
                                         .value_count = 1};
        test_note("key %s, row %zu", rows[i].key, i);
        CHECK_INT_EQUAL(takes(rows[i].schema, rows[i].json, &filter), rows[i].text != NULL);
        filter.operation = FILTER_IS_NULL_OR_UNDEFINED;
        CHECK_INT_EQUAL(takes(rows[i].schema, rows[i].json, &filter), rows[i].text == NULL);
    }
}

TEST(numbers_and_objects_at_keys)
{
    static const struct {
        enum event_schema schema;
        const char *json, *key;
        double number;
    } rows[] = {
        {SCHEMA_EVENT_GRID, grid_event, "data.a.b.c", 7},
        {SCHEMA_EVENT_GRID, grid_event, "data.twice.new", 2},
        {SCHEMA_EVENT_GRID, grid_event, "data.flat", 3},
        {SCHEMA_CLOUD_EVENTS, cloud_event, "extnumber", 5},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct filter_value value = {.low = rows[i].number};
        struct advanced_filter filter = {.operation = FILTER_NUMBER_IN,
                                         .key = slice_from_string(rows[i].key),
                                         .values = &value,
                                         .value_count = 1};
        test_note("key %s", rows[i].key);
        CHECK(takes(rows[i].schema, rows[i].json, &filter));
    }
    struct advanced_filter object = {.operation = FILTER_IS_NOT_NULL,
                                     .key = SLICE_LITERAL("data.a.b")};
    CHECK(takes(SCHEMA_EVENT_GRID, grid_event, &object));
    object.key = SLICE_LITERAL("data");
    CHECK(takes(SCHEMA_EVENT_GRID, grid_event, &object));
}

TEST(keys_deeper_than_json_are_never_there)
{
    struct advanced_filter filter = {.operation = FILTER_IS_NOT_NULL};
    struct buffer key = {0};

    buffer_append_string(&key, "data");
    for (int i = 0; i < 100000; i++) {
        buffer_append_string(&key, ".a");
    }
    filter.key = buffer_slice(&key);
    CHECK(!takes(SCHEMA_EVENT_GRID, grid_event, &filter));
    filter.operation = FILTER_IS_NULL_OR_UNDEFINED;
    CHECK(takes(SCHEMA_EVENT_GRID, grid_event, &filter));
    buffer_release(&key);
}

/* --- simple filters --- */

TEST(simple_filters)
{
    static const struct slice none[] = {SLICE_LITERAL("x")}, all[] = {SLICE_LITERAL("all")},
                              some[] = {SLICE_LITERAL("x"), SLICE_LITERAL("APP.MADE")};
    static const struct {
        struct event_filter filter;
        bool is_taken;
    } rows[] = {
        {{.on_arrays = false}, true},
        {{.included_types = all, .included_type_count = 1}, true},
        {{.included_types = some, .included_type_count = 2}, true},
        {{.included_types = none, .included_type_count = 1}, false},
        {{.subject_begins_with = SLICE_LITERAL("/images/")}, true},
        {{.subject_begins_with = SLICE_LITERAL("images/")}, false},
        {{.subject_begins_with = SLICE_LITERAL("/images/*")}, false},
        {{.subject_ends_with = SLICE_LITERAL(".jpg")}, true},
        {{.subject_ends_with = SLICE_LITERAL(".png")}, false},
        {{.subject_begins_with = SLICE_LITERAL("/images/"),
          .subject_ends_with = SLICE_LITERAL(".png")},
         false},
        {{.subject_begins_with = SLICE_LITERAL("/images/"), .is_subject_case_sensitive = true},
         false},
        {{.subject_begins_with = SLICE_LITERAL("/Images/"),
          .subject_ends_with = SLICE_LITERAL(".JPG"),
          .is_subject_case_sensitive = true},
         true},
        {{.subject_ends_with = SLICE_LITERAL(".jpg"), .is_subject_case_sensitive = true}, false},
    };

    struct event event = event_make(SCHEMA_EVENT_GRID, slice_from_string(grid_event));
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("row %zu", i);
        CHECK_INT_EQUAL(filter_takes(&rows[i].filter, &event), rows[i].is_taken);
    }
}

TEST(a_set_tells_all_that_take)
{
    enum { FILTERS = 50 };
    static struct filter_value values[FILTERS];
    static struct advanced_filter advanced[FILTERS];
    static struct event_filter filters[FILTERS];
    const struct event_filter *list[FILTERS];
    struct event event = event_make(SCHEMA_EVENT_GRID, slice_from_string(grid_event));
    size_t count;

    for (size_t i = 0; i < FILTERS; i++) {
        values[i].low = (double)(i % 10);
        advanced[i] = (struct advanced_filter){.operation = FILTER_NUMBER_IN,
                                               .key = SLICE_LITERAL("data.a.b.c"),
                                               .values = &values[i],
                                               .value_count = 1};
        filters[i] = (struct event_filter){.advanced = &advanced[i], .advanced_count = 1};
        list[i] = &filters[i];
    }
    struct filter_set *set = filter_set_new(list, FILTERS);
    for (int round = 0; round < 2; round++) {
        const uint32_t *taken = filter_set_match(set, &event, &count);
        CHECK_INT_EQUAL(count, 5);
        for (size_t i = 0; i < count; i++) {
            CHECK_INT_EQUAL(taken[i], 7 + 10 * i);
        }
    }
    filter_set_free(set);
    set = filter_set_new(NULL, 0);
    filter_set_match(set, &event, &count);
    CHECK_INT_EQUAL(count, 0);
    filter_set_free(set);
    filter_set_free(NULL);
}

/* --- in words --- */

static void check_sentence(const struct event_filter *filter, const char *json,
                           const char *sentence)
{
    struct event event = event_make(SCHEMA_EVENT_GRID, slice_from_string(json));
    struct buffer out = {0};

    filter_explain(filter, &event, &out);
    CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(sentence));
    CHECK_INT_EQUAL(out.length > 0, !filter_takes(filter, &event));
    buffer_release(&out);
}

TEST(sentences_about_simple_filters)
{
    static const struct slice types[] = {SLICE_LITERAL("x")};
    struct event_filter filter = {.included_types = types, .included_type_count = 1};

    check_sentence(&filter, grid_event, "includedEventTypes: the type is \"App.Made\"");
    filter = (struct event_filter){.subject_begins_with = SLICE_LITERAL("/b")};
    check_sentence(&filter, grid_event, "subjectBeginsWith: the subject is \"/Images/a.JPG\"");
    filter = (struct event_filter){.subject_ends_with = SLICE_LITERAL("png")};
    check_sentence(&filter, grid_event, "subjectEndsWith: the subject is \"/Images/a.JPG\"");
    filter = (struct event_filter){.on_arrays = false};
    check_sentence(&filter, grid_event, "");
}

TEST(sentences_about_advanced_filters)
{
    static const struct filter_value value = {.low = 5, .text = SLICE_LITERAL("blue")};
    static const struct {
        enum filter_operator operation;
        bool on_arrays;
        const char *data, *sentence;
    } rows[] = {
        {FILTER_STRING_IN, false, "\"red\"", "StringIn on data.K: the value is \"red\""},
        {FILTER_STRING_IN, false, "\"Blue\"", ""},
        {FILTER_STRING_IN, false, NULL, "StringIn on data.K: the event has no such key"},
        {FILTER_STRING_IN, false, "null", "StringIn on data.K: the value is null"},
        {FILTER_STRING_IN, false, "[\"blue\"]",
         "StringIn on data.K: the value is an array, and enableAdvancedFilteringOnArrays is not "
         "set"},
        {FILTER_STRING_IN, true, "[\"red\"]", "StringIn on data.K: the value is [\"red\"]"},
        {FILTER_NUMBER_GREATER_THAN, false, "5.0", "NumberGreaterThan on data.K: the value is 5.0"},
        {FILTER_IS_NOT_NULL, false, NULL, "IsNotNull on data.K: the event has no such key"},
        {FILTER_IS_NULL_OR_UNDEFINED, false, "{\"a\":1}",
         "IsNullOrUndefined on data.K: the value is {\"a\":1}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct advanced_filter advanced = {.operation = rows[i].operation,
                                           .key = SLICE_LITERAL("data.K"),
                                           .values = &value,
                                           .value_count = 1};
        struct event_filter filter = {
            .on_arrays = rows[i].on_arrays, .advanced = &advanced, .advanced_count = 1};
        struct buffer json = {0};
        buffer_append_format(&json, rows[i].data ? "{\"data\":{\"k\":%s}}" : "{\"data\":{}}",
                             rows[i].data);
        buffer_append_byte(&json, '\0');
        test_note("row %zu", i);
        check_sentence(&filter, (const char *)json.data, rows[i].sentence);
        buffer_release(&json);
    }
}

TEST(sentences_about_alternatives_and_long_values)
{
    static const struct advanced_filter alternatives[] = {
        {.operation = FILTER_IS_NOT_NULL, .key = SLICE_LITERAL("data.no")},
        {.operation = FILTER_STRING_IN, .key = SLICE_LITERAL("data.k")},
    };
    struct advanced_filter any = {
        .operation = FILTER_ANY, .alternatives = alternatives, .alternative_count = 2};
    struct event_filter filter = {.advanced = &any, .advanced_count = 1};
    struct buffer json = {0}, sentence = {0};

    check_sentence(&filter, grid_event,
                   "Any: none holds; IsNotNull on data.no: the event has no such key; StringIn on "
                   "data.k: the value is \"v\"");
    buffer_append_string(&json, "{\"data\":{\"k\":\"");
    for (int i = 0; i < 100; i++) {
        buffer_append_string(&json, "\xC3\xBC");
    }
    buffer_append_string(&json, "\"}}");
    buffer_append_byte(&json, '\0');
    buffer_append_string(&sentence, "StringIn on data.k: the value is \"");
    for (int i = 0; i < 49; i++) {
        buffer_append_string(&sentence, "\xC3\xBC");
    }
    buffer_append_string(&sentence, "...");
    buffer_append_byte(&sentence, '\0');
    filter.advanced = &alternatives[1];
    check_sentence(&filter, (const char *)json.data, (const char *)sentence.data);
    buffer_release(&json);
    buffer_release(&sentence);
}

/* --- paths --- */

TEST(paths_lead_to_scalars)
{
    static const struct {
        const char *json, *path;
        enum event_schema schema;
        const char *value; /* NULL: none */
    } rows[] = {
        {grid_event, "subject", SCHEMA_EVENT_GRID, "/Images/a.JPG"},
        {grid_event, "id", SCHEMA_EVENT_GRID, "i1"},
        {grid_event, "eventTime", SCHEMA_EVENT_GRID, "2024-01-01T00:00:00Z"},
        {grid_event, "data.k", SCHEMA_EVENT_GRID, "v"},
        {grid_event, "Data.A.B.C", SCHEMA_EVENT_GRID, "7"},
        {grid_event, "data.k\xC3\xA4", SCHEMA_EVENT_GRID, "umlaut"},
        {grid_event, "data.a", SCHEMA_EVENT_GRID, NULL},
        {grid_event, "data.list", SCHEMA_EVENT_GRID, NULL},
        {grid_event, "data.none", SCHEMA_EVENT_GRID, NULL},
        {cloud_event, "ext1", SCHEMA_CLOUD_EVENTS, "v1"},
        {cloud_text, "data", SCHEMA_CLOUD_EVENTS, "Contoso bought"},
        {cloud_bytes, "data_base64", SCHEMA_CLOUD_EVENTS, NULL},
        {custom_event, "deep.er.still", SCHEMA_CUSTOM, "true"},
        {custom_event, "data_base64", SCHEMA_CUSTOM, "own"},
        {"{\"a\":null}", "a", SCHEMA_CUSTOM, NULL},
        {"{\"a\":\"x\\n\\u00fc\"}", "a", SCHEMA_CUSTOM, "x\n\xC3\xBC"},
        {"[1]", "a", SCHEMA_CUSTOM, NULL},
        {"{", "a", SCHEMA_CUSTOM, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0};
        test_note("path %s, row %zu", rows[i].path, i);
        bool is_found = event_path_append(slice_from_string(rows[i].json), rows[i].schema,
                                          slice_from_string(rows[i].path), &out);
        CHECK_INT_EQUAL(is_found, rows[i].value != NULL);
        CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(is_found ? rows[i].value : ""));
        buffer_release(&out);
    }
}
