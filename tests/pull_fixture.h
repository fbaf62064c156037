/* Receivers of a namespace's queue, and the world that they are in: what tests of pull delivery
 * share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_PULL_FIXTURE_H
#define PUBGRID_TESTS_PULL_FIXTURE_H

#include "dispatch/pull_desk.h"
#include "support/runner_world.h"
#include "test.h"

#define QUEUE_OF(more)                                                                             \
    "{\"deliveryConfiguration\":{\"deliveryMode\":\"Queue\",\"queue\":{"                           \
    "\"receiveLockDurationInSeconds\":60" more "}}}"
#define DEAD_LETTERS                                                                               \
    ",\"deadLetterDestinationWithResourceIdentity\":{\"deadLetterDestination\":{"                  \
    "\"endpointType\":\"StorageBlob\",\"properties\":{\"resourceId\":\"/sa\","                     \
    "\"blobContainerName\":\"dead\"}}}"
#define DEAD_LETTER_TOPIC                                                                          \
    ",\"deadLetterDestinationWithResourceIdentity\":{\"deadLetterDestination\":{"                  \
    "\"endpointType\":\"EventGridTopic\",\"properties\":{\"topicName\":\"tee\"}}}"
#define NAME  "sub"
#define QUEUE "$wps//events/namespaces/plant/topics/readings/eventsubscriptions/sub"

/* --- a receiver --- */

struct receiver {
    struct pull_errand errand;
    struct pull_lock locks[PULL_EVENTS_MAX];
    struct buffer text; /* of what it got, NUL-terminated */
    bool is_done, is_good;
};

static inline void done(struct pull_errand *errand, bool is_good)
{
    struct receiver *receiver = CONTAINER_OF(errand, struct receiver, errand);

    CHECK(!receiver->is_done);
    receiver->is_done = true;
    receiver->is_good = is_good;
}

/* What follows from it has not come yet. */
static inline void begin_quietly(struct world *world, int bridge, struct receiver *receiver,
                                 struct pull_wanted wanted)
{
    pull_errand_release(&receiver->errand);
    receiver->errand = (struct pull_errand){.wanted = wanted, .done = done};
    receiver->errand.wanted.queue = slice_from_string(QUEUE);
    receiver->is_done = receiver->is_good = false;
    pull_errand_begin(world->grids[bridge].runner, &receiver->errand);
}

static inline void begin(struct world *world, int bridge, struct receiver *receiver,
                         struct pull_wanted wanted)
{
    begin_quietly(world, bridge, receiver, wanted);
    world_run(world, 0);
}

static inline void receive(struct world *world, int bridge, struct receiver *receiver,
                           uint32_t most)
{
    begin(world, bridge, receiver,
          (struct pull_wanted){.operation = PULL_RECEIVE, .events_max = most, .wait_ms = 10000});
}

static inline size_t got(const struct receiver *receiver)
{
    return receiver->errand.found.tokens.length / PULL_TOKEN_SIZE;
}

/* Its events as JSON. */
static inline const char *events_of(struct receiver *receiver)
{
    receiver->text.length = 0;
    buffer_append(&receiver->text, buffer_slice(&receiver->errand.found.events));
    buffer_append_byte(&receiver->text, '\0');
    return (const char *)receiver->text.data;
}

/* The tokens of all that it has got become its locks; how many. */
static inline size_t take_locks(struct receiver *receiver)
{
    struct slice tokens = buffer_slice(&receiver->errand.found.tokens);
    size_t count = 0;

    while (pull_token_take_bytes(&tokens, &receiver->locks[count].token)) {
        count++;
    }
    return count;
}

/* To do something with the first `count` of its locks. */
static inline struct pull_wanted with_locks(struct receiver *receiver, int operation, size_t count)
{
    return (struct pull_wanted){
        .operation = operation, .locks = receiver->locks, .lock_count = count};
}

/* Does something to all that it has got. */
static inline void settle_after(struct world *world, int bridge, struct receiver *receiver,
                                int operation, uint32_t delay_s)
{
    struct pull_wanted wanted = with_locks(receiver, operation, take_locks(receiver));

    wanted.delay_s = delay_s;
    begin(world, bridge, receiver, wanted);
}

static inline void settle(struct world *world, struct receiver *receiver, int operation)
{
    settle_after(world, world_owner(world, NAME), receiver, operation, 0);
}

static inline void release(struct receiver *receiver)
{
    pull_errand_release(&receiver->errand);
    buffer_release(&receiver->text);
}

static inline struct world *world_with(const char *properties, int *owner)
{
    struct world *world = world_new();

    world_use_namespace(world);
    world_subscribe(world, NAME, properties);
    *owner = world_owner(world, NAME);
    CHECK(*owner >= 0);
    return world;
}

static inline struct topic_statistics *statistics_of(struct world *world, int bridge)
{
    return &world_subscription(world, bridge, NAME)->source->statistics;
}

#endif
