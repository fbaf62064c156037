/* Routes and enrichments of a namespace: every form, every limit (spec/eventgrid.md 5.7, 6.6).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource_fixture.h"

#include "base/arena.h"
#include "resource/reading.h"
#include "resource/routing.h"

struct outcome {
    struct arena arena;
    struct buffer json, error, shown;
    struct routing routing;
    unsigned mistakes;
};

struct holder {
    struct routing_members members;
};

static const struct property holder_rows[] = {ROUTING_PROPERTIES(struct holder, members)};
static const struct property_table holder_properties = PROPERTY_TABLE(holder_rows);

static void read_routing(struct outcome *outcome, const char *text)
{
    struct reading reading = {.arena = &outcome->arena, .error = &outcome->error};
    struct holder holder = {0};
    struct buffer quoted = {0};
    struct json_value value;

    append_quoted(&quoted, text);
    test_note("%s", text);
    CHECK(reading_keep_json(&reading, buffer_slice(&quoted), 1 << 20, &outcome->json, &value));
    reading_object(&reading, &value, &holder_properties, &holder);
    routing_read(&reading, &holder.members, &outcome->routing);
    outcome->mistakes = reading.mistakes;
    buffer_release(&quoted);
}

static void release(struct outcome *outcome)
{
    arena_release(&outcome->arena);
    buffer_release(&outcome->json);
    buffer_release(&outcome->error);
    buffer_release(&outcome->shown);
}

/* What a GET shows, without the comma in front. */
static void check_members(struct outcome *outcome, const char *expected)
{
    struct buffer members = {0};

    routing_append_members(&outcome->shown, &outcome->routing);
    CHECK(outcome->shown.length > 0 && outcome->shown.data[0] == ',');
    buffer_append(&members, slice_from(buffer_slice(&outcome->shown), 1));
    check_shows(&members, expected);
    buffer_release(&members);
}

#define ID "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/Orders"

