/* dispatch/attempt_log.h: attempts as JSON, and pages of them by the operation REST_EVENT_LOG.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/attempt_log.h"

#include "client/rest.h"
#include "support/bridge_broker.h"
#include "test.h"
#include "json/json.h"

static const struct attempt delivered = {.event_id = SLICE_LITERAL("e1"),
                                         .number = 1,
                                         .status = 200,
                                         .outcome = OUTCOME_DELIVERED,
                                         .ended = 1795468683123,
                                         .latency_us = 1500};
static const struct attempt busy = {.event_id = SLICE_LITERAL("e\"2"),
                                    .number = 3,
                                    .status = 503,
                                    .outcome = OUTCOME_BUSY,
                                    .ended = 1795468684000,
                                    .latency_us = 2,
                                    .next = 1795468714500};
static const struct attempt dead = {.event_id = SLICE_LITERAL("e3"),
                                    .number = 1,
                                    .outcome = OUTCOME_BAD_REQUEST,
                                    .ended = 1795468685000};

static void add(struct delivery_log **log, const struct attempt *attempt)
{
    if (attempt == &dead) {
        attempt_log_add_last(log, attempt, DEAD_UNDELIVERABLE);
    } else {
        attempt_log_add(log, attempt);
    }
}

static const char *json_of(const struct attempt *attempt)
{
    static struct buffer out;
    struct delivery_log *log = NULL;
    struct delivery delivery;
    struct json_value value;

    add(&log, attempt);
    CHECK(delivery_log_next(log, 0, false, &delivery));
    buffer_release(&out);
    attempt_append_json(&out, &delivery);
    CHECK(json_parse(buffer_slice(&out), &value));
    buffer_append_byte(&out, '\0');
    delivery_log_free(log);
    return (const char *)out.data;
}

TEST(an_attempt_as_json)
{
    CHECK_STRING_EQUAL(json_of(&delivered),
                       "{\"number\":1,\"time\":\"2026-11-23T21:18:03Z\",\"eventId\":\"e1\","
                       "\"status\":200,\"latencyMs\":1.500,\"attempt\":1,\"outcome\":\"Delivered\","
                       "\"nextAttempt\":null}");
    CHECK_STRING_EQUAL(json_of(&busy),
                       "{\"number\":1,\"time\":\"2026-11-23T21:18:04Z\",\"eventId\":\"e\\\"2\","
                       "\"status\":503,\"latencyMs\":0.002,\"attempt\":3,\"outcome\":\"Busy\","
                       "\"nextAttempt\":\"2026-11-23T21:18:34.500Z\"}");
    CHECK_STRING_EQUAL(
        json_of(&dead),
        "{\"number\":1,\"time\":\"2026-11-23T21:18:05Z\",\"eventId\":\"e3\","
        "\"status\":0,\"latencyMs\":0.000,\"attempt\":1,\"outcome\":\"BadRequest\","
        "\"nextAttempt\":null,\"deadLetterReason\":\"UndeliverableDueToBadRequest\"}");
}

/* --- pages --- */

static struct delivery_log *logs[2]; /* of either process */

static const struct delivery_log *find(void *context, struct slice queue)
{
    return slice_equal(queue, SLICE_LITERAL("q")) ? *(struct delivery_log **)context : NULL;
}

struct page {
    struct rest_reply reply;
    int status;
    struct buffer body;
};

static void take_page(struct rest_reply *reply, int status, const char *code, struct slice body)
{
    struct page *page = CONTAINER_OF(reply, struct page, reply);

    CHECK(!code);
    page->status = status;
    buffer_append(&page->body, body);
    buffer_append_byte(&page->body, '\0');
}

static void carry_out(struct broker *broker, struct page *page,
                      const struct rest_operation *operation)
{
    page->reply.answer = take_page;
    page->body.length = 0;
    page->status = 0;
    rest_carry_out(&broker->bridges[0].gateway, operation, &page->reply);
    broker_run(broker);
    CHECK_INT_EQUAL(page->status, 200);
}

static void ask(struct broker *broker, struct page *page, const char *queue, bool only_failures)
{
    carry_out(broker, page,
              &(struct rest_operation){.kind = REST_EVENT_LOG,
                                       .name = slice_from_string(queue),
                                       .only_failures = only_failures,
                                       .page_size = 10});
}

/* The second process runs "q". */
static bool append_state(void *context, struct slice queue, struct buffer *out)
{
    bool is_run_here = context == &logs[1] && slice_equal(queue, SLICE_LITERAL("q"));

    buffer_append_string(out, is_run_here ? "{\"process\":1,\"ready\":2}" : "");
    return is_run_here;
}

static void set_hooks(struct broker *broker, struct event_logs hooks[2])
{
    for (int i = 0; i < 2; i++) {
        hooks[i] = (struct event_logs){&logs[i], find, attempt_append_json, append_state};
        broker->bridges[i].gateway.event_logs = &hooks[i];
    }
}

TEST(pages_have_what_all_processes_did_the_newest_first)
{
    struct broker *broker = broker_new();
    struct event_logs hooks[2];
    struct page page = {0};
    const char *text;

    set_hooks(broker, hooks);
    attempt_log_add(&logs[0], &delivered);
    attempt_log_add(&logs[1], &busy);
    add(&logs[0], &dead);
    ask(broker, &page, "q", false);
    text = (const char *)page.body.data;
    CHECK(strstr(text, "\"e3\"") && strstr(text, "\"e3\"") < strstr(text, "\"e\\\"2\"") &&
          strstr(text, "\"e\\\"2\"") < strstr(text, "\"e1\""));
    CHECK(strstr(text, "\"process\":1"));
    ask(broker, &page, "q", true);
    CHECK(!strstr((const char *)page.body.data, "\"e1\""));
    CHECK(strstr((const char *)page.body.data, "\"e3\""));
    ask(broker, &page, "unknown", false);
    CHECK_STRING_EQUAL((const char *)page.body.data, "{\"value\":[]}");
    buffer_release(&page.body);
    delivery_log_free(logs[0]);
    delivery_log_free(logs[1]);
    broker_free(broker);
}

TEST(what_a_queue_has_says_the_process_that_runs_it)
{
    struct broker *broker = broker_new();
    struct event_logs hooks[2];
    struct page page = {0};
    struct rest_operation operation = {
        .kind = REST_EVENT_QUEUE, .name = SLICE_LITERAL("q"), .page_size = 1};

    set_hooks(broker, hooks);
    carry_out(broker, &page, &operation);
    CHECK_STRING_EQUAL((const char *)page.body.data, "{\"value\":[{\"process\":1,\"ready\":2}]}");
    operation.name = SLICE_LITERAL("unknown");
    carry_out(broker, &page, &operation);
    CHECK_STRING_EQUAL((const char *)page.body.data, "{\"value\":[]}");
    buffer_release(&page.body);
    broker_free(broker);
}
