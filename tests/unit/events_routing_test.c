/* bridge/events: where an event goes, and when: URL templates, handlers, preflights, retries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/match.h"
#include "events/preflight.h"
#include "events/retry.h"
#include "events/url_template.h"

#include "test.h"

#include "base/buffer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- templates */

static const struct {
    const char *template, *url;
} expanded[] = {
    {"http://h/api/{hub}/{event}", "http://h/api/h%5B1%5D/a%2Fb"},
    {"https://h:8443/e?code=x%3D&e={event}#{hub}", "https://h:8443/e?code=x%3D&e=a%2Fb#h%5B1%5D"},
    {"HTTP://h", "HTTP://h"},
    {"http://h/{event}{event}", "http://h/a%2Fba%2Fb"},
    {"http://h/}x", "http://h/}x"},
};

TEST(templates_are_expanded)
{
    for (size_t i = 0; i < COUNT(expanded); i++) {
        struct slice template = slice_from_string(expanded[i].template);
        struct buffer url = {0};
        test_note("%s", expanded[i].template);
        url_template_expand(&url, template, SLICE_LITERAL("h[1]"), SLICE_LITERAL("a/b"));
        CHECK_SLICE_EQUAL(buffer_slice(&url), slice_from_string(expanded[i].url));
        buffer_release(&url);
    }
    CHECK_SLICE_EQUAL(url_template_origin(SLICE_LITERAL("https://h:1/{hub}")),
                      SLICE_LITERAL("https://h:1"));
    CHECK_SLICE_EQUAL(url_template_origin(SLICE_LITERAL("http://h?x")), SLICE_LITERAL("http://h"));
}

/* ---------------------------------------------------------------- handlers */

static const struct {
    const char *pattern, *name;
    bool matches;
} patterns[] = {
    {"*", "a", true},       {"a", "a", true},   {"a", "ab", false},   {"a,b", "b", true},
    {" a , b ", "a", true}, {"a,*", "x", true}, {"", "a", false},     {",", "", false},
    {"ab", "a", false},     {"A", "a", true},   {"a.b", "a.b", true}, {"a*", "ab", false},
};

TEST(user_patterns)
{
    for (size_t i = 0; i < COUNT(patterns); i++) {
        test_note("%s with %s", patterns[i].pattern, patterns[i].name);
        CHECK_INT_EQUAL(event_pattern_matches(slice_from_string(patterns[i].pattern),
                                              slice_from_string(patterns[i].name)),
                        patterns[i].matches);
    }
}

static const char *const room_filters[] = {"room.*", "lobby", NULL};
static const struct event_handler handlers[] = {
    {.url_template = "http://0/", .user_event_pattern = "a,b"},
    {.url_template = "http://1/",
     .user_event_pattern = "",
     .system_events =
         SYSTEM_EVENT_BIT(SYSTEM_EVENT_JOINED) | SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT),
     .group_filters = room_filters},
    {.url_template = "http://2/",
     .user_event_pattern = "*",
     .system_events = SYSTEM_EVENT_BIT(SYSTEM_EVENT_JOINED)},
};
static const struct event_listener listeners[] = {
    {.topic = "t",
     .user_event_pattern = "x",
     .system_events = SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT) | SYSTEM_EVENT_BIT(SYSTEM_EVENT_LEFT)},
};
static const struct hub_settings settings = {
    .event_handlers = handlers,
    .event_handler_count = COUNT(handlers),
    .event_listeners = listeners,
    .event_listener_count = COUNT(listeners),
};

static const struct {
    struct client_event event;
    int handler; /* -1: none */
    bool is_listened_to;
} routes[] = {
    {{.is_user_event = true, .name = SLICE_LITERAL("b")}, 0, false},
    {{.is_user_event = true, .name = SLICE_LITERAL("x")}, 2, true},
    {{.system = SYSTEM_EVENT_CONNECT}, 1, false}, /* never to listeners */
    {{.system = SYSTEM_EVENT_CONNECTED}, -1, false},
    {{.system = SYSTEM_EVENT_LEFT, .group = SLICE_LITERAL("room.1")}, -1, true},
    {{.system = SYSTEM_EVENT_JOINED, .group = SLICE_LITERAL("room.1")}, 1, false},
    {{.system = SYSTEM_EVENT_JOINED, .group = SLICE_LITERAL("lobby")}, 1, false},
    {{.system = SYSTEM_EVENT_JOINED, .group = SLICE_LITERAL("room.1.2")}, 2, false},
};

TEST(the_first_handler_that_takes_an_event)
{
    for (size_t i = 0; i < COUNT(routes); i++) {
        const struct event_handler *handler = event_handler_find(&settings, &routes[i].event);
        test_note("row %zu", i);
        CHECK_INT_EQUAL(handler ? handler - handlers : -1, routes[i].handler);
        CHECK_INT_EQUAL(event_is_listened_to(&settings, &routes[i].event),
                        routes[i].is_listened_to);
    }
}

/* ---------------------------------------------------------------- preflights */

#define ALLOW "WebHook-Allowed-Origin: "

