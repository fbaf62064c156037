/* Namespaces: every property and mistake, and PATCH (spec/eventgrid.md 5.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "topic_fixture.h"

TEST(what_the_specification_shows)
{
    struct topic_properties *topic = read_good(
        "{'location':'westus2','sku':{'name':'Standard','capacity':1},'identity':{'type':"
        "'SystemAssigned'},'properties':{'isZoneRedundant':true,'publicNetworkAccess':'Enabled',"
        "'inboundIpRules':[],'minimumTlsVersionAllowed':'1.2','topicsConfiguration':{'hostname':"
        "'ns.westus2-1.eventgrid.azure.net','customDomains':[]},'topicSpacesConfiguration':{"
        "'state':'Enabled','hostname':'ns.westus2-1.ts.eventgrid.azure.net','routeTopicResourceId':"
        "'/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/namespaces/ns1/topics/"
        "routed','maximumSessionExpiryInHours':8,'maximumClientSessionsPerAuthenticationName':100,"
        "'clientAuthentication':{'alternativeAuthenticationNameSources':"
        "['ClientCertificateSubject']},'routingEnrichments':{'static':[{'key':'k','value':'v',"
        "'valueType':'String'}],'dynamic':[{'key':'k2','value':'${client.authenticationName}'}]},"
        "'customDomains':[{'fullyQualifiedDomainName':'mqtt.example.com'}],"
        "'routingIdentityInfo':{'type':'None'}}}}",
        SOURCE_NAMESPACE);
    const struct topic_spaces_configuration *spaces = &topic->spaces;

    CHECK(spaces->is_enabled && topic->is_zone_redundant);
    CHECK_INT_EQUAL(spaces->session_expiry_hours, 8);
    CHECK_INT_EQUAL(spaces->sessions_per_name, 100);
    CHECK_INT_EQUAL(spaces->authentication.source_count, 1);
    CHECK_INT_EQUAL(spaces->routing.route_count, 1);
    CHECK_SLICE_EQUAL(spaces->routing.routes[0].source_key,
                      SLICE_LITERAL("namespaces/ns1/topics/routed"));
    CHECK_INT_EQUAL(spaces->routing.enrichments.count, 2);
    CHECK_INT_EQUAL(spaces->custom_domain_count, 1);
    CHECK_SLICE_EQUAL(spaces->custom_domains[0], SLICE_LITERAL("mqtt.example.com"));
    check_members(topic,
                  "'topicsConfiguration':{'hostname':'here.example','customDomains':[]},"
                  "'topicSpacesConfiguration':{'hostname':'here.example',"
                  "'state':'Enabled','maximumSessionExpiryInHours':8,"
                  "'maximumClientSessionsPerAuthenticationName':100,'routeTopicResourceId':");
    check_members(topic, "'customDomains':[{'fullyQualifiedDomainName':'mqtt.example.com'}],"
                         "'routingIdentityInfo':{'type':'None'}}");
    topic_properties_free(topic);
}

TEST(defaults)
{
    struct topic_properties *topic = read_good("{}", SOURCE_NAMESPACE);

    CHECK(!topic->spaces.is_enabled && topic->is_public);
    check_members(topic,
                  "{'publicNetworkAccess':'Enabled','inboundIpRules':[],"
                  "'isZoneRedundant':false,'topicsConfiguration':{'hostname':'here.example'},"
                  "'topicSpacesConfiguration':{'hostname':'here.example','state':'Disabled',"
                  "'maximumSessionExpiryInHours':1,"
                  "'maximumClientSessionsPerAuthenticationName':1,"
                  "'clientAuthentication':{}}}");
    topic_properties_free(topic);
}

TEST(capacity)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"{'sku':{'name':'Standard','capacity':1}}", true},
        {"{'sku':{'name':'Standard','capacity':40}}", true},
        {"{'sku':{'name':'Standard'}}", true},
        {"{'sku':null}", true},
        {"{'sku':{'capacity':0}}", false},
        {"{'sku':{'capacity':41}}", false},
        {"{'sku':{'capacity':'1'}}", false},
        {"{'sku':[]}", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer error = {0};
        struct topic_properties *topic = read_as(rows[i].text, SOURCE_NAMESPACE, &error);
        test_note("%s", rows[i].text);
        CHECK_INT_EQUAL(topic != NULL, rows[i].is_good);
        CHECK(rows[i].is_good || slice_starts_with(buffer_slice(&error), SLICE_LITERAL("sku")));
        buffer_release(&error);
        topic_properties_free(topic);
    }
}

#define SPACES "topicSpacesConfiguration"

TEST(mistakes)
{
    static const struct {
        const char *text, *place, *said;
    } rows[] = {
        {"{'inputSchema':'x'}", "inputSchema", "no such property"},
        {"{'topicsConfiguration':5}", "topicsConfiguration", "is an object"},
        {"{'" SPACES "':{'state':'On'}}", SPACES ".state", "is Enabled or Disabled"},
        {"{'" SPACES "':{'maximumSessionExpiryInHours':9}}", SPACES ".maximumSessionExpiryInHours",
         "from 1 to 8"},
        {"{'" SPACES "':{'maximumClientSessionsPerAuthenticationName':0}}",
         SPACES ".maximumClientSessionsPerAuthenticationName", "from 1 to 100"},
        {"{'" SPACES "':{'routeTopicResourceId':'x'}}", SPACES ".routeTopicResourceId",
         "is the resource id"},
        {"{'" SPACES "':{'clientAuthentication':{'x':1}}}", SPACES ".clientAuthentication.x",
         "no such property"},
        {"{'" SPACES "':{'customDomains':[{}]}}",
         SPACES ".customDomains.0.fullyQualifiedDomainName", "is missing"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0}, error = {0};
        test_note("%s", rows[i].text);
        buffer_append_format(&text, "{'properties':%s}", rows[i].text);
        buffer_append_byte(&text, '\0');
        CHECK(!read_as((const char *)text.data, SOURCE_NAMESPACE, &error));
        check_mistake(&error, rows[i].place, rows[i].said);
        buffer_release(&text);
    }
}

/* What is said of one thing about MQTT leaves the others as they are. */
TEST(patches_of_what_is_said_about_mqtt)
{
    static const char *const rows[][3] = {
        {"{'properties':{'" SPACES "':{'state':'Enabled','maximumSessionExpiryInHours':2}}}",
         "{'properties':{'" SPACES "':{'maximumSessionExpiryInHours':3}}}",
         "{'properties':{'" SPACES "':{'state':'Enabled','maximumSessionExpiryInHours':3}}}"},
        {"{'properties':{'" SPACES "':{'state':'Enabled'}}}", "{'tags':{'a':'b'}}",
         "{'tags':{'a':'b'},'properties':{'" SPACES "':{'state':'Enabled'}}}"},
        {"{'properties':{'" SPACES "':{'state':'Enabled'}}}", "{'properties':{'" SPACES "':null}}",
         "{'properties':{}}"},
        {"{}", "{'properties':{'" SPACES "':{'state':'Enabled','routes':null}}}",
         "{'properties':{'" SPACES "':{'state':'Enabled'}}}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer texts[3] = {{0}}, out = {0}, error = {0};
        test_note("%s", rows[i][1]);
        for (size_t k = 0; k < COUNT(texts); k++) {
            append_quoted(&texts[k], rows[i][k]);
        }
        CHECK(
            topic_properties_patch(buffer_slice(&texts[0]), buffer_slice(&texts[1]), &out, &error));
        CHECK_SLICE_EQUAL(buffer_slice(&out), buffer_slice(&texts[2]));
        for (size_t k = 0; k < COUNT(texts); k++) {
            buffer_release(&texts[k]);
        }
        buffer_release(&out);
    }
}
