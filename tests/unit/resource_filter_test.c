/* The filters of event subscriptions: every operator in both spellings of its values, every limit
 * (spec/eventgrid.md 3.3, 3.4), and what is beyond Azure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/subscription.h"

static const struct topic_properties event_grid_topic = {.schema = SCHEMA_EVENT_GRID};

static struct event_subscription *read_filter(const char *filter, struct buffer *error)
{
    struct buffer json = {0};

    append_quoted(&json, "{'destination':{'endpointType':'WebHook','properties':{'endpointUrl':"
                         "'https://h'}},'filter':");
    append_quoted(&json, filter);
    append_quoted(&json, "}");
    struct event_subscription *subscription =
        event_subscription_read(buffer_slice(&json), &event_grid_topic, 0, error);
    buffer_release(&json);
    return subscription;
}

static void check_good(const char *filter, const char *expected)
{
    struct buffer error = {0}, members = {0};
    struct event_subscription *subscription = read_filter(filter, &error);

    test_note("%s", filter);
    if (!subscription) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    event_subscription_append_members(&members, subscription);
    check_shows(&members, expected);
    event_subscription_release(subscription);
    buffer_release(&members);
}

static void check_bad(const char *filter, const char *place, const char *said)
{
    struct buffer error = {0};

    test_note("%s", filter);
    CHECK(!read_filter(filter, &error));
    check_mistake(&error, place, said);
}

/* One advanced filter: `{operatorType, key, rest}`. */
static void append_one(struct buffer *out, const char *name, const char *rest)
{
    buffer_append_format(out,
                         "{'enableExtendedFiltering':true,'advancedFilters':["
                         "{'operatorType':'%s','key':'data.k',%s}]}",
                         name, rest);
    buffer_append_byte(out, '\0');
}

TEST(value_and_values_for_every_operator)
{
    static const struct {
        enum filter_operator first, last;
        const char *one, *list, *shown; /* shown: `value` or `values` and what stands there */
    } rows[] = {
        {FILTER_NUMBER_IN, FILTER_NUMBER_NOT_IN, "5.5", "[5.5]", "'values':[5.5]"},
        {FILTER_NUMBER_LESS_THAN, FILTER_NUMBER_GREATER_THAN_OR_EQUALS, "-1e3", "[-1000]",
         "'value':-1000"},
        {FILTER_NUMBER_IN_RANGE, FILTER_NUMBER_NOT_IN_RANGE, "[1,2]", "[[1,2]]",
         "'values':[[1,2]]"},
        {FILTER_BOOL_EQUALS, FILTER_BOOL_EQUALS, "false", "[false]", "'value':false"},
        {FILTER_STRING_IN, FILTER_STRING_NOT_CONTAINS, "'a'", "['a']", "'values':['a']"},
        {FILTER_STRING_MATCHES, FILTER_STRING_NOT_MATCHES, "'a*'", "['a*']", "'values':['a*']"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int which = (int)rows[i].first; which <= (int)rows[i].last; which++) {
            for (int form = 0; form < 4; form++) {
                struct buffer rest = {0}, filter = {0}, expected = {0};
                buffer_append_format(&rest, "'%s':%s", form & 1 ? "value" : "values",
                                     form & 2 ? rows[i].one : rows[i].list);
                buffer_append_byte(&rest, '\0');
                append_one(&filter, filter_operator_names[which], (const char *)rest.data);
                buffer_append_format(&expected, "{'operatorType':'%s','key':'data.k',%s}",
                                     filter_operator_names[which], rows[i].shown);
                buffer_append_byte(&expected, '\0');
                check_good((const char *)filter.data, (const char *)expected.data);
                buffer_release(&rest);
                buffer_release(&filter);
                buffer_release(&expected);
            }
        }
    }
}

TEST(operators_without_values)
{
    check_good("{'advancedFilters':[{'operatorType':'isnotnull','key':'a','values':null}]}",
               "{'operatorType':'IsNotNull','key':'a'}");
    check_bad("{'advancedFilters':[{'operatorType':'IsNotNull','key':'a','values':[1]}]}",
              "filter.advancedFilters.0.values", "leave it out");
    check_bad("{'advancedFilters':[{'operatorType':'IsNullOrUndefined','key':'a','value':1}]}",
              "filter.advancedFilters.0.value", "leave it out");
}

TEST(all_types_in_every_spelling)
{
    static const char *const rows[] = {"null", "[]", "['All']", "['all']"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer filter = {0};
        buffer_append_format(&filter, "{'includedEventTypes':%s}", rows[i]);
        buffer_append_byte(&filter, '\0');
        check_good((const char *)filter.data, "'includedEventTypes':null");
        buffer_release(&filter);
    }
    check_good("{'includedEventTypes':['All','b']}", "'includedEventTypes':['All','b']");
}

