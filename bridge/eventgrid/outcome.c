/* See outcome.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/outcome.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    DAY_S = TIME_TO_LIVE_MAX_MINUTES * 60,
    OTHER_DELAY_S = 10,     /* before the next attempt, at least (4.3) */
    OTHER_PROBATION_S = 10, /* of outcomes that 4.5 does not name */
    JITTER_PART = 10,       /* a tenth */
};

/* 3.8, 4.5 */
static const struct {
    const char *name;
    uint32_t probation_s;
    bool is_of_the_event; /* the endpoint is well, another event may be taken */
} outcomes[DELIVERY_OUTCOMES] = {
    [OUTCOME_DELIVERED] = {"Delivered", 0, true},
    [OUTCOME_NOT_FOUND] = {"NotFound", 300, false},
    [OUTCOME_DISABLED] = {"Disabled", 300, false},
    [OUTCOME_FULL] = {"Full", 300, false},
    [OUTCOME_UNAUTHORIZED] = {"Unauthorized", 300, false},
    [OUTCOME_BAD_REQUEST] = {"BadRequest", 0, true},
    [OUTCOME_TIMED_OUT] = {"TimedOut", 10, false},
    [OUTCOME_BUSY] = {"Busy", 10, false},
    [OUTCOME_PAYLOAD_TOO_LARGE] = {"PayloadTooLarge", 0, true},
    [OUTCOME_PROBATION] = {"Probation", OTHER_PROBATION_S, false},
    [OUTCOME_CANCELED] = {"Canceled", OTHER_PROBATION_S, false},
    [OUTCOME_ABORTED] = {"Aborted", OTHER_PROBATION_S, false},
    [OUTCOME_SOCKET_ERROR] = {"SocketError", 30, false},
    [OUTCOME_RESOLUTION_ERROR] = {"ResolutionError", 300, false},
    [OUTCOME_DELIVERING] = {"Delivering", OTHER_PROBATION_S, false},
    [OUTCOME_FORBIDDEN] = {"Forbidden", 300, false},
    [OUTCOME_LOCK_EXPIRED] = {"LockExpired", 0, true},
    [OUTCOME_RELEASED] = {"Released", 0, true},
    [OUTCOME_REJECTED] = {"Rejected", 0, true},
};

const char *delivery_outcome_name(enum delivery_outcome outcome)
{
    return outcomes[outcome].name;
}

bool delivery_outcome_from_name(struct slice name, enum delivery_outcome *out)
{
    for (size_t i = 0; i < DELIVERY_OUTCOMES; i++) {
        if (slice_equal(name, slice_from_string(outcomes[i].name))) {
            *out = (enum delivery_outcome)i;
            return true;
        }
    }
    return false;
}

/* --- what an answer means --- */

struct status_row {
    int first, last;
    struct delivery_verdict verdict;
};

/* 4.2, 4.3 for webhooks; the first row that has the status counts. */
static const struct status_row basic_statuses[] = {
    {200, 204, {OUTCOME_DELIVERED, true, 0, 0}},
    {400, 400, {OUTCOME_BAD_REQUEST, true, 0, 0}},
    {401, 401, {OUTCOME_UNAUTHORIZED, true, 0, 0}},
    {403, 403, {OUTCOME_FORBIDDEN, true, 0, 0}},
    {404, 404, {OUTCOME_NOT_FOUND, false, 300, 0}},
    {408, 408, {OUTCOME_TIMED_OUT, false, 120, 0}},
    {413, 413, {OUTCOME_PAYLOAD_TOO_LARGE, true, 0, 0}},
    {429, 429, {OUTCOME_BUSY, false, OTHER_DELAY_S, 0}},
    {503, 503, {OUTCOME_BUSY, false, 30, 0}},
    {504, 504, {OUTCOME_TIMED_OUT, false, OTHER_DELAY_S, 0}},
    {INT32_MIN, INT32_MAX, {OUTCOME_ABORTED, false, OTHER_DELAY_S, 0}},
};

/* 5.5. An endpoint that cannot be reached is tried again, though Azure is said to give up: that it
 * is not there for a moment should cost no event. */
static const struct status_row namespace_statuses[] = {
    {200, 204, {OUTCOME_DELIVERED, true, 0, 0}},
    {400, 400, {OUTCOME_BAD_REQUEST, true, 0, 0}},
    {401, 401, {OUTCOME_UNAUTHORIZED, true, 0, 0}},
    {403, 403, {OUTCOME_FORBIDDEN, true, 0, 0}},
    {404, 404, {OUTCOME_NOT_FOUND, true, 0, 0}},
    {408, 408, {OUTCOME_TIMED_OUT, false, 0, 0}},
    {413, 413, {OUTCOME_PAYLOAD_TOO_LARGE, false, 0, 0}},
    {414, 414, {OUTCOME_BAD_REQUEST, true, 0, 0}},
    {429, 429, {OUTCOME_BUSY, false, 0, 0}},
    {503, 503, {OUTCOME_BUSY, false, 0, 0}},
    {504, 504, {OUTCOME_TIMED_OUT, false, 0, 0}},
    {INT32_MIN, INT32_MAX, {OUTCOME_ABORTED, false, 0, 0}},
};

static const struct status_row *const statuses[RETRY_RULES] = {
    [RETRY_BASIC] = basic_statuses,
    [RETRY_NAMESPACE] = namespace_statuses,
};

