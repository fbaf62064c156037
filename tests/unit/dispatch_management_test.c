/* dispatch/management.h: topics, domains, system topics and event subscriptions as Azure's
 * libraries manage them (spec/eventgrid.md 8.1), with all of Event Grid behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "management_fixture.h"

#define VERSION  "?api-version=2022-06-15"
#define PROVIDER "/providers/Microsoft.EventGrid"
#define GROUP    "/subscriptions/s1/resourceGroups/g1"
#define TOPICS   GROUP PROVIDER "/topics"
#define ORDERS   TOPICS "/orders"
#define DOMAINS  GROUP PROVIDER "/domains"
#define STORAGE  GROUP "/providers/Microsoft.Storage/storageAccounts/acct"
#define BILLING  ORDERS PROVIDER "/eventSubscriptions/Billing"
#define SHORT    "/api/eventgrid"

#define TO_MQTT(topic)                                                                             \
    "'destination':{'endpointType':'MqttTopic','properties':{'topic':'" topic "'}}"
#define TO_WEB(url)                                                                                \
    "'destination':{'endpointType':'WebHook','properties':{'endpointUrl':'" url "'}}"

static struct management_world world;

static void ask(const char *method, const char *target, const char *body, int status,
                const char *part)
{
    world_ask(&world, method, target, body, status, part);
}

static void start_with_topic(void)
{
    world_start(&world, "{}");
    ask("PUT", ORDERS VERSION, "{'location':'westus','tags':{'a':'b'}}", 201, NULL);
}

/* ---------------------------------------------------------------- topics */

TEST(a_topic_is_made_shown_changed_and_deleted)
{
    world_start(&world, "{}");
    ask("GET", ORDERS VERSION, NULL, 404, "{'error':{'code':'ResourceNotFound','message':");
    ask("PUT", TOPICS "/Orders" VERSION, "{'location':'westus','tags':{'a':'b'}}", 201,
        "{'id':'" TOPICS "/Orders','name':'Orders','type':'Microsoft.EventGrid/topics',"
        "'location':'westus','tags':{'a':'b'},'properties':{'provisioningState':'Succeeded',"
        "'metricResourceId':'topics/orders',"
        "'endpoint':'http://localhost:9000/topics/Orders/api/events',"
        "'inputSchema':'EventGridSchema'");
    CHECK(world_has(&world, "topics/orders", NULL));
    ask("PUT", ORDERS VERSION, "{'location':'l'}", 200, "'location':'l','tags':{}");
    ask("PATCH", ORDERS VERSION, "{'tags':{'c':'d'},'properties':{'disableLocalAuth':true}}", 200,
        "'tags':{'c':'d'}");
    ask("GET", SHORT "/topics/ORDERS", NULL, 200, "'disableLocalAuth':true");
    ask("DELETE", ORDERS VERSION, NULL, 200, NULL);
    CHECK(!world_has(&world, "topics/orders", NULL));
    ask("DELETE", ORDERS VERSION, NULL, 204, NULL);
    world_end(&world);
}

TEST(topics_that_are_refused)
{
    start_with_topic();
    ask("PUT", TOPICS "/ab" VERSION, "{}", 400,
        "'InvalidRequest','message':'Topic name must be between 3 and 50 characters in length.'");
    ask("PUT", TOPICS "/a%2Fb%23" VERSION, "{}", 400, "Topic name must have only letters");
    ask("PUT", TOPICS "/custom" VERSION, "{'properties':{'inputSchema':'x'}}", 400, "inputSchema");
    ask("PUT", TOPICS "/custom" VERSION, "{", 400, NULL);
    ask("PUT", ORDERS VERSION, "{'properties':{'inputSchema':'CloudEventSchemaV1_0'}}", 409,
        "cannot be changed");
    ask("PATCH", ORDERS VERSION, "[]", 400, NULL);
    ask("PATCH", TOPICS "/none" VERSION, "{}", 404, NULL);
    ask("GET", ORDERS, NULL, 400, "MissingApiVersionParameter");
    ask("GET", ORDERS "?api-version=9999-99-99", NULL, 200, NULL);
    ask("POST", ORDERS VERSION, NULL, 405, "MethodNotAllowed");
    ask("GET", GROUP PROVIDER "/nothing" VERSION, NULL, 404, "InvalidResourceType");
    world_end(&world);
}

