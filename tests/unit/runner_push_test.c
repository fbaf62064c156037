/* bridge/dispatch/runner_*: push of namespaces' topics to webhooks (spec/eventgrid.md 5.5, 5.6).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "pull_fixture.h"

#define PUSH(more)                                                                                 \
    "{\"deliveryConfiguration\":{\"deliveryMode\":\"Push\",\"push\":{\"destination\":{"            \
    "\"endpointType\":\"WebHook\",\"properties\":{\"endpointUrl\":\"http://hook/x\","              \
    "\"deliveryAttributeMappings\":["                                                              \
    "{\"name\":\"X-A\",\"type\":\"Static\",\"properties\":{\"value\":\"a\"}},"                     \
    "{\"name\":\"X-S\",\"type\":\"Static\",\"properties\":{\"value\":\"s\",\"isSecret\":true}},"   \
    "{\"name\":\"X-T\",\"type\":\"Dynamic\",\"properties\":{\"sourceField\":\"type\"}}]}}" more    \
    "}}}"

TEST(a_push_of_a_namespace_is_tried_again_by_its_own_table)
{
    static const msec_t delays[] = {0, 11000, 33000};
    int owner;
    struct world *world = world_with(PUSH(",\"maxDeliveryCount\":4" DEAD_LETTERS), &owner);
    const struct world_file *file;

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    CHECK_INT_EQUAL(world->request_count, 1);
    CHECK(strstr(world_lines(world, 0), "aeg-compatibility-mode-enabled: false\n"));
    CHECK(strstr(world_lines(world, 0), "Content-Type: application/cloudevents+json"));
    CHECK(strstr(world_lines(world, 0), "X-S: s\n"));
    for (int i = 0; i < 3; i++) {
        world_answer(world, 503, NULL);
        CHECK_INT_EQUAL(world->request_count, i == 0);
        world_run(world, delays[i]);
        test_note("%d", i);
        CHECK_INT_EQUAL(world->request_count, 1);
    }
    world_answer(world, 503, NULL);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    file = world_find_file(world, "dead/plant/readings/" NAME "/");
    CHECK(file);
    CHECK(memmem(file->text.data, file->text.length, "\"deliveryresult\":\"Busy\"", 23));
    CHECK(memmem(file->text.data, file->text.length,
                 "\"customDeliveryProperties\":{\"X-A\":\"a\",\"X-T\":\"t\"}", 48));
    world_free(world);
}

TEST(what_a_push_was_refused_for_good_is_not_tried_again)
{
    int owner;
    struct world *world = world_with(PUSH(""), &owner);

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    world_answer(world, 404, NULL);
    world_run(world, 0);
    CHECK_INT_EQUAL(world_waiting(world, NAME), 0);
    CHECK_INT_EQUAL(statistics_of(world, owner)->dropped, 1);
    world_free(world);
}

TEST(a_subscription_may_become_a_push_and_a_queue_again)
{
    int owner;
    struct world *world = world_with(QUEUE_OF(""), &owner);
    struct receiver one = {0}, other = {0};

    world_publish(world, NAME, "e1");
    world_run(world, 0);
    receive(world, owner, &one, 1);
    receive(world, owner, &other, 1);
    world_subscribe(world, NAME, PUSH(""));
    world_run(world, 100);
    CHECK_INT_EQUAL(world->request_count, 1); /* what was locked is not any more */
    world_run(world, 10000);
    CHECK(other.is_done && !other.is_good);
    world_subscribe(world, NAME, QUEUE_OF(""));
    world_answer(world, 200, NULL);
    world_run(world, 100);
    receive(world, owner, &one, 1);
    CHECK_INT_EQUAL(got(&one), 1); /* its connection had ended before the answer */
    release(&one);
    release(&other);
    world_free(world);
}
