/* bridge/dispatch/namespace_*: what publishers and receivers of a namespace's topics are answered
 * (spec/eventgrid.md 5.1 to 5.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/namespace_http.h"
#include "dispatch/outside.h"
#include "dispatch/runner.h"
#include "door_fixture.h"

#define TOPIC "namespaces/plant/topics/readings"
#define WORK  "/topics/readings/eventsubscriptions/work:"
#define CLOUD_EVENT(id)                                                                            \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/s\",\"type\":\"t\"}"

/* --- the world: no webhook is called, no file written --- */

static void no_request(void *context, struct outside_request *request)
{
    (void)context, (void)request;
}

static void no_file(void *context, struct file_task *task)
{
    (void)context, (void)task;
}

static const struct outside_ops nothing_outside = {
    .request = no_request,
    .cancel_request = no_request,
    .file = no_file,
    .cancel_file = no_file,
};

struct namespace_world {
    struct door_world door;
};

static void start(struct namespace_world *world)
{
    struct grid *grid = &world->door.grid;

    world->door = (struct door_world){.broker = broker_new()};
    grid->gateway = &world->door.broker->bridges[0].gateway;
    grid->options.outside = (struct outside){&nothing_outside, NULL};
    grid->runner = runner_new(grid);
    grid->catalog = catalog_new(runner_catalog_listener(grid->runner));
    grid->door = door_new(grid);
    grid->namespaces = namespace_http_new(grid);
    door_connect(grid->door);
    broker_kill(world->door.broker, 1); /* this process runs all queues */
    broker_run(world->door.broker);
    door_complete(&world->door);
    runner_connect(grid->runner);
    door_topic(&world->door, "namespaces/plant", "");
    door_set(&world->door, TOPIC, "{\"resource\":{\"properties\":{}},\"key1\":\"dG9waWM=\"}");
    door_set(&world->door, TOPIC "/eventsubscriptions/work",
             "{\"properties\":{\"deliveryConfiguration\":{\"deliveryMode\":\"Queue\"}}}");
    broker_advance(world->door.broker, 0);
}

static void end(struct namespace_world *world)
{
    namespace_http_free(world->door.grid.namespaces);
    runner_free(world->door.grid.runner);
    door_end(&world->door);
}

/* --- requests --- */

static void begin(struct namespace_world *world, struct asker *asker, const char *target,
                  const char *content_type, const char *body, const struct pair *more)
{
    struct pair headers[8] = {
        {SLICE_LITERAL("host"), SLICE_LITERAL("localhost:8080")},
        {SLICE_LITERAL("authorization"), SLICE_LITERAL("SharedAccessKey " TEST_KEY)},
        {SLICE_LITERAL("content-type"), slice_from_string(content_type)},
    };
    size_t count = 3;
    struct grid_request request = {
        .method = SLICE_LITERAL("POST"),
        .target = slice_from_string(target),
        .body = slice_from_string(body),
        .is_loopback = true,
    };

    for (; more && more->key.data && count < 8; more++) {
        headers[count++] = *more;
    }
    request.headers = (struct pairs){headers, count};
    *asker = (struct asker){.reply.answer = take_answer};
    CHECK(namespace_http_is_path(request.target));
    namespace_http_call(world->door.grid.namespaces, &request, &asker->reply);
}

/* The answer's body, NUL-terminated until the next call. */
static const char *post(struct namespace_world *world, int status, const char *target,
                        const char *content_type, const char *body, const struct pair *more)
{
    static struct buffer text;
    struct asker asker;

    begin(world, &asker, target, content_type, body, more);
    broker_advance(world->door.broker, 0);
    test_note("%s: %.*s", target, SLICE_PRINT(buffer_slice(&asker.body)));
    CHECK_INT_EQUAL(asker.status, status);
    CHECK_STRING_EQUAL(asker.content_type, "application/json; charset=utf-8");
    buffer_release(&text);
    buffer_append(&text, buffer_slice(&asker.body));
    buffer_append_byte(&text, '\0');
    asker_release(&asker);
    return (const char *)text.data;
}

