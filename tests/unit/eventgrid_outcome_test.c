/* What follows an attempt to deliver: the tables of spec/eventgrid.md 3.8, 4.2 to 4.5, row by row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/outcome.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FINAL = true, AGAIN = false };

TEST(each_status_means_an_outcome)
{
    static const struct {
        int status;
        enum delivery_failure failure;
        uint32_t retry_after_s;
        enum delivery_outcome outcome;
        bool is_final;
        uint32_t delay_least_s, asked_s;
    } rows[] = {
        {200, FAILURE_NONE, 0, OUTCOME_DELIVERED, FINAL, 0, 0},
        {201, FAILURE_NONE, 0, OUTCOME_DELIVERED, FINAL, 0, 0},
        {202, FAILURE_NONE, 9, OUTCOME_DELIVERED, FINAL, 0, 0},
        {203, FAILURE_NONE, 0, OUTCOME_DELIVERED, FINAL, 0, 0},
        {204, FAILURE_NONE, 0, OUTCOME_DELIVERED, FINAL, 0, 0},
        {205, FAILURE_NONE, 0, OUTCOME_ABORTED, AGAIN, 10, 0},
        {199, FAILURE_NONE, 0, OUTCOME_ABORTED, AGAIN, 10, 0},
        {302, FAILURE_NONE, 0, OUTCOME_ABORTED, AGAIN, 10, 0},
        {400, FAILURE_NONE, 60, OUTCOME_BAD_REQUEST, FINAL, 0, 0},
        {401, FAILURE_NONE, 0, OUTCOME_UNAUTHORIZED, FINAL, 0, 0},
        {403, FAILURE_NONE, 0, OUTCOME_FORBIDDEN, FINAL, 0, 0},
        {404, FAILURE_NONE, 0, OUTCOME_NOT_FOUND, AGAIN, 300, 0},
        {408, FAILURE_NONE, 0, OUTCOME_TIMED_OUT, AGAIN, 120, 0},
        {413, FAILURE_NONE, 0, OUTCOME_PAYLOAD_TOO_LARGE, FINAL, 0, 0},
        {418, FAILURE_NONE, 0, OUTCOME_ABORTED, AGAIN, 10, 0},
        {429, FAILURE_NONE, 0, OUTCOME_BUSY, AGAIN, 10, 0},
        {429, FAILURE_NONE, 77, OUTCOME_BUSY, AGAIN, 10, 77},
        {500, FAILURE_NONE, 0, OUTCOME_ABORTED, AGAIN, 10, 0},
        {503, FAILURE_NONE, 0, OUTCOME_BUSY, AGAIN, 30, 0},
        {503, FAILURE_NONE, 29, OUTCOME_BUSY, AGAIN, 30, 29},
        {503, FAILURE_NONE, 31, OUTCOME_BUSY, AGAIN, 30, 31},
        {503, FAILURE_NONE, UINT32_MAX, OUTCOME_BUSY, AGAIN, 30, 86400},
        {504, FAILURE_NONE, 0, OUTCOME_TIMED_OUT, AGAIN, 10, 0},
        {0, FAILURE_SOCKET, 0, OUTCOME_SOCKET_ERROR, AGAIN, 10, 0},
        {0, FAILURE_RESOLUTION, 0, OUTCOME_RESOLUTION_ERROR, AGAIN, 10, 0},
        {0, FAILURE_TIMEOUT, 0, OUTCOME_TIMED_OUT, AGAIN, 10, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("status %d, failure %d", rows[i].status, rows[i].failure);
        struct delivery_verdict verdict =
            delivery_judge(RETRY_BASIC, rows[i].status, rows[i].failure, rows[i].retry_after_s);
        CHECK_STRING_EQUAL(delivery_outcome_name(verdict.outcome),
                           delivery_outcome_name(rows[i].outcome));
        CHECK_INT_EQUAL(verdict.is_final, rows[i].is_final);
        CHECK_INT_EQUAL(verdict.delay_least_s, rows[i].delay_least_s);
        CHECK_INT_EQUAL(verdict.retry_after_s, rows[i].asked_s);
    }
}

TEST(outcomes_are_known_by_their_names)
{
    enum delivery_outcome found;

    for (int i = 0; i < DELIVERY_OUTCOMES; i++) {
        const char *name = delivery_outcome_name((enum delivery_outcome)i);
        CHECK(delivery_outcome_from_name(slice_from_string(name), &found));
        CHECK_INT_EQUAL(found, i);
    }
    CHECK(!delivery_outcome_from_name(SLICE_LITERAL("Bored"), &found));
    CHECK(!delivery_outcome_from_name(SLICE_EMPTY, &found));
}

TEST(dead_letters_say_why)
{
    static const struct {
        enum dead_letter_reason reason;
        enum delivery_outcome outcome;
        const char *text;
    } rows[] = {
        {DEAD_ATTEMPTS, OUTCOME_NOT_FOUND, "MaxDeliveryAttemptsExceeded"},
        {DEAD_TIME_TO_LIVE, OUTCOME_BUSY, "TimeToLiveExceeded"},
        {DEAD_UNDELIVERABLE, OUTCOME_BAD_REQUEST, "UndeliverableDueToBadRequest"},
        {DEAD_UNDELIVERABLE, OUTCOME_PAYLOAD_TOO_LARGE, "UndeliverableDueToPayloadTooLarge"},
        {DEAD_TOO_MANY_HOPS, OUTCOME_DELIVERED, "TooManyHops"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        dead_letter_reason_append(&text, rows[i].reason, rows[i].outcome);
        CHECK_SLICE_EQUAL(buffer_slice(&text), slice_from_string(rows[i].text));
        buffer_release(&text);
    }
}

/* --- what follows --- */

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

