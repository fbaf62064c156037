/* bridge/dispatch/pull_*: queues of namespaces (spec/eventgrid.md 5.3): who gets which event, and
 * what becomes of locks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pull_fixture.h"

/* What the process that runs the queue says of it, as JSON; for the next call's time. */
static const char *state_of(struct world *world, int owner)
{
    static struct buffer text;
    const struct event_logs *logs = world->grids[owner].gateway->event_logs;

    text.length = 0;
    CHECK(logs->append_state(logs->context, SLICE_LITERAL(QUEUE), &text));
    CHECK(!logs->append_state(logs->context, SLICE_LITERAL("$wps//events/another"), &text));
    buffer_append_byte(&text, '\0');
    test_note("%s", (const char *)text.data);
    return (const char *)text.data;
}

/* --- receiving --- */

TEST(the_queue_says_what_is_ready_and_locked)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};
    const char *state = state_of(world, owner);

    CHECK(strstr(state, "\"ready\":0,") && strstr(state, "\"events\":[]}"));
    for (int i = 0; i < 60; i++) {
        world_publish(world, NAME, i == 0 ? "e0" : "e");
    }
    world_run(world, 0);
    receive(world, owner, &one, 1);
    state = state_of(world, owner);
    CHECK(strstr(state, "\"locked\":1,") && strstr(state, "\"ready\":59,"));
    CHECK(strstr(state, "\"receivers\":0,"));
    CHECK(
        strstr(state, "\"events\":[{\"eventId\":\"e0\",\"state\":\"Locked\",\"deliveryCount\":1,"));
    CHECK(strstr(state, "\"until\":\"") &&
          strstr(state, "\"state\":\"Ready\",\"deliveryCount\":0,"));
    settle(world, &one, PULL_RELEASE);
    world_run(world, 0);
    state = state_of(world, owner);
    CHECK(strstr(state, "\"locked\":0,") && strstr(state, "\"ready\":60,"));
    receive(world, owner, &one, 100);
    settle(world, &one, PULL_ACKNOWLEDGE);
    receive(world, owner, &other, 1);
    CHECK(strstr(state_of(world, owner), "\"receivers\":1,"));
    release(&one);
    release(&other);
    world_free(world);
}

TEST(events_are_received_once_and_acknowledged)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_publish(world, NAME, "e3");
    world_run(world, 0);
    receive(world, owner, &one, 2);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(got(&one), 2);
    CHECK(strstr(events_of(&one), "\"e1\"") && strstr(events_of(&one), "\"e2\""));
    CHECK(strstr(events_of(&one), "\"deliveryCount\":1}"));
    receive(world, owner, &other, 100);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"e3\""));
    CHECK_INT_EQUAL(world_waiting(world, NAME), 3);
    settle(world, &one, PULL_ACKNOWLEDGE);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_SUCCEEDED);
    CHECK_INT_EQUAL(one.locks[1].result, PULL_SUCCEEDED);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 1);
    CHECK_INT_EQUAL(statistics_of(world, owner)->delivered, 2);
    release(&one);
    release(&other);
    world_free(world);
}

TEST(an_acknowledged_event_is_not_acknowledged_again)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};
    struct pull_token token;

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_ACKNOWLEDGE);
    token = one.locks[0].token;
    begin(world, owner, &one, with_locks(&one, PULL_ACKNOWLEDGE, 1));
    CHECK(one.is_good);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_TOKEN_LOST);
    CHECK(pull_token_equal(&one.locks[0].token, &token));
    release(&one);
    world_free(world);
}

TEST(who_waits_gets_what_comes_and_those_behind_get_the_next)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    receive(world, owner, &one, 2);
    receive(world, owner, &other, 2);
    CHECK(!one.is_done && !other.is_done);
    for (int i = 0; i < 3; i++) {
        world_publish(world, NAME, "e");
    }
    world_run(world, 0);
    CHECK_INT_EQUAL(got(&one), 2);
    CHECK_INT_EQUAL(got(&other), 1);
    release(&one);
    release(&other);
    world_free(world);
}