TEST(keys)
{
    struct manager manager;
    char keys[3][200];

    start_with_topic();
    for (int i = 0; i < 3; i++) {
        if (i == 1) {
            ask("POST", ORDERS "/regenerateKey" VERSION, "{'keyName':'key1'}", 200, "{'key1':");
        }
        if (i == 2) {
            ask("PUT", ORDERS VERSION, "{}", 200, NULL); /* they stay */
        }
        world_begin(&world, &manager, "POST", ORDERS "/listKeys" VERSION, NULL);
        CHECK_INT_EQUAL(manager.status, 200);
        snprintf(keys[i], sizeof(keys[i]), "%s", (const char *)manager.body.data);
        manager_release(&manager);
    }
    CHECK(strcmp(keys[0], keys[1]) != 0);
    CHECK_STRING_EQUAL(strstr(keys[0], "\"key2\""), strstr(keys[1], "\"key2\""));
    CHECK_STRING_EQUAL(keys[1], keys[2]);
    ask("POST", ORDERS "/regenerateKey" VERSION, "{'keyName':'key3'}", 400, "key1 or key2");
    world_end(&world);
}

TEST(lists_in_pages)
{
    struct manager manager;
    int pages = 0;
    char target[500] = TOPICS VERSION "&$top=2&$filter=contains(name%2C%27T%27)", *end;

    world_start(&world, "{}");
    for (int i = 0; i < 5; i++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/topic-%d%s", TOPICS, i, VERSION);
        ask("PUT", path, "{}", 201, NULL);
    }
    ask("PUT", ORDERS VERSION, "{}", 201, NULL);
    do {
        world_begin(&world, &manager, "GET", target, NULL);
        CHECK_INT_EQUAL(manager.status, 200);
        const char *body = (const char *)manager.body.data;
        const char *link = strstr(body, "\"nextLink\":\"http://localhost:9000");
        CHECK(!strstr(body, "orders"));
        CHECK((strstr(body, "topic-4") != NULL) == (pages == 2));
        CHECK((link != NULL) == (pages < 2));
        if (link) {
            snprintf(target, sizeof(target), "%s",
                     link + strlen("\"nextLink\":\"http://localhost:9000"));
            end = strchr(target, '"');
            *end = '\0';
        }
        manager_release(&manager);
        pages++;
    } while (pages < 3);
    ask("GET", "/subscriptions/other/providers/microsoft.eventgrid/TOPICS" VERSION, NULL, 200,
        "'name':'topic-4'");
    ask("GET", TOPICS VERSION "&$filter=location%20eq%20'x'", NULL, 400, "'InvalidRequest'");
    ask("GET", DOMAINS VERSION, NULL, 200, "{'value':[],'nextLink':null}");
    world_end(&world);
}

/* ---------------------------------------------------------------- domains, system topics */

