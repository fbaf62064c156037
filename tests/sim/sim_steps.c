/* The scheduler: what happens next.
 *
 * A step is a client's doing followed by some of what threads do by themselves, or time, or an
 * accident. Each step draws from its own random numbers, so that a story goes on much the same when
 * a step is left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "sim/sim.h"
#include "store/batch.h"

enum { SETTLE_MAX = 1000, LONG_EXPIRY = 1000, SHORT_EXPIRY = 8 };

/* The store measures with a clock that only goes when the simulation's does (see CMakeLists.txt).
 */
int64_t __wrap_clock_monotonic_ns(void);
static int64_t clock_ns;

int64_t __wrap_clock_monotonic_ns(void)
{
    return clock_ns;
}

static void set_clock(const struct sim *sim)
{
    clock_ns = core_harness_now(sim->harness) * 1000000;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned sim_pick(struct sim *sim, unsigned count)
{
    sim->random += UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(mix(sim->random) >> 33) % count;
}

/* ---------------------------------------------------------------- what threads do */

/* The next half of a turn of a shard. */
static void move_shard(struct sim *sim)
{
    unsigned shard = sim_pick(sim, core_harness_shards(sim->harness));

    if (!core_harness_turn_end(sim->harness, shard)) {
        core_harness_turn_begin(sim->harness, shard);
        sim_tell(sim, "# shard %u begins a turn", shard);
    } else {
        sim_tell(sim, "# shard %u ends its turn", shard);
    }
}

static void move_mail(struct sim *sim)
{
    unsigned shards = core_harness_shards(sim->harness);
    unsigned first = sim_pick(sim, shards * (shards + 1));

    for (unsigned i = 0; i < shards * (shards + 1); i++) {
        unsigned pair = (first + i) % (shards * (shards + 1));
        unsigned from = pair / shards, to = pair % shards;
        if (core_harness_pass_mail(sim->harness, from, to)) {
            sim_tell(sim, "# mail from %s%.0u is posted to shard %u",
                     from == shards ? "the store" : "shard ", from == shards ? 0 : from, to);
            return;
        }
    }
}

static void commit(struct sim *sim)
{
    unsigned waiting = (unsigned)core_harness_waiting(sim->harness);

    if (waiting > 0) {
        size_t count = core_harness_commit(sim->harness, 1 + sim_pick(sim, waiting));
        sim_tell(sim, "store commits %zu", count);
    }
    if (sim->broken && core_harness_store_state(sim->harness) != STORE_FAILED) {
        sim_fail(sim, "the store goes on after a commit that failed for good");
    }
}

/* One shard hears of a commit, acts on it and posts what it has to say, all before another one
 * hears. */
static void race_the_store(struct sim *sim)
{
    unsigned shards = core_harness_shards(sim->harness), one = sim_pick(sim, shards);

    core_harness_turn_end(sim->harness, one);
    commit(sim);
    core_harness_pass_mail(sim->harness, shards, one);
    core_harness_turn_begin(sim->harness, one);
    core_harness_turn_end(sim->harness, one);
    for (unsigned i = 0; i < shards; i++) {
        core_harness_pass_mail(sim->harness, one, i);
    }
    sim_tell(sim, "# shard %u hears of it before others do, and posts mail", one);
}

static void move_something(struct sim *sim)
{
    unsigned what = sim_pick(sim, 16);

    if (sim->racing && sim_once_in(sim, 8)) {
        race_the_store(sim);
        return;
    }
    if (what < 8) {
        move_shard(sim);
    } else if (what < 13) {
        move_mail(sim);
    } else if (what < 15) {
        commit(sim);
    } else {
        core_harness_store_step(sim->harness);
    }
}

/* ---------------------------------------------------------------- time and accidents */

bool sim_settle(struct sim *sim)
{
    bool any = true;

    for (unsigned i = 0; i < CLIENTS; i++) {
        client_drop_zombie(&sim->clients[i]);
        sim->clients[i].hanging = false;
    }
    for (unsigned round = 0; any; round++) {
        any = false;
        core_harness_by_hand(sim->harness, false);
        core_harness_by_hand(sim->harness, true);
        for (unsigned i = 0; i <= CLIENTS; i++) {
            any |= client_hear(sim, &sim->clients[i]);
        }
        if (round == SETTLE_MAX) {
            sim_fail(sim, "it never settles");
        }
    }
    if (core_harness_store_state(sim->harness) != STORE_OK) {
        return false;
    }
    sim_tell(sim, "store commits");
    for (unsigned i = 0; i < CLIENTS; i++) {
        session_settled(sim, &sim->clients[i]);
    }
    debts_settled(sim);
    return true;
}

/* Nobody is late by more than this. */
void sim_advance(struct sim *sim, msec_t duration)
{
    core_harness_settle(sim->harness);
    core_harness_advance(sim->harness, duration);
    set_clock(sim);
    sim_tell(sim, "advance %lldms", (long long)duration);
    core_harness_settle(sim->harness);
}

void sim_crash(struct sim *sim)
{
    struct buffer error = {0};
    unsigned waiting = (unsigned)core_harness_waiting(sim->harness);
    size_t count = sim_once_in(sim, 2) ? 0 : sim_pick(sim, waiting + 1);
    unsigned shards = 1 + sim_pick(sim, 4);
    msec_t down = sim_once_in(sim, 2) ? 0 : sim_pick(sim, 20) * 1000;

    sim->event++;
    sim_tell(sim, "# of %u batches that wait", waiting);
    sim_tell(sim, "crash %zu", count);
    sim_tell(sim, "restart shards=%u after=%llds", shards, (long long)down / 1000);
    for (unsigned i = 0; i <= CLIENTS; i++) {
        session_crashed(sim, &sim->clients[i]);
    }
    if (!core_harness_crash(sim->harness, count, shards, down, &error)) {
        sim_fail(sim, "the store cannot be read: %.*s", SLICE_PRINT(error));
    }
    buffer_release(&error);
    set_clock(sim);
    sim->broken = false;
}

static int fault(void *context, bool syncing)
{
    struct sim *sim = context;

    (void)syncing;
    if (sim->fault_count == 0) {
        return 0;
    }
    sim->fault_count--;
    sim->faulted = true;
    sim->broken |= sim->fault_error == -EIO;
    sim_tell(sim, "# a commit fails with %d", sim->fault_error);
    return sim->fault_error;
}

static void plan_fault(struct sim *sim)
{
    static const int errors[] = {-ENOSPC, -ENOSPC, -EROFS, -EIO};

    sim->fault_error = errors[sim_pick(sim, 4)];
    sim->fault_count = 1 + sim_pick(sim, 3);
}

/* ---------------------------------------------------------------- clients */

static void connect_somehow(struct sim *sim, struct sim_client *client)
{
    static const uint32_t expiries[] = {0, SHORT_EXPIRY, LONG_EXPIRY, LONG_EXPIRY, UINT32_MAX};
    bool keeps = client->durable != sim_once_in(sim, 10);

    client_connect(sim, client, client->version == MQTT_5 ? sim_once_in(sim, 12) : !keeps,
                   keeps ? expiries[1 + sim_pick(sim, 4)] : 0);
}

static void leave_somehow(struct sim *sim, struct sim_client *client)
{
    switch (sim_pick(sim, 4)) {
    case 0:
        client_disconnect(sim, client);
        break;
    case 1:
        client_leave_behind(sim, client);
        connect_somehow(sim, client);
        break;
    default:
        client_close(sim, client);
        break;
    }
}

static void speak(struct sim *sim, struct sim_client *client)
{
    unsigned what = sim_pick(sim, 24);

    if (what < 9) {
        client_publish(sim, client);
    } else if (what < 13) {
        client_subscribe(sim, client, sim_pick(sim, FILTERS));
    } else if (what < 14) {
        client_unsubscribe(sim, client, sim_pick(sim, FILTERS));
    } else if (what < 18) {
        if (client->link.held_count > 0) {
            client_acknowledge(sim, client, sim_pick(sim, client->link.held_count));
        }
    } else if (what < 22) {
        client_release(sim, client);
    } else if (what < 23 || client->link.held_count == 0) {
        leave_somehow(sim, client);
    } else {
        client_acknowledge(sim, client, 0);
    }
}

static void move_client(struct sim *sim)
{
    struct sim_client *client = &sim->clients[sim_pick(sim, CLIENTS)];

    if (client->link.core && !sim_once_in(sim, 4)) {
        client_hear(sim, client);
    }
    if (!client->link.core) {
        if (!sim_once_in(sim, 4)) {
            connect_somehow(sim, client);
        }
        return;
    }
    if (!client_may_speak(client)) {
        if (sim_once_in(sim, 12)) {
            client_close(sim, client);
        }
        return;
    }
    for (unsigned i = 0; client->hasty && i < client->link.held_count;) {
        i += !client_acknowledge(sim, client, i);
    }
    speak(sim, client);
}

/* ---------------------------------------------------------------- a simulation */

static void take_step(struct sim *sim)
{
    unsigned what = sim_pick(sim, 100);

    if (sim->seed % 8 == 4 && sim_once_in(sim, 12)) { /* there is hardly ever enough space */
        plan_fault(sim);
    }
    if (what < 84) {
        move_client(sim);
    } else if (what < 89) {
        sim_advance(sim, sim_once_in(sim, 4) ? sim_pick(sim, 15000) : sim_pick(sim, 1500));
    } else if (what < 92) {
        sim_settle(sim);
    } else if (what < 96) {
        sim_crash(sim);
        if (sim_once_in(sim, 6)) {
            sim_check(sim, false);
        }
    } else if (what < 97 && sim->seed % 4 == 0) {
        plan_fault(sim);
    } else {
        core_harness_settle(sim->harness);
    }
    for (unsigned moves = sim_pick(sim, sim->racing ? 25 : 7); moves > 0; moves--) {
        move_something(sim);
    }
}

static void remove_store(const struct sim *sim)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock", "reserve", ""};
    char path[128];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", sim->store_path, files[i]);
        if (*files[i]) {
            unlink(path);
        } else {
            rmdir(path);
        }
    }
}

