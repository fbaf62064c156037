/* Everybody comes back and takes all there is: now nothing may be missing, nothing may be left.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include "store/store.h"

enum {
    ROUNDS_MAX = 3000,
    LATE_MS = 40000,   /* all wills and delayed messages are due by then */
    WIDEST_FILTER = 2, /* "#" */
    LONG_EXPIRY = 1000,
};

/* ---------------------------------------------------------------- everything is taken */

static bool take_all(struct sim *sim, struct sim_client *client)
{
    bool any = client_hear(sim, client);

    if (!client->link.core && client->index != INSPECTOR) {
        client_connect(sim, client, false, client->durable ? LONG_EXPIRY : 0);
        return true;
    }
    for (unsigned i = 0; client_may_speak(client) && i < client->link.held_count;) {
        unsigned before = client->link.held_count;
        bool acknowledged = client_acknowledge(sim, client, i);
        any |= acknowledged;
        i += client->link.held_count == before;
    }
    while (client_may_speak(client) && client_release(sim, client)) {
        any = true;
    }
    return any;
}

static void drain(struct sim *sim)
{
    bool any = true;

    for (unsigned round = 0; any; round++) {
        if (round == ROUNDS_MAX) {
            sim_fail(sim, "it never ends");
        }
        any = false;
        if (!sim_settle(sim)) {
            sim_fail(sim, "the store does not recover");
        }
        for (unsigned i = 0; i <= CLIENTS; i++) {
            any |= take_all(sim, &sim->clients[i]);
        }
    }
}

/* The store writes again, if need be after a restart. */
static void mend_store(struct sim *sim)
{
    sim->fault_count = 0;
    for (int i = 0; i < 4 && !sim->broken && !sim_settle(sim); i++) {
        sim_advance(sim, 2000);
        core_harness_store_step(sim->harness);
    }
    if (sim->broken || !sim_settle(sim)) {
        sim_crash(sim);
    }
}

static void check_all_released(struct sim *sim)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        const struct sim_client *client = &sim->clients[i];
        if (client->unknown) {
            continue;
        }
        if (client->received_count > 0) {
            sim_fail(sim, "%s: identifier %u (m%u) is never released", client->name,
                     client->received[0].packet_id, client->received[0].message);
        }
        if (client->outgoing_count > 0) {
            sim_fail(sim, "%s: m%u is never acknowledged", client->name,
                     client->outgoing[0].message);
        }
    }
}

/* ---------------------------------------------------------------- retained messages */

static void check_retained(struct sim *sim)
{
    struct sim_client *inspector = &sim->clients[INSPECTOR];

    for (unsigned i = 0; i < TOPICS; i++) {
        sim->seen_retained[i] = NO_MESSAGE;
    }
    client_connect(sim, inspector, true, LONG_EXPIRY);
    drain(sim);
    client_subscribe(sim, inspector, WIDEST_FILTER);
    drain(sim);
    for (unsigned i = 0; i < TOPICS; i++) {
        retained_check(sim, i, sim->seen_retained[i]);
    }
    client_unsubscribe(sim, inspector, WIDEST_FILTER);
    drain(sim);
}

/* ---------------------------------------------------------------- subscriptions */

/* What the client's subscriptions make of a message to the topic. */
struct expected {
    bool known; /* nothing of it is in doubt */
    bool any, retain;
    uint8_t qos;
    unsigned identifiers; /* bits by filter */
};

static struct expected expect(const struct sim_client *client, unsigned topic)
{
    struct expected expected = {.known = !client->unknown};

    for (unsigned i = 0; i < FILTERS; i++) {
        const struct sim_subscription *subscription = &client->subscriptions[i];
        if (!filter_matches(i, topic) || !subscription->maybe) {
            continue;
        }
        expected.known &= subscription->known && !filter_is_shared(i);
        expected.any = true;
        expected.retain |= subscription->as_published;
        expected.qos = subscription->qos > expected.qos ? subscription->qos : expected.qos;
        expected.identifiers |= 1u << i;
    }
    return expected;
}

void check_probe(struct sim *sim, const struct sim_client *client, const struct packet *packet,
                 uint16_t number)
{
    struct slice raw = packet->properties.raw;
    struct property_item item;
    unsigned identifiers = 0;

    if (number == NO_MESSAGE || sim->first_probe == 0 || number < sim->first_probe) {
        return;
    }
    struct expected expected = expect(client, sim->messages[number].topic);
    while (properties_next(&raw, &item)) {
        identifiers |=
            item.property == PROPERTY_SUBSCRIPTION_IDENTIFIER ? 1u << (item.number - 1) : 0;
    }
    bool right = expected.any && packet->publish.qos == expected.qos &&
                 packet->publish.retain == expected.retain &&
                 (client->version != MQTT_5 || identifiers == expected.identifiers);
    if (expected.known && !right) {
        sim_fail(sim, "%s gets m%u not as it subscribed", client->name, number);
    }
}

static void check_subscriptions(struct sim *sim)
{
    sim->first_probe = sim->message_count;
    for (unsigned i = 0; i < TOPICS; i++) {
        client_probe(sim, &sim->clients[INSPECTOR], i);
        drain(sim);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        for (unsigned k = sim->first_probe; k < sim->message_count; k++) {
            struct expected expected = expect(&sim->clients[i], sim->messages[k].topic);
            bool came = client_receipt(&sim->clients[i], (uint16_t)k)->fresh > 0;
            if (expected.known && expected.any && !came) {
                sim_fail(sim, "%s did not get m%u: its subscription is lost", sim->clients[i].name,
                         k);
            }
        }
    }
    sim->first_probe = 0;
}

/* ---------------------------------------------------------------- space */

/* Nothing waits any more, so nothing is kept; and once all is saved, the log goes. */
static void check_space(struct sim *sim)
{
    uint64_t saves = core_harness_saves(sim->harness);
    uint64_t end = core_harness_log_end(sim->harness);

    if (core_harness_pinned(sim->harness) > 0) {
        sim_fail(sim, "%llu users of the log that nobody knows",
                 (unsigned long long)core_harness_pinned(sim->harness));
    }
    if (sim->seed % 4 != 1) {
        return; /* it takes long */
    }
    /* The first may have begun before. */
    while (core_harness_saves(sim->harness) < saves + 2) {
        if (sim->message_count > MESSAGES_MAX - TOPICS - 1) {
            return;
        }
        for (unsigned i = 0; i < TOPICS; i++) {
            client_probe(sim, &sim->clients[INSPECTOR], i);
        }
        drain(sim);
    }
    for (int i = 0; i < 4; i++) {
        core_harness_store_step(sim->harness);
        drain(sim);
    }
    if (core_harness_blocks_before(sim->harness, end) > 0) {
        sim_fail(sim, "%zu blocks of the log stay for nobody",
                 core_harness_blocks_before(sim->harness, end));
    }
}

/* ---------------------------------------------------------------- */

void sim_check(struct sim *sim, bool last)
{
    sim_tell(sim, "# everybody comes back%s", last ? ", for the last time" : "");
    sim->checking = true;
    mend_store(sim);
    if (sim_once_in(sim, 2)) {
        sim_advance(sim, LATE_MS);
    }
    drain(sim);
    if (last) {
        sim_advance(sim, LATE_MS);
        drain(sim);
    }
    debts_check(sim);
    check_all_released(sim);
    check_retained(sim);
    if (last) {
        check_subscriptions(sim);
        check_all_released(sim);
        check_space(sim);
    }
    client_disconnect(sim, &sim->clients[INSPECTOR]);
    sim_settle(sim);
    sim->checking = false;
}