TEST(domains_and_their_topics)
{
    world_start(&world, "{}");
    ask("PUT", DOMAINS "/shop/topics/t1" VERSION, NULL, 404, "ParentResourceNotFound");
    ask("PUT", DOMAINS "/shop" VERSION, "{'properties':{'inputSchema':'CloudEventSchemaV1_0'}}",
        201, "'autoCreateTopicWithFirstSubscription':true");
    ask("PUT", DOMAINS "/shop/topics/t1" VERSION, NULL, 201,
        "'name':'t1','type':'Microsoft.EventGrid/domains/topics'");
    ask("GET", DOMAINS "/shop/topics" VERSION, NULL, 200, "'name':'t1'");
    ask("GET", DOMAINS "/none/topics" VERSION, NULL, 404, NULL);
    ask("POST", DOMAINS "/shop/listKeys" VERSION, NULL, 200, "'key2':");
    /* The first event subscription makes a topic, the last one takes it away. */
    ask("PUT", DOMAINS "/shop/topics/t2/eventSubscriptions/one" VERSION,
        "{'properties':{" TO_MQTT("a") "}}", 201, "'eventDeliverySchema':'CloudEventSchemaV1_0'");
    CHECK(world_has(&world, "domains/shop/topics/t2", "one"));
    ask("DELETE", DOMAINS "/shop/topics/t2" PROVIDER "/eventSubscriptions/one" VERSION, NULL, 200,
        NULL);
    CHECK(!world_has(&world, "domains/shop/topics/t2", NULL));
    ask("PATCH", DOMAINS "/shop" VERSION,
        "{'properties':{'autoCreateTopicWithFirstSubscription':false}}", 200, NULL);
    ask("PUT", DOMAINS "/shop/topics/t3/eventSubscriptions/one" VERSION,
        "{'properties':{" TO_MQTT("a") "}}", 404, NULL);
    ask("PUT", DOMAINS "/shop/topics/t1/eventSubscriptions/one" VERSION,
        "{'properties':{" TO_MQTT("a") "}}", 201, NULL);
    ask("DELETE", DOMAINS "/shop" VERSION, NULL, 200, NULL);
    CHECK(!world_has(&world, "domains/shop/topics/t1", NULL));
    world_end(&world);
}

TEST(system_topics)
{
    world_start(&world, "{}");
    ask("PUT", GROUP PROVIDER "/systemTopics/blobs" VERSION,
        "{'location':'global','properties':{'source':'" STORAGE
        "','topicType':'Microsoft.Storage.StorageAccounts'}}",
        201, "'type':'Microsoft.EventGrid/systemTopics'");
    ask("PUT", GROUP PROVIDER "/systemTopics/other" VERSION,
        "{'properties':{'source':'" STORAGE "','topicType':'x'}}", 409, "already");
    ask("PUT", GROUP PROVIDER "/systemTopics/wrong" VERSION, "{'properties':{}}", 400, "source");
    /* As an extension of the source it is the same. */
    ask("PUT", STORAGE PROVIDER "/eventSubscriptions/one" VERSION, "{" TO_MQTT("a") "}", 201,
        "'topic':'" STORAGE "'");
    CHECK(world_has(&world, "systemtopics/blobs", "one"));
    ask("GET", GROUP PROVIDER "/systemTopics/blobs/eventSubscriptions/one" VERSION, NULL, 200,
        "'name':'one'");
    ask("GET", GROUP PROVIDER "/systemTopics/blobs" PROVIDER "/eventTypes" VERSION, NULL, 200,
        "'name':'Microsoft.Storage.BlobCreated'");
    ask("GET",
        "/subscriptions/s" PROVIDER
        "/topicTypes/microsoft.storage.storageaccounts/eventSubscriptions" VERSION,
        NULL, 200, "'name':'one'");
    /* Its events are stamped with the source, which filters see. */
    ask("PUT", STORAGE PROVIDER "/eventSubscriptions/two" VERSION,
        "{" TO_MQTT("a") ",'filter':{'advancedFilters':[{'operatorType':'StringIn','key':'topic',"
                         "'values':['" STORAGE "']}]}}",
        201, NULL);
    ask("POST", SHORT "/systemTopics/blobs/test",
        "[{'id':'1','subject':'/b','eventType':'t','eventTime':'2031-01-01T00:00:00Z','data':{},"
        "'dataVersion':'1'}]",
        200, "{'name':'two','topic':");
    ask("POST", SHORT "/systemTopics/blobs/test",
        "[{'id':'1','subject':'/b','eventType':'t','eventTime':'2031-01-01T00:00:00Z','data':{},"
        "'dataVersion':'1'}]",
        200, "'takes':true}]}]}");
    world_end(&world);
}

