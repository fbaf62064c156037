/* bridge/net: the world outside for deliveries: requests to tests/webhook_server.h, files in a
 * folder of the test's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/outside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "base/clock.h"
#include "webhook_server.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL

/* ---------------------------------------------------------------- the world */

static struct world {
    uv_loop_t loop;
    struct webhook_server server;
    struct outside_net *net;
    struct outside outside;
    char folder[64], dead_letters[96];
    bool is_stopped;
} world;

static void start_with(struct outside_options options)
{
    signal(SIGPIPE, SIG_IGN);
    world = (struct world){.folder = "/tmp/pubgrid-outside-XXXXXX"};
    CHECK(mkdtemp(world.folder));
    snprintf(world.dead_letters, sizeof(world.dead_letters), "%s/new/dead-letters", world.folder);
    uv_loop_init(&world.loop);
    webhook_server_start(&world.server, &world.loop);
    options.clock = clock_now;
    options.roots[ROOT_DEAD_LETTERS] = world.dead_letters;
    world.net = outside_start(&world.loop, &options);
    CHECK(world.net);
    world.outside = outside_of(world.net);
}

static void start(void)
{
    start_with((struct outside_options){0});
}

static void on_stopped(void *context)
{
    (void)context;
    world.is_stopped = true;
}

/* Nothing may be left, on the loop or in memory (the sanitizer looks). */
static void stop(void)
{
    char command[128];

    outside_stop(world.net, on_stopped, NULL);
    TURN_UNTIL(&world.loop, world.is_stopped);
    webhook_server_stop(&world.server);
    snprintf(command, sizeof(command), "rm -r '%s'", world.folder);
    CHECK(system(command) == 0);
}

/* ---------------------------------------------------------------- requests */

struct asker {
    struct outside_request request;
    char url[128];
    bool is_done;
    int status;
    enum delivery_failure failure;
    const char *reason;
    struct buffer head, body;
};

static void on_answer(struct outside_request *request, const struct outside_answer *answer)
{
    struct asker *asker = CONTAINER_OF(request, struct asker, request);

    CHECK(!asker->is_done);
    asker->is_done = true;
    asker->status = answer->status;
    asker->failure = answer->failure;
    asker->reason = answer->reason;
    buffer_append(&asker->head, answer->head);
    buffer_append(&asker->body, answer->body);
}

/* `%u` in the URL is the server's port. */
static void ask_url(struct asker *asker, const char *method, const char *url, uint32_t timeout_ms)
{
    const char *port = strchr(url, '%');

    *asker = (struct asker){.request = {.method = method,
                                        .lines = S("Content-Type: text/x\0X-Empty: \0"),
                                        .body = S("content"),
                                        .timeout_ms = timeout_ms,
                                        .done = on_answer}};
    if (port) {
        snprintf(asker->url, sizeof(asker->url), "%.*s%u%s", (int)(port - url), url,
                 world.server.port, port + 2);
    } else {
        snprintf(asker->url, sizeof(asker->url), "%s", url);
    }
    asker->request.url = slice_from_string(asker->url);
    world.outside.ops->request(world.outside.context, &asker->request);
    CHECK(!asker->is_done); /* never from inside */
}

static void ask(struct asker *asker, const char *method, const char *path)
{
    char url[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%%u/%s", path);
    ask_url(asker, method, url, PATIENCE_MS);
}

static void asker_release(struct asker *asker)
{
    buffer_release(&asker->head);
    buffer_release(&asker->body);
}

static bool contains(struct slice text, const char *part)
{
    return text.length > 0 && memmem(text.data, text.length, part, strlen(part)) != NULL;
}

/* Connections of nobody, so many that no other is made: none is accepted. */
static uint16_t open_full_listener(int *fds, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);

    for (size_t i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK(fds[i] >= 0);
        if (i == 0) {
            CHECK(bind(fds[0], (struct sockaddr *)&address, length) == 0 && listen(fds[0], 0) == 0);
            CHECK(getsockname(fds[0], (struct sockaddr *)&address, &length) == 0);
        } else {
            CHECK(connect(fds[i], (struct sockaddr *)&address, length) == 0 ||
                  errno == EINPROGRESS);
        }
    }
    return ntohs(address.sin_port);
}

