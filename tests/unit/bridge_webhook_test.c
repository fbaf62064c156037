/* bridge/net: requests to webhooks, against one that behaves well or badly: tests/webhook_server.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/webhook.h"

#include <signal.h>

#include "test.h"

#include "base/clock.h"
#include "client/metrics_sample.h"
#include "events/answer.h"
#include "net/webhook_metrics.h"
#include "secret/access_keys.h"
#include "webhook_server.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL
#define KEY          "0123456789abcdef0123456789abcdef"

enum { HANDLERS = 2 };

/* ---------------------------------------------------------------- the world */

static struct world {
    uv_loop_t loop;
    struct webhook_server server;
    struct webhook *webhook;
    struct upgrade_context access;
    msec_t skew; /* of the webhook's clock */
    char urls[HANDLERS][128];
    struct event_handler handlers[HANDLERS];
    struct event_listener listener;
    struct hub_settings settings;
    struct buffer published;
    bool is_stopped;
} world;

static msec_t world_clock(void)
{
    return clock_now() + world.skew;
}

static void publish(void *context, const struct listener_message *message)
{
    (void)context;
    buffer_append(&world.published, message->topic);
    buffer_append_byte(&world.published, '=');
    buffer_append(&world.published, message->payload.bytes);
}

static void set_handler(size_t index, const char *path)
{
    snprintf(world.urls[index], sizeof(world.urls[index]), "http://127.0.0.1:%u/%s",
             world.server.port, path);
    world.handlers[index] = (struct event_handler){.url_template = world.urls[index],
                                                   .user_event_pattern = index == 0 ? "*" : "",
                                                   .system_events = ~0u,
                                                   .timeout_ms = 10000,
                                                   .attempts = 1,
                                                   .skips_validation = true};
}

static struct webhook_options base_options(void)
{
    return (struct webhook_options){
        .access = &world.access, .origin = "p.example", .clock = world_clock, .publish = publish};
}

static void start_with(const char *path, const struct webhook_options *options)
{
    struct buffer error = {0};

    signal(SIGPIPE, SIG_IGN);
    world = (struct world){0};
    uv_loop_init(&world.loop);
    webhook_server_start(&world.server, &world.loop);
    world.access.keys = access_keys_parse(S("primary: " KEY "\nsecondary: " KEY "\n"), &error);
    set_handler(0, path);
    world.settings = (struct hub_settings){
        .name = "h", .event_handlers = world.handlers, .event_handler_count = 1};
    world.webhook = webhook_new(&world.loop, options);
    CHECK(world.webhook);
}

static void start(const char *path)
{
    struct webhook_options options = base_options();

    start_with(path, &options);
}

static void on_stopped(void *context)
{
    (void)context;
    world.is_stopped = true;
}

/* Nothing may be left, on the loop or in memory (the sanitizer looks). */
static void stop(void)
{
    webhook_stop(world.webhook, on_stopped, NULL);
    TURN_UNTIL(&world.loop, world.is_stopped);
    webhook_server_stop(&world.server);
    access_keys_free((struct access_keys *)(uintptr_t)world.access.keys);
    buffer_release(&world.published);
}

/* ---------------------------------------------------------------- events */

struct waiter {
    struct event_wait wait;
    bool is_answered;
    int status;
    const char *error;
    enum data_type type;
    struct buffer body, state;
};

static void answered(struct event_wait *wait, const struct event_answer *answer)
{
    struct waiter *waiter = CONTAINER_OF(wait, struct waiter, wait);

    CHECK(!waiter->is_answered);
    waiter->is_answered = true;
    waiter->status = answer->status;
    waiter->error = answer->error;
    waiter->type = answer->data.type;
    buffer_append(&waiter->body, answer->data.bytes);
    buffer_append(&waiter->state, answer->state);
}

static struct client_event user_event(struct slice body)
{
    return (struct client_event){.settings = &world.settings,
                                 .hub = S("h"),
                                 .is_user_event = true,
                                 .name = S("say"),
                                 .connection_id = S("c1"),
                                 .data = {DATA_TEXT, body}};
}

static void say(struct waiter *waiter, struct slice body)
{
    struct client_event event = user_event(body);

    *waiter = (struct waiter){.wait.answered = answered};
    webhook_operations.raise(world.webhook, &event, &waiter->wait);
    CHECK(!waiter->is_answered); /* never from inside */
}

