/* Event subscriptions: every property, limit and mistake (spec/eventgrid.md section 3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/subscription.h"

static const struct topic_properties event_grid_topic = {.schema = SCHEMA_EVENT_GRID};

enum { NOW_MS = 1700000000 }; /* in January 1970: everything later is in the future */

#define WEBHOOK                                                                                    \
    "'destination':{'endpointType':'WebHook','properties':{'endpointUrl':'https://h/x'}}"

static struct event_subscription *read_as(const char *text, enum event_schema input,
                                          struct buffer *error)
{
    struct buffer json = {0};

    append_quoted(&json, text);
    struct event_subscription *subscription = event_subscription_read(
        buffer_slice(&json), &(struct topic_properties){.schema = input}, NOW_MS, error);
    buffer_release(&json);
    return subscription;
}

static struct event_subscription *read_good(const char *text)
{
    struct buffer error = {0};
    struct event_subscription *subscription = read_as(text, SCHEMA_EVENT_GRID, &error);

    if (!subscription) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    CHECK_INT_EQUAL(error.length, 0);
    return subscription;
}

/* `members` stand beside a good destination, but for those that are one. */
static void check_bad(const char *members, const char *place, const char *said)
{
    struct buffer text = {0}, error = {0};
    bool has_destination = strstr(members, "'destination'") || strstr(members, "deliveryWith");

    test_note("%s", members);
    buffer_append_format(&text, "{%s%s}", has_destination ? "" : WEBHOOK ",", members);
    buffer_append_byte(&text, '\0');
    CHECK(!read_as((const char *)text.data, SCHEMA_EVENT_GRID, &error));
    check_mistake(&error, place, said);
    buffer_release(&text);
}

struct bad_row {
    const char *members, *place, *said;
};

static void check_all_bad(const struct bad_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_bad(rows[i].members, rows[i].place, rows[i].said);
    }
}

static void check_members(const struct event_subscription *subscription, const char *expected)
{
    struct buffer members = {0};

    event_subscription_append_members(&members, subscription);
    check_shows(&members, expected);
    buffer_release(&members);
}

/* Reads `{members}` beside a webhook; a GET shows `expected`. */
static void check_good(const char *members, const char *expected)
{
    struct buffer text = {0};

    test_note("%s", members);
    buffer_append_format(&text, "{" WEBHOOK ",%s}", members);
    buffer_append_byte(&text, '\0');
    struct event_subscription *subscription = read_good((const char *)text.data);
    check_members(subscription, expected);
    event_subscription_release(subscription);
    buffer_release(&text);
}

/* --- all of it --- */

static const char everything[] =
    "{'properties':{'destination':{'endpointType':'WebHook','properties':{"
    "'endpointUrl':'https://h/"
    "x?code=abc','maxEventsPerBatch':10,'preferredBatchSizeInKilobytes':128,"
    "'azureActiveDirectoryTenantId':'tid','azureActiveDirectoryApplicationIdOrUri':'aid',"
    "'deliveryAttributeMappings':["
    "{'name':'X-S','type':'Static','properties':{'value':'v','isSecret':true}},"
    "{'name':'X-D','type':'Dynamic','properties':{'sourceField':'data.k'}}]}},"
    "'filter':{'subjectBeginsWith':'/a','subjectEndsWith':'.jpg','includedEventTypes':['a','b'],"
    "'isSubjectCaseSensitive':true,'enableAdvancedFilteringOnArrays':true,"
    "'advancedFilters':[{'operatorType':'NumberIn','key':'data.n','values':[1,2]},"
    "{'operatorType':'NumberInRange','key':'data.n','values':[[1,2],[5,6]]},"
    "{'operatorType':'NumberLessThan','key':'data.n','value':5},"
    "{'operatorType':'BoolEquals','key':'data.b','value':true},"
    "{'operatorType':'StringNotContains','key':'data.s','values':['x']},"
    "{'operatorType':'IsNullOrUndefined','key':'data.z'},{'operatorType':'IsNotNull','key':'data.z'"
    "}]},"
    "'labels':['l1'],'expirationTimeUtc':'2031-01-01T00:00:00.000Z',"
    "'eventDeliverySchema':'CloudEventSchemaV1_0',"
    "'retryPolicy':{'maxDeliveryAttempts':5,'eventTimeToLiveInMinutes':60},"
    "'deadLetterDestination':{'endpointType':'StorageBlob','properties':{"
    "'resourceId':'/subscriptions/x/storageAccounts/sa','blobContainerName':'dl0'}}}}";