TEST(numbers_are_shown_as_short_as_they_are)
{
    check_good("{'advancedFilters':[{'operatorType':'NumberIn','key':'k','values':"
               "[0.1,1e21,-0.5,9007199254740993,123456789.125,1e-7]}]}",
               "'values':[0.1,1e+21,-0.5,9007199254740992,123456789.125,1e-07]");
}

TEST(mistakes_in_filters)
{
    static const struct {
        const char *filter, *place, *said;
    } rows[] = {
        {"[]", "filter", "is an object"},
        {"{'subjectBeginWith':'a'}", "filter.subjectBeginWith", "write subjectBeginsWith instead"},
        {"{'subjectBeginsWith':5}", "filter.subjectBeginsWith", "is a text"},
        {"{'isSubjectCaseSensitive':'true'}", "filter.isSubjectCaseSensitive", "true or false"},
        {"{'includedEventTypes':'All'}", "filter.includedEventTypes", "is an array"},
        {"{'includedEventTypes':['']}", "filter.includedEventTypes.0", "is empty"},
        {"{'advancedFilters':{}}", "filter.advancedFilters", "is an array"},
        {"{'advancedFilters':[5]}", "filter.advancedFilters.0", "is an object"},
        {"{'advancedFilters':[{'key':'a'}]}", "filter.advancedFilters.0.operatorType",
         "is missing"},
        {"{'advancedFilters':[{'operatorType':'StringIs','key':'a'}]}",
         "filter.advancedFilters.0.operatorType", "write StringIn instead"},
        {"{'advancedFilters':[{'operatorType':'zzzzzzzzzzzzzzz','key':'a'}]}",
         "filter.advancedFilters.0.operatorType", "one of Azure's"},
        {"{'advancedFilters':[{'operatorType':'StringIn','values':['a']}]}",
         "filter.advancedFilters.0.key", "is missing"},
        {"{'advancedFilters':[{'operatorType':'StringIn','key':'a'}]}",
         "filter.advancedFilters.0.values", "is missing"},
        {"{'advancedFilters':[{'operatorType':'NumberLessThan','key':'a'}]}",
         "filter.advancedFilters.0.value", "is missing"},
        {"{'advancedFilters':[{'operatorType':'StringIn','key':'a','value':'a','values':['a']}]}",
         "filter.advancedFilters.0.values", "write only one"},
        {"{'advancedFilters':[{'operatorType':'StringIn','key':'a','values':[]}]}",
         "filter.advancedFilters.0.values", "at least one value"},
        {"{'advancedFilters':[{'operatorType':'StringIn','key':'a','values':['a',5]}]}",
         "filter.advancedFilters.0.values.1", "is a text"},
        {"{'advancedFilters':[{'operatorType':'NumberIn','key':'a','values':['1']}]}",
         "filter.advancedFilters.0.values.0", "is a number"},
        {"{'advancedFilters':[{'operatorType':'NumberIn','key':'a','values':[1e999]}]}",
         "filter.advancedFilters.0.values.0", "too large"},
        {"{'advancedFilters':[{'operatorType':'NumberLessThan','key':'a','values':[1,2]}]}",
         "filter.advancedFilters.0.values", "is one value, not 2"},
        {"{'advancedFilters':[{'operatorType':'BoolEquals','key':'a','value':1}]}",
         "filter.advancedFilters.0.value", "true or false"},
        {"{'advancedFilters':[{'operatorType':'NumberInRange','key':'a','values':[[1,2],[3]]}]}",
         "filter.advancedFilters.0.values.1", "is a range"},
        {"{'advancedFilters':[{'operatorType':'NumberInRange','key':'a','values':[1,2,3]}]}",
         "filter.advancedFilters.0.values", "is a range"},
        {"{'advancedFilters':[{'operatorType':'NumberInRange','key':'a','values':[[2,1]]}]}",
         "filter.advancedFilters.0.values.0", "ends before it begins"},
        {"{'advancedFilters':[{'operatorType':'StringIn','key':'a','values':['a'],'filters':[]}]}",
         "filter.advancedFilters.0.filters", "only of the operator Any"},
        {"{'advancedFilters':[{'operatorType':'StringMatches','key':'a','values':['a*']}]}",
         "filter.advancedFilters", "StringMatches is beyond Azure"},
        {"{'enableExtendedFiltering':true,'advancedFilters':[{'operatorType':'Any'}]}",
         "filter.advancedFilters.0.filters", "is missing"},
        {"{'enableExtendedFiltering':true,'advancedFilters':[{'operatorType':'Any','filters':[]}]}",
         "filter.advancedFilters.0.filters", "at least one filter"},
        {"{'enableExtendedFiltering':true,'advancedFilters':[{'operatorType':'Any','filters':["
         "{'operatorType':'Any','filters':[]}]}]}",
         "filter.advancedFilters.0.filters.0", "Any in an Any"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_bad(rows[i].filter, rows[i].place, rows[i].said);
    }
}

/* --- limits --- */

/* So many filters with so many values each. */
static void append_many(struct buffer *out, bool is_extended, int filters, int values)
{
    buffer_append_format(out, "{'enableExtendedFiltering':%s,'advancedFilters':[",
                         is_extended ? "true" : "false");
    for (int i = 0; i < filters; i++) {
        buffer_append_format(out, "%s{'operatorType':'%s','key':'a'", i > 0 ? "," : "",
                             values > 0 ? "NumberIn" : "IsNotNull");
        for (int value = 0; value < values; value++) {
            buffer_append_format(out, "%s%d", value == 0 ? ",'values':[" : ",", value);
        }
        buffer_append_string(out, values > 0 ? "]}" : "}");
    }
    buffer_append_string(out, "]}");
    buffer_append_byte(out, '\0');
}

TEST(numbers_of_filters_and_values)
{
    static const struct {
        bool is_extended;
        int filters, values;
        const char *said; /* NULL: good */
    } rows[] = {
        {false, 25, 1, NULL},
        {false, 25, 0, NULL},
        {false, 1, 25, NULL},
        {false, 26, 0, "at most 25 filters, not 26; enableExtendedFiltering allows more"},
        {false, 1, 26, "at most 25 values in all filters together, not 26"},
        {false, 5, 6, "at most 25 values in all filters together, not 30"},
        {true, 26, 2, NULL},
        {true, 1000, 10, NULL},
        {true, 1001, 0, "at most 1000 filters, not 1001"},
        {true, 1, 10001, "at most 10000 values"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer filter = {0};
        append_many(&filter, rows[i].is_extended, rows[i].filters, rows[i].values);
        if (rows[i].said) {
            check_bad((const char *)filter.data, "filter.advancedFilters", rows[i].said);
        } else {
            check_good((const char *)filter.data, "'advancedFilters':[{");
        }
        buffer_release(&filter);
    }
}

/* A StringIn whose value is so many times the character. */
static void append_long(struct buffer *out, const char *character, int count)
{
    buffer_append_string(out,
                         "{'advancedFilters':[{'operatorType':'StringIn','key':'a','values':['");
    for (int i = 0; i < count; i++) {
        buffer_append_string(out, character);
    }
    buffer_append_string(out, "']}]}");
    buffer_append_byte(out, '\0');
}

TEST(texts_have_512_characters_not_bytes)
{
    static const char *const characters[] = {"a", "\xC3\xA9", "\xF0\x9F\x98\x80"};

    for (size_t i = 0; i < COUNT(characters); i++) {
        struct buffer good = {0}, bad = {0};
        append_long(&good, characters[i], FILTER_TEXT_MAX);
        append_long(&bad, characters[i], FILTER_TEXT_MAX + 1);
        check_good((const char *)good.data, "StringIn");
        check_bad((const char *)bad.data, "filter.advancedFilters.0.values.0",
                  "at most 512 characters, not 513");
        buffer_release(&good);
        buffer_release(&bad);
    }
}

/* --- beyond Azure --- */

TEST(one_of_several_filters)
{
    static const char any[] = "{'operatorType':'Any','filters':["
                              "{'operatorType':'StringIn','key':'data.a','values':['x']},"
                              "{'operatorType':'NumberGreaterThan','key':'data.b','value':5}]}";
    struct buffer filter = {0}, error = {0};

    buffer_append_format(&filter, "{'enableExtendedFiltering':true,'advancedFilters':[%s]}", any);
    buffer_append_byte(&filter, '\0');
    check_good((const char *)filter.data, any);
    check_good((const char *)filter.data, "'enableExtendedFiltering':true");
    struct event_subscription *subscription = read_filter((const char *)filter.data, &error);
    const struct advanced_filter *first = subscription->filter.advanced;
    CHECK_INT_EQUAL(first->operation, FILTER_ANY);
    CHECK_INT_EQUAL(first->alternative_count, 2);
    CHECK_SLICE_EQUAL(first->alternatives[1].key, SLICE_LITERAL("data.b"));
    event_subscription_release(subscription);
    buffer_release(&filter);
    check_bad("{'advancedFilters':[{'operatorType':'Any','filters':["
              "{'operatorType':'IsNotNull','key':'a'}]}]}",
              "filter.advancedFilters", "Any is beyond Azure");
}