/* Says it and waits for the answer. */
static struct waiter ask(struct slice body)
{
    static struct waiter waiter;

    say(&waiter, body);
    TURN_UNTIL(&world.loop, waiter.is_answered);
    CHECK(!waiter.wait.call);
    return waiter;
}

static void waiter_release(struct waiter *waiter)
{
    buffer_release(&waiter->body);
    buffer_release(&waiter->state);
}

/* The webhook does as it is asked. */
static void ask_good(void)
{
    struct waiter waiter = ask(S("hi"));

    CHECK_INT_EQUAL(waiter.status, 200);
    waiter_release(&waiter);
}

/* How many of them have got an answer of 200; all have got one. */
static size_t await_all(struct waiter *waiters, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        TURN_UNTIL(&world.loop, waiters[i].is_answered);
        good += waiters[i].status == 200;
        waiter_release(&waiters[i]);
    }
    return good;
}

static bool last_has(const char *text)
{
    return memmem(world.server.last.data, world.server.last.length, text, strlen(text)) != NULL;
}

static struct delivery last_delivery(void)
{
    const struct delivery_log *log = webhook_log(world.webhook, S("h"));
    struct delivery delivery = {0};

    while (delivery_log_next(log, delivery.number, false, &delivery)) {
    }
    return delivery;
}

static void take_statistics(void *context, struct slice hub,
                            const struct event_statistics *statistics)
{
    CHECK_SLICE_EQUAL(hub, S("h"));
    *(struct event_statistics *)context = *statistics;
}

static struct event_kind_statistics user_statistics(void)
{
    struct event_statistics statistics = {0};

    webhook_each_hub(world.webhook, take_statistics, &statistics);
    return statistics.kinds[EVENT_KIND_USER];
}

/* ---------------------------------------------------------------- good answers */

TEST(an_event_is_answered)
{
    struct waiter waiter;

    start("echo?e={event}");
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 200);
    CHECK_INT_EQUAL(waiter.type, DATA_TEXT);
    CHECK_SLICE_EQUAL(buffer_slice(&waiter.body), S("hi"));
    CHECK_SLICE_EQUAL(buffer_slice(&waiter.state), S("s1"));
    CHECK(last_has("POST /echo?e=say HTTP/1.1\r\n"));
    CHECK(last_has("ce-type: azure.webpubsub.user.say\r\n"));
    CHECK(last_has("WebHook-Request-Origin: p.example\r\n"));
    CHECK(!last_has("Expect:") && !last_has("Accept:"));
    CHECK_INT_EQUAL(last_delivery().status, 200);
    CHECK(last_delivery().reason == NULL);
    waiter_release(&waiter);
    stop();
}

static void add_line(void *context, const struct sample *sample)
{
    struct buffer *out = context;

    sample_append_topic(out, sample);
    buffer_append_byte(out, ' ');
    sample_append_text(out, sample);
    buffer_append_byte(out, '\n');
}

TEST(metrics_show_the_events)
{
    struct metrics metrics;
    struct buffer out = {0};
    struct waiter waiter;

    start("echo?e={event}");
    waiter = ask(S("hi"));
    waiter_release(&waiter);
    metrics_init(&metrics);
    webhook_show_metrics(&metrics, world.webhook);
    metrics_visit(&metrics, add_line, &out);
    buffer_append_byte(&out, '\0');
    CHECK(strstr((const char *)out.data, "webhook_events_total/h/user/2xx 1\n"));
    CHECK(strstr((const char *)out.data, "webhook_requests_total/h/user 1\n"));
    CHECK(strstr((const char *)out.data, "webhook_running_requests 0\n"));
    out.length = 0;
    webhook_show_metrics(&metrics, NULL);
    metrics_visit(&metrics, add_line, &out);
    buffer_append_byte(&out, '\0');
    CHECK(!strstr((const char *)out.data, "webhook"));
    buffer_release(&out);
    metrics_release(&metrics);
    stop();
}

TEST(a_connection_is_used_again)
{
    start("echo");
    for (int i = 0; i < 20; i++) {
        ask_good();
    }
    CHECK_INT_EQUAL(world.server.connections, 1);
    stop();
}

/* The answer comes before the end of the connection, which comes before the next request, or with
 * it. */
TEST(connections_that_the_webhook_closes)
{
    start("bye");
    for (int i = 0; i < 10; i++) {
        ask_good();
        if (i % 2 == 0) {
            TURN_UNTIL(&world.loop, world.server.open == 0);
        }
    }
    stop();
}

