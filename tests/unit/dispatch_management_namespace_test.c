/* dispatch/management.h: namespaces, their topics, and what they have beside topics, as Azure
 * Resource Manager has them (spec/eventgrid.md 5.4, 5.7, 6.2, 6.3, 8.1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "management_fixture.h"

#define VERSION  "?api-version=2025-02-15"
#define ACCOUNT  "/subscriptions/s1"
#define GROUP    ACCOUNT "/resourceGroups/g1/providers/Microsoft.EventGrid"
#define PLANT    GROUP "/namespaces/Plant"
#define READINGS PLANT "/topics/Readings"
#define PULL     READINGS "/eventSubscriptions/Pull"
#define SHORT    "/api/eventgrid/namespaces"

static struct management_world world;

static void ask(const char *method, const char *target, const char *body, int status,
                const char *part)
{
    world_ask(&world, method, target, body, status, part);
}

static void start_with_plant(void)
{
    world_start(&world, "{}");
    ask("PUT", PLANT VERSION, "{'location':'westus'}", 201, NULL);
}

/* ---------------------------------------------------------------- namespaces */

TEST(a_namespace_is_made_shown_changed_and_deleted)
{
    world_start(&world, "{}");
    ask("GET", PLANT VERSION, NULL, 404, "The namespace ");
    ask("PUT", PLANT VERSION,
        "{'location':'westus2','sku':{'name':'Standard','capacity':1},'tags':{'a':'b'}}", 201,
        "{'id':'" PLANT "','name':'Plant','type':'Microsoft.EventGrid/namespaces',"
        "'location':'westus2','tags':{'a':'b'},'sku':{'name':'Standard','capacity':1},"
        "'properties':{'provisioningState':'Succeeded',"
        "'metricResourceId':'namespaces/plant','endpoint':'http://localhost:9000/Plant',"
        "'publicNetworkAccess':'Enabled'");
    ask("PATCH", PLANT VERSION, "{'properties':{'topicSpacesConfiguration':{'state':'Enabled'}}}",
        200,
        "'topicSpacesConfiguration':{'hostname':'127.0.0.1','state':'Enabled',"
        "'maximumSessionExpiryInHours':1");
    ask("PATCH", PLANT VERSION, "{'properties':[]}", 400, "properties: is an object");
    ask("PATCH", PLANT VERSION, "{'sku':{'capacity':41}}", 400, "sku.capacity");
    ask("GET", PLANT VERSION, NULL, 200, "'sku':{'name':'Standard','capacity':1}");
    ask("PATCH", PLANT VERSION,
        "{'properties':{'topicSpacesConfiguration':{'maximumSessionExpiryInHours':8,'hostname':"
        "'x'}}}",
        200,
        "'topicSpacesConfiguration':{'hostname':'127.0.0.1','state':'Enabled',"
        "'maximumSessionExpiryInHours':8");
    ask("GET", SHORT "/PLANT", NULL, 200, "'tags':{'a':'b'}");
    ask("POST", PLANT "/listKeys" VERSION, NULL, 200, "{'key1':");
    ask("POST", PLANT "/regenerateKey" VERSION, "{'keyName':'key2'}", 200, "{'key1':");
    ask("GET", PLANT VERSION, NULL, 200, "'maximumSessionExpiryInHours':8");
    ask("GET", GROUP "/namespaces" VERSION, NULL, 200, "'name':'Plant'");
    ask("GET", ACCOUNT "/providers/Microsoft.EventGrid/namespaces" VERSION, NULL, 200,
        "'name':'Plant'");
    ask("DELETE", PLANT VERSION, NULL, 200, NULL);
    ask("DELETE", PLANT VERSION, NULL, 204, NULL);
    world_end(&world);
}

TEST(one_namespace_has_mqtt_clients)
{
    static const char enabled[] = "{'properties':{'topicSpacesConfiguration':{'state':'Enabled'}}}";

    start_with_plant();
    ask("PUT", SHORT "/first", enabled, 201, NULL);
    ask("PUT", SHORT "/second", enabled, 400, "another namespace is Enabled already");
    ask("PATCH", PLANT VERSION, enabled, 400, "another namespace is Enabled already");
    ask("PUT", SHORT "/first", enabled, 200, NULL);
    ask("PUT", SHORT "/first", "{}", 200, "'state':'Disabled'");
    ask("PUT", SHORT "/second", enabled, 201, NULL);
    world_end(&world);
}