TEST(a_resource_gets_its_system_topic_with_its_first_subscription)
{
    world_start(&world, "{}");
    ask("GET", STORAGE PROVIDER "/eventSubscriptions" VERSION, NULL, 200, "{'value':[]");
    ask("PUT", STORAGE PROVIDER "/eventSubscriptions/one" VERSION, "{" TO_MQTT("a") "}", 201,
        "'topic':'" STORAGE "'");
    ask("GET", GROUP PROVIDER "/systemTopics" VERSION, NULL, 200,
        "'topicType':'Microsoft.Storage.StorageAccounts'");
    ask("GET", STORAGE PROVIDER "/eventSubscriptions" VERSION, NULL, 200, "'name':'one'");
    ask("PUT",
        GROUP "/providers/Microsoft.Nothing/things/x" PROVIDER "/eventSubscriptions/one" VERSION,
        "{" TO_MQTT("a") "}", 400, "make a system topic");
    world_end(&world);
}

TEST(what_the_provider_knows)
{
    world_start(&world, "{}");
    ask("GET", PROVIDER "/topicTypes" VERSION, NULL, 200, "'name':'Microsoft.KeyVault.vaults'");
    ask("GET", PROVIDER "/topicTypes/Microsoft.Maps.Accounts" VERSION, NULL, 200,
        "'provider':'Microsoft.Maps'");
    ask("GET", PROVIDER "/topicTypes/none/eventTypes" VERSION, NULL, 404, NULL);
    ask("GET", PROVIDER "/operations" VERSION, NULL, 200,
        "'name':'Microsoft.EventGrid/topics/listKeys/action'");
    world_end(&world);
}

/* ---------------------------------------------------------------- event subscriptions */

TEST(both_styles_reach_the_same_subscription)
{
    start_with_topic();
    ask("PUT", BILLING VERSION, "{'properties':{" TO_MQTT("a") ",'labels':['x']}}", 201,
        "{'id':'" ORDERS PROVIDER "/eventSubscriptions/Billing','name':'Billing',"
        "'type':'Microsoft.EventGrid/eventSubscriptions','properties':{'topic':'" ORDERS "',"
        "'provisioningState':'Succeeded','destination':");
    CHECK(world_has(&world, "topics/orders", "billing"));
    CHECK(broker_find_session("$wps//events/topics/orders/eventsubscriptions/billing"));
    ask("GET", ORDERS "/eventSubscriptions/billing" VERSION, NULL, 200, "'name':'Billing'");
    ask("GET", SHORT "/topics/orders/eventSubscriptions/billing", NULL, 200, "'labels':['x']");
    ask("PATCH", ORDERS "/eventSubscriptions/BILLING" VERSION, "{'labels':['z']}", 200,
        "'labels':['z']");
    ask("PATCH", BILLING VERSION, "{'properties':{'filter':{'subjectBeginsWith':'/a'}}}", 200,
        "'subjectBeginsWith':'/a'");
    ask("GET", ORDERS "/eventSubscriptions" VERSION "&$top=5", NULL, 200, "'labels':['z']");
    ask("GET", "/subscriptions/s1" PROVIDER "/eventSubscriptions" VERSION, NULL, 200,
        "'name':'Billing'");
    ask("DELETE", BILLING VERSION, NULL, 200, NULL);
    CHECK(!world_has(&world, "topics/orders", "billing"));
    broker_advance(world.broker, 1000);
    CHECK(!broker_find_session("$wps//events/topics/orders/eventsubscriptions/billing"));
    ask("DELETE", BILLING VERSION, NULL, 204, NULL);
    ask("GET", BILLING VERSION, NULL, 404, "was not found.");
    world_end(&world);
}

