/* Names, keys and resource ids of topics, domains, system topics and namespaces.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "resource/schema.h"
#include "resource/source.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char fifty[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij";

TEST(names_of_topics)
{
    static const struct {
        const char *name, *wrong;
    } rows[] = {
        {"abc", NULL},
        {"Orders-2", NULL},
        {"-a-", NULL},
        {"Microsoft", NULL},
        {fifty, NULL},
        {"", "between 3 and 50"},
        {"ab", "between 3 and 50"},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijx", "between 3 and 50"},
        {"a_b", "only letters"},
        {"a.b", "only letters"},
        {"a/b", "only letters"},
        {"caf\xC3\xA9", "only letters"},
        {"Microsoft-x", "begin with"},
        {"eventgrid-x", "begin with"},
        {"SYSTEM-x", "begin with"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *wrong = topic_name_check(slice_from_string(rows[i].name));
        test_note("%s", rows[i].name);
        CHECK(rows[i].wrong ? wrong && strstr(wrong, rows[i].wrong) : !wrong);
    }
    CHECK(topic_name_check(slice_make("a\0b", 3)));
}

TEST(names_of_namespaces)
{
    struct source_name topic = {SOURCE_NAMESPACE_TOPIC, SLICE_LITERAL("plant"), SLICE_LITERAL("t")};

    CHECK(!namespace_name_check(SLICE_LITERAL("Plant-1")));
    CHECK(strstr(namespace_name_check(SLICE_LITERAL("a")), "Namespace name must be between"));
    CHECK(strstr(namespace_name_check(SLICE_LITERAL("a.b")), "Namespace name must have only"));
    CHECK(strstr(namespace_name_check(SLICE_LITERAL("system-1")), "must not begin with"));
    CHECK(strstr(source_name_check(&topic), "Topic name must be between"));
    topic.topic = SLICE_LITERAL("readings");
    CHECK(!source_name_check(&topic));
    topic.name = SLICE_LITERAL("p");
    CHECK(strstr(source_name_check(&topic), "Namespace name"));
}

TEST(what_stands_in_what)
{
    enum source_kind topics;

    CHECK(source_topics_of(SOURCE_NAMESPACE, &topics) && topics == SOURCE_NAMESPACE_TOPIC);
    CHECK(source_topics_of(SOURCE_DOMAIN, &topics) && topics == SOURCE_DOMAIN_TOPIC);
    CHECK(!source_topics_of(SOURCE_TOPIC, &topics));
    CHECK(source_has_parent(SOURCE_NAMESPACE_TOPIC) && !source_has_parent(SOURCE_NAMESPACE));
}

TEST(names_of_domain_topics_and_subscriptions)
{
    char long_name[DOMAIN_TOPIC_NAME_MAX + 2];

    memset(long_name, 'x', sizeof(long_name));
    CHECK(!domain_topic_name_check(slice_make(long_name, DOMAIN_TOPIC_NAME_MAX)));
    CHECK(domain_topic_name_check(slice_make(long_name, DOMAIN_TOPIC_NAME_MAX + 1)));
    CHECK(!domain_topic_name_check(SLICE_LITERAL("a.b_c-d")));
    CHECK(domain_topic_name_check(SLICE_LITERAL("a/b")));
    CHECK(domain_topic_name_check(SLICE_EMPTY));
    CHECK(!subscription_name_check(slice_make(long_name, SUBSCRIPTION_NAME_MAX)));
    CHECK(subscription_name_check(slice_make(long_name, SUBSCRIPTION_NAME_MAX + 1)));
    CHECK(subscription_name_check(SLICE_LITERAL("ab")));
    CHECK(!subscription_name_check(SLICE_LITERAL("a-1")));
    CHECK(subscription_name_check(SLICE_LITERAL("a.1")));
}

/* --- keys and ids --- */

static const struct {
    struct source_name name;
    const char *key, *id;
} sources[] = {
    {{SOURCE_TOPIC, SLICE_LITERAL("Orders"), {NULL, 0}}, "topics/orders", "topics/Orders"},
    {{SOURCE_DOMAIN, SLICE_LITERAL("Shop"), {NULL, 0}}, "domains/shop", "domains/Shop"},
    {{SOURCE_DOMAIN_TOPIC, SLICE_LITERAL("Shop"), SLICE_LITERAL("EU.Sales")},
     "domains/shop/topics/eu.sales",
     "domains/Shop/topics/EU.Sales"},
    {{SOURCE_SYSTEM_TOPIC, SLICE_LITERAL("Store"), {NULL, 0}},
     "systemtopics/store",
     "systemTopics/Store"},
    {{SOURCE_NAMESPACE, SLICE_LITERAL("Plant"), {NULL, 0}}, "namespaces/plant", "namespaces/Plant"},
    {{SOURCE_NAMESPACE_TOPIC, SLICE_LITERAL("Plant"), SLICE_LITERAL("Readings")},
     "namespaces/plant/topics/readings",
     "namespaces/Plant/topics/Readings"},
};