TEST(bodies_of_any_size)
{
    static uint8_t bytes[ANSWER_BODY_MAX];
    static const size_t sizes[] = {0, 1, 16384, 100000, sizeof(bytes)};

    memset(bytes, 'y', sizeof(bytes));
    bytes[0] = '\0';
    start("echo");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct waiter waiter = ask(slice_make(bytes, sizes[i]));
        test_note("%zu bytes", sizes[i]);
        CHECK_INT_EQUAL(waiter.status, 200);
        CHECK_SLICE_EQUAL(buffer_slice(&waiter.body), slice_make(bytes, sizes[i]));
        waiter_release(&waiter);
    }
    stop();
}

TEST(many_at_once)
{
    enum { MANY = 500 };
    static struct waiter waiters[MANY];
    struct webhook_options options = base_options();
    size_t answered_count = 0;

    options.connections_per_handler = 16;
    start_with("echo", &options);
    for (size_t i = 0; i < MANY; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%zu", i);
        say(&waiters[i], slice_from_string(text));
    }
    CHECK_INT_EQUAL(webhook_gauges(world.webhook).running, 16);
    CHECK_INT_EQUAL(webhook_gauges(world.webhook).waiting, MANY - 16);
    for (; answered_count < MANY; answered_count++) {
        struct waiter *waiter = &waiters[answered_count];
        char text[16];
        TURN_UNTIL(&world.loop, waiter->is_answered);
        snprintf(text, sizeof(text), "%zu", answered_count);
        CHECK_SLICE_EQUAL(buffer_slice(&waiter->body), slice_from_string(text));
        waiter_release(waiter);
    }
    CHECK(world.server.connections <= 16);
    CHECK_INT_EQUAL(user_statistics().results[EVENT_RESULT_2XX], MANY);
    stop();
}

/* ---------------------------------------------------------------- bad ones */

static const struct {
    const char *path;
    int status;
    const char *error; /* NULL: none */
} behaviours[] = {
    {"status/204", 204, NULL},
    {"status/401", 401, NULL},
    {"status/500", 500, NULL},
    {"redirect", 302, NULL},
    {"chunked", 200, NULL},
    {"continue", 200, NULL},
    {"bytes/1048576", 200, NULL},
    {"bytes/1048577", 0, "the answer is too long"},
    {"bytes/5000000", 0, "the answer is too long"},
    {"head/60000", 200, NULL},
    {"head/69000", 0, "the answer is too long"},
    {"close", 0, "the webhook closed the connection without an answer"},
    {"early", 0, "the webhook closed the connection within its answer"},
};

TEST(behaviours_of_webhooks)
{
    for (size_t i = 0; i < COUNT(behaviours); i++) {
        struct waiter waiter;
        test_note("%s", behaviours[i].path);
        start(behaviours[i].path);
        waiter = ask(S("hi"));
        CHECK_INT_EQUAL(waiter.status, behaviours[i].status);
        CHECK_STRING_EQUAL(waiter.error ? waiter.error : "",
                           behaviours[i].error ? behaviours[i].error : "");
        CHECK_INT_EQUAL(waiter.state.length, 0); /* neither of a 100 nor of a trailer */
        CHECK_INT_EQUAL(last_delivery().reason != NULL, behaviours[i].status / 100 != 2);
        CHECK_INT_EQUAL(world.server.posts, 1); /* redirects are not followed */
        waiter_release(&waiter);
        stop();
    }
}

TEST(a_webhook_that_hangs)
{
    struct waiter waiter;

    start("hang");
    world.handlers[0].timeout_ms = 50;
    world.handlers[0].attempts = 4;
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 0);
    CHECK_STRING_EQUAL(waiter.error, "the webhook did not answer in time");
    CHECK_INT_EQUAL(world.server.posts, 1);
    CHECK_INT_EQUAL(user_statistics().results[EVENT_RESULT_NO_ANSWER], 1);
    stop();
}

static void check_fails(const char *url, const char *error)
{
    struct waiter waiter;

    start("echo");
    snprintf(world.urls[0], sizeof(world.urls[0]), "%s", url);
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 0);
    CHECK_INT_EQUAL(waiter.body.length, 0);
    CHECK(waiter.error && strstr(waiter.error, error));
    stop();
}

