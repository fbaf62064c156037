/* The thread that asks webhooks, against one that behaves well or badly: tests/webhook_server.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_asker.h"

#include <signal.h>

#include "test.h"

#include "webhook_server.h"

static struct world {
    uv_loop_t loop;
    struct webhook_server server;
    struct mailbox mailbox;
    struct http_asker *asker;
} world;

struct question {
    struct http_question http;
    bool *answered, *forgotten; /* set when its mail is run; of the test */
    long *status;
    struct buffer *answer;
    const char **failure;
};

/* What came of it. */
struct outcome {
    bool answered, forgotten;
    long status;
    struct buffer answer;
    const char *failure;
};

static void come_back(struct mail *mail, void *receiver)
{
    struct question *question = CONTAINER_OF(mail, struct question, http.mail);
    if (receiver) {
        *question->status = question->http.status;
        *question->failure = question->http.failure;
        buffer_append(question->answer, buffer_slice(&question->http.answer));
        *question->answered = true;
    } else {
        *question->forgotten = true;
    }
    http_question_release(&question->http);
    free(question);
}

static void world_begin(void)
{
    struct buffer error = {0};
    signal(SIGPIPE, SIG_IGN);
    memset(&world, 0, sizeof(world));
    CHECK(uv_loop_init(&world.loop) == 0);
    webhook_server_start(&world.server, &world.loop);
    CHECK(mailbox_init(&world.mailbox) == 0);
    world.asker = http_asker_start(NULL, &error);
    CHECK(world.asker);
}

static void world_end(void)
{
    http_asker_stop(world.asker);
    webhook_server_stop(&world.server);
    mailbox_release(&world.mailbox);
}

static struct question *make_question(const char *path, const char *body, struct outcome *outcome)
{
    struct question *question = memory_allocate_zero(sizeof(*question));
    question->http.mail.run = come_back;
    question->http.answer_to = &world.mailbox;
    buffer_append_format(&question->http.url, "http://127.0.0.1:%u%s", world.server.port, path);
    buffer_append_byte(&question->http.url, '\0');
    buffer_append_string(&question->http.body, body);
    question->answered = &outcome->answered;
    question->forgotten = &outcome->forgotten;
    question->status = &outcome->status;
    question->answer = &outcome->answer;
    question->failure = &outcome->failure;
    return question;
}

static bool has_come(const struct outcome *outcome)
{
    struct mail_list mail = mailbox_take(&world.mailbox);
    mail_list_run(&mail, &world);
    return outcome->answered;
}

static struct outcome ask(const char *path, const char *body)
{
    struct outcome outcome = {0};
    CHECK(http_asker_ask(world.asker, &make_question(path, body, &outcome)->http));
    TURN_UNTIL(&world.loop, has_come(&outcome));
    return outcome;
}

static void check_failure(const char *path, const char *said)
{
    struct outcome outcome = ask(path, "{}");
    test_note("%s: %s", path, outcome.failure ? outcome.failure : "no failure");
    CHECK(outcome.status == 0 && outcome.failure && strcasestr(outcome.failure, said));
    buffer_release(&outcome.answer);
}

TEST(an_answer_with_its_status)
{
    world_begin();
    for (int i = 0; i < 3; i++) {
        struct outcome outcome = ask("/echo", "{\"a\":1}");
        CHECK_INT_EQUAL(outcome.status, 200);
        CHECK_SLICE_EQUAL(buffer_slice(&outcome.answer), SLICE_LITERAL("{\"a\":1}"));
        buffer_release(&outcome.answer);
    }
    CHECK_INT_EQUAL(world.server.connections, 1); /* kept alive */
    CHECK(memmem(world.server.last.data, world.server.last.length, "Content-Type: application/json",
                 30));
    struct outcome outcome = ask("/status/400", "{}");
    CHECK_INT_EQUAL(outcome.status, 400);
    buffer_release(&outcome.answer);
    world_end();
}

TEST(redirects_are_not_followed)
{
    world_begin();
    struct outcome outcome = ask("/redirect", "{}");
    CHECK_INT_EQUAL(outcome.status, 302);
    CHECK_INT_EQUAL(world.server.posts, 1);
    buffer_release(&outcome.answer);
    world_end();
}

TEST(no_answer)
{
    world_begin();
    check_failure("/close", "");
    check_failure("/early", "");
    check_failure("/bytes/70000", "");
    check_failure("/hang", "time");
    world_end();
}

TEST(many_at_once)
{
    enum { MANY = 3 * HTTP_QUESTIONS_AT_ONCE };
    struct outcome outcomes[MANY] = {0};
    world_begin();
    for (int i = 0; i < MANY; i++) {
        CHECK(http_asker_ask(world.asker, &make_question("/echo", "{}", &outcomes[i])->http));
    }
    for (int i = 0; i < MANY; i++) {
        TURN_UNTIL(&world.loop, has_come(&outcomes[i]));
        CHECK_INT_EQUAL(outcomes[i].status, 200);
        buffer_release(&outcomes[i].answer);
    }
    CHECK(world.server.connections <= HTTP_QUESTIONS_AT_ONCE);
    world_end();
}

TEST(a_bound_for_those_that_wait)
{
    static struct outcome outcomes[HTTP_QUESTIONS_MAX];
    struct outcome refused = {0};
    memset(outcomes, 0, sizeof(outcomes));
    world_begin();
    for (int i = 0; i < HTTP_QUESTIONS_MAX; i++) {
        CHECK(http_asker_ask(world.asker, &make_question("/hang", "{}", &outcomes[i])->http));
    }
    struct question *more = make_question("/hang", "{}", &refused);
    CHECK(!http_asker_ask(world.asker, &more->http));
    more->http.mail.run(&more->http.mail, NULL);
    world_end(); /* while all of them wait */
    for (int i = 0; i < HTTP_QUESTIONS_MAX; i++) {
        CHECK(outcomes[i].forgotten || outcomes[i].answered);
    }
}
