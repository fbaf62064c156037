/* bridge/dispatch/runner*: events of a subscription on their way to a webhook, and what follows
 * each answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "dispatch/attempt_log.h"
#include "support/runner_world.h"
#include "test.h"

#define HOOK(more)                                                                                 \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"              \
    "\"http://hook/x\"" more "}},\"eventDeliverySchema\":\"CloudEventSchemaV1_0\"}"
#define HOOK_AND(more)                                                                             \
    "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"              \
    "\"http://hook/x\"}},\"eventDeliverySchema\":\"CloudEventSchemaV1_0\"," more "}"

static const struct delivery_log *gateway_log(struct world *world, const char *name)
{
    int owner = world_owner(world, name);
    const struct event_logs *logs = world->grids[owner].gateway->event_logs;

    return logs->find(logs->context, buffer_slice(&world_subscription(world, owner, name)->queue));
}

/* Is there an attempt with all of this in its JSON? */
static bool log_has(const struct delivery_log *log, const char *one, const char *two,
                    const char *three)
{
    struct delivery delivery = {0};
    struct buffer json = {0};
    bool found = false;

    while (!found && delivery_log_next(log, delivery.number, false, &delivery)) {
        json.length = 0;
        attempt_append_json(&json, &delivery);
        buffer_append_byte(&json, '\0');
        found = strstr((char *)json.data, one) && strstr((char *)json.data, two) &&
                strstr((char *)json.data, three);
    }
    buffer_release(&json);
    return found;
}

TEST(an_event_is_delivered_and_acknowledged)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    CHECK_INT_EQUAL(world_publish(world, "sub", "e1"), 1);
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_request(world, 0), "POST http://hook/x {\"specversion\""));
    CHECK(strstr(world_body(world, 0), "\"id\":\"e1\""));
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1);
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_free(world);
}

TEST(a_failure_becomes_a_delayed_copy)
{
    struct world *world = world_new();
    const struct delivery_log *log;

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world_answer(world, 500, NULL);
    CHECK_INT_EQUAL(world->request_count, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0); /* it waits elsewhere */
    world_run(world, 9000);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 2000); /* 10 s, and up to a tenth more */
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"id\":\"e1\""));
    CHECK(strstr(world_lines(world, 0), "aeg-delivery-count: 1\n"));
    world_answer(world, 204, NULL);
    world_run(world, 3600000);
    CHECK_INT_EQUAL(world->requests_ever, 2);
    log = gateway_log(world, "sub");
    CHECK(log_has(log, "\"status\":500", "\"attempt\":1", "\"outcome\":\"Aborted\""));
    CHECK(log_has(log, "\"status\":204", "\"attempt\":2", "\"nextAttempt\":null"));
    world_free(world);
}

TEST(a_retry_does_not_hold_up_events_behind_it)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(",\"maxConcurrentRequests\":1"));
    world_publish(world, "sub", "e1");
    world_publish(world, "sub", "e2");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_answer(world, 503, NULL);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"id\":\"e2\""));
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_run(world, 29000);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 5000); /* 503: at least 30 s */
    CHECK(strstr(world_body(world, 0), "\"id\":\"e1\""));
    world_free(world);
}

TEST(the_endpoint_says_when_to_come_again)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world_answer(world, 429, "HTTP/1.1 429 Busy\r\nRetry-After: 120\r\n");
    world_run(world, 119000);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 14000);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_free(world);
}

TEST(the_endpoint_says_until_when_it_is_away)
{
    struct world *world = world_new();
    char head[100];
    time_t until = (time_t)(broker_now / 1000 + 120);
    struct tm time;

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    gmtime_r(&until, &time);
    strftime(head, sizeof(head), "HTTP/1.1 503 Away\r\nRetry-After: %a, %d %b %Y %H:%M:%S GMT\r\n",
             &time);
    world_answer(world, 503, head);
    world_run(world, 118000);
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 14000);
    CHECK_INT_EQUAL(world->request_count, 1);
    world_free(world);
}

TEST(a_delay_that_the_broker_refuses_is_waited_for_here)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    world->broker->refuses_delayed = true;
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world_answer(world, 500, NULL);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 1); /* not acknowledged */
    CHECK_INT_EQUAL(world->request_count, 0);
    world_run(world, 12000);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_lines(world, 0), "aeg-delivery-count: 1\n"));
    world_publish(world, "sub", "e2"); /* which it does not hold up */
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 2);
    world_answer_all(world, 200);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(attempts_and_time_to_live_are_bounded)
{
    struct world *world = world_new();
    const struct delivery_log *log;

    world_subscribe(world, "few", HOOK_AND("\"retryPolicy\":{\"maxDeliveryAttempts\":2}"));
    world_publish(world, "few", "e1");
    world_run(world, 0);
    world_answer(world, 500, NULL);
    world_run(world, 12000);
    world_answer(world, 500, NULL);
    world_run(world, 24 * 3600000);
    CHECK_INT_EQUAL(world->requests_ever, 2);
    log = gateway_log(world, "few");
    CHECK(
        log_has(log, "\"attempt\":2", "\"deadLetterReason\":\"MaxDeliveryAttemptsExceeded\"", ""));

    world_subscribe(world, "short", HOOK_AND("\"retryPolicy\":{\"eventTimeToLiveInMinutes\":1}"));
    world_publish(world, "short", "e2");
    world_run(world, 0);
    world_answer(world, 404, NULL); /* five minutes */
    world_run(world, 350000);
    CHECK_INT_EQUAL(world->requests_ever, 3);
    CHECK_INT_EQUAL(world_waiting(world, "short"), 0);
    log = gateway_log(world, "short");
    CHECK(log_has(log, "\"attempt\":1", "\"deadLetterReason\":\"TimeToLiveExceeded\"", ""));
    world_free(world);
}