TEST(urls_that_lead_nowhere)
{
    check_fails("http://127.0.0.1:1/", "the webhook cannot be reached");
    check_fails("file:///etc/passwd", "");
}

/* One that hangs takes nothing from another. */
TEST(webhooks_do_not_wait_for_each_other)
{
    static struct waiter hanging[4];
    struct webhook_options options = base_options();
    struct waiter waiter;

    options.connections_per_handler = 2;
    start_with("hang", &options);
    for (size_t i = 0; i < COUNT(hanging); i++) {
        say(&hanging[i], S("hi"));
    }
    set_handler(0, "echo");
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 200);
    CHECK_INT_EQUAL(webhook_gauges(world.webhook).running, 2);
    CHECK_INT_EQUAL(webhook_gauges(world.webhook).waiting, 2);
    waiter_release(&waiter);
    world.skew += 60000; /* stopping does not wait for them */
    webhook_stop(world.webhook, on_stopped, NULL);
    world.skew += 5000;
    webhook_advance(world.webhook);
    TURN_UNTIL(&world.loop, world.is_stopped);
    for (size_t i = 0; i < COUNT(hanging); i++) {
        CHECK(hanging[i].is_answered);
        CHECK_INT_EQUAL(hanging[i].status, 0);
    }
    world.webhook = webhook_new(&world.loop, &options); /* for stop() */
    world.is_stopped = false;
    stop();
}

/* ---------------------------------------------------------------- retries */

static const int delays[] = {1000, 3000, 5000};

TEST(what_may_pass_is_tried_again)
{
    struct waiter waiter;

    start("flaky/4");
    world.handlers[0].attempts = 4;
    say(&waiter, S("hi"));
    for (size_t i = 0; i < COUNT(delays); i++) {
        TURN_UNTIL(&world.loop, world.server.posts == i + 1);
        TURN_UNTIL(&world.loop,
                   last_delivery().attempt == i + 1 && webhook_gauges(world.webhook).running == 0);
        world.skew += delays[i] - 500;
        webhook_advance(world.webhook);
        CHECK_INT_EQUAL(webhook_gauges(world.webhook).running, 0);
        world.skew += 500;
        webhook_advance(world.webhook);
        CHECK_INT_EQUAL(webhook_gauges(world.webhook).running, 1);
    }
    TURN_UNTIL(&world.loop, waiter.is_answered);
    CHECK_INT_EQUAL(waiter.status, 200);
    CHECK_INT_EQUAL(world.server.posts, 4);
    CHECK_INT_EQUAL(last_delivery().attempt, 4);
    CHECK_INT_EQUAL(user_statistics().attempts, 4);
    CHECK_INT_EQUAL(user_statistics().results[EVENT_RESULT_2XX], 1);
    CHECK(last_has("ce-id: 0\r\n"));
    stop();
}

TEST(the_last_attempt_counts)
{
    struct waiter waiter;

    start("status/503");
    world.handlers[0].attempts = 2;
    say(&waiter, S("hi"));
    TURN_UNTIL(&world.loop, world.server.posts == 1 && webhook_gauges(world.webhook).running == 0);
    world.skew += 1000;
    webhook_advance(world.webhook);
    TURN_UNTIL(&world.loop, waiter.is_answered);
    CHECK_INT_EQUAL(waiter.status, 503);
    CHECK_INT_EQUAL(world.server.posts, 2);
    stop();
}

/* ---------------------------------------------------------------- preflights */

TEST(events_wait_for_the_preflight)
{
    static struct waiter waiters[3];

    start("echo/{event}");
    world.handlers[0].skips_validation = false;
    world.server.allowed_origin = "other, P.EXAMPLE:8080";
    for (size_t i = 0; i < COUNT(waiters); i++) {
        say(&waiters[i], S("hi"));
    }
    CHECK_INT_EQUAL(await_all(waiters, COUNT(waiters)), COUNT(waiters));
    CHECK_INT_EQUAL(world.server.preflights, 1);
    world.skew += 60000; /* asked again, but nobody waits for that */
    waiters[0] = ask(S("hi"));
    CHECK_INT_EQUAL(waiters[0].status, 200);
    waiter_release(&waiters[0]);
    TURN_UNTIL(&world.loop, world.server.preflights == 2);
    stop();
}