/* Each process finds nothing in the way when it begins. */
TEST(of_two_namespaces_that_get_mqtt_at_the_same_moment_one_is_refused)
{
    static const char enabled[] = "{'properties':{'topicSpacesConfiguration':{'state':'Enabled'}}}";
    static const char *const names[][WORLD_GRIDS] = {{"/first", "/second"}, {"/second", "/first"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct manager managers[WORLD_GRIDS];
        world_start(&world, "{}");
        for (int grid = 0; grid < WORLD_GRIDS; grid++) {
            char target[100];
            snprintf(target, sizeof(target), SHORT "%s", names[i][grid]);
            world_begin_at(&world, grid, &managers[grid], "PUT", target, enabled);
        }
        broker_run(world.broker);
        broker_advance(world.broker, 100);
        expect_answer(&managers[i], 201, "'name':'first'");
        expect_answer(&managers[1 - i], 400, "another namespace is Enabled already");
        ask("GET", SHORT "/second", NULL, 404, NULL);
        ask("PUT", SHORT "/second", "{}", 201, NULL);
        world_end(&world);
    }
}

/* The answer to that of the later name was on its way before the other one was heard. */
TEST(who_has_been_answered_keeps_mqtt)
{
    static const char enabled[] = "{'properties':{'topicSpacesConfiguration':{'state':'Enabled'}}}";
    struct manager manager;

    world_start(&world, "{}");
    world_begin_at(&world, 0, &manager, "PUT", SHORT "/first", enabled);
    broker_publish(
        world.broker,
        &(struct packet){
            .type = PACKET_PUBLISH,
            .publish = {.topic = SLICE_LITERAL("$config/eventgrid/namespaces/second"),
                        .payload = SLICE_LITERAL("{\"name\":\"second\",\"resource\":{"
                                                 "\"properties\":{\"topicSpacesConfiguration\":{"
                                                 "\"state\":\"Enabled\"}}}}"),
                        .retain = true}});
    broker_run(world.broker);
    CHECK_INT_EQUAL(manager.status, 0);
    broker_advance(world.broker, 4000);
    expect_answer(&manager, 400, "another namespace is Enabled already");
    ask("GET", SHORT "/first", NULL, 404, NULL);
    ask("GET", SHORT "/second", NULL, 200, "'state':'Enabled'");
    world_end(&world);
}

TEST(routes_lead_to_topics_that_are_there)
{
    static const char routed[] =
        "{'properties':{'topicSpacesConfiguration':{'routeTopicResourceId':'" READINGS "'}}}";

    start_with_plant();
    ask("PUT", PLANT VERSION, routed, 400, "the event topic of a route was not found");
    ask("PUT", READINGS VERSION, NULL, 201, NULL);
    ask("PUT", PLANT VERSION, routed, 200, "'routeTopicResourceId':'" READINGS "'");
    world_end(&world);
}

TEST(namespaces_that_are_refused)
{
    start_with_plant();
    ask("PUT", GROUP "/namespaces/a.b" VERSION, "{}", 400, "Namespace name must have only letters");
    ask("PUT", PLANT VERSION, "{'properties':{'inputSchema':'x'}}", 400, "inputSchema");
    ask("GET", PLANT, NULL, 400, "MissingApiVersionParameter");
    ask("PUT", PLANT "/eventSubscriptions/e1" VERSION, "{}", 404, NULL);
    world_end(&world);
}

/* ---------------------------------------------------------------- topics */

TEST(topics_and_their_subscriptions)
{
    world_start(&world, "{}");
    ask("PUT", READINGS VERSION, "{}", 404, "'ParentResourceNotFound','message':'The namespace ");
    ask("PUT", PLANT VERSION, "{}", 201, NULL);
    ask("PUT", READINGS VERSION, "{'properties':{'eventRetentionInDays':3}}", 201,
        "{'id':'" READINGS "','name':'Readings','type':'Microsoft.EventGrid/namespaces/topics',"
        "'properties':{'provisioningState':'Succeeded',"
        "'metricResourceId':'namespaces/plant/topics/readings',"
        "'endpoint':'http://localhost:9000/Plant/topics/Readings:publish','publisherType':'Custom',"
        "'inputSchema':'CloudEventSchemaV1_0','eventRetentionInDays':3}");
    ask("POST", READINGS "/listKeys" VERSION, NULL, 200, "{'key1':");
    ask("GET", PLANT "/topics" VERSION, NULL, 200, "'name':'Readings'");
    ask("GET", SHORT "/other/topics", NULL, 404, "The namespace ");
    ask("PUT", PULL VERSION,
        "{'properties':{'deliveryConfiguration':{'deliveryMode':'Queue','queue':{"
        "'eventTimeToLive':'P3D'}}}}",
        201,
        "{'id':'" PULL "','name':'Pull','type':'Microsoft.EventGrid/namespaces/topics/"
        "eventSubscriptions','properties':{'provisioningState':'Succeeded',"
        "'deliveryConfiguration':{'deliveryMode':'Queue','queue':{"
        "'receiveLockDurationInSeconds':60,'maxDeliveryCount':10,'eventTimeToLive':'P3D'");
    ask("GET", READINGS "/eventSubscriptions" VERSION, NULL, 200, "'name':'Pull'");
    ask("PATCH", READINGS VERSION, "{'properties':{'eventRetentionInDays':2}}", 409,
        "longer eventTimeToLive");
    ask("PATCH", PULL VERSION,
        "{'properties':{'deliveryConfiguration':{'queue':{'eventTimeToLive':'P1D'}}}}", 200,
        "'eventTimeToLive':'P1D'");
    ask("PATCH", READINGS VERSION, "{'properties':{'eventRetentionInDays':2}}", 200,
        "'eventRetentionInDays':2");
    ask("POST", PULL "/getDeliveryAttributes" VERSION, NULL, 200, "{'value':[]}");
    ask("DELETE", PULL VERSION, NULL, 200, NULL);
    ask("DELETE", READINGS VERSION, NULL, 200, NULL);
    world_end(&world);
}

TEST(topics_that_are_refused)
{
    start_with_plant();
    ask("PUT", PLANT "/topics/a" VERSION, "{}", 400, "Topic name must be between");
    ask("PUT", READINGS VERSION, "{'properties':{'inputSchema':'EventGridSchema'}}", 400,
        "inputSchema");
    ask("PUT", PULL VERSION, "{}", 404, "'message':'The topic ");
    ask("PUT", READINGS VERSION, "{}", 201, NULL);
    ask("PUT", PULL VERSION,
        "{'destination':{'endpointType':'WebHook','properties':{'endpointUrl':'http://h'}}}", 400,
        "destination");
    world_end(&world);
}

/* ---------------------------------------------------------------- children */

TEST(clients)
{
    start_with_plant();
    ask("GET", PLANT "/clients/Pump-1" VERSION, NULL, 404, "The client ");
    ask("PUT", PLANT "/clients/Pump-1" VERSION,
        "{'properties':{'attributes':{'floor':3},'description':'d'}}", 201,
        "{'id':'" PLANT "/clients/Pump-1','name':'Pump-1','type':'Microsoft.EventGrid/namespaces/"
        "clients','properties':{'provisioningState':'Succeeded','authenticationName':'Pump-1'");
    ask("PUT", PLANT "/clients/Pump-1" VERSION, "{'properties':{}}", 200, NULL);
    ask("PUT", PLANT "/clients/Pump-1" VERSION, "{'properties':{'authenticationName':'x'}}", 400,
        "cannot be changed");
    /* Names have case, and names of authentication have not. */
    ask("PUT", PLANT "/clients/pump-1" VERSION, NULL, 409, "has this authenticationName already.");
    ask("PUT", PLANT "/clients/pump-1" VERSION, "{'properties':{'authenticationName':'other'}}",
        201, NULL);
    ask("PUT", SHORT "/plant/clients/a%2Fb", "{}", 400, "name has 1 to 128 letters");
    ask("PUT", SHORT "/none/clients/abc", "{}", 404, "The namespace ");
    ask("DELETE", PLANT "/clients/Pump-1" VERSION, NULL, 200, NULL);
    ask("DELETE", PLANT "/clients/Pump-1" VERSION, NULL, 204, NULL);
    ask("GET", PLANT "/clients/pump-1" VERSION, NULL, 200, "'authenticationName':'other'");
    world_end(&world);
}

TEST(children_in_pages)
{
    struct manager manager;
    char target[500] = PLANT "/clients" VERSION "&$top=2";
    const char *end;
    int pages = 0, names = 0;

    start_with_plant();
    ask("PUT", SHORT "/plant/clients/A", NULL, 201, NULL);
    ask("PUT", SHORT "/plant/clients/a", "{'properties':{'authenticationName':'x'}}", 201, NULL);
    ask("PUT", SHORT "/plant/clients/b", NULL, 201, NULL);
    do {
        world_begin(&world, &manager, "GET", target, NULL);
        CHECK_INT_EQUAL(manager.status, 200);
        const char *body = (const char *)manager.body.data;
        for (const char *at = body; (at = strstr(at, "\"name\":")) != NULL; at++) {
            names++;
        }
        static const char before[] = "\"nextLink\":\"http://localhost:9000";
        const char *link = strstr(body, before);
        end = link ? strchr(link + strlen(before), '"') : NULL;
        if (end) {
            snprintf(target, sizeof(target), "%.*s", (int)(end - link - (long)strlen(before)),
                     link + strlen(before));
        }
        manager_release(&manager);
        pages++;
    } while (end);
    CHECK_INT_EQUAL(pages, 2);
    CHECK_INT_EQUAL(names, 3);
    ask("GET", PLANT "/clients" VERSION "&$filter=name%20eq%20%27b%27", NULL, 200,
        "{'value':[{'id':'" PLANT "/clients/b'");
    world_end(&world);
}

TEST(who_may_do_what)
{
    static const char binding[] = "{'properties':{'clientGroupName':'Pumps','topicSpaceName':'own',"
                                  "'permission':'Publisher'}}";

    start_with_plant();
    ask("PUT", PLANT "/permissionBindings/send" VERSION, binding, 400, "The client group ");
    ask("PUT", PLANT "/clientGroups/pumps" VERSION,
        "{'properties':{'query':'attributes.floor = 3'}}", 201,
        "'type':'Microsoft.EventGrid/namespaces/clientGroups'");
    ask("PUT", PLANT "/permissionBindings/send" VERSION, binding, 400, "The topic space ");
    ask("PUT", PLANT "/topicSpaces/own" VERSION, "{'properties':{'topicTemplates':['a/#']}}", 201,
        "'topicTemplates':['a/#']");
    ask("PUT", PLANT "/permissionBindings/send" VERSION, binding, 201, "'permission':'Publisher'");
    ask("PUT", PLANT "/permissionBindings/read" VERSION,
        "{'properties':{'clientGroupName':'$all','topicSpaceName':'OWN','permission':"
        "'Subscriber'}}",
        201, NULL);
    ask("DELETE", PLANT "/clientGroups/PUMPS" VERSION, NULL, 409, "needs it; delete that first.");
    ask("DELETE", PLANT "/permissionBindings/send" VERSION, NULL, 200, NULL);
    ask("DELETE", PLANT "/clientGroups/pumps" VERSION, NULL, 200, NULL);
    ask("DELETE", PLANT "/topicSpaces/own" VERSION, NULL, 409, "needs it; delete that first.");
    ask("PUT", PLANT "/clientGroups/pumps" VERSION, "{'properties':{'query':'x'}}", 400, "query");
    ask("PUT", PLANT "/caCertificates/ca1" VERSION, "{'properties':{}}", 400, "encodedCertificate");
    ask("GET", PLANT "/permissionBindings" VERSION, NULL, 200, "'name':'read'");
    /* With all that is in it. */
    ask("PUT", READINGS VERSION, "{}", 201, NULL);
    ask("DELETE", PLANT VERSION, NULL, 200, NULL);
    ask("PUT", PLANT VERSION, "{}", 201, NULL);
    ask("GET", PLANT "/topicSpaces" VERSION, NULL, 200, "{'value':[],'nextLink':null}");
    ask("GET", PLANT "/topics" VERSION, NULL, 200, "{'value':[],'nextLink':null}");
    world_end(&world);
}

TEST(a_namespace_has_so_many)
{
    start_with_plant();
    for (int i = 0; i < 11; i++) {
        char target[200];
        snprintf(target, sizeof(target), SHORT "/plant/topicSpaces/space-%d", i);
        ask("PUT", target, "{'properties':{'topicTemplates':['a']}}", i < 10 ? 201 : 400,
            i < 10 ? NULL : "A namespace has at most 10 topic spaces.");
    }
    ask("PUT", SHORT "/plant/topicSpaces/space-1", "{'properties':{'topicTemplates':['b']}}", 200,
        NULL);
    world_end(&world);
}

TEST(what_is_declared_is_deleted_in_the_file)
{
    world_start(&world, "{\"namespaces\":[{\"name\":\"plant\",\"clients\":[{\"name\":\"abc\"}],"
                        "\"topics\":[{\"name\":\"readings\"}]}]}");
    ask("DELETE", SHORT "/plant/clients/abc", NULL, 409, "declared in the configuration file");
    ask("PUT", SHORT "/plant/clients/abc", "{'properties':{'description':'set'}}", 200, "'set'");
    ask("DELETE", SHORT "/plant/clients/abc", NULL, 200, NULL);
    ask("GET", SHORT "/plant/clients/abc", NULL, 200, NULL);
    ask("DELETE", SHORT "/plant", NULL, 409, "declared in the configuration file");
    /* Keys were made for what has none in the file. */
    ask("POST", SHORT "/plant/listKeys", NULL, 200, "{'key1':'");
    ask("POST", SHORT "/plant/topics/readings/listKeys", NULL, 200, "{'key1':'");
    world_end(&world);
}