/* libcurl closes their sockets without a word. */
TEST(connections_that_are_not_made_in_time_are_forgotten)
{
    enum { FDS = 5, REQUESTS = 8 };
    static struct asker askers[REQUESTS];
    int fds[FDS];
    uint16_t port = open_full_listener(fds, FDS);
    char url[64];

    start();
    for (int round = 0; round < 3; round++) {
        snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
        for (size_t i = 0; i < REQUESTS; i++) {
            ask_url(&askers[i], "POST", url, 20 + (uint32_t)i);
        }
        for (size_t i = 0; i < REQUESTS; i++) {
            TURN_UNTIL(&world.loop, askers[i].is_done);
            CHECK_INT_EQUAL(askers[i].failure, FAILURE_TIMEOUT);
            asker_release(&askers[i]);
        }
    }
    ask_url(&askers[0], "POST", url, PATIENCE_MS); /* is being made when all ends */
    world.outside.ops->cancel_request(world.outside.context, &askers[0].request);
    stop();
    for (size_t i = 0; i < FDS; i++) {
        close(fds[i]);
    }
}

TEST(a_post_goes_out_and_its_answer_comes_back)
{
    struct asker asker;

    start();
    ask(&asker, "POST", "echo?secret=1");
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_INT_EQUAL(asker.failure, FAILURE_NONE);
    CHECK(!asker.reason && !asker.request.under_way);
    CHECK_SLICE_EQUAL(buffer_slice(&asker.body), S("content"));
    CHECK(contains(buffer_slice(&asker.head), "Content-Type: text/x\r\n"));
    CHECK(contains(buffer_slice(&world.server.last), "POST /echo?secret=1 HTTP/1.1\r\n"));
    CHECK(contains(buffer_slice(&world.server.last), "X-Empty: \r\n"));
    CHECK(contains(buffer_slice(&world.server.last), "Content-Length: 7\r\n"));
    asker_release(&asker);
    stop();
}

TEST(options_has_no_content)
{
    struct asker asker;

    start();
    ask(&asker, "OPTIONS", "any");
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK(contains(buffer_slice(&asker.head), "WebHook-Allowed-Origin: *\r\n"));
    CHECK_INT_EQUAL(world.server.preflights, 1);
    CHECK_INT_EQUAL(world.server.posts, 0);
    asker_release(&asker);
    stop();
}

TEST(a_redirect_is_an_answer)
{
    struct asker asker;

    start();
    ask(&asker, "POST", "redirect");
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.status, 302);
    CHECK_INT_EQUAL(world.server.posts, 1);
    asker_release(&asker);
    stop();
}

/* Whoever answers with a page of a megabyte has taken the event all the same. */
TEST(the_status_of_an_answer_that_is_too_long_counts)
{
    struct asker asker;

    start();
    ask(&asker, "POST", "bytes/1000000");
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.status, 200);
    CHECK_INT_EQUAL(asker.failure, FAILURE_NONE);
    CHECK(asker.body.length <= 65536);
    asker_release(&asker);
    ask(&asker, "POST", "bytes/65536");
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.body.length, 65536);
    asker_release(&asker);
    stop();
}

/* A port that nobody listens on: bound, without a listen(). */
static int reserve_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&address, length) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

TEST(failures_have_a_class)
{
    static const struct {
        const char *path;
        uint32_t timeout_ms;
        enum delivery_failure failure;
    } rows[] = {
        {"http://127.0.0.1:%u/hang", 50, FAILURE_TIMEOUT},
        {"http://127.0.0.1:%u/close", 10000, FAILURE_SOCKET},
        {"http://127.0.0.1:%u/early", 10000, FAILURE_SOCKET},
        {"http://nobody.invalid:%u/", 10000, FAILURE_RESOLUTION},
        {"https://nobody.invalid:%u/", 10000, FAILURE_RESOLUTION},
        {"https://127.0.0.1:%u/status/200", 50, FAILURE_TIMEOUT}, /* no TLS there: both wait */
        {"ftp://127.0.0.1:%u/", 10000, FAILURE_SOCKET},
        {"nonsense", 10000, FAILURE_RESOLUTION}, /* libcurl takes it for a host */
    };

    start();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct asker asker;
        test_note("row %zu", i);
        ask_url(&asker, "POST", rows[i].path, rows[i].timeout_ms);
        TURN_UNTIL(&world.loop, asker.is_done);
        CHECK_INT_EQUAL(asker.status, 0);
        CHECK_INT_EQUAL(asker.failure, rows[i].failure);
        CHECK(asker.reason && asker.reason[0] != '\0');
        asker_release(&asker);
    }
    stop();
}