static struct retry_policy policy_make(void)
{
    return (struct retry_policy){.attempts_max = 30, .time_to_live_ms = DAY_MS};
}

static uint32_t delay_after(const struct retry_policy *policy, int status, uint32_t attempts,
                            uint32_t random)
{
    struct delivery_verdict verdict = delivery_judge(RETRY_BASIC, status, FAILURE_NONE, 0);
    struct retry_decision decision = retry_decide(policy, &verdict, attempts, 0, 0, random);

    CHECK(!decision.is_dead);
    return decision.delay_s;
}

TEST(delays_grow_by_the_table)
{
    static const uint32_t delays[] = {10,   30,    60,    300,   600,   1800,
                                      3600, 10800, 21600, 43200, 43200, 43200};
    struct retry_policy policy = policy_make();

    for (uint32_t i = 0; i < COUNT(delays); i++) {
        test_note("attempt %u", i + 1);
        CHECK_INT_EQUAL(delay_after(&policy, 500, i + 1, 0), delays[i]);
        CHECK_INT_EQUAL(delay_after(&policy, 500, i + 1, UINT32_MAX), delays[i] + delays[i] / 10);
    }
    CHECK_INT_EQUAL(delay_after(&policy, 500, 7, UINT32_MAX / 2), 3780);
}

TEST(delays_are_at_least_what_the_status_asks_for)
{
    struct retry_policy policy = policy_make();

    CHECK_INT_EQUAL(delay_after(&policy, 404, 1, 0), 300);
    CHECK_INT_EQUAL(delay_after(&policy, 404, 4, 0), 300);
    CHECK_INT_EQUAL(delay_after(&policy, 404, 5, 0), 600);
    CHECK_INT_EQUAL(delay_after(&policy, 408, 1, 0), 120);
    CHECK_INT_EQUAL(delay_after(&policy, 408, 1, UINT32_MAX), 132);
    CHECK_INT_EQUAL(delay_after(&policy, 503, 1, 0), 30);
    struct delivery_verdict asked = delivery_judge(RETRY_BASIC, 503, FAILURE_NONE, 31);
    CHECK_INT_EQUAL(retry_decide(&policy, &asked, 1, 0, 0, 0).delay_s, 31);
}