static void check_destination(const struct destination *destination)
{
    CHECK_INT_EQUAL(destination->kind, DESTINATION_WEBHOOK);
    CHECK_SLICE_EQUAL(destination->url, SLICE_LITERAL("https://h/x?code=abc"));
    CHECK_INT_EQUAL(destination->batch_events, 10);
    CHECK_INT_EQUAL(destination->batch_bytes, 128 * 1024);
    CHECK_SLICE_EQUAL(destination->entra_tenant, SLICE_LITERAL("tid"));
    CHECK_SLICE_EQUAL(destination->entra_application, SLICE_LITERAL("aid"));
    CHECK_INT_EQUAL(destination->attribute_count, 2);
    CHECK_SLICE_EQUAL(destination->attributes[0].name, SLICE_LITERAL("X-S"));
    CHECK_SLICE_EQUAL(destination->attributes[0].value, SLICE_LITERAL("v"));
    CHECK(destination->attributes[0].is_secret && !destination->attributes[0].is_dynamic);
    CHECK_SLICE_EQUAL(destination->attributes[1].value, SLICE_LITERAL("data.k"));
    CHECK(destination->attributes[1].is_dynamic);
}

static void check_filter(const struct event_filter *filter)
{
    CHECK_SLICE_EQUAL(filter->subject_begins_with, SLICE_LITERAL("/a"));
    CHECK_SLICE_EQUAL(filter->subject_ends_with, SLICE_LITERAL(".jpg"));
    CHECK(filter->is_subject_case_sensitive && filter->on_arrays && !filter->is_extended);
    CHECK_INT_EQUAL(filter->included_type_count, 2);
    CHECK_SLICE_EQUAL(filter->included_types[1], SLICE_LITERAL("b"));
    CHECK_INT_EQUAL(filter->advanced_count, 7);
    CHECK_INT_EQUAL(filter->advanced[0].operation, FILTER_NUMBER_IN);
    CHECK_SLICE_EQUAL(filter->advanced[0].key, SLICE_LITERAL("data.n"));
    CHECK(filter->advanced[0].values[1].low >= 2);
    CHECK_INT_EQUAL(filter->advanced[1].value_count, 2);
    CHECK(filter->advanced[1].values[1].low >= 5 && filter->advanced[1].values[1].high >= 6);
    CHECK_INT_EQUAL(filter->advanced[2].value_count, 1);
    CHECK(filter->advanced[3].values[0].low > 0);
    CHECK_SLICE_EQUAL(filter->advanced[4].values[0].text, SLICE_LITERAL("x"));
    CHECK_INT_EQUAL(filter->advanced[6].operation, FILTER_IS_NOT_NULL);
    CHECK_INT_EQUAL(filter->advanced[6].value_count, 0);
}

TEST(what_the_sdk_sends)
{
    struct event_subscription *subscription = read_good(everything);

    check_destination(&subscription->destination);
    check_filter(&subscription->filter);
    CHECK_INT_EQUAL(subscription->label_count, 1);
    CHECK_SLICE_EQUAL(subscription->labels[0], SLICE_LITERAL("l1"));
    CHECK_INT_EQUAL(subscription->expires_ms, 1924992000000);
    CHECK_INT_EQUAL(subscription->delivery_schema, SCHEMA_CLOUD_EVENTS);
    CHECK_INT_EQUAL(subscription->retry.attempts_max, 5);
    CHECK_INT_EQUAL(subscription->retry.time_to_live_ms, 3600000);
    CHECK_INT_EQUAL(subscription->dead_letter.kind, DEAD_LETTER_FILES);
    CHECK_SLICE_EQUAL(subscription->dead_letter.container, SLICE_LITERAL("dl0"));
    event_subscription_release(subscription);
}