TEST(nobody_listens)
{
    struct asker asker;
    char url[64];
    uint16_t port;
    int fd;

    start();
    fd = reserve_port(&port);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    ask_url(&asker, "POST", url, PATIENCE_MS);
    TURN_UNTIL(&world.loop, asker.is_done);
    CHECK_INT_EQUAL(asker.failure, FAILURE_SOCKET);
    close(fd);
    asker_release(&asker);
    stop();
}

TEST(private_addresses_are_refused_when_it_is_said_so)
{
    static const char *const urls[] = {"http://127.0.0.1:%u/echo", "https://127.0.0.1:%u/echo",
                                       "http://localhost:%u/echo", "http://[::1]:%u/echo",
                                       "http://0.0.0.0:%u/echo",   "http://10.0.0.1:%u/echo",
                                       "http://[fe80::1]:%u/echo"};

    start_with((struct outside_options){.refuses_private = true});
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct asker asker;
        test_note("row %zu", i);
        ask_url(&asker, "POST", urls[i], PATIENCE_MS);
        TURN_UNTIL(&world.loop, asker.is_done);
        CHECK_INT_EQUAL(asker.status, 0);
        CHECK_INT_EQUAL(asker.failure, FAILURE_SOCKET);
        CHECK(strstr(asker.reason, "private"));
        asker_release(&asker);
    }
    CHECK_INT_EQUAL(world.server.connections, 0);
    stop();
}

TEST(what_is_cancelled_is_not_told)
{
    struct asker hanging, other;

    start();
    ask(&hanging, "POST", "hang");
    TURN_UNTIL(&world.loop, world.server.posts == 1);
    world.outside.ops->cancel_request(world.outside.context, &hanging.request);
    world.outside.ops->cancel_request(world.outside.context, &hanging.request); /* harmless */
    TURN_UNTIL(&world.loop, world.server.open == 0); /* its connection has ended */
    ask(&other, "POST", "echo");
    TURN_UNTIL(&world.loop, other.is_done);
    CHECK(!hanging.is_done && !hanging.request.under_way);
    asker_release(&other);
    stop();
}

TEST(more_than_are_allowed_at_a_time_wait_in_line)
{
    struct asker askers[50], hanging, waiting;
    size_t done = 0;

    start_with((struct outside_options){.requests_max = 4});
    for (size_t i = 0; i < COUNT(askers); i++) {
        ask(&askers[i], "POST", "echo");
    }
    CHECK_INT_EQUAL(outside_gauges(world.net).running, 4);
    CHECK_INT_EQUAL(outside_gauges(world.net).waiting, 46);
    for (size_t i = 0; i < COUNT(askers); i++) {
        TURN_UNTIL(&world.loop, askers[i].is_done);
        done += askers[i].status == 200 && askers[i].body.length == 7;
        asker_release(&askers[i]);
    }
    CHECK_INT_EQUAL(done, COUNT(askers));
    CHECK(world.server.connections <= 4);
    CHECK(contains(buffer_slice(&world.server.last), "Content-Type: text/x\r\n"));
    for (size_t i = 0; i < 4; i++) {
        ask(&askers[i], "POST", "hang");
    }
    ask(&hanging, "POST", "echo");
    ask(&waiting, "POST", "echo");
    world.outside.ops->cancel_request(world.outside.context, &hanging.request);
    world.outside.ops->cancel_request(world.outside.context, &askers[2].request);
    TURN_UNTIL(&world.loop, waiting.is_done); /* it has the place of one that was cancelled */
    CHECK(!hanging.is_done);
    CHECK_INT_EQUAL(outside_gauges(world.net).running, 3);
    asker_release(&waiting);
    stop();
}

/* ---------------------------------------------------------------- files */

struct doer {
    struct file_task task;
    bool is_done;
};

static void on_done(struct file_task *task)
{
    CONTAINER_OF(task, struct doer, task)->is_done = true;
}