TEST(who_has_waited_long_enough_gets_nothing)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    receive(world, owner, &one, 2);
    world_run(world, 9999);
    CHECK(!one.is_done);
    world_run(world, 1);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(got(&one), 0);
    world_publish(world, NAME, "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(got(&one), 0);
    release(&one);
    world_free(world);
}

/* Nobody ran the queue while it could have waited, and the time came late. */
TEST(who_has_waited_for_the_queue_itself_does_not_wait_again)
{
    struct world *world = world_new();
    struct receiver one = {0};

    world_use_namespace(world);
    receive(world, 0, &one, 1);
    CHECK(!one.is_done);
    world_subscribe(world, NAME, QUEUE_OF(""));
    world_run(world, 11000);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(got(&one), 0);
    release(&one);
    world_free(world);
}

TEST(who_has_gone_gets_nothing)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    receive(world, owner, &one, 1);
    pull_errand_release(&one.errand);
    receive(world, owner, &other, 1);
    world_publish(world, NAME, "e1");
    world_run(world, 0);
    CHECK(!one.is_done);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":1}"));
    release(&one);
    release(&other);
    world_free(world);
}

/* --- locks --- */

TEST(a_lock_that_expires_makes_the_event_come_again_and_counts)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    world_run(world, 59999);
    receive(world, owner, &other, 1);
    CHECK(!other.is_done);
    world_run(world, 1);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":2}"));
    settle(world, &one, PULL_ACKNOWLEDGE);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_TOKEN_LOST);
    settle(world, &other, PULL_ACKNOWLEDGE);
    CHECK_INT_EQUAL(other.locks[0].result, PULL_SUCCEEDED);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    CHECK_INT_EQUAL(statistics_of(world, owner)->attempts_failed, 1);
    release(&one);
    release(&other);
    world_free(world);
}

TEST(a_lock_is_renewed_for_its_whole_time_within_an_hour)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_RENEW_LOCK);
    for (int minute = 0; minute < 66; minute++) {
        world_run(world, 55000);
        begin(world, owner, &one, with_locks(&one, PULL_RENEW_LOCK, 1));
        test_note("%d", minute);
        CHECK_INT_EQUAL(one.locks[0].result, minute < 65 ? PULL_SUCCEEDED : PULL_TOKEN_LOST);
    }
    CHECK_INT_EQUAL(world_waiting(world, NAME), 1); /* it is still locked */
    release(&one);
    world_free(world);
}

TEST(a_released_event_comes_again_after_its_delay)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle_after(world, owner, &one, PULL_RELEASE, 10);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_SUCCEEDED);
    receive(world, owner, &other, 1);
    world_run(world, 9000);
    CHECK(!other.is_done);
    world_run(world, 1000);
    receive(world, owner, &other, 1);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":2}"));
    settle(world, &other, PULL_RELEASE);
    receive(world, owner, &other, 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":3}"));
    release(&one);
    release(&other);
    world_free(world);
}

/* Else a crash could bring back the old copy, with a lower count. */
TEST(a_release_is_answered_when_its_copy_is_there_and_the_event_is_gone)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    CHECK_INT_EQUAL(take_locks(&one), 1);
    struct pull_wanted later = with_locks(&one, PULL_RELEASE, 1);
    later.delay_s = 10;
    begin_quietly(world, owner, &one, later);
    CHECK(!one.is_done);
    world_run(world, 0);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0); /* the copy is delayed */
    world->broker->refuses_delayed = true;
    world_run(world, 10000);
    receive(world, owner, &one, 1);
    settle_after(world, owner, &one, PULL_RELEASE, 10);
    CHECK(one.is_done && one.is_good); /* it waits in the window instead */
    CHECK_INT_EQUAL(world_waiting(world, NAME), 1);
    world_run(world, 10000);
    receive(world, owner, &one, 1);
    CHECK(strstr(events_of(&one), "\"deliveryCount\":3}"));
    release(&one);
    world_free(world);
}

