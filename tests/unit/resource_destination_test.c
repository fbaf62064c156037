/* Destinations, delivery attributes and dead letters of event subscriptions (spec/eventgrid.md 3.2,
 * 3.5, 3.8), with those that are not available here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "resource/subscription.h"

static const struct topic_properties event_grid_topic = {.schema = SCHEMA_EVENT_GRID};

static struct event_subscription *read_members(const char *members, struct buffer *error)
{
    struct buffer json = {0};

    append_quoted(&json, members);
    struct event_subscription *subscription =
        event_subscription_read(buffer_slice(&json), &event_grid_topic, 0, error);
    buffer_release(&json);
    return subscription;
}

/* `{'endpointType':type,'properties':{properties}}` as destination. */
static struct buffer destination_text(const char *type, const char *properties)
{
    struct buffer text = {0};

    buffer_append_format(&text, "{'destination':{'endpointType':'%s','properties':{%s}}}", type,
                         properties);
    buffer_append_byte(&text, '\0');
    return text;
}

static struct event_subscription *read_destination(const char *type, const char *properties)
{
    struct buffer text = destination_text(type, properties), error = {0};
    struct event_subscription *subscription = read_members((const char *)text.data, &error);

    test_note("%s", properties);
    if (!subscription) {
        test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(error));
    }
    buffer_release(&text);
    return subscription;
}

static void check_bad(const char *type, const char *properties, const char *place, const char *said)
{
    struct buffer text = destination_text(type, properties), error = {0}, path = {0};

    test_note("%s", properties);
    buffer_append_format(&path, "destination.%s", place);
    buffer_append_byte(&path, '\0');
    CHECK(!read_members((const char *)text.data, &error));
    check_mistake(&error, (const char *)path.data, said);
    buffer_release(&path);
    buffer_release(&text);
}

static void check_members(const struct event_subscription *subscription, const char *expected)
{
    struct buffer members = {0};

    event_subscription_append_members(&members, subscription);
    check_shows(&members, expected);
    buffer_release(&members);
}

/* --- webhooks --- */

