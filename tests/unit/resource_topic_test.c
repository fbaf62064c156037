/* Topics, domains and system topics: every property and mistake (spec/eventgrid.md 1.8, 2.1, 2.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "topic_fixture.h"

#include <arpa/inet.h>

/* --- all of it --- */

#define MAPPING                                                                                    \
    "'inputSchemaMapping':{'inputSchemaMappingType':'Json','properties':{"                         \
    "'id':{'sourceField':'id'},'topic':{'sourceField':'t'},'eventTime':{'sourceField':'et'},"      \
    "'eventType':{'sourceField':'myEventType','defaultValue':'dflt'},"                             \
    "'subject':{'sourceField':'s','defaultValue':'ds'},"                                           \
    "'dataVersion':{'defaultValue':'1.0'}}}"

static const char everything[] =
    "{'location':'westus','tags':{'a':'b'},'properties':{'inputSchema':'CustomEventSchema'," MAPPING
    ",'publicNetworkAccess':'Enabled','inboundIpRules':[{'ipMask':'10.0.0.0/8','action':'Allow'}],"
    "'disableLocalAuth':true,'eventRetentionInDays':7}}";

TEST(what_the_sdk_sends)
{
    struct topic_properties *topic = read_good(everything, SOURCE_TOPIC);

    CHECK_INT_EQUAL(topic->schema, SCHEMA_CUSTOM);
    CHECK_SLICE_EQUAL(topic->mapping.topic.source_field, SLICE_LITERAL("t"));
    CHECK_SLICE_EQUAL(topic->mapping.event_type.default_value, SLICE_LITERAL("dflt"));
    CHECK(topic->mapping.event_type.has_default && !topic->mapping.id.has_default);
    CHECK_INT_EQUAL(topic->mapping.data_version.source_field.length, 0);
    CHECK(topic->disables_local_auth && topic->is_public);
    CHECK_INT_EQUAL(topic->retention_days, 7);
    check_members(topic, "{'inputSchema':'CustomEventSchema'," MAPPING
                         ",'publicNetworkAccess':'Enabled','inboundIpRules':[{'ipMask':"
                         "'10.0.0.0/8','action':'Allow'}],'disableLocalAuth':true,"
                         "'dataResidencyBoundary':'WithinGeopair','eventRetentionInDays':7}");
    topic_properties_free(topic);
}

TEST(the_json_is_kept_as_given)
{
    struct topic_properties *topic =
        read_good(" { 'location' : 'x' , 'properties' : { } } ", SOURCE_TOPIC);
    struct buffer expected = {0};

    append_quoted(&expected, "{'location':'x','properties':{}}");
    CHECK_SLICE_EQUAL(buffer_slice(&topic->json), buffer_slice(&expected));
    buffer_release(&expected);
    topic_properties_free(topic);
}

TEST(defaults)
{
    static const char *const rows[] = {
        "{}",
        "{'properties':null,'location':null}",
        "{'properties':{'inputSchema':null,'provisioningState':'Succeeded','endpoint':'x',"
        "'metricResourceId':'y','privateEndpointConnections':[],'eventTypeInfo':{}},'id':'a',"
        "'name':'b','type':'c','identity':{},'sku':{},'kind':'Azure','systemData':{}}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct topic_properties *topic = read_good(rows[i], SOURCE_TOPIC);
        check_members(topic, "{'inputSchema':'EventGridSchema','inputSchemaMapping':null,"
                             "'publicNetworkAccess':'Enabled','inboundIpRules':[],"
                             "'disableLocalAuth':false,'dataResidencyBoundary':'WithinGeopair',"
                             "'eventRetentionInDays':0}");
        topic_properties_free(topic);
    }
}