TEST(too_many_deliveries_are_the_end)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(",\"maxDeliveryCount\":2" DEAD_LETTERS), &owner);
    struct receiver one = {0};
    const struct world_file *file;

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_RELEASE);
    receive(world, owner, &one, 1);
    CHECK(strstr(events_of(&one), "\"deliveryCount\":2}"));
    world_run(world, 60000);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    file = world_find_file(world, "dead/plant/readings/" NAME "/2026/11/23/");
    CHECK(file);
    CHECK(memmem(file->text.data, file->text.length, "\"e1\"", 4));
    release(&one);
    world_free(world);
}

TEST(a_rejected_event_is_a_dead_letter_or_dropped)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(DEAD_LETTERS), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_SUCCEEDED);
    CHECK(world_find_file(world, "dead/plant/readings/" NAME "/"));
    CHECK_INT_EQUAL(statistics_of(world, owner)->dead_lettered, 1);
    world_subscribe(world, NAME, QUEUE_OF(""));
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_SUCCEEDED);
    CHECK_INT_EQUAL(statistics_of(world, owner)->dropped, 1);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    release(&one);
    world_free(world);
}

/* It is the event's last copy: the receiver is told when it is on the disk. */
TEST(a_rejection_is_answered_when_its_dead_letter_is_written)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(DEAD_LETTERS), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_publish(world, NAME, "e3");
    world_run(world, 0);
    world->file_error = "No space left on device";
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK(one.is_done && !one.is_good);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT); /* it would have to wait for another try */
    CHECK(one.is_done && !one.is_good);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_RELEASE); /* which does not */
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 3);
    world->file_error = NULL;
    world_run(world, 10000);
    CHECK_INT_EQUAL(statistics_of(world, owner)->dead_lettered, 2);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 1);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(statistics_of(world, owner)->dead_lettered, 3);
    release(&one);
    world_free(world);
}

TEST(a_rejection_is_answered_when_its_topic_has_the_dead_letter)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(DEAD_LETTER_TOPIC), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK_INT_EQUAL(world->entry_count, 1);
    CHECK(!one.is_done);
    world_answer_entry(world, 0, true);
    world_run(world, 0);
    CHECK(one.is_done && one.is_good);
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    settle(world, &one, PULL_REJECT);
    CHECK(!one.is_done);
    world_answer_entry(world, 1, false); /* it is sent later */
    world_run(world, 0);
    CHECK(one.is_done && !one.is_good);
    release(&one);
    world_free(world);
}

TEST(an_event_that_is_too_old_is_not_received)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(",\"eventTimeToLive\":\"PT1M\""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 61000);
    receive(world, owner, &one, 1);
    CHECK(!one.is_done);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    CHECK_INT_EQUAL(statistics_of(world, owner)->dropped, 1);
    release(&one);
    world_free(world);
}

TEST(a_token_of_nobody_opens_nothing)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    CHECK_INT_EQUAL(take_locks(&one), 1);
    one.locks[1].token = one.locks[2].token = one.locks[0].token;
    one.locks[0].token.secret[0] ^= 1;
    one.locks[1].token.place = 100000;
    one.locks[2].token.owner++;
    begin(world, owner, &one, with_locks(&one, PULL_ACKNOWLEDGE, 3));
    CHECK(one.is_good);
    for (int i = 0; i < 3; i++) {
        CHECK_INT_EQUAL(one.locks[i].result, PULL_TOKEN_LOST);
    }
    CHECK_INT_EQUAL(world_waiting(world, NAME), 1);
    release(&one);
    world_free(world);
}

/* --- several processes --- */