TEST(what_the_endpoint_refuses_for_good_is_not_tried_again)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(""));
    world_publish(world, "sub", "e1");
    world_run(world, 0);
    world_answer(world, 400, NULL);
    world_run(world, 24 * 3600000);
    CHECK_INT_EQUAL(world->requests_ever, 1);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK(log_has(gateway_log(world, "sub"),
                  "\"deadLetterReason\":\"UndeliverableDueToBadRequest\"", "", ""));
    world_free(world);
}

TEST(batches_are_what_is_at_hand)
{
    struct world *world = world_new();
    char id[16];

    world_subscribe(world, "sub", HOOK(",\"maxEventsPerBatch\":3,\"maxConcurrentRequests\":2"));
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof(id), "e%d", i);
        world_publish(world, "sub", id);
    }
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 2);
    CHECK(strstr(world_body(world, 0), "\"e0\"") && strstr(world_body(world, 0), "\"e2\"") &&
          !strstr(world_body(world, 0), "\"e3\""));
    CHECK(strstr(world_body(world, 1), "\"e3\"") && strstr(world_body(world, 1), "\"e5\""));
    world_answer(world, 500, NULL); /* all of it comes again, together */
    CHECK_INT_EQUAL(world->request_count, 2);
    CHECK(strstr(world_body(world, 1), "\"e6\"") && strstr(world_body(world, 1), "\"e7\""));
    world_answer_all(world, 200);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_run(world, 12000);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"e0\"") && strstr(world_body(world, 0), "\"e2\""));
    world_free(world);
}

TEST(requests_keep_to_the_rate)
{
    struct world *world = world_new();
    char id[16];

    world_subscribe(world, "sub",
                    HOOK(",\"maxRequestsPerSecond\":50,\"maxConcurrentRequests\":1000"));
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof(id), "e%d", i);
        world_publish(world, "sub", id);
    }
    world_run(world, 0);
    CHECK(world->requests_ever >= 1 && world->requests_ever <= 3);
    for (int i = 0; i < 100; i++) {
        world_run(world, 10);
    }
    CHECK(world->requests_ever >= 48 && world->requests_ever <= 54);
    for (int i = 0; i < 100; i++) {
        world_run(world, 10);
    }
    CHECK(world->requests_ever >= 97 && world->requests_ever <= 104);
    world_free(world);
}

/* --- probation --- */

static void fail_ten(struct world *world, const char *name)
{
    char id[16];

    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "f%d", i);
        world_publish(world, name, id);
    }
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 10);
    while (world->request_count > 0) {
        world_fail(world, FAILURE_SOCKET);
    }
}

TEST(an_endpoint_that_fails_is_left_alone_for_a_while)
{
    struct world *world = world_new();

    world_subscribe(world, "sub", HOOK(",\"maxConcurrentRequests\":20"));
    fail_ten(world, "sub");
    world_publish(world, "sub", "new1");
    world_publish(world, "sub", "new2");
    world_run(world, 20000); /* 30 s of probation for a socket error */
    CHECK_INT_EQUAL(world->request_count, 0);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 12);
    world_run(world, 11000);
    CHECK_INT_EQUAL(world->request_count, 1); /* one tries */
    world_answer(world, 200, NULL);
    CHECK_INT_EQUAL(world->request_count, 11);
    world_answer_all(world, 200);
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    world_free(world);
}

TEST(events_that_wait_in_probation_grow_too_old)
{
    struct world *world = world_new();

    world_subscribe(
        world, "sub",
        "{\"destination\":{\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":"
        "\"http://hook/x\",\"maxConcurrentRequests\":20}},\"eventDeliverySchema\":"
        "\"CloudEventSchemaV1_0\",\"retryPolicy\":{\"eventTimeToLiveInMinutes\":1}}");
    fail_ten(world, "sub");
    for (int i = 0; i < 20; i++) {
        world_run(world, 10000);
        if (world->request_count > 0) {
            world_fail(world, FAILURE_RESOLUTION); /* another five minutes */
        }
    }
    CHECK_INT_EQUAL(world_waiting(world, "sub"), 0);
    CHECK(
        log_has(gateway_log(world, "sub"), "\"deadLetterReason\":\"TimeToLiveExceeded\"", "", ""));
    world_free(world);
}

TEST(a_dead_endpoint_does_not_slow_another)
{
    struct world *world = world_new();

    world_subscribe(world, "dead", HOOK(",\"maxConcurrentRequests\":10"));
    world_subscribe(world, "live", HOOK(""));
    fail_ten(world, "dead");
    world_publish(world, "dead", "d1");
    world_publish(world, "live", "l1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_body(world, 0), "\"l1\""));
    world_free(world);
}