TEST(urls)
{
    static const struct {
        const char *url, *base; /* base NULL: refused */
    } rows[] = {
        {"https://h", "https://h"},
        {"http://127.0.0.1:7071/runtime/webhooks/EventGrid?functionName=F&code=x==",
         "http://127.0.0.1:7071/runtime/webhooks/EventGrid"},
        {"http://[::1]:80/x?y?z", "http://[::1]:80/x"},
        {"https://user:p%40ss@h:8443/x", "https://h:8443/x"},
        {"https://h/@x", "https://h/@x"},
        {"https://h?x", "https://h"},
        {"", NULL},
        {"h", NULL},
        {"ftp://h", NULL},
        {"https://", NULL},
        {"https:///x", NULL},
        {"https://user@", NULL},
        {"https://h:99999/", NULL},
        {"https://h:x/", NULL},
        {"https://h/#x", NULL},
        {"https://h/a b", NULL},
        {"https://h/\xC3\xA9", NULL},
        {"https://h/\\u0000", NULL},
        {"https://h/\\r\\nx", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer properties = {0}, expected = {0};
        buffer_append_format(&properties, "'endpointUrl':'%s'", rows[i].url);
        buffer_append_byte(&properties, '\0');
        if (rows[i].base) {
            struct event_subscription *subscription =
                read_destination("WebHook", (const char *)properties.data);
            CHECK_SLICE_EQUAL(subscription->destination.url, slice_from_string(rows[i].url));
            buffer_append_format(&expected, "'endpointUrl':null,'endpointBaseUrl':'%s'",
                                 rows[i].base);
            buffer_append_byte(&expected, '\0');
            check_members(subscription, (const char *)expected.data);
            event_subscription_release(subscription);
        } else {
            check_bad("WebHook", (const char *)properties.data, "properties.endpointUrl", "is ");
        }
        buffer_release(&properties);
        buffer_release(&expected);
    }
}

TEST(what_a_webhook_may_have_beyond_azure)
{
    struct event_subscription *subscription = read_destination(
        "webhook",
        "'endpointUrl':'http://h','skipValidation':true,'sendDataSchema':false,"
        "'signingSecret':'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= "
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=',"
        "'maxConcurrentRequests':3,'maxRequestsPerSecond':100,'requestTimeoutInSeconds':5,"
        "'minimumTlsVersionAllowed':'1.2','endpointBaseUrl':'http://h'");
    const struct destination *destination = &subscription->destination;

    CHECK(destination->skips_validation && !destination->sends_data_schema);
    CHECK_INT_EQUAL(destination->signing_secret.length, 2 * 50 + 1);
    CHECK_INT_EQUAL(destination->requests_max, 3);
    CHECK_INT_EQUAL(destination->requests_per_second, 100);
    CHECK_INT_EQUAL(destination->timeout_ms, 5000);
    check_members(
        subscription,
        "'minimumTlsVersionAllowed':'1.2','deliveryAttributeMappings':[],"
        "'skipValidation':true,'sendDataSchema':false,'maxConcurrentRequests':3,"
        "'maxRequestsPerSecond':100,'requestTimeoutInSeconds':5,'signingSecret':'Hidden'");
    event_subscription_release(subscription);
}

#define URL "'endpointUrl':'http://h',"

TEST(mistakes_in_webhooks)
{
    static const struct {
        const char *properties, *place, *said;
    } rows[] = {
        {"", "properties.endpointUrl", "is missing"},
        {"'endpointUrl':null", "properties.endpointUrl", "is missing"},
        {"'endpointUrl':5", "properties.endpointUrl", "is a text"},
        {URL "'maxEventsPerBatch':0", "properties.maxEventsPerBatch", "1 to 5000, not 0"},
        {URL "'maxEventsPerBatch':5001", "properties.maxEventsPerBatch", "1 to 5000"},
        {URL "'preferredBatchSizeInKilobytes':0", "properties.preferredBatchSizeInKilobytes",
         "1 to 1024"},
        {URL "'preferredBatchSizeInKilobytes':1025", "properties.preferredBatchSizeInKilobytes",
         "1 to 1024"},
        {URL "'maxConcurrentRequests':0", "properties.maxConcurrentRequests", "1 to 1000"},
        {URL "'maxRequestsPerSecond':1000001", "properties.maxRequestsPerSecond", "0 to 1000000"},
        {URL "'requestTimeoutInSeconds':301", "properties.requestTimeoutInSeconds", "1 to 300"},
        {URL "'skipValidation':1", "properties.skipValidation", "true or false"},
        {URL "'signingSecret':'secret'", "properties.signingSecret", "whsec_"},
        {URL "'signingSecret':'whsec_AAAA'", "properties.signingSecret", "24 to 64 bytes"},
        {URL "'signingSecret':'Hidden'", "properties.signingSecret", "whsec_"},
        {URL "'signingSecret':'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= '",
         "properties.signingSecret", "whsec_"},
        {URL "'signingSecret':'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= whsec_AAAA'",
         "properties.signingSecret", "24 to 64 bytes"},
        {URL "'maxEventsPerBatches':1", "properties.maxEventsPerBatches",
         "write maxEventsPerBatch instead"},
        {URL "'hub':'chat'", "properties.hub", "there is no such property"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_bad("WebHook", rows[i].properties, rows[i].place, rows[i].said);
    }
}

/* --- the other types --- */

TEST(web_pub_sub)
{
    struct event_subscription *subscription =
        read_destination("WebPubSub", "'hub':'Chat','group':'room 1'");

    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_WEB_PUB_SUB);
    CHECK_SLICE_EQUAL(subscription->destination.hub, SLICE_LITERAL("chat"));
    check_members(subscription,
                  "{'endpointType':'WebPubSub','properties':{'hub':'chat','group':'room 1'}}");
    event_subscription_release(subscription);
    subscription = read_destination("WebPubSub", "'hub':'chat','user':'ann'");
    check_members(subscription, "{'hub':'chat','user':'ann'}");
    event_subscription_release(subscription);

    check_bad("WebPubSub", "", "properties.hub", "is missing");
    check_bad("WebPubSub", "'hub':'1chat'", "properties.hub", "is the name of a hub");
    check_bad("WebPubSub", "'hub':'_default'", "properties.hub", "is the name of a hub");
    check_bad("WebPubSub", "'hub':'chat','group':'  '", "properties.group",
              "is the name of a group");
    check_bad("WebPubSub", "'hub':'chat','user':'a\\u0000'", "properties.user", "without NUL");
    check_bad("WebPubSub", "'hub':'chat','user':'a','group':'b'", "properties.user", "only one");
    check_bad("WebPubSub", "'hub':'chat','endpointUrl':'http://h'", "properties.endpointUrl",
              "there are hub, group, user");
}

TEST(mqtt_topics)
{
    struct event_subscription *subscription =
        read_destination("MqttTopic", "'topic':'events/{type}/{subject}/{id}{topic}'");

    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_MQTT_TOPIC);
    CHECK(!subscription->destination.retain);
    event_subscription_release(subscription);
    subscription = read_destination("MqttTopic", "'topic':'a','retain':true");
    CHECK(subscription->destination.retain);
    check_members(subscription, "'properties':{'topic':'a','retain':true}");
    event_subscription_release(subscription);

    check_bad("MqttTopic", "", "properties.topic", "is missing");
    check_bad("MqttTopic", "'topic':'a/+'", "properties.topic", "no wildcards");
    check_bad("MqttTopic", "'topic':'$SYS/a'", "properties.topic", "neither $");
    check_bad("MqttTopic", "'topic':'{subject}'", "properties.topic", "nor a placeholder");
    check_bad("MqttTopic", "'topic':'a/{data}'", "properties.topic", "{subject}, {type}");
    check_bad("MqttTopic", "'topic':'a/}'", "properties.topic", "no braces");
    check_bad("MqttTopic", "'topic':'a','retain':1", "properties.retain", "true or false");
}