TEST(another_process_asks_the_one_that_runs_the_queue)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    receive(world, 1 - owner, &one, 5);
    CHECK(!one.is_done);
    world_publish(world, NAME, "e1");
    world_publish(world, NAME, "e2");
    world_run(world, 0);
    CHECK(one.is_done && one.is_good);
    CHECK(got(&one) >= 1);
    size_t count = got(&one);
    settle_after(world, 1 - owner, &one, PULL_ACKNOWLEDGE, 0);
    CHECK(one.is_good);
    CHECK_INT_EQUAL(one.locks[0].result, PULL_SUCCEEDED);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 2 - count);
    release(&one);
    world_free(world);
}

TEST(events_for_a_receiver_elsewhere_that_has_gone_are_given_back_uncounted)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    receive(world, 1 - owner, &one, 5);
    world_publish(world, NAME, "e1");
    pull_errand_release(&one.errand); /* it is not known there yet */
    world_run(world, 0);
    CHECK(!one.is_done);
    receive(world, owner, &other, 5);
    CHECK_INT_EQUAL(got(&other), 1);
    CHECK(strstr(events_of(&other), "\"deliveryCount\":1}"));
    release(&one);
    release(&other);
    world_free(world);
}

TEST(a_receiver_is_told_when_its_subscription_is_gone)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};

    receive(world, owner, &one, 1);
    world_unsubscribe(world, NAME);
    world_run(world, 10000);
    CHECK(one.is_done && !one.is_good);
    release(&one);
    world_free(world);
}

/* --- bounds --- */

TEST(what_is_locked_holds_up_no_others)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    static struct receiver receivers[60];
    struct buffer id = {0};

    /* 100 events of 64 KiB are more than the window's bytes. */
    for (int i = 0; i < 64 * 1024; i++) {
        buffer_append_byte(&id, 'x');
    }
    buffer_append_byte(&id, '\0');
    for (int i = 0; i < 60; i++) {
        world_publish(world, NAME, (const char *)id.data);
    }
    world_run(world, 0);
    for (int i = 0; i < 60; i++) {
        receive(world, owner, &receivers[i], 1);
        test_note("%d", i);
        CHECK_INT_EQUAL(got(&receivers[i]), 1);
    }
    for (int i = 0; i < 60; i++) {
        release(&receivers[i]);
    }
    buffer_release(&id);
    world_free(world);
}

TEST(an_answer_has_no_more_than_a_mebibyte_but_one_event_of_any_size)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};
    struct buffer id = {0};

    for (int i = 0; i < 600 * 1024; i++) {
        buffer_append_byte(&id, 'x');
    }
    buffer_append_byte(&id, '\0');
    world_publish(world, NAME, (const char *)id.data);
    world_publish(world, NAME, (const char *)id.data);
    world_run(world, 0);
    receive(world, owner, &one, 100);
    CHECK_INT_EQUAL(got(&one), 1);
    buffer_release(&id);
    release(&one);
    world_free(world);
}

/* With what is told beside it, the event is more than a message between processes may be. */
TEST(an_event_as_large_as_a_packet_reaches_a_receiver_elsewhere)
{
    enum { ID_BYTES = 10000 };
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0};
    struct buffer id = {0};

    world->broker->packet_max = ID_BYTES + 200;
    broker_lose(world->broker);
    broker_return(world->broker);
    world_run(world, 10000);
    for (int i = 0; i < ID_BYTES; i++) {
        buffer_append_byte(&id, 'x');
    }
    buffer_append_byte(&id, '\0');
    world_publish(world, NAME, (const char *)id.data);
    world_run(world, 0);
    owner = world_owner(world, NAME);
    receive(world, 1 - owner, &one, 1);
    CHECK(one.is_done && one.is_good);
    CHECK_INT_EQUAL(got(&one), 1);
    CHECK(strstr(events_of(&one), (const char *)id.data));
    settle_after(world, 1 - owner, &one, PULL_ACKNOWLEDGE, 0);
    CHECK(one.is_good);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    buffer_release(&id);
    release(&one);
    world_free(world);
}
