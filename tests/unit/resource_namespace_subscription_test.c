/* Event subscriptions of a namespace's topic: every property, limit and mistake (spec/eventgrid.md
 * 5.3, 5.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/subscription.h"

enum { NOW_MS = 1700000000 };

#define QUEUE(members) "{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{" members "}}}"
#define PUSH(members)  "{'deliveryConfiguration':{'deliveryMode':'Push','push':{" members "}}}"
#define WEBHOOK        "{'endpointType':'WebHook','properties':{'endpointUrl':'https://h/x?code=secret'}}"
#define IN_QUEUE       "deliveryConfiguration.queue."
#define IN_PUSH        "deliveryConfiguration.push."

static struct event_subscription *read_text(const char *text, struct buffer *error)
{
    static const struct topic_properties topic = {
        .kind = SOURCE_NAMESPACE_TOPIC, .schema = SCHEMA_CLOUD_EVENTS, .lifetime_days = 3};
    struct buffer json = {0};

    append_quoted(&json, text);
    struct event_subscription *subscription =
        event_subscription_read(buffer_slice(&json), &topic, NOW_MS, error);
    buffer_release(&json);
    return subscription;
}

static struct event_subscription *read_good(const char *text)
{
    struct buffer error = {0};
    struct event_subscription *subscription = read_text(text, &error);

    if (!subscription) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    return subscription;
}

static void check_shown(const struct event_subscription *subscription, const char *expected)
{
    struct buffer members = {0};

    event_subscription_append_members(&members, subscription);
    check_shows(&members, expected);
    buffer_release(&members);
}

/* --- queues --- */

TEST(a_queue_as_the_specification_shows_it)
{
    struct event_subscription *subscription = read_good(
        "{'properties':{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{"
        "'receiveLockDurationInSeconds':120,'maxDeliveryCount':4,'eventTimeToLive':'P1D',"
        "'deadLetterDestinationWithResourceIdentity':{'identity':{'type':'SystemAssigned'},"
        "'deadLetterDestination':{'endpointType':'StorageBlob','properties':{'resourceId':'/sa',"
        "'blobContainerName':'dead'}}}}},'eventDeliverySchema':'CloudEventSchemaV1_0',"
        "'filtersConfiguration':{'includedEventTypes':['a'],'filters':[{'operatorType':"
        "'StringContains','key':'data.key1','values':['v']}]},"
        "'expirationTimeUtc':'2031-01-01T00:00:00Z'}}");

    CHECK(subscription->of_namespace);
    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_QUEUE);
    CHECK_INT_EQUAL(subscription->destination.lock_ms, 120000);
    CHECK_INT_EQUAL(subscription->retry.attempts_max, 4);
    CHECK_INT_EQUAL(subscription->retry.time_to_live_ms, 86400000);
    CHECK_INT_EQUAL(subscription->dead_letter.kind, DEAD_LETTER_FILES);
    CHECK_SLICE_EQUAL(subscription->dead_letter.container, SLICE_LITERAL("dead"));
    CHECK_INT_EQUAL(subscription->filter.advanced_count, 1);
    CHECK_INT_EQUAL(subscription->filter.included_type_count, 1);
    check_shown(
        subscription,
        "{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{"
        "'receiveLockDurationInSeconds':120,'maxDeliveryCount':4,'eventTimeToLive':'P1D',"
        "'deadLetterDestinationWithResourceIdentity':{'identity':{'type':'SystemAssigned'},"
        "'deadLetterDestination':{'endpointType':'StorageBlob','properties':{"
        "'blobContainerName':'dead','resourceId':'/sa'}}}}},"
        "'eventDeliverySchema':'CloudEventSchemaV1_0','filtersConfiguration':{"
        "'includedEventTypes':['a'],'filters':[{'operatorType':'StringContains','key':'data.key1',"
        "'values':['v']}]},'expirationTimeUtc':'2031-01-01T00:00:00.000Z'}");
    event_subscription_release(subscription);
}

