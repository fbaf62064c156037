/* bridge/dispatch/pull_*: what becomes of a queue's locks, counts and receivers when processes and
 * the broker come and go (spec/eventgrid.md 5.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pull_fixture.h"

TEST(a_dead_process_takes_its_locks_along_and_the_deliveries_are_counted)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    CHECK_INT_EQUAL(take_locks(&one), 1);
    pull_errand_release(&one.errand);
    world_kill(world, owner);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_owner(world, NAME), 1 - owner);
    begin(world, 1 - owner, &one, with_locks(&one, PULL_ACKNOWLEDGE, 1));
    CHECK(one.is_good);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_TOKEN_LOST);
    receive(world, 1 - owner, &other, 1);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":2}"));
    release(&one);
    release(&other);
    world_free(world);
}

static void check_count(struct receiver *receiver, const char *id, int count)
{
    char text[100], number[40];
    const char *event;

    snprintf(text, sizeof(text), "\"id\":\"%s\"", id);
    snprintf(number, sizeof(number), "\"deliveryCount\":%d}", count);
    event = strstr(events_of(receiver), text);
    CHECK(event);
    while (event > (const char *)receiver->text.data &&
           strncmp(event, "\"deliveryCount\"", 15) != 0) {
        event--; /* it stands before the event */
    }
    test_note("%s", events_of(receiver));
    CHECK(strncmp(event, number, strlen(number)) == 0);
}

/* They had only been in the memory of the process. */
TEST(what_nobody_was_given_does_not_count_when_its_process_dies)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_publish(world, NAME, "e3");
    world_run(world, 0);
    receive(world, owner, &one, 2);
    CHECK_INT_EQUAL(got(&one), 2);
    pull_errand_release(&one.errand);
    world_kill(world, owner);
    world_run(world, 0);
    receive(world, 1 - owner, &one, 3);
    CHECK_INT_EQUAL(got(&one), 3);
    check_count(&one, "e1", 2);
    check_count(&one, "e2", 2);
    check_count(&one, "e3", 1);
    release(&one);
    world_free(world);
}

TEST(what_nobody_was_given_does_not_count_when_the_broker_dies)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    broker_lose(world->broker);
    broker_return(world->broker);
    world_run(world, 10000);
    owner = world_owner(world, NAME);
    receive(world, owner, &one, 2);
    CHECK_INT_EQUAL(got(&one), 2);
    check_count(&one, "e1", 2);
    check_count(&one, "e2", 1);
    release(&one);
    world_free(world);
}

/* What cannot be kept by the broker comes back behind those with higher numbers. */
TEST(what_was_given_out_of_turn_counts_when_its_process_dies)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    world->broker->refuses_delayed = true;
    settle_after(world, owner, &one, PULL_RELEASE, 10);
    world_publish(world, NAME, "e2");
    world_run(world, 10000);
    receive(world, owner, &one, 2);
    CHECK_INT_EQUAL(got(&one), 2);
    CHECK(strstr(events_of(&one), "e1") > strstr(events_of(&one), "e2"));
    pull_errand_release(&one.errand);
    world_kill(world, owner);
    world_run(world, 0);
    receive(world, 1 - owner, &one, 2);
    check_count(&one, "e1", 2);
    check_count(&one, "e2", 2);
    release(&one);
    world_free(world);
}

/* Numbers of deliveries have 32 bits. */
TEST(how_far_a_queue_was_given_is_known_behind_two_thousand_million_deliveries)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    broker_find_session(QUEUE)->next_sequence = 0x80000000;
    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    pull_errand_release(&one.errand);
    world_kill(world, owner);
    world_run(world, 0);
    receive(world, 1 - owner, &one, 2);
    CHECK_INT_EQUAL(got(&one), 2);
    check_count(&one, "e1", 2);
    check_count(&one, "e2", 1);
    release(&one);
    world_free(world);
}

/* Else the numbers of a queue of before would say that its events had been given. */
TEST(how_far_a_queue_was_given_ends_with_it)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    receive(world, owner, &one, 2);
    settle(world, &one, PULL_ACKNOWLEDGE);
    world_unsubscribe(world, NAME);
    world_run(world, 1000);
    world_subscribe(world, NAME, QUEUE_OF(""));
    world_run(world, 1000);
    owner = world_owner(world, NAME);
    world_publish(world, NAME, "e3");
    world_run(world, 0);
    world_kill(world, owner);
    world_run(world, 0);
    receive(world, 1 - owner, &one, 1);
    check_count(&one, "e3", 1);
    release(&one);
    world_free(world);
}

TEST(crashes_alone_are_not_too_many_deliveries)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(",\"maxDeliveryCount\":1"), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    world_kill(world, owner);
    world_run(world, 0);
    receive(world, 1 - owner, &one, 1);
    CHECK_INT_EQUAL(got(&one), 1);
    CHECK(strstr(events_of(&one), "\"deliveryCount\":1}"));
    release(&one);
    world_free(world);
}

TEST(who_asks_a_process_that_dies_is_told_to_ask_again)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    receive(world, 1 - owner, &one, 1);
    CHECK(!one.is_done);
    world_kill(world, owner);
    world_run(world, 0);
    CHECK(one.is_done && !one.is_good);
    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, 1 - owner, &one, 1);
    CHECK_INT_EQUAL(got(&one), 1);
    release(&one);
    world_free(world);
}

TEST(an_acknowledgement_that_the_broker_has_not_stored_is_not_answered)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    CHECK_INT_EQUAL(take_locks(&one), 1);
    begin_quietly(world, owner, &one, with_locks(&one, PULL_ACKNOWLEDGE, 1));
    CHECK(!one.is_done);
    broker_lose(world->broker);
    CHECK(one.is_done && !one.is_good);
    broker_return(world->broker);
    world_run(world, 0);
    release(&one);
    world_free(world);
}

TEST(while_the_broker_is_away_receivers_are_told_so)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    broker_lose(world->broker);
    receive(world, owner, &one, 1);
    world_run(world, 9000);
    CHECK(!one.is_done);
    world_run(world, 1000);
    CHECK(one.is_done && !one.is_good);
    broker_return(world->broker);
    world_run(world, 0);
    release(&one);
    world_free(world);
}
