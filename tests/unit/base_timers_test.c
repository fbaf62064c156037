/* The timer wheel against a naive model: an array of deadlines searched for the earliest.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "base/timers.h"

enum { TIMERS = 200, SCRIPT_STEPS = 4000 };

struct probe {
    struct timer timer;
    unsigned order; /* of the model: rank among timers of one deadline */
    msec_t due;     /* the deadline, or the time at which it was set if that is later */
    bool set;
};

struct world {
    struct timers timers;
    struct probe probes[TIMERS];
    uint64_t random;
    unsigned sets;         /* made so far */
    unsigned fired;        /* since the script began */
    unsigned rearm_one_in; /* a fire sets a random timer again, this often */
};

static void world_set(struct world *world, struct probe *probe, msec_t deadline)
{
    probe->due = deadline > world->timers.now ? deadline : world->timers.now;
    probe->order = world->sets++;
    probe->set = true;
    timers_set(&world->timers, &probe->timer, deadline);
}

static void world_cancel(struct world *world, struct probe *probe)
{
    probe->set = false;
    timers_cancel(&world->timers, &probe->timer);
}

/* The one that must fire next, NULL if none is set. */
static struct probe *world_earliest(struct world *world)
{
    struct probe *best = NULL;

    for (unsigned i = 0; i < TIMERS; i++) {
        struct probe *probe = &world->probes[i];
        if (probe->set && (!best || probe->due < best->due ||
                           (probe->due == best->due && probe->order < best->order))) {
            best = probe;
        }
    }
    return best;
}

/* Near deadlines mostly, each level of the wheel sometimes, the past now and then. */
static msec_t world_random_deadline(struct world *world)
{
    unsigned bits = test_random_below(&world->random, 40);
    uint64_t range = UINT64_C(1) << bits;
    uint64_t offset =
        (((uint64_t)test_random(&world->random) << 32) | test_random(&world->random)) % range;

    if (test_random_below(&world->random, 16) == 0) {
        return world->timers.now - (msec_t)offset % 100;
    }
    return world->timers.now + (msec_t)offset;
}

static void probe_fired(struct timer *timer, void *context)
{
    struct world *world = context;
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    CHECK(probe == world_earliest(world));
    CHECK_INT_EQUAL(world->timers.now, probe->due);
    CHECK(!timer_is_set(timer));
    probe->set = false;
    world->fired += 1;
    if (world->rearm_one_in > 0 && test_random_below(&world->random, world->rearm_one_in) == 0) {
        world_set(world, &world->probes[test_random_below(&world->random, TIMERS)],
                  world_random_deadline(world));
    }
}

static struct world *world_make(msec_t now, uint64_t seed)
{
    struct world *world = memory_allocate_zero(sizeof(*world));

    world->random = seed;
    timers_init(&world->timers, now, world);
    for (unsigned i = 0; i < TIMERS; i++) {
        timer_init(&world->probes[i].timer, probe_fired);
    }
    return world;
}

static void world_check_next(struct world *world)
{
    msec_t next = timers_next(&world->timers);
    struct probe *earliest = world_earliest(world);

    if (!earliest) {
        CHECK_INT_EQUAL(next, MSEC_NEVER);
        CHECK_INT_EQUAL(world->timers.count, 0);
        return;
    }
    CHECK(next <= earliest->due);
    CHECK(next > world->timers.now || earliest->due <= world->timers.now);
}

static void world_advance(struct world *world, msec_t now)
{
    struct probe *earliest;

    timers_advance(&world->timers, now);
    earliest = world_earliest(world);
    CHECK(!earliest || earliest->due > now);
    CHECK_INT_EQUAL(world->timers.now, now);
}

