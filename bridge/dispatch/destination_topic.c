/* Another event topic of this server, which takes the event as if it had been published there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/destination.h"
#include "dispatch/runner_state.h"

enum { RETRY_LEAST_S = 10 };

/* That there is no such topic may pass. */
static const struct delivery_verdict verdicts[] = {
    [FORWARD_DONE] = {OUTCOME_DELIVERED, true, 0, 0},
    [FORWARD_NO_TOPIC] = {OUTCOME_NOT_FOUND, false, RETRY_LEAST_S, 0},
    [FORWARD_NOT_FITTING] = {OUTCOME_BAD_REQUEST, true, 0, 0},
};

static const struct delivery_verdict busy = {OUTCOME_BUSY, false, RETRY_LEAST_S, 0};

static void done(struct door_load *load, bool is_accepted)
{
    struct delivery_run *run = CONTAINER_OF(load, struct delivery_run, load);

    run->is_sent = false;
    delivery_run_done(run,
                      &(struct run_result){.verdict = is_accepted ? verdicts[FORWARD_DONE] : busy});
}

static bool begin(struct delivery_run *run)
{
    struct runner *runner = run->feed->runner;
    enum forward_answer answer;

    run->load.done = done;
    answer = runner_forward(runner, run->properties->destination.source_key,
                            &delivery_run_first(run)->event, &run->load);
    run->is_sent = answer == FORWARD_WAITS;
    if (answer != FORWARD_WAITS && answer != FORWARD_NOT_NOW) {
        delivery_run_end_later(run, &verdicts[answer]);
    }
    return answer != FORWARD_NOT_NOW;
}

static void cancel(struct delivery_run *run)
{
    if (run->is_sent) {
        door_forget(run->feed->runner->grid->door, &run->load);
    }
}

const struct destination_ops destination_event_topic = {.begin = begin, .cancel = cancel};