TEST(domains)
{
    struct topic_properties *domain = read_good("{}", SOURCE_DOMAIN);

    CHECK(domain->creates_topics && domain->deletes_topics);
    check_members(domain, "'autoCreateTopicWithFirstSubscription':true,"
                          "'autoDeleteTopicWithLastSubscription':true,'eventRetentionInDays':0");
    topic_properties_free(domain);
    domain = read_good("{'properties':{'inputSchema':'CloudEventSchemaV1_0',"
                       "'autoCreateTopicWithFirstSubscription':false,"
                       "'autoDeleteTopicWithLastSubscription':false,"
                       "'minimumTlsVersionAllowed':'1.2'}}",
                       SOURCE_DOMAIN);
    CHECK(!domain->creates_topics && !domain->deletes_topics);
    check_members(domain, "'minimumTlsVersionAllowed':'1.2'");
    topic_properties_free(domain);
}

TEST(system_topics)
{
    struct topic_properties *topic =
        read_good("{'location':'global','properties':{'source':'/subscriptions/s/x','topicType':"
                  "'Microsoft.Storage.StorageAccounts','eventRetentionInDays':1}}",
                  SOURCE_SYSTEM_TOPIC);

    CHECK_SLICE_EQUAL(topic->source, SLICE_LITERAL("/subscriptions/s/x"));
    check_members(topic, "{'source':'/subscriptions/s/x','topicType':"
                         "'Microsoft.Storage.StorageAccounts','eventRetentionInDays':1}");
    topic_properties_free(topic);
}

#define ID_OF_PLANT                                                                                \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pubgrid/providers/"        \
    "Microsoft.EventGrid/namespaces/plant"

/* What is written in short is the whole id, by which everybody else goes. */
TEST(system_topics_of_namespaces)
{
    static const struct {
        const char *given, *is;
    } rows[] = {
        {"namespaces/Plant", ID_OF_PLANT},
        {ID_OF_PLANT, ID_OF_PLANT},
        {"/subscriptions/s/resourceGroups/g/providers/microsoft.eventgrid/Namespaces/Plant",
         "/subscriptions/s/resourceGroups/g/providers/microsoft.eventgrid/Namespaces/Plant"},
        {"plant", NULL},
        {"namespaces/plant/topics/in", NULL},
        {"topics/plant", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0}, error = {0};
        test_note("%s", rows[i].given);
        buffer_append_format(
            &text, "{'properties':{'source':'%s','topicType':'" NAMESPACES_TOPIC_TYPE "'}}%c",
            rows[i].given, 0);
        struct topic_properties *topic =
            read_as((const char *)text.data, SOURCE_SYSTEM_TOPIC, &error);
        CHECK_INT_EQUAL(topic != NULL, rows[i].is != NULL);
        if (topic) {
            CHECK_SLICE_EQUAL(topic->source, slice_from_string(rows[i].is));
        } else {
            check_mistake(&error, "source", "is the id of a namespace");
        }
        topic_properties_free(topic);
        buffer_release(&text);
        buffer_release(&error);
    }
}