TEST(a_webhook_that_does_not_agree)
{
    struct waiter waiter;

    start("echo");
    world.handlers[0].skips_validation = false;
    world.server.allowed_origin = "other";
    for (int i = 0; i < 3; i++) { /* the others are refused without asking */
        waiter = ask(S("hi"));
        CHECK_INT_EQUAL(waiter.status, 0);
        CHECK_STRING_EQUAL(waiter.error,
                           "the preflight's WebHook-Allowed-Origin does not have our host");
    }
    CHECK_INT_EQUAL(world.server.preflights, 1);
    CHECK_INT_EQUAL(world.server.posts, 0);
    CHECK_INT_EQUAL(user_statistics().results[EVENT_RESULT_PREFLIGHT], 3);
    world.server.allowed_origin = "*";
    world.skew += 1000;
    ask_good();
    stop();
}

TEST(a_webhook_that_knows_no_options)
{
    struct waiter waiter;

    start("echo");
    world.handlers[0].skips_validation = false;
    world.server.allows_get = true;
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 200);
    CHECK_INT_EQUAL(world.server.preflights, 2);
    waiter_release(&waiter);
    stop();
}

/* ---------------------------------------------------------------- bounds */

TEST(too_many_events)
{
    enum { MANY = 20 };
    static struct waiter waiters[MANY];
    struct webhook_options options = base_options();

    options.connections_per_handler = 1;
    options.waiting_max = 10;
    start_with("echo", &options);
    for (size_t i = 0; i < MANY; i++) {
        say(&waiters[i], S("hi"));
    }
    CHECK_INT_EQUAL(await_all(waiters, MANY), 11);
    CHECK_INT_EQUAL(user_statistics().results[EVENT_RESULT_OVERFLOW], MANY - 11);
    stop();
}

TEST(too_many_bytes)
{
    static struct waiter waiters[2];
    static uint8_t bytes[100000];
    struct webhook_options options = base_options();

    options.waiting_bytes_max = 150000;
    start_with("echo", &options);
    say(&waiters[0], slice_make(bytes, sizeof(bytes)));
    say(&waiters[1], slice_make(bytes, sizeof(bytes)));
    CHECK_INT_EQUAL(await_all(waiters, COUNT(waiters)), 1);
    CHECK_STRING_EQUAL(waiters[1].error, "too many events are waiting");
    stop();
}

TEST(connections_of_all_handlers_are_bounded)
{
    static struct waiter waiters[8];
    struct webhook_options options = base_options();

    options.connections = 2;
    start_with("echo/0", &options);
    for (size_t i = 0; i < COUNT(waiters); i++) {
        set_handler(0, i % 2 == 0 ? "echo/0" : "echo/1");
        say(&waiters[i], S("hi"));
    }
    CHECK_INT_EQUAL(webhook_gauges(world.webhook).running, 2);
    CHECK_INT_EQUAL(await_all(waiters, COUNT(waiters)), COUNT(waiters));
    CHECK(world.server.connections <= 2);
    stop();
}

/* ---------------------------------------------------------------- who waits, who listens */

TEST(nobody_waits_any_more)
{
    static struct waiter waiter;

    start("echo");
    say(&waiter, S("hi"));
    webhook_operations.cancel(world.webhook, &waiter.wait);
    CHECK(!waiter.wait.call);
    webhook_operations.cancel(world.webhook, &waiter.wait); /* harmless */
    TURN_UNTIL(&world.loop, user_statistics().results[EVENT_RESULT_2XX] == 1);
    CHECK(!waiter.is_answered);
    stop();
}

TEST(nobody_waits_at_all)
{
    struct client_event event;

    start("echo/{event}");
    event = (struct client_event){.settings = &world.settings,
                                  .hub = S("h"),
                                  .system = SYSTEM_EVENT_DISCONNECTED,
                                  .connection_id = S("c1"),
                                  .data = {DATA_JSON, S("{}")}};
    webhook_operations.raise(world.webhook, &event, NULL);
    stop(); /* waits for it */
    CHECK_INT_EQUAL(world.server.posts, 1);
}

TEST(listeners_get_copies)
{
    struct waiter waiter;

    start("echo");
    world.listener = (struct event_listener){.topic = "{hub}/{event}", .user_event_pattern = "*"};
    world.settings.event_listeners = &world.listener;
    world.settings.event_listener_count = 1;
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 200);
    CHECK_SLICE_EQUAL(buffer_slice(&world.published), S("h/say=hi"));
    waiter_release(&waiter);
    world.settings.event_handler_count = 0; /* the event succeeds nevertheless */
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 204);
    CHECK_SLICE_EQUAL(buffer_slice(&world.published), S("h/say=hih/say=hi"));
    world.settings.event_listener_count = 0;
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 0);
    CHECK_STRING_EQUAL(waiter.error, "no event handler takes the event");
    stop();
}