static void begin(struct doer *doer)
{
    doer->is_done = false;
    doer->task.done = on_done;
    world.outside.ops->file(world.outside.context, &doer->task);
    CHECK(!doer->is_done); /* never from inside */
}

/* Returns the error. */
static const char *run(enum file_task_kind kind, const char *path, const char *bytes,
                       struct doer *doer)
{
    buffer_release(&doer->task.text);
    doer->task.kind = kind;
    doer->task.path = slice_from_string(path);
    doer->task.bytes = slice_from_string(bytes);
    begin(doer);
    TURN_UNTIL(&world.loop, doer->is_done);
    return doer->task.error;
}

static void check_text(struct doer *doer, enum file_task_kind kind, const char *path,
                       const char *bytes, const char *expected)
{
    CHECK(!run(kind, path, bytes, doer));
    CHECK_SLICE_EQUAL(buffer_slice(&doer->task.text), slice_from_string(expected));
}

static bool exists(const char *path)
{
    char full[256];

    snprintf(full, sizeof(full), "%s/%s", world.dead_letters, path);
    return access(full, F_OK) == 0;
}

TEST(a_file_is_written_whole_read_and_removed)
{
    struct doer doer = {0};

    start();
    CHECK(!run(FILE_WRITE, "c/SUB/2026/1/2/3/a.json", "[{}]", &doer));
    check_text(&doer, FILE_READ, "c/SUB/2026/1/2/3/a.json", "", "[{}]");
    CHECK(!exists("c/SUB/2026/1/2/3/a.json.part"));
    doer.task.offset = 1;
    doer.task.length_max = 2;
    check_text(&doer, FILE_READ, "c/SUB/2026/1/2/3/a.json", "", "{}");
    doer.task.offset = 100;
    check_text(&doer, FILE_READ, "c/SUB/2026/1/2/3/a.json", "", "");
    CHECK(!run(FILE_REMOVE, "c/SUB/2026/1/2/3/a.json", "", &doer));
    CHECK(!exists("c")); /* empty folders are gone with it */
    CHECK(exists(""));
    CHECK_STRING_EQUAL(run(FILE_READ, "c/SUB/2026/1/2/3/a.json", "", &doer),
                       "No such file or directory");
    CHECK_STRING_EQUAL(run(FILE_REMOVE, "c/SUB/2026/1/2/3/a.json", "", &doer),
                       "No such file or directory");
    stop();
}

TEST(lines_are_appended_and_one_that_a_crash_cut_off_is_ended)
{
    struct doer doer = {0};

    start();
    CHECK(!run(FILE_APPEND, "t/2026.jsonl", "one\n", &doer));
    CHECK(!run(FILE_APPEND, "t/2026.jsonl", "two\nthr", &doer));
    CHECK(!run(FILE_APPEND, "t/2026.jsonl", "four\n", &doer));
    check_text(&doer, FILE_READ, "t/2026.jsonl", "", "one\ntwo\nthr\nfour\n");
    buffer_release(&doer.task.text);
    stop();
}

TEST(files_are_listed_in_order_page_by_page)
{
    static const char *const paths[] = {"c/S/2026/10/1/0/x", "c/S/2026/9/1/0/y",
                                        "c/S/2026/9/12/0/z", "c/S/2026/9/2/3/b",
                                        "c/S/2026/9/2/3/a",  "d/T/2026/1/1/1/q"};
    struct doer doer = {0};

    start();
    check_text(&doer, FILE_LIST, "", "", "");
    check_text(&doer, FILE_LIST, "c", "", "");
    for (size_t i = 0; i < COUNT(paths); i++) {
        CHECK(!run(FILE_WRITE, paths[i], "[]", &doer));
    }
    check_text(&doer, FILE_LIST, "", "",
               "c/S/2026/9/1/0/y\nc/S/2026/9/2/3/a\nc/S/2026/9/2/3/b\nc/S/2026/9/12/0/z\n"
               "c/S/2026/10/1/0/x\nd/T/2026/1/1/1/q\n");
    check_text(&doer, FILE_LIST, "d", "", "d/T/2026/1/1/1/q\n");
    check_text(&doer, FILE_LIST, "c/S/2026/9/2", "", "c/S/2026/9/2/3/a\nc/S/2026/9/2/3/b\n");
    doer.task.length_max = 40;
    check_text(&doer, FILE_LIST, "", "", "c/S/2026/9/1/0/y\nc/S/2026/9/2/3/a\n");
    check_text(&doer, FILE_LIST, "", "c/S/2026/9/2/3/a", "c/S/2026/9/2/3/b\nc/S/2026/9/12/0/z\n");
    check_text(&doer, FILE_LIST, "c", "c/S/2026/9/12/0/z", "c/S/2026/10/1/0/x\n");
    check_text(&doer, FILE_LIST, "", "c/S/2026/10/1/0/x", "d/T/2026/1/1/1/q\n");
    check_text(&doer, FILE_LIST, "", "d/T/2026/1/1/1/q", "");
    buffer_release(&doer.task.text);
    stop();
}