TEST(mistakes)
{
    static const struct {
        enum source_kind kind;
        const char *properties, *place, *said;
    } rows[] = {
        {SOURCE_TOPIC, "'inputSchema':'x'", "inputSchema", "is EventGridSchema,"},
        {SOURCE_TOPIC, "'inputSchema':5", "inputSchema", "is a text"},
        {SOURCE_TOPIC, "'inputSchemas':'x'", "inputSchemas", "write inputSchema instead"},
        {SOURCE_TOPIC, "'autoCreateTopicWithFirstSubscription':true",
         "autoCreateTopicWithFirstSubscription", "there is no such property"},
        {SOURCE_TOPIC, MAPPING, "inputSchemaMapping", "is only of"},
        {SOURCE_TOPIC, "'inputSchema':'CustomEventSchema'",
         "inputSchemaMapping.properties.eventType", "is missing"},
        {SOURCE_TOPIC,
         "'inputSchema':'CustomEventSchema','inputSchemaMapping':{'properties':{'eventType':{},"
         "'subject':{'sourceField':''},'dataVersion':{'defaultValue':''}}}",
         "inputSchemaMapping.properties.subject", "is missing"},
        {SOURCE_TOPIC,
         "'inputSchema':'CustomEventSchema','inputSchemaMapping':{'properties':{'id':"
         "{'defaultValue':'x'}}}",
         "inputSchemaMapping.properties.id", "no defaultValue"},
        {SOURCE_TOPIC, "'inputSchemaMapping':{'inputSchemaMappingType':'Xml'}",
         "inputSchemaMapping.inputSchemaMappingType", "is Json"},
        {SOURCE_TOPIC, "'inputSchemaMapping':{'properties':{'source':{}}}",
         "inputSchemaMapping.properties.source", "there are id, topic,"},
        {SOURCE_DOMAIN,
         "'inputSchema':'CustomEventSchema','inputSchemaMapping':{'properties':{'eventType':"
         "{'defaultValue':'a'},'subject':{'defaultValue':'a'},'dataVersion':{'defaultValue':''}}}",
         "inputSchemaMapping.properties.topic", "the domain topic's name"},
        {SOURCE_TOPIC, "'publicNetworkAccess':'No'", "publicNetworkAccess", "is Enabled, or"},
        {SOURCE_TOPIC, "'disableLocalAuth':'x'", "disableLocalAuth", "true or false"},
        {SOURCE_TOPIC, "'eventRetentionInDays':3651", "eventRetentionInDays", "0 to 3650"},
        {SOURCE_TOPIC, "'inboundIpRules':{}", "inboundIpRules", "is an array"},
        {SOURCE_TOPIC, "'inboundIpRules':[{}]", "inboundIpRules.0.ipMask", "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'10.0.0.0/33'}]", "inboundIpRules.0.ipMask",
         "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'10.0.0/8'}]", "inboundIpRules.0.ipMask",
         "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'::/129'}]", "inboundIpRules.0.ipMask",
         "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'::/'}]", "inboundIpRules.0.ipMask",
         "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'::1\\u0000'}]", "inboundIpRules.0.ipMask",
         "is an address"},
        {SOURCE_TOPIC, "'inboundIpRules':[{'ipMask':'::1','action':'Deny'}]",
         "inboundIpRules.0.action", "is Allow"},
        {SOURCE_SYSTEM_TOPIC, "'topicType':'x'", "source", "is missing"},
        {SOURCE_SYSTEM_TOPIC, "'source':'x'", "topicType", "is missing"},
        {SOURCE_SYSTEM_TOPIC, "'inputSchema':'x'", "inputSchema", "there is no such property"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0}, error = {0};
        test_note("%s", rows[i].properties);
        buffer_append_format(&text, "{'properties':{%s}}", rows[i].properties);
        buffer_append_byte(&text, '\0');
        CHECK(!read_as((const char *)text.data, rows[i].kind, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
        buffer_release(&text);
    }
}

TEST(mistakes_around_the_properties)
{
    static const struct {
        const char *text, *place, *said;
    } rows[] = {
        {"", "properties", "is no valid JSON"},
        {"[]", "properties", "is an object"},
        {"{'properties':5}", "properties", "is an object"},
        {"{'property':{}}", "property", "write properties instead"},
        {"{'location':'a','location':'b'}", "location", "twice"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].text);
        CHECK(!read_as(rows[i].text, SOURCE_TOPIC, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
    }
}

TEST(a_mapping_of_defaults_may_be_empty_texts)
{
    struct topic_properties *topic =
        read_good("{'properties':{'inputSchema':'CustomEventSchema','inputSchemaMapping':{"
                  "'properties':{'eventType':{'defaultValue':''},'subject':{'defaultValue':''},"
                  "'dataVersion':{'sourceField':'v'}}}}}",
                  SOURCE_TOPIC);

    CHECK(topic->mapping.subject.has_default);
    check_members(topic, "'properties':{'eventType':{'defaultValue':''},'subject':"
                         "{'defaultValue':''},'dataVersion':{'sourceField':'v'}}");
    topic_properties_free(topic);
}

/* --- addresses --- */

static void mapped(const char *text, uint8_t address[16])
{
    memset(address, 0, 16);
    if (inet_pton(AF_INET, text, address + 12) == 1) {
        address[10] = address[11] = 0xFF;
    } else {
        CHECK(inet_pton(AF_INET6, text, address) == 1);
    }
}

TEST(who_may_publish)
{
    static const struct {
        const char *rules, *address;
        bool good;
    } rows[] = {
        {"", "1.2.3.4", true},
        {"{'ipMask':'10.0.0.0/8'}", "10.255.0.1", true},
        {"{'ipMask':'10.0.0.0/8'}", "11.0.0.1", false},
        {"{'ipMask':'10.0.0.0/8'}", "127.0.0.1", false},
        {"{'ipMask':'10.1.2.3'}", "10.1.2.3", true},
        {"{'ipMask':'10.1.2.3'}", "10.1.2.2", false},
        {"{'ipMask':'10.1.2.128/25'}", "10.1.2.200", true},
        {"{'ipMask':'10.1.2.128/25'}", "10.1.2.127", false},
        {"{'ipMask':'0.0.0.0/0'}", "1.2.3.4", true},
        {"{'ipMask':'0.0.0.0/0'}", "fd00::1", false},
        {"{'ipMask':'::/0'}", "1.2.3.4", true},
        {"{'ipMask':'fd00::/8'}", "fd12::1", true},
        {"{'ipMask':'fd00::/8'}", "fe80::1", false},
        {"{'ipMask':'10.0.0.0/8'},{'ipMask':'::1'}", "::1", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        uint8_t address[16];
        buffer_append_format(&text, "{'properties':{'inboundIpRules':[%s]}}", rows[i].rules);
        buffer_append_byte(&text, '\0');
        struct topic_properties *topic = read_good((const char *)text.data, SOURCE_TOPIC);
        test_note("%s %s", rows[i].rules, rows[i].address);
        mapped(rows[i].address, address);
        CHECK_INT_EQUAL(topic_properties_admit(topic, address, false), rows[i].good);
        topic_properties_free(topic);
        buffer_release(&text);
    }
}

TEST(a_topic_that_is_not_public)
{
    struct topic_properties *topic =
        read_good("{'properties':{'publicNetworkAccess':'disabled'}}", SOURCE_TOPIC);
    uint8_t address[16] = {[15] = 1};

    CHECK(topic_properties_admit(topic, address, true));
    CHECK(!topic_properties_admit(topic, address, false));
    check_members(topic, "'publicNetworkAccess':'Disabled'");
    topic_properties_free(topic);
}

TEST(rules_are_shown_as_ranges)
{
    struct topic_properties *topic =
        read_good("{'properties':{'inboundIpRules':[{'ipMask':'10.1.2.3'},{'ipMask':'fd00::/8'},"
                  "{'ipMask':'::/0'}]}}",
                  SOURCE_TOPIC);

    check_members(topic, "[{'ipMask':'10.1.2.3/32','action':'Allow'},{'ipMask':'fd00::/8',"
                         "'action':'Allow'},{'ipMask':'::/0','action':'Allow'}]");
    topic_properties_free(topic);
}

TEST(too_many_rules)
{
    struct buffer text = {0}, error = {0};

    buffer_append_string(&text, "{'properties':{'inboundIpRules':[");
    for (int i = 0; i <= IP_RULES_MAX; i++) {
        buffer_append_format(&text, "%s{'ipMask':'10.0.0.1'}", i > 0 ? "," : "");
    }
    buffer_append_string(&text, "]}}");
    buffer_append_byte(&text, '\0');
    CHECK(!read_as((const char *)text.data, SOURCE_TOPIC, &error));
    check_mistake(&error, "inboundIpRules", "at most 128 rules, not 129");
    buffer_release(&text);
}

static void check_patch(const char *before, const char *patch, const char *expected)
{
    struct buffer texts[3] = {{0}}, out = {0}, error = {0};

    test_note("%s", patch);
    append_quoted(&texts[0], before);
    append_quoted(&texts[1], patch);
    append_quoted(&texts[2], expected);
    CHECK(topic_properties_patch(buffer_slice(&texts[0]), buffer_slice(&texts[1]), &out, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&out), buffer_slice(&texts[2]));
    for (size_t i = 0; i < 3; i++) {
        buffer_release(&texts[i]);
    }
    buffer_release(&out);
}

TEST(patches)
{
    static const char before[] =
        "{'location':'l','tags':{'a':'b'},'properties':{'inputSchema':'x','disableLocalAuth':1}}";

    check_patch(before, "{'tags':{'c':'d'}}",
                "{'location':'l','tags':{'c':'d'},"
                "'properties':{'inputSchema':'x','disableLocalAuth':1}}");
    check_patch(before, "{'properties':{'disableLocalAuth':2}}",
                "{'location':'l','tags':{'a':'b'},"
                "'properties':{'inputSchema':'x','disableLocalAuth':2}}");
    check_patch(before, "{'tags':null,'properties':{'disableLocalAuth':null}}",
                "{'location':'l','properties':{'inputSchema':'x'}}");
    check_patch("{}", "{'properties':{'a':[ 1 ]}}", "{'properties':{'a':[1]}}");
}

TEST(patches_that_are_none)
{
    static const char *const rows[] = {"", "[]", "{", "5", "{\"properties\":5}"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0}, error = {0};
        CHECK(
            !topic_properties_patch(SLICE_LITERAL("{}"), slice_from_string(rows[i]), &out, &error));
        CHECK(error.length > 0);
        buffer_release(&error);
    }
}

/* --- namespaces --- */

TEST(topics_of_namespaces)
{
    struct topic_properties *topic =
        read_good("{'properties':{'publisherType':'custom','inputSchema':'cloudeventschemav1_0',"
                  "'eventRetentionInDays':7}}",
                  SOURCE_NAMESPACE_TOPIC);

    CHECK_INT_EQUAL(topic->schema, SCHEMA_CLOUD_EVENTS);
    CHECK_INT_EQUAL(topic->lifetime_days, 7);
    CHECK_INT_EQUAL(topic->retention_days, 0);
    check_members(topic, "{'publisherType':'Custom','inputSchema':'CloudEventSchemaV1_0',"
                         "'eventRetentionInDays':7}");
    topic_properties_free(topic);
    topic = read_good("{}", SOURCE_NAMESPACE_TOPIC);
    check_members(topic, "{'publisherType':'Custom','inputSchema':'CloudEventSchemaV1_0',"
                         "'eventRetentionInDays':1}");
    topic_properties_free(topic);
}

TEST(mistakes_in_topics_of_namespaces)
{
    static const struct {
        const char *text, *place, *said;
    } rows[] = {
        {"{'inputSchema':'EventGridSchema'}", "inputSchema", "have no other"},
        {"{'publisherType':'Partner'}", "publisherType", "is Custom"},
        {"{'eventRetentionInDays':0}", "eventRetentionInDays", "from 1 to 7"},
        {"{'eventRetentionInDays':8}", "eventRetentionInDays", "from 1 to 7"},
        {"{'disableLocalAuth':true}", "disableLocalAuth", "no such property"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0}, error = {0};
        test_note("%s", rows[i].text);
        buffer_append_format(&text, "{'properties':%s}", rows[i].text);
        buffer_append_byte(&text, '\0');
        CHECK(!read_as((const char *)text.data, SOURCE_NAMESPACE_TOPIC, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
        buffer_release(&text);
    }
}