TEST(keys_are_in_lower_case)
{
    for (size_t i = 0; i < COUNT(sources); i++) {
        struct buffer key = {0};
        struct source_name name;
        source_key_append(&key, &sources[i].name);
        CHECK_SLICE_EQUAL(buffer_slice(&key), slice_from_string(sources[i].key));
        CHECK(source_key_parse(buffer_slice(&key), &name));
        CHECK_INT_EQUAL(name.kind, sources[i].name.kind);
        CHECK_INT_EQUAL(name.name.length, sources[i].name.name.length);
        CHECK_INT_EQUAL(name.topic.length, sources[i].name.topic.length);
        buffer_release(&key);
    }
}

TEST(what_is_no_key)
{
    static const char *const rows[] = {
        "",
        "topics",
        "topics/",
        "topics/ab",
        "topics/Orders",
        "topics/orders/",
        "topics/orders/x",
        "queues/orders",
        "domains/shop/topics/",
        "domains/shop/queues/sales",
        "domains/shop/topics/sales/x",
        "systemtopics/store/topics/a",
        "topics/orders/topics/abc",
        "namespaces/ab",
        "namespaces/plant/topics/",
        "namespaces/plant/topics/a.b",
        "namespaces/plant/topics/abc/",
        "namespaces/plant/clients/abc",
        "/topics/orders",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct source_name name;
        test_note("%s", rows[i]);
        CHECK(!source_key_parse(slice_from_string(rows[i]), &name));
    }
}

TEST(resource_ids)
{
    for (size_t i = 0; i < COUNT(sources); i++) {
        struct buffer id = {0}, expected = {0};
        struct source_name name;
        buffer_append_format(&expected,
                             "/subscriptions/" DEFAULT_AZURE_SUBSCRIPTION
                             "/resourceGroups/pubgrid/providers/Microsoft.EventGrid/%s",
                             sources[i].id);
        source_id_append(&id, &sources[i].name, SLICE_EMPTY, SLICE_EMPTY);
        CHECK_SLICE_EQUAL(buffer_slice(&id), buffer_slice(&expected));
        CHECK(source_id_parse(buffer_slice(&id), &name));
        CHECK_INT_EQUAL(name.kind, sources[i].name.kind);
        CHECK_SLICE_EQUAL(name.name, sources[i].name.name);
        CHECK_SLICE_EQUAL(name.topic, sources[i].name.topic);
        buffer_release(&id);
        buffer_release(&expected);
    }
}

TEST(ids_of_others_subscriptions_in_any_case)
{
    struct source_name name;
    struct buffer id = {0};

    CHECK(source_id_parse(SLICE_LITERAL("/SUBSCRIPTIONS/s1/resourcegroups/g1/PROVIDERS/"
                                        "microsoft.eventgrid/TOPICS/Orders"),
                          &name));
    CHECK_INT_EQUAL(name.kind, SOURCE_TOPIC);
    CHECK_SLICE_EQUAL(name.name, SLICE_LITERAL("Orders"));
    source_id_append(&id, &name, SLICE_LITERAL("s1"), SLICE_LITERAL("g1"));
    CHECK_SLICE_EQUAL(buffer_slice(&id),
                      SLICE_LITERAL("/subscriptions/s1/resourceGroups/g1/providers/"
                                    "Microsoft.EventGrid/topics/Orders"));
    buffer_release(&id);
}

TEST(what_is_no_id_of_a_source)
{
    static const char *const rows[] = {
        "",
        "/",
        "topics/orders",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics",
        "/subscriptions//resourceGroups/g/providers/Microsoft.EventGrid/topics/orders",
        "/subscriptions/s/resourceGroups//providers/Microsoft.EventGrid/topics/orders",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/topics/orders",
        "subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/orders",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/orders/x/y",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct source_name name;
        test_note("%s", rows[i]);
        CHECK(!source_id_parse(slice_from_string(rows[i]), &name));
    }
}

/* --- schemas --- */

TEST(names_of_schemas)
{
    for (int i = 0; i < EVENT_SCHEMAS; i++) {
        enum event_schema schema = (enum event_schema)i, input, delivery;
        CHECK(schema_from_input_name(slice_from_string(schema_input_name(schema)), &input));
        CHECK(
            schema_from_delivery_name(slice_from_string(schema_delivery_name(schema)), &delivery));
        CHECK_INT_EQUAL(input, schema);
        CHECK_INT_EQUAL(delivery, schema);
    }
    enum event_schema schema;
    CHECK(schema_from_input_name(SLICE_LITERAL("cloudeventschemav1_0"), &schema));
    CHECK_INT_EQUAL(schema, SCHEMA_CLOUD_EVENTS);
    CHECK(!schema_from_input_name(SLICE_LITERAL("CustomInputSchema"), &schema));
    CHECK(!schema_from_delivery_name(SLICE_LITERAL("CustomEventSchema"), &schema));
}