static const enum delivery_outcome failures[] = {
    [FAILURE_NONE] = OUTCOME_ABORTED,
    [FAILURE_SOCKET] = OUTCOME_SOCKET_ERROR,
    [FAILURE_RESOLUTION] = OUTCOME_RESOLUTION_ERROR,
    [FAILURE_TIMEOUT] = OUTCOME_TIMED_OUT,
};

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

struct delivery_verdict delivery_judge(enum retry_rules rules, int status,
                                       enum delivery_failure failure, uint32_t retry_after_s)
{
    const struct status_row *row = statuses[rules];

    if (failure != FAILURE_NONE) {
        return (struct delivery_verdict){failures[failure], false, OTHER_DELAY_S, 0};
    }
    while (status < row->first || status > row->last) {
        row++;
    }
    struct delivery_verdict verdict = row->verdict;
    if (!verdict.is_final) {
        verdict.retry_after_s = retry_after_s < DAY_S ? retry_after_s : DAY_S;
    }
    return verdict;
}

/* --- what follows --- */

void dead_letter_reason_append(struct buffer *out, enum dead_letter_reason reason,
                               enum delivery_outcome outcome)
{
    static const char *const reasons[DEAD_LETTER_REASONS] = {
        [DEAD_ATTEMPTS] = "MaxDeliveryAttemptsExceeded",
        [DEAD_TIME_TO_LIVE] = "TimeToLiveExceeded",
        [DEAD_UNDELIVERABLE] = "UndeliverableDueTo",
        [DEAD_TOO_MANY_HOPS] = "TooManyHops",
        [DEAD_REJECTED] = "Rejected",
    };

    buffer_append_string(out, reasons[reason]);
    if (reason == DEAD_UNDELIVERABLE) {
        buffer_append_string(out, outcomes[outcome].name);
    }
}

bool retry_is_too_late(const struct retry_policy *policy, int64_t published_ms, int64_t now_ms)
{
    return now_ms > published_ms && (uint64_t)(now_ms - published_ms) >= policy->time_to_live_ms;
}

struct steps {
    const uint32_t *seconds;
    size_t count;
    bool are_all; /* of the delays: there are no other ones by status */
};

static struct steps steps_of(const struct retry_policy *policy)
{
    static const uint32_t basic[] = {10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200};
    static const uint32_t of_namespace[] = {0, 10, 30, 60, 300};
    static const struct steps steps[RETRY_RULES] = {
        [RETRY_BASIC] = {basic, COUNT(basic), false},
        [RETRY_NAMESPACE] = {of_namespace, COUNT(of_namespace), true},
    };

    return policy->backoff_count > 0
               ? (struct steps){policy->backoff_s, policy->backoff_count, true}
               : steps[policy->rules];
}

/* Seconds between the attempts-th attempt and the next one (4.3, 4.4, 5.5). */
static uint32_t back_off(const struct retry_policy *policy, const struct delivery_verdict *verdict,
                         uint32_t attempts)
{
    struct steps steps = steps_of(policy);
    size_t step = attempts > 0 ? attempts - 1 : 0;
    uint32_t delay_s = steps.seconds[step < steps.count ? step : steps.count - 1];

    return larger(steps.are_all ? delay_s : larger(delay_s, verdict->delay_least_s),
                  verdict->retry_after_s);
}

/* Up to a tenth more, to the nearest second. */
static uint32_t with_jitter(uint32_t delay_s, uint32_t random)
{
    uint64_t most = (uint64_t)UINT32_MAX * JITTER_PART;

    return delay_s + (uint32_t)(((uint64_t)delay_s * random + most / 2) / most);
}

struct retry_decision retry_decide(const struct retry_policy *policy,
                                   const struct delivery_verdict *verdict, uint32_t attempts,
                                   int64_t published_ms, int64_t now_ms, uint32_t random)
{
    struct retry_decision decision = {.is_dead = true};

    if (verdict->is_final) {
        decision.reason = DEAD_UNDELIVERABLE;
    } else if (attempts >= policy->attempts_max) {
        decision.reason = DEAD_ATTEMPTS;
    } else if (retry_is_too_late(policy, published_ms, now_ms)) {
        decision.reason = DEAD_TIME_TO_LIVE;
    } else {
        uint32_t delay_s = back_off(policy, verdict, attempts);
        decision = (struct retry_decision){.delay_s = with_jitter(delay_s, random)};
    }
    return decision;
}

/* --- probation --- */

enum probation_answer probation_ask(struct probation *probation, msec_t now)
{
    if (probation->until == 0) {
        return PROBATION_GO;
    }
    if (now < probation->until || probation->is_trying) {
        return PROBATION_WAIT;
    }
    probation->is_trying = true;
    return PROBATION_TRY_ONE;
}

void probation_note(struct probation *probation, const struct delivery_verdict *verdict, msec_t now,
                    double scale)
{
    if (outcomes[verdict->outcome].is_of_the_event) {
        *probation = (struct probation){0};
        return;
    }
    probation->failures++;
    if (probation->failures >= PROBATION_FAILURES) {
        double time_ms = 1000.0 * outcomes[verdict->outcome].probation_s * scale;
        msec_t until = now + (msec_t)time_ms;

        /* Requests that were under way when it began do not shorten it. */
        probation->until = until > probation->until ? until : probation->until;
        probation->is_trying = false;
    }
}