static const struct {
    bool was_get;
    int status;
    const char *head, *origin;
    enum preflight_result result;
} judged[] = {
    {false, 200, ALLOW "*\r\n", "p.example", PREFLIGHT_PASSED},
    {false, 204, "webhook-allowed-origin:p.example", "P.example", PREFLIGHT_PASSED},
    {false, 200, ALLOW "p.example:9000\r\n", "p.example", PREFLIGHT_PASSED},
    {false, 200, ALLOW "p.example\r\n", "p.example:8080", PREFLIGHT_PASSED},
    {false, 200, ALLOW "p.example:9000\r\n", "p.example:8080", PREFLIGHT_FAILED},
    {false, 200, ALLOW "a, b\tp.example\r\n", "p.example", PREFLIGHT_PASSED},
    {false, 200, ALLOW "a\r\nX: *\r\n" ALLOW "p.example\r\n", "p.example", PREFLIGHT_PASSED},
    {false, 200, ALLOW "p.example.evil\r\n", "p.example", PREFLIGHT_FAILED},
    {false, 200, ALLOW "[::1]:8080\r\n", "[::1]", PREFLIGHT_PASSED},
    {false, 200, ALLOW "\r\n", "p.example", PREFLIGHT_FAILED},
    {false, 200, ALLOW ",,\r\n", "p.example", PREFLIGHT_FAILED},
    {false, 200, "HTTP/1.1 200 OK\r\n", "p.example", PREFLIGHT_FAILED},
    {false, 301, ALLOW "*\r\n", "p.example", PREFLIGHT_FAILED},
    {false, 404, ALLOW "*\r\n", "p.example", PREFLIGHT_TRY_GET},
    {true, 404, ALLOW "*\r\n", "p.example", PREFLIGHT_FAILED},
    {true, 200, ALLOW "*\r\n", "p.example", PREFLIGHT_PASSED},
    {false, 0, "", "p.example", PREFLIGHT_FAILED},
};

TEST(what_answers_to_preflights_mean)
{
    for (size_t i = 0; i < COUNT(judged); i++) {
        const char *reason;
        test_note("row %zu", i);
        CHECK_INT_EQUAL(preflight_judge(judged[i].was_get, judged[i].status,
                                        slice_from_string(judged[i].head),
                                        slice_from_string(judged[i].origin), &reason),
                        judged[i].result);
        CHECK_INT_EQUAL(reason == NULL, judged[i].result == PREFLIGHT_PASSED);
    }
}

TEST(preflights_are_remembered)
{
    struct preflight preflight = {0};
    msec_t now = 1000000;

    CHECK_INT_EQUAL(preflight_advise(&preflight, now), PREFLIGHT_CHECK);
    preflight_begin(&preflight);
    CHECK_INT_EQUAL(preflight_advise(&preflight, now), PREFLIGHT_WAIT);
    preflight_end(&preflight, true, now);
    CHECK_INT_EQUAL(preflight_advise(&preflight, now + PREFLIGHT_GOOD_MS - 1), PREFLIGHT_SEND);
    now += PREFLIGHT_GOOD_MS;
    CHECK_INT_EQUAL(preflight_advise(&preflight, now), PREFLIGHT_RECHECK);
    preflight_begin(&preflight);
    CHECK_INT_EQUAL(preflight_advise(&preflight, now), PREFLIGHT_SEND);
    for (msec_t pause = 1000, failures = 0; failures < 10; failures++) {
        preflight_end(&preflight, false, now);
        CHECK_INT_EQUAL(preflight_advise(&preflight, now + pause - 1), PREFLIGHT_REFUSE);
        CHECK_INT_EQUAL(preflight_advise(&preflight, now + pause), PREFLIGHT_CHECK);
        preflight_begin(&preflight);
        CHECK_INT_EQUAL(preflight_advise(&preflight, now + pause), PREFLIGHT_WAIT);
        pause = pause * 2 < PREFLIGHT_BACKOFF_MAX_MS ? pause * 2 : PREFLIGHT_BACKOFF_MAX_MS;
    }
    preflight_end(&preflight, true, now);
    CHECK_INT_EQUAL(preflight_advise(&preflight, now + 1), PREFLIGHT_SEND);
}

/* ---------------------------------------------------------------- retries */

TEST(retries)
{
    static const int pass_by_themselves[] = {0, 408, 500, 503, 599};
    static const int final[] = {200, 204, 301, 400, 401, 404, 429, 600};

    for (size_t i = 0; i < COUNT(pass_by_themselves); i++) {
        int status = pass_by_themselves[i];
        CHECK_INT_EQUAL(retry_delay_ms(status, 1, 4), 1000);
        CHECK_INT_EQUAL(retry_delay_ms(status, 2, 4), 3000);
        CHECK_INT_EQUAL(retry_delay_ms(status, 3, 4), 5000);
        CHECK_INT_EQUAL(retry_delay_ms(status, 4, 4), RETRY_NEVER);
        CHECK_INT_EQUAL(retry_delay_ms(status, 9, 10), 5000);
        CHECK_INT_EQUAL(retry_delay_ms(status, 1, 1), RETRY_NEVER);
        CHECK_INT_EQUAL(retry_delay_ms(status, 1, 0), RETRY_NEVER);
    }
    for (size_t i = 0; i < COUNT(final); i++) {
        CHECK_INT_EQUAL(retry_delay_ms(final[i], 1, 4), RETRY_NEVER);
    }
}