TEST(a_subscription_that_is_changed_keeps_its_connection)
{
    const struct broker_session *session;
    const struct channel *channel;

    start_with_topic();
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    broker_advance(world.broker, 5000);
    session = broker_find_session("$wps//events/topics/orders/eventsubscriptions/billing");
    CHECK(session && session->channel);
    channel = session->channel;
    ask("PUT", BILLING VERSION, "{" TO_MQTT("b") "}", 200, NULL);
    ask("PATCH", BILLING VERSION, "{'labels':['z']}", 200, NULL);
    CHECK(session->channel == channel);
    world_end(&world);
}

TEST(subscriptions_that_are_refused)
{
    start_with_topic();
    ask("PUT", ORDERS "/eventSubscriptions/ab" VERSION, "{}", 400, "between 3 and 64");
    ask("PUT", TOPICS "/none/eventSubscriptions/abc" VERSION, "{" TO_MQTT("a") "}", 404, NULL);
    ask("PUT", BILLING VERSION, "{}", 400, "destination");
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") ",'expirationTimeUtc':'1970-01-01T00:00:00.001Z'}",
        400, "Invalid expiration time.");
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") ",'eventDeliverySchema':'CustomInputSchema'}", 400,
        "eventDeliverySchema");
    ask("PUT", BILLING VERSION,
        "{'destination':{'endpointType':'EventGridTopic','properties':{'topicName':'none'}}}", 400,
        "was not found");
    ask("PATCH", BILLING VERSION, "{}", 404, NULL);
    CHECK(!broker_find_session("$wps//events/topics/orders/eventsubscriptions/billing"));
    world_end(&world);
}

TEST(a_webhook_consents)
{
    struct manager manager;

    start_with_topic();
    world_begin(&world, &manager, "PUT", BILLING VERSION, "{" TO_WEB("http://h/x?code=abc") "}");
    broker_run(world.broker);
    CHECK_INT_EQUAL(manager.status, 0);
    CHECK(!world_has(&world, "topics/orders", "billing"));
    CHECK_INT_EQUAL(world.request_count, 1);
    CHECK_SLICE_EQUAL(world.requests[0]->url, SLICE_LITERAL("http://h/x?code=abc"));
    world_consent(&world);
    expect_answer(&manager, 201, "'endpointBaseUrl':'http://h/x'");
    ask("POST", BILLING "/getFullUrl" VERSION, NULL, 200, "{'endpointUrl':'http://h/x?code=abc'}");
    ask("POST", BILLING "/getDeliveryAttributes" VERSION, NULL, 200, "{'value':[]}");
    /* It is not asked again for what does not concern it. */
    ask("PATCH", BILLING VERSION, "{'labels':['z']}", 200, "'Succeeded'");
    world_begin(&world, &manager, "PATCH", BILLING VERSION, "{" TO_WEB("http://h/y") "}");
    CHECK_INT_EQUAL(world.request_count, 1);
    world_answer(&world, 500, "");
    expect_answer(&manager, 400,
                  "{'error':{'code':'Url validation','message':'Webhook validation "
                  "handshake failed for http://h/y");
    ask("GET", BILLING VERSION, NULL, 200, "'endpointBaseUrl':'http://h/x'");
    world_end(&world);
}

TEST(a_webhook_that_skips_validation)
{
    start_with_topic();
    ask("PUT", BILLING VERSION,
        "{'destination':{'endpointType':'WebHook','properties':{'endpointUrl':'http://h/x',"
        "'skipValidation':true}}}",
        201, "'Succeeded'");
    CHECK_INT_EQUAL(world.request_count, 0);
    world_end(&world);
}