TEST(defaults_are_those_of_a_queue)
{
    static const char *const rows[] = {
        "{}",
        "{'deliveryConfiguration':null}",
        "{'deliveryConfiguration':{}}",
        "{'deliveryConfiguration':{'deliveryMode':'queue'}}",
        "{'deliveryConfiguration':{'queue':{}}}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct event_subscription *subscription = read_good(rows[i]);
        test_note("%s", rows[i]);
        check_shown(subscription,
                    "{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{"
                    "'receiveLockDurationInSeconds':60,'maxDeliveryCount':10,"
                    "'eventTimeToLive':'P3D','deadLetterDestinationWithResourceIdentity':null}},"
                    "'eventDeliverySchema':'CloudEventSchemaV1_0','filtersConfiguration':{"
                    "'includedEventTypes':null,'filters':[]},'expirationTimeUtc':null}");
        CHECK(!subscription->retry.has_probation);
        event_subscription_release(subscription);
    }
}

TEST(a_dead_letter_destination_needs_no_identity)
{
    struct event_subscription *subscription =
        read_good(QUEUE("'deadLetterDestination':{'endpointType':'StorageBlob','properties':{"
                        "'blobContainerName':'dead'}}"));

    check_shown(subscription, "'deadLetterDestination':{'endpointType':'StorageBlob',"
                              "'properties':{'blobContainerName':'dead'}}}}");
    event_subscription_release(subscription);
}

/* --- push --- */

TEST(push_to_a_webhook)
{
    struct event_subscription *subscription =
        read_good(PUSH("'maxDeliveryCount':2,'eventTimeToLive':'PT1M','destination':" WEBHOOK
                       ",'backoffInSeconds':[1,2],'probation':true"));

    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_WEBHOOK);
    CHECK_INT_EQUAL(subscription->retry.attempts_max, 2);
    CHECK_INT_EQUAL(subscription->retry.time_to_live_ms, 60000);
    CHECK_INT_EQUAL(subscription->retry.backoff_count, 2);
    CHECK(subscription->retry.has_probation);
    check_shown(subscription,
                "{'deliveryConfiguration':{'deliveryMode':'Push','push':{'maxDeliveryCount':2,"
                "'eventTimeToLive':'PT1M','deadLetterDestinationWithResourceIdentity':null,"
                "'destination':{'endpointType':'WebHook','properties':{'endpointUrl':null,"
                "'endpointBaseUrl':'https://h/x'");
    check_shown(subscription, "},'backoffInSeconds':[1,2],'probation':true}}");
    event_subscription_release(subscription);
}

TEST(push_with_an_identity)
{
    struct event_subscription *subscription =
        read_good("{'deliveryConfiguration':{'push':{'deliveryWithResourceIdentity':{'identity':"
                  "{'type':'SystemAssigned'},'destination':" WEBHOOK "}}}}");

    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_WEBHOOK);
    check_shown(subscription, "'deliveryWithResourceIdentity':{'identity':"
                              "{'type':'SystemAssigned'},'destination':{'endpointType':'WebHook'");
    event_subscription_release(subscription);
}

/* --- filters --- */

TEST(filters_beyond_azure)
{
    struct event_subscription *subscription =
        read_good("{'filtersConfiguration':{'enableExtendedFiltering':true,"
                  "'enableAdvancedFilteringOnArrays':true,'filters':[{'operatorType':"
                  "'StringMatches','key':'subject','values':['a*']}]}}");

    CHECK(subscription->filter.is_extended && subscription->filter.on_arrays);
    check_shown(subscription, "'filters':[{'operatorType':'StringMatches','key':'subject',"
                              "'values':['a*']}],'enableAdvancedFilteringOnArrays':true,"
                              "'enableExtendedFiltering':true}");
    event_subscription_release(subscription);
}

/* --- mistakes --- */