#define TOPIC_ID "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/Orders"

TEST(event_topics)
{
    static const char *const forms[] = {"'topicName':'Orders'", "'resourceId':'" TOPIC_ID "'"};

    for (size_t i = 0; i < COUNT(forms); i++) {
        struct event_subscription *subscription = read_destination("EventGridTopic", forms[i]);
        CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_EVENT_TOPIC);
        CHECK_SLICE_EQUAL(subscription->destination.source_key, SLICE_LITERAL("topics/orders"));
        check_members(subscription, "'EventGridTopic','properties':{'topicName':'orders'}");
        event_subscription_release(subscription);
    }
    check_bad("EventGridTopic", "", "properties.topicName", "is missing");
    check_bad("EventGridTopic", "'topicName':'a'", "properties.topicName", "is the name of");
    check_bad("EventGridTopic", "'topicName':'abc','resourceId':'" TOPIC_ID "'",
              "properties.topicName", "write only one of them");
    check_bad("EventGridTopic", "'resourceId':'orders'", "properties.resourceId", "is the id of");
    check_bad("EventGridTopic",
              "'resourceId':'/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/"
              "domains/shop'",
              "properties.resourceId", "is the id of");
}

#define NAMESPACE_TOPIC_ID                                                                         \
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/namespaces/Plant/topics/In"
#define TO_NAMESPACE                                                                               \
    "'destination':{'endpointType':'namespacetopic','properties':{'resourceId':"                   \
    "'" NAMESPACE_TOPIC_ID "X'}}"

TEST(topics_of_namespaces)
{
    struct buffer error = {0};
    struct event_subscription *subscription =
        read_members("{" TO_NAMESPACE ",'eventDeliverySchema':'CloudEventSchemaV1_0'}", &error);

    CHECK(subscription);
    CHECK_INT_EQUAL(subscription->destination.kind, DESTINATION_EVENT_TOPIC);
    CHECK_SLICE_EQUAL(subscription->destination.source_key,
                      SLICE_LITERAL("namespaces/plant/topics/inx"));
    check_members(subscription, "'destination':{'endpointType':'NamespaceTopic','properties':{"
                                "'resourceId':'" NAMESPACE_TOPIC_ID "X'}}");
    event_subscription_release(subscription);
    subscription = read_members("{'destination':{'endpointType':'NamespaceTopic','properties':{"
                                "'resourceId':'namespaces/Plant/topics/Inx'}},"
                                "'eventDeliverySchema':'CloudEventSchemaV1_0'}",
                                &error);
    CHECK(subscription);
    CHECK_SLICE_EQUAL(subscription->destination.source_key,
                      SLICE_LITERAL("namespaces/plant/topics/inx"));
    event_subscription_release(subscription);
    check_bad("NamespaceTopic", "'resourceId':'namespaces/Plant'", "properties.resourceId",
              "is the id of a topic of a namespace");
    CHECK(!read_members("{" TO_NAMESPACE "}", &error));
    check_mistake(&error, "eventDeliverySchema", "is CloudEventSchemaV1_0");
    check_bad("NamespaceTopic", "", "properties.resourceId", "is the id of a topic of a namespace");
    check_bad("NamespaceTopic", "'resourceId':'" TOPIC_ID "'", "properties.resourceId",
              "is the id of a topic of a namespace");
}