#define STRUCTURED "application/cloudevents+json; charset=utf-8"
#define BATCH      "application/cloudevents-batch+json; charset=utf-8"

static const char *receive(struct namespace_world *world)
{
    return post(world, 200, WORK "receive?maxEvents=100&maxWaitTime=10", "", "", NULL);
}

/* --- publishing --- */

TEST(events_are_published_in_each_content_mode)
{
    static const struct pair attributes[] = {
        {SLICE_LITERAL("ce-specversion"), SLICE_LITERAL("1.0")},
        {SLICE_LITERAL("ce-id"), SLICE_LITERAL("b")},
        {SLICE_LITERAL("ce-source"), SLICE_LITERAL("/s")},
        {SLICE_LITERAL("ce-type"), SLICE_LITERAL("t")},
        {{0}, {0}},
    };
    struct namespace_world world;
    const char *got;

    start(&world);
    CHECK_STRING_EQUAL(
        post(&world, 200, "/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL), "{}");
    CHECK_STRING_EQUAL(post(&world, 200, "/topics/readings:publish?api-version=9", BATCH,
                            "[" CLOUD_EVENT("c") "," CLOUD_EVENT("d") "]", NULL),
                       "{}");
    CHECK_STRING_EQUAL(post(&world, 200, "/topics/readings:publish", BATCH, "[]", NULL), "{}");
    CHECK_STRING_EQUAL(
        post(&world, 200, "/topics/readings:publish", "application/json", "{\"n\":1}", attributes),
        "{}");
    CHECK_STRING_EQUAL(
        post(&world, 200, "/topics/readings:publish", "text/plain", "hallo", attributes), "{}");
    CHECK_STRING_EQUAL(post(&world, 200, "/topics/readings:publish", "image/png", "", attributes),
                       "{}");
    got = receive(&world);
    CHECK(strstr(got, "\"event\":" CLOUD_EVENT("a") "}"));
    CHECK(strstr(got, "\"event\":" CLOUD_EVENT("c") "}"));
    CHECK(strstr(got, "\"event\":" CLOUD_EVENT("d") "}"));
    CHECK(strstr(got, "\"datacontenttype\":\"application/json\",\"data\":{\"n\":1}}"));
    CHECK(strstr(got, "\"datacontenttype\":\"text/plain\",\"data_base64\":\"aGFsbG8=\"}"));
    CHECK(strstr(got, "\"datacontenttype\":\"image/png\"}"));
    end(&world);
}

TEST(what_is_no_event_is_refused)
{
    static const struct pair half[] = {{SLICE_LITERAL("ce-id"), SLICE_LITERAL("b")}, {{0}, {0}}};
    struct namespace_world world;

    start(&world);
    CHECK(strstr(post(&world, 400, "/topics/readings:publish", STRUCTURED, "{}", NULL),
                 "{\"error\":{\"code\":\"BadRequest\",\"message\":\""));
    post(&world, 400, "/topics/readings:publish", STRUCTURED, "{", NULL);
    post(&world, 400, "/topics/readings:publish", BATCH, CLOUD_EVENT("a"), NULL);
    post(&world, 400, "/topics/readings:publish", "text/plain", "x", half);
    post(&world, 415, "/topics/readings:publish", "text/plain", "x", NULL);
    CHECK_INT_EQUAL(catalog_find(world.door.grid.catalog, SLICE_LITERAL(TOPIC))->statistics.refused,
                    5);
    end(&world);
}

TEST(there_are_bounds_of_bytes_and_events)
{
    struct namespace_world world;
    struct buffer body = {0};

    start(&world);
    for (int i = 0; i <= 1000; i++) {
        buffer_append_string(&body, i == 0 ? "[" : ",");
        buffer_append_string(&body, CLOUD_EVENT("a"));
    }
    buffer_append(&body, slice_make("]", 2));
    CHECK(
        strstr(post(&world, 413, "/topics/readings:publish", BATCH, (const char *)body.data, NULL),
               "(1000)"));
    body.length = 0;
    while (body.length < 1 << 20) {
        buffer_append_byte(&body, ' ');
    }
    buffer_append(&body, slice_make("{}", 3));
    CHECK(strstr(
        post(&world, 413, "/topics/readings:publish", STRUCTURED, (const char *)body.data, NULL),
        "(1048576)"));
    buffer_release(&body);
    end(&world);
}

/* --- which one, and who --- */

TEST(a_namespace_is_named_by_the_path_or_is_the_only_one)
{
    struct namespace_world world;

    start(&world);
    post(&world, 200, "/plant/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    post(&world, 200, "/namespaces/Plant/topics/Readings:publish", STRUCTURED, CLOUD_EVENT("a"),
         NULL);
    post(&world, 404, "/other/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    post(&world, 404, "/topics/other:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    door_topic(&world.door, "namespaces/other", "");
    post(&world, 404, "/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    door_topic(&world.door, "namespaces/default", "");
    door_topic(&world.door, "namespaces/default/topics/readings", "");
    post(&world, 200, "/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    post(&world, 404, WORK "receive", "", "", NULL);     /* of default there is none */
    door_topic(&world.door, "namespaces/localhost", ""); /* as the host says */
    post(&world, 404, "/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    end(&world);
}

static int status_with(struct namespace_world *world, const char *authorization)
{
    struct pair headers[] = {
        {SLICE_LITERAL("Host"), SLICE_LITERAL("localhost")},
        {SLICE_LITERAL("Authorization"), slice_from_string(authorization)},
    };
    struct grid_request request = {
        .method = SLICE_LITERAL("POST"),
        .target = SLICE_LITERAL(WORK "acknowledge"),
        .headers = {headers, authorization[0] ? 2 : 1},
        .body = SLICE_LITERAL("{\"lockTokens\":[]}"),
        .is_loopback = true,
    };
    struct asker asker = {.reply.answer = take_answer};

    namespace_http_call(world->door.grid.namespaces, &request, &asker.reply);
    asker_release(&asker);
    return asker.status;
}

TEST(keys_of_the_topic_and_of_its_namespace_are_good)
{
    struct namespace_world world;

    start(&world);
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessKey " TEST_KEY), 200);
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessKey eHg="), 200);
    CHECK_INT_EQUAL(status_with(&world, "sharedaccesskey dG9waWM="), 200);
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessKey dG9waWN="), 401);
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessKey "), 401);
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessSignature x"), 400);
    CHECK_INT_EQUAL(status_with(&world, "Bearer x"), 401);
    CHECK_INT_EQUAL(status_with(&world, "Basic x"), 401);
    CHECK_INT_EQUAL(status_with(&world, ""), 401);
    door_topic(&world.door, "namespaces/plant", "\"publicNetworkAccess\":\"Disabled\"");
    CHECK_INT_EQUAL(status_with(&world, "SharedAccessKey " TEST_KEY), 200); /* loopback */
    end(&world);
}

/* --- receiving --- */

/* Makes {"lockTokens":[..]} of what was received. */
static void append_tokens(struct buffer *out, const char *received)
{
    const char *at = received;

    buffer_append_string(out, "{\"lockTokens\":[");
    while ((at = strstr(at, "\"lockToken\":\""))) {
        at += strlen("\"lockToken\":");
        buffer_append_string(out, out->data[out->length - 1] == '[' ? "" : ",");
        buffer_append(out, slice_make(at, strcspn(at + 1, "\"") + 2));
    }
    buffer_append_string(out, "]}");
    buffer_append_byte(out, '\0');
}

TEST(what_is_received_is_acknowledged_once)
{
    struct namespace_world world;
    struct buffer tokens = {0};

    start(&world);
    CHECK_STRING_EQUAL(post(&world, 200, WORK "acknowledge", "", "{\"lockTokens\":[\"x\"]}", NULL),
                       "{\"failedLockTokens\":[{\"lockToken\":\"x\",\"error\":{\"code\":"
                       "\"BadToken\",\"message\":\"Token is not valid.\"}}],"
                       "\"succeededLockTokens\":[]}");
    post(&world, 200, "/topics/readings:publish", BATCH,
         "[" CLOUD_EVENT("c") "," CLOUD_EVENT("d") "]", NULL);
    append_tokens(&tokens, receive(&world));
    CHECK_INT_EQUAL(tokens.length, 15 + 2 * 34 + 1 + 2 + 1);
    CHECK(strstr(post(&world, 200, WORK "renewLock", "", (const char *)tokens.data, NULL),
                 "{\"failedLockTokens\":[],\"succeededLockTokens\":[\""));
    CHECK(strstr(post(&world, 200, WORK "acknowledge", "", (const char *)tokens.data, NULL),
                 "{\"failedLockTokens\":[],\"succeededLockTokens\":[\""));
    CHECK(strstr(post(&world, 200, WORK "acknowledge", "", (const char *)tokens.data, NULL),
                 "TokenLost"));
    CHECK(strstr(post(&world, 200, WORK "release", "", (const char *)tokens.data, NULL),
                 "\"succeededLockTokens\":[]}"));
    buffer_release(&tokens);
    end(&world);
}

TEST(a_receive_without_events_is_an_empty_list_when_its_time_is_over)
{
    struct namespace_world world;
    struct asker asker;

    start(&world);
    begin(&world, &asker, WORK "receive?maxWaitTime=10", "", "", NULL);
    broker_advance(world.door.broker, 9999);
    CHECK_INT_EQUAL(asker.status, 0);
    broker_advance(world.door.broker, 1);
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_SLICE_EQUAL(buffer_slice(&asker.body), SLICE_LITERAL("{\"value\":[]}"));
    asker_release(&asker);
    end(&world);
}

TEST(who_goes_away_takes_nothing_along)
{
    struct namespace_world world;
    struct asker asker;

    start(&world);
    begin(&world, &asker, WORK "receive", "", "", NULL);
    grid_abandon(&asker.reply);
    post(&world, 200, "/topics/readings:publish", STRUCTURED, CLOUD_EVENT("a"), NULL);
    CHECK(strstr(receive(&world), "\"deliveryCount\":1}"));
    CHECK_INT_EQUAL(asker.status, 0);
    asker_release(&asker);
    end(&world);
}

TEST(those_that_wait_when_the_process_stops_are_left)
{
    struct namespace_world world;
    struct asker asker;

    start(&world);
    begin(&world, &asker, WORK "receive", "", "", NULL);
    end(&world);
    CHECK_INT_EQUAL(asker.status, 0);
    asker_release(&asker);
}

TEST(what_cannot_be_received_is_told)
{
    struct namespace_world world;
    struct asker asker = {.reply.answer = take_answer};

    start(&world);
    door_set(&world.door, TOPIC "/eventsubscriptions/push",
             "{\"properties\":{\"deliveryConfiguration\":{\"deliveryMode\":\"Push\",\"push\":{"
             "\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"
             "\"http://hook/x\"}}}}}}");
    CHECK(
        strstr(post(&world, 400, "/topics/readings/eventsubscriptions/push:receive", "", "", NULL),
               "not Queue"));
    post(&world, 404, "/topics/readings/eventsubscriptions/none:receive", "", "", NULL);
    post(&world, 404, "/topics/readings:receive", "", "", NULL);
    post(&world, 400, WORK "receive?maxEvents=0", "", "", NULL);
    post(&world, 400, WORK "release?releaseDelayInSeconds=1", "", "{\"lockTokens\":[]}", NULL);
    post(&world, 400, WORK "acknowledge", "", "", NULL);
    namespace_http_call(world.door.grid.namespaces,
                        &(struct grid_request){.method = SLICE_LITERAL("GET"),
                                               .target = SLICE_LITERAL(WORK "receive")},
                        &asker.reply);
    CHECK_INT_EQUAL(asker.status, 405);
    CHECK(says(&asker.headers, "allow: POST\r\n"));
    asker_release(&asker);
    end(&world);
}