TEST(mistakes)
{
    static const struct {
        const char *text, *place, *said;
    } rows[] = {
        {"[]", "properties", "is an object"},
        {"{'deliveryConfiguration':1}", "deliveryConfiguration", "is an object"},
        {"{'deliveryConfiguration':{'deliveryMode':'Pull'}}", "deliveryConfiguration.deliveryMode",
         "Queue (receivers"},
        {"{'deliveryConfiguration':{'deliveryMode':'Push'}}", "deliveryConfiguration.push",
         "is missing"},
        {"{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{},'push':{}}}",
         "deliveryConfiguration.push", "is not of the deliveryMode Queue"},
        {QUEUE("'receiveLockDurationInSeconds':59"), IN_QUEUE "receiveLockDurationInSeconds",
         "from 60 to 300"},
        {QUEUE("'receiveLockDurationInSeconds':301"), IN_QUEUE "receiveLockDurationInSeconds",
         "from 60 to 300"},
        {QUEUE("'maxDeliveryCount':0"), IN_QUEUE "maxDeliveryCount", "from 1 to 10"},
        {QUEUE("'maxDeliveryCount':11"), IN_QUEUE "maxDeliveryCount", "from 1 to 10"},
        {QUEUE("'eventTimeToLive':'PT59S'"), IN_QUEUE "eventTimeToLive", "from PT1M to P3D"},
        {QUEUE("'eventTimeToLive':'P3DT1S'"), IN_QUEUE "eventTimeToLive", "from PT1M to P3D"},
        {QUEUE("'eventTimeToLive':'1 day'"), IN_QUEUE "eventTimeToLive", "ISO 8601"},
        {QUEUE("'eventTimeToLive':60"), IN_QUEUE "eventTimeToLive", "is a text"},
        {QUEUE("'destination':" WEBHOOK), IN_QUEUE "destination", "no such property"},
        {QUEUE("'deadLetterDestination':{'endpointType':'StorageBlob','properties':{"
               "'blobContainerName':'dead'}},'deadLetterDestinationWithResourceIdentity':{}"),
         IN_QUEUE "deadLetterDestinationWithResourceIdentity", "stands beside"},
        {PUSH("'receiveLockDurationInSeconds':60,'destination':" WEBHOOK),
         IN_PUSH "receiveLockDurationInSeconds", "no such property"},
        {PUSH(""), IN_PUSH "destination", "is missing"},
        {PUSH("'destination':" WEBHOOK ",'deliveryWithResourceIdentity':{}"),
         IN_PUSH "deliveryWithResourceIdentity", "stands beside destination"},
        {PUSH("'destination':{'endpointType':'EventHub'}"), IN_PUSH "destination.endpointType",
         "not available"},
        {PUSH("'destination':{'endpointType':'Queue'}"), IN_PUSH "destination.endpointType",
         "no such type"},
        {"{'eventDeliverySchema':'EventGridSchema'}", "eventDeliverySchema", "cannot be delivered"},
        {"{'filtersConfiguration':{'advancedFilters':[]}}", "filtersConfiguration.advancedFilters",
         "no such property"},
        {"{'filtersConfiguration':{'subjectBeginsWith':'x'}}",
         "filtersConfiguration.subjectBeginsWith", "no such property"},
        {"{'filtersConfiguration':{'filters':[{'operatorType':'Any','filters':[]}]}}",
         "filtersConfiguration.filters", "beyond Azure"},
        {"{'destination':" WEBHOOK "}", "destination", "no such property"},
        {"{'labels':[]}", "labels", "no such property"},
        {"{'expirationTimeUtc':'1970-01-01T00:00:01Z'}", "expirationTimeUtc", "in the past"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        struct event_subscription *subscription = read_text(rows[i].text, &error);
        test_note("%s", rows[i].text);
        CHECK(!subscription);
        check_mistake(&error, rows[i].place, rows[i].said);
    }
}

/* --- PATCH --- */

TEST(a_patch_replaces_members)
{
    struct buffer whole = {0}, error = {0};

    CHECK(event_subscription_patch(
        SLICE_LITERAL("{\"deliveryConfiguration\":{\"queue\":{}},\"filtersConfiguration\":{}}"),
        SLICE_LITERAL("{\"properties\":{\"filtersConfiguration\":{\"includedEventTypes\":[\"a\"]},"
                      "\"expirationTimeUtc\":null}}"),
        &whole, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&whole),
                      SLICE_LITERAL("{\"deliveryConfiguration\":{\"queue\":{}},"
                                    "\"filtersConfiguration\":{\"includedEventTypes\":[\"a\"]}}"));
    buffer_release(&whole);
}