TEST(no_path_leads_out)
{
    static const char *const paths[] = {
        "",      "/etc/passwd", "..",       "../x", "a/../../x", "a//b", "a/",
        "a/./b", ".hidden",     "a/b.part", "a\nb", ".",         "a/..",
    };
    static const enum file_task_kind kinds[] = {FILE_WRITE, FILE_APPEND, FILE_READ, FILE_REMOVE};
    struct doer doer = {0};

    start();
    for (size_t i = 0; i < COUNT(paths); i++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            test_note("path %zu, kind %zu", i, k);
            CHECK_STRING_EQUAL(run(kinds[k], paths[i], "x", &doer),
                               "the path is not one that is allowed");
        }
        if (paths[i][0] != '\0') {
            CHECK(run(FILE_LIST, paths[i], "", &doer));
            CHECK(run(FILE_LIST, "", paths[i], &doer));
        }
    }
    CHECK(!exists(""));
    stop();
}

TEST(what_is_not_a_file_of_ours_is_neither_listed_nor_followed)
{
    char target[160], link_name[160];
    struct doer doer = {0};

    start();
    CHECK(!run(FILE_WRITE, "c/a", "x", &doer));
    snprintf(target, sizeof(target), "%s/secret", world.folder);
    close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    snprintf(link_name, sizeof(link_name), "%s/c/link", world.dead_letters);
    CHECK(symlink(target, link_name) == 0);
    snprintf(link_name, sizeof(link_name), "%s/c/b.part", world.dead_letters);
    close(open(link_name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    check_text(&doer, FILE_LIST, "", "", "c/a\n");
    CHECK(run(FILE_READ, "c/link", "", &doer));
    CHECK(run(FILE_APPEND, "c/link", "x", &doer));
    CHECK_STRING_EQUAL(run(FILE_READ, "c", "", &doer), "Is a directory");
    stop();
}

TEST(a_folder_that_cannot_be_made_is_said)
{
    struct doer doer = {0};

    start();
    CHECK(!run(FILE_WRITE, "c/a", "x", &doer));
    CHECK_STRING_EQUAL(run(FILE_WRITE, "c/a/b", "x", &doer), "Not a directory");
    doer.task.root = ROOT_ARCHIVE;
    CHECK_STRING_EQUAL(run(FILE_WRITE, "a", "x", &doer), "no folder is configured for it");
    stop();
}

/* More than there are threads, so that some have not begun. */
TEST(tasks_that_are_cancelled_are_not_told_and_those_left_end_with_it)
{
    struct doer doers[40] = {0};
    char path[] = "c/00", bytes[] = "x";

    start();
    for (size_t i = 0; i < COUNT(doers); i++) {
        path[2] = (char)('0' + i / 10);
        path[3] = (char)('0' + i % 10);
        doers[i].task = (struct file_task){
            .kind = FILE_WRITE, .path = slice_from_string(path), .bytes = slice_from_string(bytes)};
        begin(&doers[i]);
    }
    for (size_t i = 0; i < COUNT(doers); i += 2) {
        world.outside.ops->cancel_file(world.outside.context, &doers[i].task);
        CHECK(!doers[i].task.under_way);
    }
    TURN_UNTIL(&world.loop, doers[1].is_done);
    memset(path, 'y', sizeof(path) - 1);
    stop();
    for (size_t i = 0; i < COUNT(doers); i += 2) {
        CHECK(!doers[i].is_done);
    }
}