TEST(consent_by_hand)
{
    struct manager manager;
    char link[1000];

    start_with_topic();
    world_begin(&world, &manager, "PUT", BILLING VERSION, "{" TO_WEB("http://h/x") "}");
    struct slice body = world.requests[0]->body;
    const char *url = memmem(body.data, body.length, "/eventgrid/validate?", 20);
    CHECK(url);
    snprintf(link, sizeof(link), "%.*s", (int)strcspn(url, "\""), url);
    world_answer(&world, 200, "");
    expect_answer(&manager, 201, "'provisioningState':'AwaitingManualAction'");
    ask("GET", "/eventgrid/validate?id=x", NULL, 400, "This is no URL");
    ask("GET", link, NULL, 200, "successfully validated");
    ask("GET", BILLING VERSION, NULL, 200, "'Succeeded'");
    ask("GET", link, NULL, 200, "successfully validated"); /* once more */
    world_end(&world);
}

TEST(consent_by_hand_that_does_not_come)
{
    struct manager manager;

    start_with_topic();
    world_begin(&world, &manager, "PUT", BILLING VERSION, "{" TO_WEB("http://h/x") "}");
    world_answer(&world, 200, "");
    expect_answer(&manager, 201, "'AwaitingManualAction'");
    broker_advance(world.broker, 9 * 60 * 1000);
    ask("GET", BILLING VERSION, NULL, 200, "'AwaitingManualAction'");
    ask("POST", SHORT "/topics/orders/test",
        "[{'id':'1','subject':'/b','eventType':'t','eventTime':'2031-01-01T00:00:00Z','data':{},"
        "'dataVersion':'1'}]",
        200, "'takes':false,'reason':'its webhook has not given its consent'");
    broker_advance(world.broker, 61 * 1000);
    ask("GET", BILLING VERSION, NULL, 200, "'provisioningState':'Failed'");
    CHECK_INT_EQUAL(world.request_count, 0); /* whoever sets it asks, once */
    world_end(&world);
}

TEST(what_is_declared_is_deleted_in_the_file)
{
    world_start(&world,
                "{\"topics\":[{\"name\":\"orders\",\"eventSubscriptions\":[{\"name\":\"billing\","
                "\"properties\":{\"destination\":{\"endpointType\":\"MqttTopic\",\"properties\":{"
                "\"topic\":\"a\"}}}}]}]}");
    ask("GET", ORDERS VERSION, NULL, 200, NULL);
    ask("DELETE", ORDERS VERSION, NULL, 409, "configuration file");
    ask("DELETE", BILLING VERSION, NULL, 409, "configuration file");
    ask("PATCH", BILLING VERSION, "{'labels':['z']}", 200, "'labels':['z']");
    ask("DELETE", BILLING VERSION, NULL, 200, NULL); /* as declared again */
    ask("GET", BILLING VERSION, NULL, 200, "'labels':[]");
    ask("POST", ORDERS "/regenerateKey" VERSION, "{'keyName':'key2'}", 200, "'key2'");
    world_end(&world);
}

TEST(nothing_changes_without_the_broker)
{
    struct manager manager;

    start_with_topic();
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    broker_lose(world.broker);
    ask("PUT", TOPICS "/another" VERSION, "{}", 503, "ServiceUnavailable");
    ask("DELETE", BILLING VERSION, NULL, 503, NULL);
    world_begin(&world, &manager, "PUT", ORDERS "/eventSubscriptions/two" VERSION,
                "{" TO_MQTT("a") "}");
    broker_advance(world.broker, 60000); /* perhaps it comes back */
    expect_answer(&manager, 503, NULL);
    ask("GET", BILLING VERSION, NULL, 200, NULL);
    world_end(&world);
}

TEST(who_asked_goes_before_the_answer)
{
    struct manager manager;

    start_with_topic();
    world_begin(&world, &manager, "PUT", BILLING VERSION, "{" TO_WEB("http://h/x") "}");
    grid_abandon(&manager.reply);
    world_consent(&world);
    CHECK_INT_EQUAL(manager.status, 0);
    CHECK(world_has(&world, "topics/orders", "billing")); /* it is carried out all the same */
    world_begin(&world, &manager, "PUT", ORDERS "/eventSubscriptions/two" VERSION,
                "{" TO_WEB("http://h/x") "}");
    world_end(&world); /* and so does the server */
}