TEST(failures_are_told_but_not_too_many)
{
    static struct waiter waiters[100];

    start("status/400");
    for (size_t i = 0; i < COUNT(waiters); i++) {
        say(&waiters[i], S("hi"));
    }
    await_all(waiters, COUNT(waiters));
    struct slice told = buffer_slice(&world.published);
    CHECK(slice_starts_with(told, S("$SYS/hubs/h/failed={\"number\":1,")));
    CHECK(told.length > 20 * 150 && told.length < 60 * 200); /* 20 of a second */
    stop();
}

TEST(what_is_handled)
{
    struct client_event event;

    start("echo");
    event = user_event(S(""));
    CHECK(webhook_operations.is_handled(world.webhook, &event));
    world.settings.event_handler_count = 0;
    CHECK(!webhook_operations.is_handled(world.webhook, &event));
    stop();
}

/* ---------------------------------------------------------------- the check */

static struct check_report {
    struct buffer text;
    bool is_done, all_good;
} report;

static void check_line(void *context, struct slice text)
{
    CHECK(context == &report);
    buffer_append(&report.text, text);
    buffer_append_byte(&report.text, '\n');
}

static void check_done(void *context, bool all_good)
{
    CHECK(context == &report);
    report.is_done = true;
    report.all_good = all_good;
}

static bool reported(const char *text)
{
    return memmem(report.text.data, report.text.length, text, strlen(text)) != NULL;
}

static void check_hub(void)
{
    buffer_release(&report.text);
    report = (struct check_report){0};
    webhook_check(world.webhook, &world.settings, S("h"), check_line, check_done, &report);
    CHECK(!report.is_done);
    TURN_UNTIL(&world.loop, report.is_done);
}

TEST(each_step_of_a_check_is_told)
{
    struct waiter waiter;

    start("echo/{event}");
    set_handler(1, "echo");
    world.settings.event_handler_count = 2;
    world.handlers[0].skips_validation = false;
    world.server.allowed_origin = "other";
    check_hub();
    CHECK(!report.all_good);
    CHECK(reported("handler 1: http://127.0.0.1:"));
    CHECK(reported("  OPTIONS http://127.0.0.1:"));
    CHECK(reported("/echo/validate for WebHook-Request-Origin p.example: 200 in "));
    CHECK(reported("  WebHook-Allowed-Origin: other\n"));
    CHECK(reported("  failed: the preflight's WebHook-Allowed-Origin does not have our host\n"));
    CHECK(reported("handler 2: http://127.0.0.1:"));
    CHECK(reported("  not asked: its validation is switched off\n"));
    waiter = ask(S("hi"));
    CHECK_INT_EQUAL(waiter.status, 0);
    world.server.allowed_origin = "*";
    check_hub();
    CHECK(report.all_good);
    CHECK(reported("  passed: it gets events\n"));
    ask_good(); /* at once */
    buffer_release(&report.text);
    stop();
}

TEST(a_check_of_what_is_not_there)
{
    start("echo");
    snprintf(world.urls[0], sizeof(world.urls[0]), "http://127.0.0.1:1/");
    world.handlers[0].skips_validation = false;
    check_hub();
    CHECK(!report.all_good);
    CHECK(reported(": the webhook cannot be reached\n"));
    world.settings.event_handler_count = 0;
    check_hub();
    CHECK(report.all_good);
    CHECK(reported("the hub has no event handlers\n"));
    buffer_release(&report.text);
    stop();
}

TEST(a_check_that_is_not_waited_for)
{
    struct webhook_check *check;

    start("echo");
    world.handlers[0].skips_validation = false;
    report = (struct check_report){0};
    check = webhook_check(world.webhook, &world.settings, S("h"), check_line, check_done, &report);
    TURN_UNTIL(&world.loop, report.text.length > 0); /* it is under way */
    webhook_check_cancel(check);
    check = webhook_check(world.webhook, &world.settings, S("h"), check_line, check_done, &report);
    webhook_check_cancel(check);
    stop();
    CHECK(!report.is_done);
    buffer_release(&report.text);
}