static void choose_settings(struct sim *sim, struct core_harness_settings *settings)
{
    static const uint32_t windows[] = {0, 100, 1000, 65536};
    static const uint32_t saves[] = {300, 1000, 4000, 10000};

    core_harness_defaults(settings);
    settings->shards = 1 + sim_pick(sim, 4);
    settings->seed = sim->seed;
    settings->store_path = sim->store_path;
    settings->store_save_bytes = saves[sim_pick(sim, 4)];
    settings->store_fault = fault;
    settings->store_fault_context = sim;
    settings->options.sys_interval_ms = 0;
    settings->options.inflight_maximum = (uint16_t)(1 + sim_pick(sim, 20));
    settings->options.receive_maximum = OUTGOING_MAX + 1;
    settings->options.window_bytes = windows[sim_pick(sim, 4)];
    settings->options.overlapping_separately = false;
}

static void begin(struct sim *sim)
{
    static const char *const names[] = {"alice", "bob",   "carol",    "dave",
                                        "erin",  "frank", "inspector"};
    struct core_harness_settings settings;

    snprintf(sim->store_path, sizeof(sim->store_path), "%s/pubgrid-sim-%d",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    remove_store(sim);
    sim->random = mix(sim->seed);
    choose_settings(sim, &settings);
    sim->steps = 30 + sim_pick(sim, 120);
    /* What must be stored and what need not be, side by side. */
    sim->racing = sim->seed % 6 == 5;
    for (uint8_t i = 0; i <= CLIENTS; i++) {
        struct sim_client *client = &sim->clients[i];
        client->index = i;
        client->name = names[i];
        client->epoch = 1;
        client->version = i < INSPECTOR && sim_once_in(sim, 4) ? MQTT_3_1_1 : MQTT_5;
        client->durable = i < INSPECTOR && !sim_once_in(sim, 4) && !sim->racing;
        client->hasty = sim_once_in(sim, 2);
        client->link.will = client->last_will = NO_MESSAGE;
    }
    for (unsigned i = 0; i < TOPICS; i++) {
        sim->retained[i] = (struct sim_retained){.candidates = {NO_MESSAGE}, .count = 1};
    }
    sim->harness = core_harness_new(&settings);
    set_clock(sim);
    core_harness_by_hand(sim->harness, true);
    sim_tell(sim, "# seed %llu, %u steps; shards=%u save_bytes=%llu window_bytes=%u",
             (unsigned long long)sim->seed, sim->steps, settings.shards,
             (unsigned long long)settings.store_save_bytes, settings.options.window_bytes);
}

void sim_run(struct sim *sim)
{
    begin(sim);
    for (sim->step = 0; sim->step < sim->steps; sim->step++) {
        if (!sim->left_out || !sim->left_out[sim->step]) {
            sim->random = mix(mix(sim->seed) + sim->step + 1);
            sim_tell(sim, "# step %u", sim->step);
            take_step(sim);
        }
    }
    sim->random = mix(mix(sim->seed) + STEPS_MAX);
    sim_check(sim, true);
    core_harness_free(sim->harness);
    remove_store(sim);
}
