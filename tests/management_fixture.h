/* Event Grid of a bridge process, all of it, with the small broker of support/bridge_broker.h: who
 * manages asks over "HTTP", and the test is the world outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_MANAGEMENT_FIXTURE_H
#define PUBGRID_TESTS_MANAGEMENT_FIXTURE_H

#include "quoted.h"
#include "test.h"

#include "base/random.h"
#include "dispatch/catalog.h"
#include "dispatch/grid.h"
#include "support/bridge_broker.h"
#include "json/json.h"

enum { WORLD_GRIDS = 2, WORLD_REQUESTS = 4 };

struct management_world {
    struct broker *broker;
    struct grid *grids[WORLD_GRIDS]; /* of two bridge processes; the first one is asked */
    struct outside_request *requests[WORLD_REQUESTS]; /* to webhooks, that wait */
    size_t request_count;
};

/* An answer that is waited for. */
struct manager {
    struct grid_reply reply;
    int status; /* 0: none yet */
    struct buffer headers, body;
};

/* ---------------------------------------------------------------- the world outside */

static void world_request(void *context, struct outside_request *request)
{
    struct management_world *world = context;

    CHECK(world->request_count < WORLD_REQUESTS);
    request->under_way = world;
    world->requests[world->request_count++] = request;
}

static struct outside_request *take_request(struct management_world *world, size_t number)
{
    struct outside_request *request = world->requests[number];

    world->request_count--;
    for (size_t i = number; i < world->request_count; i++) {
        world->requests[i] = world->requests[i + 1];
    }
    request->under_way = NULL;
    return request;
}

static void world_cancel(void *context, struct outside_request *request)
{
    struct management_world *world = context;

    for (size_t i = 0; i < world->request_count; i++) {
        if (world->requests[i] == request) {
            take_request(world, i);
            return;
        }
    }
}

/* Files are not there. */
static void world_file(void *context, struct file_task *task)
{
    (void)context;
    task->under_way = task;
}

static void world_cancel_file(void *context, struct file_task *task)
{
    (void)context;
    task->under_way = NULL;
}

static const struct outside_ops world_ops = {.request = world_request,
                                             .cancel_request = world_cancel,
                                             .file = world_file,
                                             .cancel_file = world_cancel_file};

/* Answers the oldest request. */
static inline void world_answer(struct management_world *world, int status, const char *body)
{
    struct outside_request *request;

    CHECK(world->request_count > 0);
    request = take_request(world, 0);
    request->done(request, &(struct outside_answer){.status = status,
                                                    .body = slice_from_string(body),
                                                    .reason = status == 0 ? "refused" : NULL});
    broker_run(world->broker);
}

/* Agrees to the validation that waits. */
static inline void world_consent(struct management_world *world)
{
    struct slice body = world->requests[0]->body;
    static const char name[] = "\"validationCode\":\"";
    const char *code = memmem(body.data, body.length, name, strlen(name));
    char text[100];

    CHECK(code);
    snprintf(text, sizeof(text), "{\"validationResponse\":\"%.36s\"}", code + strlen(name));
    world_answer(world, 200, text);
}

/* ---------------------------------------------------------------- making and ending */

static inline void world_start(struct management_world *world, const char *declared)
{
    *world = (struct management_world){.broker = broker_new()};
    for (int i = 0; i < WORLD_GRIDS; i++) {
        struct grid_options options = {
            .outside = {&world_ops, world},
            .base_url = SLICE_LITERAL("http://127.0.0.1:8080"),
            .host = SLICE_LITERAL("127.0.0.1"),
            .opens_management = true,
            .declared = slice_from_string(declared),
        };
        world->grids[i] = grid_new(&world->broker->bridges[i].gateway, &options);
        grid_connect(world->grids[i]);
    }
    broker_run(world->broker);
}

static inline void world_end(struct management_world *world)
{
    for (int i = 0; i < WORLD_GRIDS; i++) {
        grid_free(world->grids[i]);
    }
    broker_free(world->broker);
}

/* ---------------------------------------------------------------- requests */

static void take_answer(struct grid_reply *reply, int status, struct slice headers,
                        const char *content_type, struct slice body)
{
    struct manager *manager = CONTAINER_OF(reply, struct manager, reply);
    struct json_value value;

    CHECK_INT_EQUAL(manager->status, 0);
    CHECK(!reply->call && !reply->abandon);
    CHECK((content_type != NULL) == (body.length > 0));
    CHECK(!content_type || strncmp(content_type, "application/json", 16) != 0 ||
          json_parse(body, &value));
    manager->status = status;
    buffer_append(&manager->headers, headers);
    buffer_append(&manager->body, body);
    buffer_append_byte(&manager->body, '\0');
}

/* As it is at once, at one of the processes. JSON is written with ' in the tests. */
static inline void world_begin_at(struct management_world *world, int grid, struct manager *manager,
                                  const char *method, const char *target, const char *body)
{
    static const struct pair headers[] = {
        {SLICE_LITERAL("Host"), SLICE_LITERAL("localhost:9000")},
        {SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json")},
    };
    struct buffer text = quoted(body ? body : "");

    test_note("%s %s", method, target);
    *manager = (struct manager){.reply.answer = take_answer};
    grid_operations.call(world->grids[grid],
                         &(struct grid_request){.method = slice_from_string(method),
                                                .target = slice_from_string(target),
                                                .headers = {headers, 2},
                                                .body = buffer_slice(&text),
                                                .is_loopback = true},
                         &manager->reply);
    buffer_release(&text);
}

static inline void world_begin(struct management_world *world, struct manager *manager,
                               const char *method, const char *target, const char *body)
{
    world_begin_at(world, 0, manager, method, target, body);
}

static inline void manager_release(struct manager *manager)
{
    buffer_release(&manager->headers);
    buffer_release(&manager->body);
}

/* The answer has come, and has this in it, with ' for " (NULL: anything); it is released. */
static inline void expect_answer(struct manager *manager, int status, const char *part)
{
    struct buffer text = quoted(part ? part : "");

    if (manager->status != status ||
        (text.length > 0 &&
         !memmem(manager->body.data, manager->body.length, text.data, text.length))) {
        test_fail(__FILE__, __LINE__, "answered %d: %s", manager->status,
                  manager->body.length > 0 ? (const char *)manager->body.data : "");
    }
    buffer_release(&text);
    manager_release(manager);
}

static inline void world_ask(struct management_world *world, const char *method, const char *target,
                             const char *body, int status, const char *part)
{
    struct manager manager;

    world_begin(world, &manager, method, target, body);
    broker_run(world->broker);
    expect_answer(&manager, status, part);
}

/* Of both processes. */
static inline bool world_has(struct management_world *world, const char *key, const char *name)
{
    bool has[WORLD_GRIDS];

    for (int i = 0; i < WORLD_GRIDS; i++) {
        struct catalog *catalog = world->grids[i]->catalog;
        has[i] = name ? catalog_find_subscription(catalog, slice_from_string(key),
                                                  slice_from_string(name)) != NULL
                      : catalog_find(catalog, slice_from_string(key)) != NULL;
    }
    CHECK_INT_EQUAL(has[0], has[1]);
    return has[0];
}

#endif