static void world_step(struct world *world)
{
    struct probe *probe = &world->probes[test_random_below(&world->random, TIMERS)];
    unsigned kind = test_random_below(&world->random, 10);

    if (kind < 6) {
        world_set(world, probe, world_random_deadline(world));
    } else if (kind < 8) {
        world_cancel(world, probe);
    } else if (kind < 9) {
        world_advance(world, world->timers.now + test_random_below(&world->random, 5000));
    } else {
        msec_t next = timers_next(&world->timers);
        if (next != MSEC_NEVER && next >= world->timers.now) {
            world_advance(world, next);
        }
    }
    CHECK_INT_EQUAL(timer_is_set(&probe->timer), probe->set);
    world_check_next(world);
}

static void world_script(msec_t start, uint64_t seed)
{
    struct world *world = world_make(start, seed);

    world->rearm_one_in = 3;
    for (unsigned step = 0; step < SCRIPT_STEPS; step++) {
        test_note("start %jd seed %ju step %u", (intmax_t)start, (uintmax_t)seed, step);
        world_step(world);
    }
    CHECK(world->fired > SCRIPT_STEPS / 20);
    free(world);
}

TEST(random_scripts_fire_like_the_naive_model)
{
    static const msec_t starts[] = {
        0, 1, 63, 64, 4095, 1790000000000, (INT64_C(1) << 36) - 10, INT64_C(27) << 36};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            world_script(starts[i], seed + i * 100);
        }
    }
}

/* A loop that sleeps until timers_next() reaches every deadline in few steps. */
TEST(sleeping_until_next_costs_at_most_a_wake_up_a_level)
{
    struct world *world = world_make(1790000000123, 7);

    for (unsigned i = 0; i < 50; i++) {
        unsigned wakeups = 0;
        world_set(world, &world->probes[i], world_random_deadline(world));
        while (world->probes[i].set) {
            msec_t next = timers_next(&world->timers);
            world_advance(world, next > world->timers.now ? next : world->timers.now);
            wakeups += 1;
        }
        /* Past the last level each crossing of 2^36 ms is one more. */
        CHECK(wakeups <= TIMERS_LEVELS + 16);
    }
    free(world);
}

TEST(one_advance_crosses_all_levels)
{
    struct world *world = world_make(5, 1);
    msec_t last = 5;

    for (unsigned i = 0; i < 45; i++) {
        last = 5 + (INT64_C(1) << i);
        world_set(world, &world->probes[i], last);
    }
    world_advance(world, last - 1);
    CHECK_INT_EQUAL(world->fired, 44);
    world_advance(world, last);
    CHECK_INT_EQUAL(world->fired, 45);
    CHECK_INT_EQUAL(timers_next(&world->timers), MSEC_NEVER);
    free(world);
}

TEST(a_deadline_of_never_stays)
{
    struct world *world = world_make(1790000000000, 1);

    world_set(world, &world->probes[0], MSEC_NEVER);
    world_advance(world, 1790000000000 + (INT64_C(1) << 40));
    CHECK(timer_is_set(&world->probes[0].timer));
    world_cancel(world, &world->probes[0]);
    CHECK_INT_EQUAL(timers_next(&world->timers), MSEC_NEVER);
    free(world);
}

TEST(a_zeroed_timer_is_not_set)
{
    struct timers *timers = memory_allocate(sizeof(*timers));
    struct timer timer = {0};

    timers_init(timers, 100, NULL);
    CHECK(!timer_is_set(&timer));
    timers_cancel(timers, &timer);
    CHECK_INT_EQUAL(timers->count, 0);
    free(timers);
}

static void free_owner(struct timer *timer, void *context)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    *(unsigned *)context += 1;
    free(probe);
}

TEST(a_fire_may_free_its_owner)
{
    struct timers *timers = memory_allocate(sizeof(*timers));
    unsigned fired = 0;

    timers_init(timers, 100, &fired);
    for (msec_t i = 0; i < 10; i++) {
        struct probe *probe = memory_allocate_zero(sizeof(*probe));
        timer_init(&probe->timer, free_owner);
        timers_set(timers, &probe->timer, 150 + i / 3);
    }
    timers_advance(timers, 1000);
    CHECK_INT_EQUAL(fired, 10);
    free(timers);
}
