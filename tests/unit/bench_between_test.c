/* The command between the halves of the durable cell: what it prints names the broker's processes,
 * and a program that it leaves behind holds nobody up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>

#include "../../cli/bench_between.c"
#include "../../cli/bench_process.c"

/* Runs the command as if this process were the broker. */
static struct bench_processes broker_after(const char *command)
{
    struct bench_processes broker = {.count = 1, .ids = {getpid()}};
    test_note("%s", command);
    CHECK_INT_EQUAL(bench_between_run(command, &broker), 0);
    return broker;
}

TEST(the_broker_stays_unless_another_is_named)
{
    static const char *const commands[] = {"true", "echo", "echo ready", "echo 1; echo ready",
                                           "echo 999999999x"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct bench_processes broker = broker_after(commands[i]);
        CHECK_INT_EQUAL(broker.count, 1);
        CHECK_INT_EQUAL(broker.ids[0], getpid());
    }
}

TEST(the_last_line_names_the_broker)
{
    struct bench_processes broker = broker_after("echo started; echo $PPID,$PPID; echo");
    CHECK_INT_EQUAL(broker.count, 2);
    CHECK_INT_EQUAL(broker.ids[1], getpid());
    broker = broker_after("seq 100000; echo $PPID"); /* more than is kept of the output */
    CHECK_INT_EQUAL(broker.ids[0], getpid());
    broker = broker_after("echo 999999999");
    CHECK_INT_EQUAL(broker.count, 0); /* there is no such process */
}

TEST(what_it_leaves_behind_is_not_waited_for)
{
    struct bench_processes broker = broker_after("sleep 1000 & echo $!");
    CHECK_INT_EQUAL(broker.count, 1);
    CHECK(broker.ids[0] != getpid());
    CHECK_INT_EQUAL(kill(broker.ids[0], SIGKILL), 0);
}

TEST(failures_are_told_apart)
{
    struct bench_processes broker = {0};
    CHECK_INT_EQUAL(bench_between_run("echo 1; exit 7", &broker), 7);
    CHECK_INT_EQUAL(bench_between_run("kill -9 $$", &broker), 128 + SIGKILL);
    CHECK_INT_EQUAL(bench_between_run("no-such-program 2>/dev/null", &broker), 127);
    CHECK_INT_EQUAL(broker.count, 0);
}