/* ---------------------------------------------------------------- beyond Azure */

TEST(filters_are_tried_out)
{
    start_with_topic();
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") ",'filter':{'subjectBeginsWith':'/a'}}", 201,
        NULL);
    ask("PUT", ORDERS "/eventSubscriptions/all" VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    ask("POST", SHORT "/topics/orders/test",
        "[{'id':'1','subject':'/b','eventType':'t','eventTime':'2031-01-01T00:00:00Z','data':{},"
        "'dataVersion':'1'}]",
        200,
        "{'value':[{'id':'1','eventSubscriptions':[{'name':'all','topic':'" ORDERS
        "','provisioningState':'Succeeded','takes':true},{'name':'Billing','topic':'" ORDERS
        "','provisioningState':'Succeeded','takes':false,'reason':");
    ask("POST", SHORT "/topics/orders/test", "[]", 400, NULL);
    ask("POST", SHORT "/topics/none/test", "[]", 404, NULL);
    world_end(&world);
}

TEST(logs)
{
    start_with_topic();
    ask("GET", SHORT "/topics/orders/log", NULL, 200, "{'value':[]}");
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    ask("PUT", ORDERS "/eventSubscriptions/two" VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    ask("GET", SHORT "/topics/orders/log", NULL, 200, "{'value':[]}");
    ask("GET", SHORT "/topics/orders/eventSubscriptions/billing/log?failures=true", NULL, 200,
        "'value':[]");
    ask("GET", SHORT "/topics/orders/eventSubscriptions/billing/log?top=1000", NULL, 400, "top");
    ask("GET", SHORT "/topics/orders/eventSubscriptions/none/log", NULL, 404, NULL);
    world_end(&world);
}

static bool append_state(void *context, struct slice queue, struct buffer *out)
{
    (void)context;
    buffer_append_format(out, "{\"ready\":%zu}", queue.length);
    return true;
}

TEST(queues)
{
    static const struct event_logs logs = {.append_state = append_state};

    start_with_topic();
    ask("PUT", BILLING VERSION, "{" TO_MQTT("a") "}", 201, NULL);
    ask("GET", SHORT "/topics/orders/eventSubscriptions/billing/queue", NULL, 503,
        "No process runs the queue");
    world.broker->bridges[1].gateway.event_logs = &logs;
    ask("GET", SHORT "/topics/orders/eventSubscriptions/billing/queue", NULL, 200,
        "{'session':'$wps//events/topics/orders/eventsubscriptions/billing','ready':53}");
    ask("GET", SHORT "/topics/orders/eventSubscriptions/none/queue", NULL, 404, NULL);
    world_end(&world);
}

TEST(what_cannot_be_sent_again)
{
    start_with_topic();
    ask("POST", SHORT "/topics/orders/replay", "{'since':'2031-01-01T00:00:00Z'}", 409,
        "eventRetentionInDays");
    ask("PATCH", ORDERS VERSION, "{'properties':{'eventRetentionInDays':1}}", 200, NULL);
    ask("POST", SHORT "/topics/orders/replay", "{}", 400, "since is needed");
    ask("POST", SHORT "/topics/orders/replay", "{'since':'yesterday'}", 400,
        "since must be a time");
    ask("POST", SHORT "/topics/orders/replay",
        "{'since':'2031-01-01T00:00:00Z','eventSubscriptions':['none']}", 404, "was not found");
    ask("POST", SHORT "/topics/orders/resend", "{}", 400, "id is needed");
    ask("POST", SHORT "/topics/none/resend", "{'id':'1'}", 404, NULL);
    world_end(&world);
}
