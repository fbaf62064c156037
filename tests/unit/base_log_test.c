/* The log's lines, its limit and its quoting; random bytes, clock and systemd's datagram beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/sdnotify.h"

/* Standard error goes to a pipe between these two. */
struct capture {
    int saved, pipe[2];
};

static void capture_begin(struct capture *capture)
{
    CHECK_INT_EQUAL(pipe(capture->pipe), 0);
    capture->saved = dup(STDERR_FILENO);
    CHECK(dup2(capture->pipe[1], STDERR_FILENO) >= 0);
    close(capture->pipe[1]);
}

static const char *capture_end(struct capture *capture)
{
    static char text[8192];
    size_t length = 0;
    ssize_t got;

    CHECK(dup2(capture->saved, STDERR_FILENO) >= 0);
    close(capture->saved);
    while ((got = read(capture->pipe[0], text + length, sizeof(text) - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(capture->pipe[0]);
    text[length] = '\0';
    return text;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

TEST(a_line_has_time_level_event_and_values)
{
    struct capture capture;
    const char *text;

    capture_begin(&capture);
    log_write(LOG_WARNING, "connection closed", "peer=%s", log_quote(SLICE_LITERAL("a\nb")));
    text = capture_end(&capture);
    CHECK_INT_EQUAL(strlen("2026-01-01T00:00:00.000Z"), 24);
    CHECK(strlen(text) > 25 && text[10] == 'T' && text[23] == 'Z');
    CHECK_STRING_EQUAL(text + 25, "warning connection closed peer=\"a\\x0ab\"\n");
}

TEST(the_level_decides)
{
    struct capture capture;

    capture_begin(&capture);
    log_write(LOG_DEBUG, "too much detail", "x=%d", 1);
    log_set_level(LOG_DEBUG);
    log_write(LOG_DEBUG, "detail", "x=%d", 1);
    log_set_level(LOG_INFO);
    CHECK_INT_EQUAL(count_lines(capture_end(&capture)), 1);
    CHECK_INT_EQUAL(log_level_from_name("debug"), LOG_DEBUG);
    CHECK_INT_EQUAL(log_level_from_name("Error"), LOG_ERROR);
    CHECK_INT_EQUAL(log_level_from_name("loud"), -1);
}

TEST(a_long_line_is_cut_and_stays_one_line)
{
    static char value[4000];
    struct capture capture;
    const char *text;

    memset(value, 'v', sizeof(value) - 1);
    value[10] = '\n';
    capture_begin(&capture);
    log_write(LOG_ERROR, "long", "value=%s", value);
    text = capture_end(&capture);
    CHECK_INT_EQUAL(count_lines(text), 1);
    CHECK(strlen(text) <= 1025);
}

TEST(a_limited_line_comes_once_a_second)
{
    struct log_limit limit = {0};
    struct capture capture;
    const char *text;

    capture_begin(&capture);
    for (int i = 0; i < 10; i++) {
        log_write_limited(&limit, LOG_ERROR, "flood", "i=%d", i);
    }
    CHECK_INT_EQUAL(limit.left_out, 9);
    limit.next_ns = 0; /* as if the second were over */
    log_write_limited(&limit, LOG_ERROR, "flood", "i=%d", 10);
    text = capture_end(&capture);
    CHECK_INT_EQUAL(count_lines(text), 2);
    CHECK(strstr(text, "flood i=0\n"));
    CHECK(strstr(text, "flood left_out=9 i=10\n"));
}

TEST(quoting_escapes_and_shortens)
{
    uint8_t long_value[200];

    memset(long_value, 0xFF, sizeof(long_value));
    CHECK_STRING_EQUAL(log_quote(SLICE_LITERAL("a\"b\\c")), "\"a\\\"b\\\\c\"");
    CHECK_STRING_EQUAL(log_quote(SLICE_EMPTY), "\"\"");
    CHECK_INT_EQUAL(strlen(log_quote(slice_make(long_value, 64))), 64 * 4 + 2);
    CHECK_INT_EQUAL(strlen(log_quote(slice_make(long_value, 65))), 64 * 4 + 5);
}

TEST(random_bytes_differ)
{
    uint8_t a[300] = {0}, b[300] = {0};

    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    random_bytes(a, 0);
}

TEST(clocks_go_forward)
{
    msec_t now = clock_now();
    int64_t monotonic = clock_monotonic_ns();

    CHECK(now > INT64_C(1600000000000));
    CHECK(clock_now() >= now);
    CHECK(clock_monotonic_ns() >= monotonic);
}

TEST(systemd_gets_its_datagram)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof(address);
    char name[200], text[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    unsetenv("NOTIFY_SOCKET");
    CHECK_INT_EQUAL(sdnotify_send("READY=1"), 0);
    /* Binding to no name makes the kernel choose an abstract one. */
    CHECK_INT_EQUAL(bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    CHECK_INT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(name, sizeof(name), "@%.*s",
             (int)(length - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    CHECK_INT_EQUAL(sdnotify_send("READY=1"), 0);
    CHECK_INT_EQUAL(recv(fd, text, sizeof(text) - 1, 0), 7);
    CHECK_STRING_EQUAL(text, "READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    CHECK(sdnotify_send("READY=1") < 0);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

TEST(systemd_watchdog)
{
    char pid[32];

    unsetenv("WATCHDOG_USEC");
    CHECK_INT_EQUAL(sdnotify_watchdog_usec(), 0);
    setenv("WATCHDOG_USEC", "3000000", 1);
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    CHECK_INT_EQUAL(sdnotify_watchdog_usec(), 3000000);
    setenv("WATCHDOG_PID", "1", 1);
    CHECK_INT_EQUAL(sdnotify_watchdog_usec(), 0);
}