TEST(nothing_is_no_route)
{
    struct outcome outcome = {0};

    read_routing(&outcome, "{}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    CHECK_INT_EQUAL(outcome.routing.route_count, 0);
    CHECK_INT_EQUAL(outcome.routing.enrichments.count, 0);
    routing_append_members(&outcome.shown, &outcome.routing);
    CHECK_INT_EQUAL(outcome.shown.length, 0);
    release(&outcome);
}

TEST(the_default_route_is_of_all_topics)
{
    struct outcome outcome = {0};

    read_routing(&outcome, "{'routeTopicResourceId':'" ID "'}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    CHECK_INT_EQUAL(outcome.routing.route_count, 1);
    const struct route *route = &outcome.routing.routes[0];
    CHECK_SLICE_EQUAL(route->name, SLICE_LITERAL("default"));
    CHECK_INT_EQUAL(route->filter_count, 1);
    CHECK_SLICE_EQUAL(route->filters[0], SLICE_LITERAL("#"));
    CHECK_SLICE_EQUAL(route->source_key, SLICE_LITERAL("topics/orders"));
    check_members(&outcome, "'routeTopicResourceId':'" ID "'");
    release(&outcome);
}

TEST(routes_by_filters_beside_it)
{
    struct outcome outcome = {0};

    read_routing(&outcome, "{'routeTopicResourceId':'topics/Orders','routes':[{'name':'alarms',"
                           "'topicFilters':['plant/+/alarm','x/#'],'topicResourceId':'Topics/T-1'},"
                           "{'name':'Rest','topicFilters':['a'],'topicResourceId':'" ID "'}]}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    CHECK_INT_EQUAL(outcome.routing.route_count, 3);
    const struct route *route = &outcome.routing.routes[1];
    CHECK_SLICE_EQUAL(route->name, SLICE_LITERAL("alarms"));
    CHECK_INT_EQUAL(route->filter_count, 2);
    CHECK_SLICE_EQUAL(route->filters[0], SLICE_LITERAL("plant/+/alarm"));
    CHECK_SLICE_EQUAL(route->source_key, SLICE_LITERAL("topics/t-1"));
    check_members(&outcome,
                  "'routeTopicResourceId':'topics/Orders','routes':[{'name':'alarms',"
                  "'topicFilters':['plant/+/alarm','x/#'],'topicResourceId':'Topics/T-1'},"
                  "{'name':'Rest','topicFilters':['a'],'topicResourceId':'" ID "'}]");
    release(&outcome);
}

TEST(a_route_that_is_called_default_is_written_as_it_came)
{
    struct outcome outcome = {0};

    read_routing(&outcome, "{'routes':[{'name':'default','topicFilters':['a/#'],"
                           "'topicResourceId':'topics/orders'}]}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    check_members(&outcome, "'routes':[{'name':'default','topicFilters':['a/#'],"
                            "'topicResourceId':'topics/orders'}]");
    release(&outcome);
}

#define ROUTE(name, filters, id)                                                                   \
    "{'routes':[{'name':'" name "','topicFilters':" filters ",'topicResourceId':'" id "'}]}"
#define ONE_STATIC(key, value)                                                                     \
    "{'routingEnrichments':{'static':[{'key':'" key "','value':'" value "'}]}}"
#define ONE_DYNAMIC(value) "{'routingEnrichments':{'dynamic':[{'key':'k','value':'" value "'}]}}"
#define S32                "ssssssssssssssssssssssssssssssss"
#define S128               S32 S32 S32 S32
#define U32                "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü"
#define U128               U32 U32 U32 U32
#define ENTRY(n)           "{'key':'k" #n "','value':'v'}"
#define TEN(n)                                                                                     \
    ENTRY(n##0)                                                                                    \
    "," ENTRY(n##1) "," ENTRY(n##2) "," ENTRY(n##3) "," ENTRY(n##4) "," ENTRY(n##5) "," ENTRY(     \
        n##6) "," ENTRY(n##7) "," ENTRY(n##8) "," ENTRY(n##9)

static const struct {
    const char *text, *place, *said;
} mistakes[] = {
    {"{'routeTopicResourceId':7}", "routeTopicResourceId", "is a text"},
    {"{'routeTopicResourceId':'nowhere'}", "routeTopicResourceId", "is the resource id"},
    {"{'routeTopicResourceId':'domains/d'}", "routeTopicResourceId", "is the resource id"},
    {"{'routes':{}}", "routes", "is an array"},
    {"{'routes':[7]}", "routes.0", "is an object"},
    {"{'routes':[{}]}", "routes.0.name", "is missing"},
    {"{'routes':[{}]}", "routes.0.topicFilters", "is missing"},
    {"{'routes':[{}]}", "routes.0.topicResourceId", "is missing"},
    {"{'routes':[{'x':1}]}", "routes.0.x", "there is no such property"},
    {ROUTE("ab", "['a']", "topics/orders"), "routes.0.name", "3 to 50"},
    {ROUTE("a_b", "['a']", "topics/orders"), "routes.0.name", "only letters"},
    {ROUTE("abc", "['a/#/b']", "topics/orders"), "routes.0.topicFilters.0", "no topic filter"},
    {ROUTE("abc", "['a','']", "topics/orders"), "routes.0.topicFilters.1", "is empty"},
    {ROUTE("abc", "['$SYS/#']", "topics/orders"), "routes.0.topicFilters.0", "begin with $"},
    {ROUTE("abc", "['$share/g/a']", "topics/orders"), "routes.0.topicFilters.0", "begin with $"},
    {ROUTE("abc", "[]", "topics/orders"), "routes.0.topicFilters", "is missing"},
    {ROUTE("abc", "['a']", "topics/o"), "routes.0.topicResourceId", "is the resource id"},
    {"{'routeTopicResourceId':'topics/orders','routes':[{'name':'Default','topicFilters':['a'],"
     "'topicResourceId':'topics/orders'}]}",
     "routes", "stands there twice"},
    {"{'routingEnrichments':{'static':7}}", "routingEnrichments.static", "is an array"},
    {"{'routingEnrichments':{'other':[]}}", "routingEnrichments.other", "no such property"},
    {"{'routingEnrichments':{'static':[{'key':'k'}]}}", "routingEnrichments.static.0.value",
     "is missing"},
    {"{'routingEnrichments':{'dynamic':[{'value':'v'}]}}", "routingEnrichments.dynamic.0.key",
     "is missing"},
    {ONE_STATIC("", "v"), "routingEnrichments.static.0.key", "1 to 20"},
    {ONE_STATIC("k12345678901234567890", "v"), "routingEnrichments.static.0.key", "1 to 20"},
    {ONE_STATIC("Key", "v"), "routingEnrichments.static.0.key", "small letters"},
    {ONE_STATIC("a_b", "v"), "routingEnrichments.static.0.key", "small letters"},
    {ONE_STATIC("subject", "v"), "routingEnrichments.static.0.key", "of CloudEvents itself"},
    {ONE_STATIC("data", "v"), "routingEnrichments.static.0.key", "of CloudEvents itself"},
    {ONE_STATIC("azsp1", "v"), "routingEnrichments.static.0.key", "begin with azsp"},
    {ONE_STATIC("k", S128 "s"), "routingEnrichments.static.0.value", "at most 128"},
    {ONE_STATIC("k", "v','valueType':'Number"), "routingEnrichments.static.0.valueType",
     "is String"},
    {"{'routingEnrichments':{'static':[" ENTRY(1) "],'dynamic':[" ENTRY(1) "]}}",
     "routingEnrichments", "stands there twice"},
    {"{'routingEnrichments':{'static':[" TEN(1) "],'dynamic':[" TEN(2) "," ENTRY(30) "]}}",
     "routingEnrichments", "at most 20"},
    {ONE_DYNAMIC("${client.authenticationName"), "routingEnrichments.dynamic.0.value",
     "without its }"},
    {ONE_DYNAMIC("${}"), "routingEnrichments.dynamic.0.value", "there is no ${}"},
    {ONE_DYNAMIC("${client.name}"), "routingEnrichments.dynamic.0.value",
     "there is no ${client.name}"},
    {ONE_DYNAMIC("${client.authenticationName.x}"), "routingEnrichments.dynamic.0.value",
     "there is no"},
    {ONE_DYNAMIC("${client.attributes}"), "routingEnrichments.dynamic.0.value", "there is no"},
    {ONE_DYNAMIC("${client.attributes.}"), "routingEnrichments.dynamic.0.value", "there is no"},
    {ONE_DYNAMIC("${mqtt.message.userProperties[x]}"), "routingEnrichments.dynamic.0.value",
     "there is no"},
    {ONE_DYNAMIC("${MQTT.message.pfi}"), "routingEnrichments.dynamic.0.value", "there is no"},
};

TEST(mistakes_say_where_and_what)
{
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct outcome outcome = {0};
        read_routing(&outcome, mistakes[i].text);
        CHECK(outcome.mistakes > 0);
        check_mistake(&outcome.error, mistakes[i].place, mistakes[i].said);
        release(&outcome);
    }
}

TEST(what_is_just_within_the_limits)
{
    static const char *const texts[] = {
        ONE_STATIC("k1234567890123456789", S128),
        ONE_STATIC("azs", U128),
        ONE_STATIC("k", ""),
        ONE_STATIC("k", "v','valueType':'string"),
        "{'routingEnrichments':{'static':[" TEN(1) "],'dynamic':[" TEN(2) "]}}",
        "{'routingEnrichments':{}}",
        "{'routingEnrichments':{'static':null}}",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct outcome outcome = {0};
        read_routing(&outcome, texts[i]);
        if (outcome.mistakes > 0) {
            test_fail(__FILE__, __LINE__, "%.*s", SLICE_PRINT(outcome.error));
        }
        release(&outcome);
    }
}

/* --- expressions --- */

static void check_part(const struct enrichment *enrichment, size_t index,
                       enum enrichment_source source, const char *name)
{
    CHECK(index < enrichment->part_count);
    CHECK_INT_EQUAL(enrichment->parts[index].source, source);
    CHECK_SLICE_EQUAL(enrichment->parts[index].name, slice_from_string(name));
}

TEST(each_expression)
{
    static const struct {
        const char *text;
        enum enrichment_source source;
        const char *name;
    } expressions[] = {
        {"${client.authenticationName}", ENRICH_AUTHENTICATION_NAME, ""},
        {"${client.attributes.floor_2}", ENRICH_ATTRIBUTE, "floor_2"},
        {"${mqtt.message.topicName}", ENRICH_TOPIC_NAME, ""},
        {"${mqtt.message.responseTopic}", ENRICH_RESPONSE_TOPIC, ""},
        {"${mqtt.message.correlationData}", ENRICH_CORRELATION_DATA, ""},
        {"${mqtt.message.pfi}", ENRICH_PAYLOAD_FORMAT, ""},
        {"${mqtt.message.userProperties.trace-id}", ENRICH_USER_PROPERTY, "trace-id"},
        {"just text", ENRICH_TEXT, "just text"},
        {"$ {x}", ENRICH_TEXT, "$ {x}"},
    };

    for (size_t i = 0; i < COUNT(expressions); i++) {
        struct outcome outcome = {0};
        struct buffer text = {0};
        buffer_append_format(&text, "{'routingEnrichments':{'dynamic':[{'key':'k','value':'%s'}]}}",
                             expressions[i].text);
        buffer_append_byte(&text, '\0');
        read_routing(&outcome, (const char *)text.data);
        CHECK_INT_EQUAL(outcome.mistakes, 0);
        CHECK_INT_EQUAL(outcome.routing.enrichments.items[0].part_count, 1);
        check_part(&outcome.routing.enrichments.items[0], 0, expressions[i].source,
                   expressions[i].name);
        release(&outcome);
        buffer_release(&text);
    }
}

TEST(names_in_quotes_and_text_around)
{
    struct arena arena = {0};
    struct buffer error = {0};
    struct reading reading = {.arena = &arena, .error = &error};
    struct enrichment enrichment = {0};

    CHECK(enrichment_compile(
        &reading,
        SLICE_LITERAL("a-${mqtt.message.userProperties['a } b']}${client.attributes[\"x\"]}-z"),
        &enrichment.parts, &enrichment.part_count));
    CHECK_INT_EQUAL(enrichment.part_count, 4);
    check_part(&enrichment, 0, ENRICH_TEXT, "a-");
    check_part(&enrichment, 1, ENRICH_USER_PROPERTY, "a } b");
    check_part(&enrichment, 2, ENRICH_ATTRIBUTE, "x");
    check_part(&enrichment, 3, ENRICH_TEXT, "-z");
    arena_release(&arena);
}

TEST(what_a_get_shows_of_enrichments)
{
    struct outcome outcome = {0};

    read_routing(&outcome,
                 "{'routingEnrichments':{'dynamic':[{'key':'who','value':"
                 "'${client.authenticationName}'}],'static':[{'key':'site','value':'w'}]}}");
    CHECK_INT_EQUAL(outcome.mistakes, 0);
    check_members(
        &outcome,
        "'routingEnrichments':{'static':[{'key':'site','value':'w','valueType':'String'}],"
        "'dynamic':[{'key':'who','value':'${client.authenticationName}'}]}");
    release(&outcome);
}