TEST(what_a_get_shows)
{
    struct event_subscription *subscription = read_good(everything);
    static const char *const parts[] = {
        "'endpointUrl':null,'endpointBaseUrl':'https://h/x','maxEventsPerBatch':10,"
        "'preferredBatchSizeInKilobytes':128,'azureActiveDirectoryTenantId':'tid'",
        "{'name':'X-S','type':'Static','properties':{'value':'Hidden','isSecret':true}},"
        "{'name':'X-D','type':'Dynamic','properties':{'sourceField':'data.k'}}",
        "'filter':{'subjectBeginsWith':'/a','subjectEndsWith':'.jpg','isSubjectCaseSensitive':true,"
        "'enableAdvancedFilteringOnArrays':true,'includedEventTypes':['a','b'],'advancedFilters':["
        "{'operatorType':'NumberIn','key':'data.n','values':[1,2]},"
        "{'operatorType':'NumberInRange','key':'data.n','values':[[1,2],[5,6]]},"
        "{'operatorType':'NumberLessThan','key':'data.n','value':5},"
        "{'operatorType':'BoolEquals','key':'data.b','value':true},"
        "{'operatorType':'StringNotContains','key':'data.s','values':['x']},"
        "{'operatorType':'IsNullOrUndefined','key':'data.z'},"
        "{'operatorType':'IsNotNull','key':'data.z'}]}",
        "'labels':['l1'],'eventDeliverySchema':'CloudEventSchemaV1_0',"
        "'retryPolicy':{'maxDeliveryAttempts':5,'eventTimeToLiveInMinutes':60,'probation':true},"
        "'deadLetterDestination':{'endpointType':'StorageBlob','properties':{"
        "'blobContainerName':'dl0','resourceId':'/subscriptions/x/storageAccounts/sa'}},"
        "'expirationTimeUtc':'2031-01-01T00:00:00.000Z'",
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        check_members(subscription, parts[i]);
    }
    event_subscription_release(subscription);
}

TEST(defaults)
{
    struct event_subscription *subscription = read_good("{" WEBHOOK "}");

    CHECK_INT_EQUAL(subscription->destination.batch_events, 1);
    CHECK_INT_EQUAL(subscription->destination.batch_bytes, 65536);
    CHECK_INT_EQUAL(subscription->destination.timeout_ms, 30000);
    CHECK(subscription->destination.sends_data_schema);
    CHECK(!subscription->destination.skips_validation);
    CHECK_INT_EQUAL(subscription->retry.backoff_count, 0);
    CHECK(subscription->retry.has_probation);
    CHECK(!subscription->filter.included_types);
    CHECK_INT_EQUAL(subscription->expires_ms, 0);
    check_members(subscription,
                  "'filter':{'subjectBeginsWith':'','subjectEndsWith':'',"
                  "'isSubjectCaseSensitive':false,'enableAdvancedFilteringOnArrays':false,"
                  "'includedEventTypes':null,'advancedFilters':[]},'labels':[],"
                  "'eventDeliverySchema':'EventGridSchema','retryPolicy':{"
                  "'maxDeliveryAttempts':30,'eventTimeToLiveInMinutes':1440,'probation':true},"
                  "'deadLetterDestination':null,'expirationTimeUtc':null");
    event_subscription_release(subscription);
}

TEST(nulls_are_as_if_not_there)
{
    check_good("'filter':null,'labels':null,'expirationTimeUtc':null,'eventDeliverySchema':null,"
               "'retryPolicy':{'maxDeliveryAttempts':null},'deadLetterDestination':null,"
               "'deadLetterWithResourceIdentity':null,'deliveryWithResourceIdentity':null,"
               "'topic':'/x','provisioningState':'Succeeded'",
               "'maxDeliveryAttempts':30");
}

TEST(whoever_holds_it_keeps_it)
{
    struct event_subscription *subscription = read_good("{" WEBHOOK "}");
    struct event_subscription *held = event_subscription_hold(subscription);

    event_subscription_release(subscription);
    CHECK_SLICE_EQUAL(held->destination.url, SLICE_LITERAL("https://h/x"));
    event_subscription_release(held);
    event_subscription_release(NULL);
}

