/* Who must get which message, and whether it came; what a topic's retained message may be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/topic.h"
#include "sim/sim.h"

/* ---------------------------------------------------------------- filters */

static struct slice plain_filter(unsigned filter)
{
    struct slice text = slice_from_string(sim_filters[filter]), name;

    topic_filter_split_share(text, &name, &text);
    return text;
}

bool filter_is_shared(unsigned filter)
{
    return sim_filters[filter][0] == '$';
}

bool filter_matches(unsigned filter, unsigned topic)
{
    static signed char known[FILTERS][TOPICS];

    if (known[filter][topic] == 0) {
        known[filter][topic] =
            topic_matches(plain_filter(filter), slice_from_string(sim_topics[topic])) ? 1 : -1;
    }
    return known[filter][topic] > 0;
}

/* ---------------------------------------------------------------- messages */

uint16_t sim_message_new(struct sim *sim, struct sim_client *publisher, struct sim_message message)
{
    if (sim->message_count == MESSAGES_MAX) {
        return NO_MESSAGE;
    }
    message.publisher = publisher->index;
    message.sent = ++sim->event;
    message.turn = ++publisher->turns;
    sim->messages[sim->message_count] = message;
    return (uint16_t)sim->message_count++;
}

struct sim_receipt *client_receipt(struct sim_client *client, uint16_t message)
{
    struct sim_receipt *receipt = &client->receipts[message];

    if (receipt->epoch != client->epoch) {
        *receipt = (struct sim_receipt){.epoch = client->epoch};
    }
    return receipt;
}

unsigned client_copies(const struct sim_client *client, const struct sim_message *message)
{
    unsigned plain = 0, shared = 0, retained = 0;

    for (unsigned i = 0; i < FILTERS; i++) {
        const struct sim_subscription *subscription = &client->subscriptions[i];
        if (!subscription->ever || !filter_matches(i, message->topic)) {
            continue;
        }
        *(filter_is_shared(i) ? &shared : &plain) += 1;
        retained += filter_is_shared(i) || !message->retain ? 0 : subscription->asked;
    }
    /* Overlapping subscriptions bring one copy, but for what a share group stands between. */
    return (plain > 0 && shared == 0 ? 1 : plain) + shared + retained;
}

/* ---------------------------------------------------------------- who must get it */

static bool is_firm_for(const struct sim_client *client, unsigned filter,
                        const struct sim_message *message, unsigned since)
{
    const struct sim_subscription *subscription = &client->subscriptions[filter];

    return filter_matches(filter, message->topic) && client->firm && subscription->firm > 0 &&
           subscription->firm < since && subscription->qos > QOS_0 && message->qos > QOS_0 &&
           !(subscription->no_local && message->publisher == client->index);
}

static bool is_owed(const struct sim_client *client, const struct sim_message *message,
                    unsigned since)
{
    for (unsigned i = 0; i < FILTERS; i++) {
        if (!filter_is_shared(i) && is_firm_for(client, i, message, since)) {
            return true;
        }
    }
    return false;
}

/* The members of a share group, if each of them keeps what it is given: then one must get it. */
static void owe_to_group(struct sim *sim, uint16_t number, unsigned filter)
{
    const struct sim_message *message = &sim->messages[number];
    struct sim_debt debt = {.message = number, .filter = (uint8_t)filter};

    for (unsigned i = 0; i < CLIENTS; i++) {
        const struct sim_client *client = &sim->clients[i];
        const struct sim_subscription *subscription = &client->subscriptions[filter];
        if (client->unknown) {
            return;
        }
        if (!subscription->maybe && subscription->maybe_end < message->sent) {
            continue;
        }
        if (!is_firm_for(client, filter, message, message->sent)) {
            return;
        }
        debt.members |= (uint8_t)(1u << i);
        debt.epochs[i] = client->epoch;
    }
    if (debt.members != 0 && sim->debt_count < DEBTS_MAX) {
        sim->debts[sim->debt_count++] = debt;
    }
}

void debts_acknowledged(struct sim *sim, uint16_t number)
{
    struct sim_message *message = &sim->messages[number];

    message->acked = ++sim->event;
    message->refused = false;
    if (message->retain) {
        retained_acknowledged(sim, number);
    }
    if (message->kind != PLAIN) {
        return;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (is_owed(&sim->clients[i], message, message->sent)) {
            client_receipt(&sim->clients[i], number)->owed = true;
        }
    }
    for (unsigned i = 0; i < FILTERS; i++) {
        if (filter_is_shared(i) && filter_matches(i, message->topic)) {
            owe_to_group(sim, number, i);
        }
    }
}