TEST(a_policy_may_have_its_own_delays)
{
    struct retry_policy policy = policy_make();

    policy.backoff_s[0] = 20;
    policy.backoff_s[1] = 45;
    policy.backoff_count = 2;
    CHECK_INT_EQUAL(delay_after(&policy, 500, 1, 0), 20);
    CHECK_INT_EQUAL(delay_after(&policy, 500, 2, 0), 45);
    CHECK_INT_EQUAL(delay_after(&policy, 500, 9, 0), 45);
    /* They stand for what Azure waits after a status, too, but not for what the endpoint asks. */
    policy.backoff_s[0] = 2;
    CHECK_INT_EQUAL(delay_after(&policy, 500, 1, 0), 2);
    CHECK_INT_EQUAL(delay_after(&policy, 404, 1, 0), 2);
    struct delivery_verdict asked = delivery_judge(RETRY_BASIC, 503, FAILURE_NONE, 7);
    CHECK_INT_EQUAL(retry_decide(&policy, &asked, 1, 0, 0, 0).delay_s, 7);
    CHECK_INT_EQUAL(retry_decide(&policy, &asked, 2, 0, 0, 0).delay_s, 45);
}

TEST(an_event_is_given_up)
{
    static const struct {
        int status;
        uint32_t attempts;
        int64_t now_ms; /* published at 1000 */
        bool is_dead;
        enum dead_letter_reason reason;
    } rows[] = {
        {500, 1, 2000, false, 0},
        {500, 3, 2000, true, DEAD_ATTEMPTS},
        {500, 4, 2000, true, DEAD_ATTEMPTS},
        {500, 2, HOUR_MS + 999, false, 0},
        {500, 2, HOUR_MS + 1000, true, DEAD_TIME_TO_LIVE},
        {500, 3, HOUR_MS + 1000, true, DEAD_ATTEMPTS},
        {500, 2, 0, false, 0}, /* a clock that was set back */
        {400, 1, 2000, true, DEAD_UNDELIVERABLE},
        {401, 1, 2000, true, DEAD_UNDELIVERABLE},
        {413, 3, HOUR_MS + 1000, true, DEAD_UNDELIVERABLE},
    };
    struct retry_policy policy = {.attempts_max = 3, .time_to_live_ms = HOUR_MS};

    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("row %zu", i);
        struct delivery_verdict verdict =
            delivery_judge(RETRY_BASIC, rows[i].status, FAILURE_NONE, 0);
        struct retry_decision decision =
            retry_decide(&policy, &verdict, rows[i].attempts, 1000, rows[i].now_ms, 0);
        CHECK_INT_EQUAL(decision.is_dead, rows[i].is_dead);
        CHECK_INT_EQUAL(decision.reason, rows[i].reason);
    }
}

/* --- probation --- */

static void note(struct probation *probation, int status, enum delivery_failure failure, msec_t now)
{
    struct delivery_verdict verdict = delivery_judge(RETRY_BASIC, status, failure, 0);

    probation_note(probation, &verdict, now, 1.0);
}

static void fail_often(struct probation *probation, int times, msec_t now)
{
    for (int i = 0; i < times; i++) {
        note(probation, 500, FAILURE_NONE, now);
    }
}

TEST(probation_begins_after_ten_failures_in_a_row)
{
    struct probation probation = {0};

    fail_often(&probation, 9, 100);
    note(&probation, 200, FAILURE_NONE, 100);
    fail_often(&probation, 9, 100);
    CHECK_INT_EQUAL(probation_ask(&probation, 100), PROBATION_GO);
    note(&probation, 400, FAILURE_NONE, 100); /* about the event: the endpoint is well */
    fail_often(&probation, 9, 100);
    CHECK_INT_EQUAL(probation_ask(&probation, 100), PROBATION_GO);
    fail_often(&probation, 1, 100);
    CHECK_INT_EQUAL(probation_ask(&probation, 100), PROBATION_WAIT);
}

TEST(one_event_tries_the_endpoint)
{
    struct probation probation = {0};

    fail_often(&probation, 10, 100);
    CHECK_INT_EQUAL(probation_ask(&probation, 10099), PROBATION_WAIT);
    CHECK_INT_EQUAL(probation_ask(&probation, 10100), PROBATION_TRY_ONE);
    CHECK_INT_EQUAL(probation_ask(&probation, 10100), PROBATION_WAIT);
    note(&probation, 500, FAILURE_NONE, 10200);
    CHECK_INT_EQUAL(probation_ask(&probation, 20199), PROBATION_WAIT);
    CHECK_INT_EQUAL(probation_ask(&probation, 20200), PROBATION_TRY_ONE);
    note(&probation, 413, FAILURE_NONE, 20300);
    CHECK_INT_EQUAL(probation_ask(&probation, 20300), PROBATION_GO);
    CHECK_INT_EQUAL(probation.failures, 0);
}