TEST(what_is_not_available_here)
{
    static const char *const types[] = {
        "StorageQueue",     "ServiceBusQueue", "ServiceBusTopic",    "EventHub",
        "HybridConnection", "MonitorAlert",    "PartnerDestination", "storagequeue",
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        check_bad(types[i], "'resourceId':'/x'", "endpointType",
                  "is not available on this server; use WebHook, WebPubSub, MqttTopic, "
                  "EventGridTopic or NamespaceTopic instead");
    }
    check_bad("AzureFunction", "'resourceId':'/x'", "endpointType",
              "use WebHook with the endpointUrl http://HOST/runtime/webhooks/EventGrid"
              "?functionName=F&code=... instead");
    check_bad("Pigeon", "", "endpointType", "there is no such type; use WebHook,");
}

TEST(destinations_of_a_wrong_shape)
{
    static const struct {
        const char *members, *place, *said;
    } rows[] = {
        {"{'destination':{}}", "destination.endpointType", "is missing"},
        {"{'destination':[]}", "destination", "is an object"},
        {"{'destination':{'endpointType':5}}", "destination.endpointType", "is a text"},
        {"{'destination':{'endpointType':'WebHook'}}", "destination.properties.endpointUrl",
         "is missing"},
        {"{'destination':{'endpointType':'WebHook','properties':5}}", "destination.properties",
         "is an object"},
        {"{'destination':{'endpointType':'WebHook','url':'http://h'}}", "destination.url",
         "there are endpointType, properties"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].members);
        CHECK(!read_members(rows[i].members, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
    }
}

/* --- delivery attributes --- */

static void check_bad_attributes(const char *list, const char *place, const char *said)
{
    struct buffer properties = {0}, path = {0};

    buffer_append_format(&properties, URL "'deliveryAttributeMappings':%s", list);
    buffer_append_byte(&properties, '\0');
    buffer_append_format(&path, "properties.deliveryAttributeMappings%s", place);
    buffer_append_byte(&path, '\0');
    check_bad("WebHook", (const char *)properties.data, (const char *)path.data, said);
    buffer_release(&properties);
    buffer_release(&path);
}

#define STATIC(name, value) "{'name':'" name "','type':'Static','properties':{'value':'" value "'}}"

TEST(mistakes_in_delivery_attributes)
{
    static const struct {
        const char *list, *place, *said;
    } rows[] = {
        {"{}", "", "is an array"},
        {"[5]", ".0", "is an object"},
        {"[{'type':'Static','properties':{'value':'a'}}]", ".0.name", "is missing"},
        {"[" STATIC("a b", "v") "]", ".0.name", "is the name of a header"},
        {"[" STATIC("aeg-x", "v") "]", ".0.name", "begins with aeg-"},
        {"[" STATIC("AEG-x", "v") "]", ".0.name", "begins with aeg-"},
        {"[" STATIC("content-length", "v") "]", ".0.name", "the server itself sends"},
        {"[" STATIC("X", "v") "," STATIC("x", "w") "]", "", "has x twice"},
        {"[" STATIC("X", "a\\r\\nb") "]", ".0.properties.value", "no control characters"},
        {"[" STATIC("X", "") "]", ".0.properties.value", "is missing"},
        {"[{'name':'X','type':'Static'}]", ".0.properties.value", "is missing"},
        {"[{'name':'X','type':'Static','properties':{'value':'v','sourceField':'id'}}]",
         ".0.properties.sourceField", "is of type Dynamic"},
        {"[{'name':'X','type':'Dynamic','properties':{'value':'v'}}]", ".0.properties.value",
         "is of type Static"},
        {"[{'name':'X','type':'Dynamic','properties':{}}]", ".0.properties.sourceField",
         "is missing"},
        {"[{'name':'X','type':'Other','properties':{}}]", ".0.type", "is Static or Dynamic"},
        {"[{'name':'X','properties':{}}]", ".0.type", "is Static or Dynamic"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check_bad_attributes(rows[i].list, rows[i].place, rows[i].said);
    }
}

TEST(numbers_of_delivery_attributes)
{
    struct buffer list = {0};

    for (int i = 0; i <= DELIVERY_ATTRIBUTES_MAX; i++) {
        buffer_append_format(&list,
                             "%s{'name':'X%d','type':'Dynamic','properties':{'sourceField':"
                             "'id'}}",
                             i == 0 ? "[" : ",", i);
    }
    buffer_append_string(&list, "]");
    buffer_append_byte(&list, '\0');
    check_bad_attributes((const char *)list.data, "", "at most 10 entries, not 11");
    buffer_release(&list);
}

/* A static attribute whose value has so many bytes. */
static struct buffer long_attribute(size_t size)
{
    struct buffer list = {0};

    buffer_append_string(&list, "[{'name':'X','type':'Static','properties':{'value':'");
    for (size_t i = 0; i < size; i++) {
        buffer_append_byte(&list, 'v');
    }
    buffer_append_string(&list, "'}}]");
    buffer_append_byte(&list, '\0');
    return list;
}

TEST(lengths_of_delivery_attributes)
{
    struct buffer list = long_attribute(DELIVERY_ATTRIBUTE_VALUE_MAX + 1), properties = {0};

    check_bad_attributes((const char *)list.data, ".0.properties.value", "at most 4096 bytes");
    buffer_release(&list);
    list = long_attribute(DELIVERY_ATTRIBUTE_VALUE_MAX);
    buffer_append_format(&properties, URL "'deliveryAttributeMappings':%s",
                         (const char *)list.data);
    buffer_append_byte(&properties, '\0');
    event_subscription_release(read_destination("WebHook", (const char *)properties.data));
    buffer_release(&list);
    buffer_release(&properties);
}

TEST(delivery_attributes_are_listed)
{
    struct buffer out = {0}, expected = {0};
    struct event_subscription *subscription = read_destination(
        "WebHook",
        URL "'deliveryAttributeMappings':[" STATIC(
            "Authorization",
            "Bearer x") ",{'name':'S','type':'static','properties':{'value':'s','isSecret':true}},"
                        "{'name':'D','type':'Dynamic','properties':{'sourceField':'id'}}]");

    event_subscription_append_attributes(&out, subscription);
    append_quoted(&expected,
                  "[{'name':'Authorization','type':'Static','properties':{'value':'Bearer x',"
                  "'isSecret':false}},"
                  "{'name':'S','type':'Static','properties':{'value':'Hidden','isSecret':true}},"
                  "{'name':'D','type':'Dynamic','properties':{'sourceField':'id'}}]");
    CHECK_SLICE_EQUAL(buffer_slice(&out), buffer_slice(&expected));
    event_subscription_release(subscription);
    buffer_release(&out);
    buffer_release(&expected);
}

/* --- dead letters --- */

#define WEBHOOK "{'destination':{'endpointType':'WebHook','properties':{'endpointUrl':'http://h'}},"

TEST(dead_letters)
{
    struct buffer error = {0};
    struct event_subscription *subscription =
        read_members(WEBHOOK "'deadLetterDestination':{'endpointType':'EventGridTopic',"
                             "'properties':{'topicName':'Dead'}}}",
                     &error);

    CHECK(subscription);
    CHECK_INT_EQUAL(subscription->dead_letter.kind, DEAD_LETTER_TOPIC);
    CHECK_SLICE_EQUAL(subscription->dead_letter.source_key, SLICE_LITERAL("topics/dead"));
    check_members(subscription, "'deadLetterDestination':{'endpointType':'EventGridTopic',"
                                "'properties':{'topicName':'dead'}}");
    event_subscription_release(subscription);
    subscription = read_members(WEBHOOK "'deadLetterDestination':{'endpointType':'storageblob',"
                                        "'properties':{'blobContainerName':'a-1'}}}",
                                &error);
    CHECK_INT_EQUAL(subscription->dead_letter.kind, DEAD_LETTER_FILES);
    check_members(subscription, "'properties':{'blobContainerName':'a-1'}");
    event_subscription_release(subscription);
}

TEST(mistakes_in_dead_letters)
{
    static const char *const names[] = {"ab",
                                        "Abc",
                                        "a..",
                                        "../x",
                                        "-ab",
                                        "ab-",
                                        "a--b",
                                        "a/b",
                                        "a.b",
                                        "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
                                        "abcdefghijabcd"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct buffer text = {0}, error = {0};
        buffer_append_format(&text,
                             WEBHOOK "'deadLetterDestination':{'endpointType':'StorageBlob',"
                                     "'properties':{'blobContainerName':'%s'}}}",
                             names[i]);
        buffer_append_byte(&text, '\0');
        test_note("%s", names[i]);
        CHECK(!read_members((const char *)text.data, &error));
        check_mistake(&error, "deadLetterDestination.properties.blobContainerName", "lower-case");
        buffer_release(&text);
    }
}

TEST(dead_letters_that_are_not_available)
{
    static const struct {
        const char *given, *place, *said;
    } rows[] = {
        {"{'endpointType':'StorageBlob','properties':{}}",
         "deadLetterDestination.properties.blobContainerName", "is missing"},
        {"{'endpointType':'EventHub','properties':{}}", "deadLetterDestination.endpointType",
         "EventHub is not available on this server; use StorageBlob (files in a folder) or "
         "EventGridTopic instead"},
        {"{'endpointType':'WebHook','properties':{}}", "deadLetterDestination.endpointType",
         "there is no such type"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0}, error = {0};
        buffer_append_format(&text, WEBHOOK "'deadLetterDestination':%s}", rows[i].given);
        buffer_append_byte(&text, '\0');
        CHECK(!read_members((const char *)text.data, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
        buffer_release(&text);
    }
}

/* --- with an identity --- */

TEST(identities_are_kept_and_shown)
{
    static const char with_identity[] =
        "{'deliveryWithResourceIdentity':{'identity':{'type':'SystemAssigned'},'destination':"
        "{'endpointType':'WebHook','properties':{'endpointUrl':'http://h'}}},"
        "'deadLetterWithResourceIdentity':{'identity':{'type':'UserAssigned',"
        "'userAssignedIdentity':'/u'},'deadLetterDestination':{'endpointType':'StorageBlob',"
        "'properties':{'resourceId':'/sa','blobContainerName':'ccc'}}}}";
    struct buffer error = {0};
    struct event_subscription *subscription = read_members(with_identity, &error);

    CHECK(subscription);
    CHECK_INT_EQUAL(subscription->dead_letter.kind, DEAD_LETTER_FILES);
    check_members(subscription, "{'deliveryWithResourceIdentity':{'identity':{'type':"
                                "'SystemAssigned'},'destination':{'endpointType':'WebHook'");
    check_members(subscription,
                  "'deadLetterWithResourceIdentity':{'identity':{'type':'UserAssigned',"
                  "'userAssignedIdentity':'/u'},'deadLetterDestination':{'endpointType':"
                  "'StorageBlob','properties':{'blobContainerName':'ccc','resourceId':'/sa'}}}");
    event_subscription_release(subscription);
}

TEST(mistakes_with_identities)
{
    static const struct {
        const char *members, *place, *said;
    } rows[] = {
        {"{'deliveryWithResourceIdentity':{'identity':{},'destination':{'endpointType':'EventHub',"
         "'properties':{'resourceId':'/eh'}}}}",
         "deliveryWithResourceIdentity.destination.endpointType",
         "EventHub is not available on this server"},
        {"{'deliveryWithResourceIdentity':{'identity':{}}}",
         "deliveryWithResourceIdentity.destination", "is missing"},
        {WEBHOOK "'deliveryWithResourceIdentity':{}}", "deliveryWithResourceIdentity",
         "stands beside destination"},
        {"{'deliveryWithResourceIdentity':{},'destination':{}}", "destination",
         "stands beside deliveryWithResourceIdentity"},
        {WEBHOOK "'deadLetterWithResourceIdentity':{'deadLetter':{}}}",
         "deadLetterWithResourceIdentity.deadLetterDestination", "is missing"},
        {WEBHOOK "'deadLetterWithResourceIdentity':{},'deadLetterDestination':{}}",
         "deadLetterDestination", "stands beside deadLetterWithResourceIdentity"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].members);
        CHECK(!read_members(rows[i].members, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
    }
}