/* ---------------------------------------------------------------- did it come? */

static void must_have_come(struct sim *sim, struct sim_client *client, uint16_t number)
{
    if (client_receipt(client, number)->copies == 0 && !sim->messages[number].deletes) {
        sim_fail(sim, "%s never got m%u (%s, QoS %u), which was acknowledged", client->name, number,
                 sim_topics[sim->messages[number].topic], sim->messages[number].qos);
    }
}

/* A will or delayed message, whose time has come while these were subscribed. */
static void check_late(struct sim *sim, uint16_t number)
{
    const struct sim_message *message = &sim->messages[number];
    unsigned since = message->kind == WILL ? message->lost : message->sent;
    bool due = core_harness_now(sim->harness) > message->due + SLACK_MS;

    if (!due || (message->kind == WILL ? !message->owed : message->acked == 0)) {
        return;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sim_client *client = &sim->clients[i];
        /* One who never left since: whoever is subscribed later gets it or not. */
        if (is_owed(client, message, since) && client->began < since) {
            must_have_come(sim, client, number);
        }
    }
}

static void check_group(struct sim *sim, const struct sim_debt *debt)
{
    bool came = false;

    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sim_client *client = &sim->clients[i];
        if (!(debt->members >> i & 1)) {
            continue;
        }
        if (client->epoch != debt->epochs[i]) {
            return;
        }
        came |= client_receipt(client, debt->message)->copies > 0;
    }
    if (!came && !sim->messages[debt->message].deletes) {
        sim_fail(sim, "nobody of %s got m%u, which was acknowledged", sim_filters[debt->filter],
                 debt->message);
    }
}

void debts_check(struct sim *sim)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sim_client *client = &sim->clients[i];
        for (uint16_t k = 0; k < sim->message_count; k++) {
            if (client->receipts[k].owed && client->receipts[k].epoch == client->epoch) {
                must_have_come(sim, client, k);
            }
        }
    }
    for (uint16_t k = 0; k < sim->message_count; k++) {
        if (sim->messages[k].kind != PLAIN) {
            check_late(sim, k);
        }
    }
    for (unsigned i = 0; i < sim->debt_count; i++) {
        check_group(sim, &sim->debts[i]);
    }
}

void debts_settled(struct sim *sim)
{
    sim->event++;
    for (unsigned i = 0; i < sim->message_count; i++) {
        struct sim_message *message = &sim->messages[i];
        if (!message->pending && message->done == 0) {
            message->done = sim->event;
        }
    }
}

/* ---------------------------------------------------------------- retained messages */

void retained_attempted(struct sim *sim, uint16_t number)
{
    struct sim_retained *retained = &sim->retained[sim->messages[number].topic];

    if (retained->count == CANDIDATES_MAX) {
        retained->unsure = true;
        return;
    }
    retained->candidates[retained->count++] = number;
}

/* It can have no effect any more after the event; NEVER: it still can. */
static unsigned end_of(const struct sim *sim, uint16_t number)
{
    const struct sim_message *message;

    if (number == NO_MESSAGE) {
        return 0;
    }
    message = &sim->messages[number];
    if (message->pending || (message->acked == 0 && message->done == 0)) {
        return NEVER;
    }
    return message->acked ? message->acked : message->done;
}

/* Candidates that surely came before it are out. */
void retained_acknowledged(struct sim *sim, uint16_t number)
{
    const struct sim_message *message = &sim->messages[number];
    struct sim_retained *retained = &sim->retained[message->topic];
    unsigned kept = 0;

    for (unsigned i = 0; i < retained->count; i++) {
        uint16_t other = retained->candidates[i];
        if (other == number || end_of(sim, other) > message->sent) {
            retained->candidates[kept++] = other;
        }
    }
    retained->count = kept;
}

void retained_check(struct sim *sim, unsigned topic, uint16_t seen)
{
    const struct sim_retained *retained = &sim->retained[topic];
    bool found = retained->unsure;

    for (unsigned i = 0; i < retained->count; i++) {
        uint16_t candidate = retained->candidates[i];
        bool deletes = candidate == NO_MESSAGE || sim->messages[candidate].deletes;
        found |= deletes ? seen == NO_MESSAGE : seen == candidate;
    }
    if (!found && seen == NO_MESSAGE) {
        sim_fail(sim, "the retained message of %s is lost", sim_topics[topic]);
    } else if (!found) {
        sim_fail(sim, "m%u is the retained message of %s and should not be", seen,
                 sim_topics[topic]);
    }
}