TEST(escapes_are_decoded)
{
    struct event_subscription *subscription =
        read_good("{" WEBHOOK ",'labels':['a\\u00e9\\n\\'','b'],'filter':{'advancedFilters':["
                  "{'operatorType':'StringIn','key':'data.\\u006b','values':['\\\\','/\\/']}]}}");
    const struct advanced_filter *filter = subscription->filter.advanced;

    CHECK_SLICE_EQUAL(filter->key, SLICE_LITERAL("data.k"));
    CHECK_SLICE_EQUAL(filter->values[0].text, SLICE_LITERAL("\\"));
    CHECK_SLICE_EQUAL(filter->values[1].text, SLICE_LITERAL("//"));
    CHECK_SLICE_EQUAL(subscription->labels[0], SLICE_LITERAL("a\xC3\xA9\n\""));
    check_members(subscription, "'key':'data.k'");
    event_subscription_release(subscription);
}

TEST(mistakes_in_the_whole)
{
    static const struct bad_row rows[] = {
        {"'destination':null", "destination", "is missing"},
        {"'destination':5", "destination", "is an object"},
        {"'destinatoin':{}", "destinatoin", "write destination instead"},
        {"'topic':'x','destination':null", "destination", "is missing"},
        {"'lables':[]", "lables", "write labels instead"},
        {"'zzzzzzzzzzzz':1", "zzzzzzzzzzzz", "there are destination,"},
        {"'labels':[],'labels':[]", "labels", "twice"},
        {"'labels':'a'", "labels", "is an array"},
        {"'labels':['a',5]", "labels.1", "is a text"},
        {"'labels':['']", "labels.0", "is empty"},
        {"'expirationTimeUtc':5", "expirationTimeUtc", "is a text"},
        {"'expirationTimeUtc':'soon'", "expirationTimeUtc", "Invalid expiration time."},
        {"'expirationTimeUtc':'1970-01-01T00:00:01Z'", "expirationTimeUtc",
         "Invalid expiration time. It is in the past"},
        {"'eventDeliverySchema':'x'", "eventDeliverySchema", "is EventGridSchema,"},
        {"'retryPolicy':[]", "retryPolicy", "is an object"},
        {"'retryPolicy':{'maxDeliveryAttempts':0}", "retryPolicy.maxDeliveryAttempts",
         "is a whole number from 1 to 30, not 0"},
        {"'retryPolicy':{'maxDeliveryAttempts':31}", "retryPolicy.maxDeliveryAttempts", "1 to 30"},
        {"'retryPolicy':{'maxDeliveryAttempts':1.5}", "retryPolicy.maxDeliveryAttempts", "1.5"},
        {"'retryPolicy':{'eventTimeToLiveInMinutes':1441}", "retryPolicy.eventTimeToLiveInMinutes",
         "1 to 1440"},
        {"'retryPolicy':{'eventTimeToLiveInMinutes':0}", "retryPolicy.eventTimeToLiveInMinutes",
         "1 to 1440"},
        {"'retryPolicy':{'backoffInSeconds':[1,0]}", "retryPolicy.backoffInSeconds.1",
         "1 to 86400"},
        {"'retryPolicy':{'backoffInSeconds':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
         "1,1,1,1,1,1]}",
         "retryPolicy.backoffInSeconds", "at most 32"},
        {"'retryPolicy':{'probation':'no'}", "retryPolicy.probation", "true or false"},
    };
    check_all_bad(rows, COUNT(rows));
}

TEST(what_is_no_object)
{
    static const char *const rows[] = {"", "{", "[]", "null", "5", "{'properties':[]}", "{}x"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%s", rows[i]);
        CHECK(!read_as(rows[i], SCHEMA_EVENT_GRID, &error));
        check_mistake(&error, "properties", "is ");
    }
}

TEST(too_long_a_json)
{
    struct buffer json = {0}, error = {0};

    buffer_append_string(&json, "{\"labels\":[\"");
    while (json.length <= SUBSCRIPTION_JSON_MAX) {
        buffer_append_string(&json, "abcdefghijklmnopqrstuvwxyz");
    }
    buffer_append_string(&json, "\"]}");
    CHECK(!event_subscription_read(buffer_slice(&json), &event_grid_topic, 0, &error));
    check_mistake(&error, "properties", "at most 1048576 bytes");
    buffer_release(&json);
}

TEST(many_mistakes_are_said_in_few_lines)
{
    struct buffer json = {0}, error = {0};

    buffer_append_string(&json, "{\"labels\":[0");
    for (int i = 0; i < 100000; i++) {
        buffer_append_string(&json, ",0");
    }
    buffer_append_string(&json, "]}");
    CHECK(!event_subscription_read(buffer_slice(&json), &event_grid_topic, 0, &error));
    CHECK(error.length < 10000);
    buffer_release(&error);
    buffer_release(&json);
}