TEST(probation_lasts_as_long_as_the_outcome_says)
{
    static const struct {
        int status;
        enum delivery_failure failure;
        int seconds;
    } rows[] = {
        {503, FAILURE_NONE, 10},      {0, FAILURE_TIMEOUT, 10}, {0, FAILURE_SOCKET, 30},
        {404, FAILURE_NONE, 300},     {401, FAILURE_NONE, 300}, {403, FAILURE_NONE, 300},
        {0, FAILURE_RESOLUTION, 300}, {500, FAILURE_NONE, 10},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct probation probation = {.failures = 9};
        test_note("row %zu", i);
        note(&probation, rows[i].status, rows[i].failure, 5);
        CHECK_INT_EQUAL(probation.until, 5 + 1000 * rows[i].seconds);
    }
}

TEST(probation_is_scaled_and_not_shortened)
{
    struct probation probation = {.failures = 9};
    struct delivery_verdict missing = delivery_judge(RETRY_BASIC, 404, FAILURE_NONE, 0);

    probation_note(&probation, &missing, 1000, 0.01);
    CHECK_INT_EQUAL(probation.until, 4000);
    note(&probation, 503, FAILURE_NONE, 1000);
    CHECK_INT_EQUAL(probation.until, 11000);
    probation_note(&probation, &missing, 1000, 0.01);
    CHECK_INT_EQUAL(probation.until, 11000);
}

/* --- namespaces (5.5) --- */

TEST(a_push_of_a_namespace_has_statuses_and_delays_of_its_own)
{
    static const struct {
        int status;
        bool is_final;
        enum delivery_outcome outcome;
    } rows[] = {
        {200, true, OUTCOME_DELIVERED},    {204, true, OUTCOME_DELIVERED},
        {205, false, OUTCOME_ABORTED},     {400, true, OUTCOME_BAD_REQUEST},
        {401, true, OUTCOME_UNAUTHORIZED}, {403, true, OUTCOME_FORBIDDEN},
        {404, true, OUTCOME_NOT_FOUND},    {408, false, OUTCOME_TIMED_OUT},
        {414, true, OUTCOME_BAD_REQUEST},  {429, false, OUTCOME_BUSY},
        {500, false, OUTCOME_ABORTED},     {503, false, OUTCOME_BUSY},
    };
    static const uint32_t delays[] = {0, 10, 30, 60, 300, 300, 300, 300, 300};
    struct retry_policy policy = {
        .rules = RETRY_NAMESPACE, .attempts_max = 10, .time_to_live_ms = 86400000};
    struct delivery_verdict verdict;
    struct retry_decision decision;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%d", rows[i].status);
        verdict = delivery_judge(RETRY_NAMESPACE, rows[i].status, FAILURE_NONE, 0);
        CHECK_INT_EQUAL(verdict.is_final, rows[i].is_final);
        CHECK_INT_EQUAL(verdict.outcome, rows[i].outcome);
    }
    verdict = delivery_judge(RETRY_NAMESPACE, 503, FAILURE_NONE, 0);
    for (uint32_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        test_note("attempt %u", i + 1);
        decision = retry_decide(&policy, &verdict, i + 1, 0, 0, 0);
        CHECK(!decision.is_dead);
        CHECK_INT_EQUAL(decision.delay_s, delays[i]);
    }
    decision = retry_decide(&policy, &verdict, 10, 0, 0, 0);
    CHECK(decision.is_dead);
    CHECK_INT_EQUAL(decision.reason, DEAD_ATTEMPTS);
    verdict = delivery_judge(RETRY_NAMESPACE, 0, FAILURE_SOCKET, 0);
    CHECK(!retry_decide(&policy, &verdict, 1, 0, 0, 0).is_dead);
}
