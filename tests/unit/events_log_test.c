/* bridge/events: the delivery log and the statistics of a hub.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/delivery_log.h"
#include "events/statistics.h"

#include "test.h"

#include "json/json.h"

#define S SLICE_LITERAL

static void add(struct delivery_log **log, const char *reason)
{
    delivery_log_add(log, &(struct delivery){.time = 1795468683000,
                                             .latency_us = 1234,
                                             .attempt = 2,
                                             .status = reason ? 503 : 200,
                                             .reason = reason,
                                             .event = S("say"),
                                             .url = S("http://h/\"x\""),
                                             .connection = S("c1")});
}

TEST(failures_outlive_successes)
{
    struct delivery_log *log = NULL;
    struct delivery delivery = {0};
    uint64_t before = 0;
    size_t count = 0;

    CHECK(!delivery_log_next(log, 0, false, &delivery));
    add(&log, "the webhook failed");
    for (int i = 0; i < DELIVERY_LOG_SIZE + 10; i++) {
        add(&log, NULL);
    }
    add(&log, "the webhook failed again");
    while (delivery_log_next(log, before, false, &delivery)) {
        CHECK(delivery.number > before);
        before = delivery.number;
        count++;
    }
    CHECK_INT_EQUAL(count, DELIVERY_LOG_SIZE + 2);
    CHECK_INT_EQUAL(before, DELIVERY_LOG_SIZE + 12);
    CHECK(delivery_log_next(log, 0, true, &delivery));
    CHECK_INT_EQUAL(delivery.number, 1);
    CHECK(delivery_log_next(log, 1, true, &delivery));
    CHECK_INT_EQUAL(delivery.number, DELIVERY_LOG_SIZE + 12);
    CHECK(!delivery_log_next(log, delivery.number, true, &delivery));
    delivery_log_free(log);
}

TEST(a_delivery_as_json)
{
    struct delivery_log *log = NULL;
    struct delivery delivery;
    struct buffer out = {0};

    add(&log, "it failed");
    add(&log, NULL);
    CHECK(delivery_log_next(log, 0, false, &delivery));
    delivery_append_json(&out, &delivery);
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      S("{\"number\":1,\"time\":\"2026-11-23T21:18:03Z\",\"event\":\"say\","
                        "\"url\":\"http://h/\\\"x\\\"\",\"connectionId\":\"c1\",\"status\":503,"
                        "\"latencyMs\":1.234,\"attempt\":2,\"reason\":\"it failed\"}"));
    CHECK(delivery_log_next(log, 1, false, &delivery));
    out.length = 0;
    delivery_append_json(&out, &delivery);
    CHECK(memmem(out.data, out.length, "\"reason\":null}", 14));
    buffer_release(&out);
    delivery_log_free(log);
}

TEST(texts_are_cut)
{
    static char url[10000];
    struct delivery_log *log = NULL;
    struct delivery delivery;

    memset(url, 'u', sizeof(url));
    delivery_log_add(&log, &(struct delivery){.event = S("e"),
                                              .url = slice_make(url, sizeof(url)),
                                              .connection = S("c")});
    CHECK(delivery_log_next(log, 0, false, &delivery));
    CHECK_INT_EQUAL(delivery.url.length, DELIVERY_TEXT_MAX);
    CHECK_SLICE_EQUAL(delivery.event, S("e"));
    CHECK_SLICE_EQUAL(delivery.connection, S("c"));
    delivery_log_free(log);
}

TEST(statistics)
{
    struct event_kind_statistics kind = {0};

    event_statistics_add(&kind, event_result_of_status(204), 1000);
    event_statistics_add(&kind, event_result_of_status(500), 1001);
    event_statistics_add(&kind, event_result_of_status(404), 99000000);
    event_statistics_add(&kind, event_result_of_status(301), 0);
    event_statistics_add(&kind, event_result_of_status(0), 77);
    event_statistics_add(&kind, EVENT_RESULT_OVERFLOW, 77);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_2XX], 1);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_3XX], 1);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_4XX], 1);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_5XX], 1);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_NO_ANSWER], 1);
    CHECK_INT_EQUAL(kind.results[EVENT_RESULT_OVERFLOW], 1);
    CHECK_INT_EQUAL(kind.latencies[0], 2);
    CHECK_INT_EQUAL(kind.latencies[1], 1);
    CHECK_INT_EQUAL(kind.latencies[EVENT_LATENCIES - 1], 1);
    CHECK_INT_EQUAL(kind.latency_sum_us, 99002001);
    for (int i = 0; i < EVENT_KINDS; i++) {
        CHECK(event_kind_names[i]);
    }
    for (int i = 0; i < EVENT_RESULTS; i++) {
        CHECK(event_result_names[i]);
    }
}