TEST(what_was_stored_may_have_expired)
{
    struct buffer json = {0}, error = {0};

    append_quoted(&json, "{" WEBHOOK ",'expirationTimeUtc':'1970-01-01T00:00:01Z'}");
    struct event_subscription *subscription =
        event_subscription_read(buffer_slice(&json), &event_grid_topic, 0, &error);
    CHECK(subscription);
    CHECK_INT_EQUAL(subscription->expires_ms, 1000);
    event_subscription_release(subscription);
    buffer_release(&json);
}

/* --- schemas --- */

TEST(the_matrix_of_schemas)
{
    static const char *const names[] = {"EventGridSchema", "CloudEventSchemaV1_0",
                                        "CustomInputSchema"};
    static const bool good[EVENT_SCHEMAS][EVENT_SCHEMAS] = {
        {true, true, false},
        {false, true, false},
        {true, true, true},
    };
    for (int input = 0; input < EVENT_SCHEMAS; input++) {
        for (int output = 0; output < EVENT_SCHEMAS; output++) {
            struct buffer text = {0}, error = {0};
            buffer_append_format(&text, "{" WEBHOOK ",'eventDeliverySchema':'%s'}", names[output]);
            buffer_append_byte(&text, '\0');
            struct event_subscription *subscription =
                read_as((const char *)text.data, (enum event_schema)input, &error);
            test_note("%d %d", input, output);
            CHECK_INT_EQUAL(subscription != NULL, good[input][output]);
            if (subscription) {
                CHECK_INT_EQUAL(subscription->delivery_schema, output);
                event_subscription_release(subscription);
            } else {
                check_mistake(&error, "eventDeliverySchema", "cannot be delivered");
            }
            buffer_release(&text);
        }
    }
}

TEST(the_schema_of_the_topic_is_the_default)
{
    for (int input = 0; input < EVENT_SCHEMAS; input++) {
        struct buffer error = {0};
        struct event_subscription *subscription =
            read_as("{" WEBHOOK "}", (enum event_schema)input, &error);
        CHECK_INT_EQUAL(subscription->delivery_schema, input);
        event_subscription_release(subscription);
    }
}

/* --- PATCH --- */

static void check_patch(const char *before, const char *patch, const char *expected)
{
    struct buffer texts[3] = {{0}}, out = {0}, error = {0};

    test_note("%s", patch);
    append_quoted(&texts[0], before);
    append_quoted(&texts[1], patch);
    append_quoted(&texts[2], expected);
    CHECK(event_subscription_patch(buffer_slice(&texts[0]), buffer_slice(&texts[1]), &out, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&out), buffer_slice(&texts[2]));
    for (size_t i = 0; i < 3; i++) {
        buffer_release(&texts[i]);
    }
    buffer_release(&out);
}

TEST(patches)
{
    static const char before[] = "{'destination':{'a':1},'labels':['x'],'filter':{'b':2}}";

    check_patch(before, "{}", before);
    check_patch(before, "{'labels':['z']}",
                "{'destination':{'a':1},'filter':{'b':2},'labels':['z']}");
    check_patch(before, "{ 'properties' : {'filter':null} }",
                "{'destination':{'a':1},'labels':['x']}");
    check_patch(before, "{'deliveryWithResourceIdentity':{}}",
                "{'labels':['x'],'filter':{'b':2},'deliveryWithResourceIdentity':{}}");
    check_patch("{'deadLetterWithResourceIdentity':1}", "{'deadLetterDestination':2}",
                "{'deadLetterDestination':2}");
    check_patch("{'deadLetterWithResourceIdentity':1}", "{'deadLetterDestination':null}", "{}");
    check_patch("{}", "{'filter':{ 'a' : [ 1 , 2 ] }}", "{'filter':{'a':[1,2]}}");
}

TEST(patches_that_are_none)
{
    static const char *const rows[] = {"", "[]", "{", "5", "{\"properties\":5}"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0}, error = {0};
        CHECK(!event_subscription_patch(SLICE_LITERAL("{}"), slice_from_string(rows[i]), &out,
                                        &error));
        check_mistake(&error, "properties", "is ");
        CHECK_INT_EQUAL(out.length, 0);
    }
}
