/* One thread, one poll(): signals, what the broker says, and the time. See supervisor.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sdnotify.h"
#include "child.h"
#include "notify.h"
#include "program.h"

/* From the order to stop: bridges that are still there are killed, then everything. The broker
 * gives its clients five seconds. */
enum { STOP_BRIDGES_MS = 8000, STOP_ALL_MS = 15000 };
enum { NOTHING_DUE_MS = 60000 };

enum { BROKER = 0 }; /* its place among the children; the others are bridges */

struct supervisor {
    struct child *children;
    size_t count;
    char (*indices)[16]; /* texts in the bridges' arguments */
    struct notify notify;
    sigset_t signals_before; /* that were blocked when we came */
    int signals;             /* signalfd */
    int64_t now;
    int64_t watchdog_ms; /* between two signs of life; 0: nobody wants them */
    int64_t alive_at;    /* the last one of our own */
    bool ready;          /* the broker that runs has said so */
    bool has_been_ready; /* one of its predecessors has */
    bool stopping;       /* and since when: */
    int64_t stopping_at;
    bool broker_told; /* to stop */
    int status;       /* to exit with */
};

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* ---------------------------------------------------------------- all children, or the bridges */

static void signal_from(const struct supervisor *supervisor, size_t first, int signal_number)
{
    for (size_t i = first; i < supervisor->count; i++) {
        child_signal(&supervisor->children[i], signal_number);
    }
}

static bool any_runs_from(const struct supervisor *supervisor, size_t first)
{
    for (size_t i = first; i < supervisor->count; i++) {
        if (supervisor->children[i].pid > 0) {
            return true;
        }
    }
    return false;
}

static void start_those_due(struct supervisor *supervisor)
{
    struct child_surroundings broker = {
        .signals = &supervisor->signals_before,
        .notify_socket = supervisor->notify.name,
        .watchdog = supervisor->watchdog_ms > 0,
    };
    struct child_surroundings bridge = {.signals = &supervisor->signals_before};

    for (size_t i = 0; i < supervisor->count && !supervisor->stopping; i++) {
        struct child *child = &supervisor->children[i];
        if (child->pid == 0 && child->due <= supervisor->now) {
            child_start(child, i == BROKER ? &broker : &bridge, supervisor->now);
        }
    }
}

/* ---------------------------------------------------------------- stop */

static void begin_stop(struct supervisor *supervisor, int status)
{
    sdnotify_send("STOPPING=1");
    supervisor->stopping = true;
    supervisor->stopping_at = supervisor->now;
    supervisor->status = status;
    signal_from(supervisor, BROKER + 1, SIGTERM);
}

static void go_on_stopping(struct supervisor *supervisor)
{
    int64_t passed = supervisor->now - supervisor->stopping_at;

    if (passed >= STOP_ALL_MS) {
        signal_from(supervisor, BROKER, SIGKILL);
    } else if (passed >= STOP_BRIDGES_MS) {
        signal_from(supervisor, BROKER + 1, SIGKILL);
    }
    if (!supervisor->broker_told && !any_runs_from(supervisor, BROKER + 1)) {
        supervisor->broker_told = true;
        child_signal(&supervisor->children[BROKER], SIGTERM);
    }
}

/* ---------------------------------------------------------------- signals */

static void take_end_of_broker(struct supervisor *supervisor, int status)
{
    bool said_why = WIFEXITED(status) && WEXITSTATUS(status) != 0;

    supervisor->ready = false;
    if (supervisor->stopping) {
        /* What it comes to is how the broker stopped, unless it was over before. */
        if (supervisor->status == 0) {
            supervisor->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        }
    } else if (said_why && !supervisor->has_been_ready) {
        begin_stop(supervisor, WEXITSTATUS(status));
    }
}

static void take_ends(struct supervisor *supervisor)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < supervisor->count; i++) {
            struct child *child = &supervisor->children[i];
            if (child->pid != pid) {
                continue;
            }
            if (i == BROKER) {
                take_end_of_broker(supervisor, status);
            }
            child_ended(child, status, !supervisor->stopping, supervisor->now);
        }
    }
}

static void take_stop(struct supervisor *supervisor, const char *name)
{
    log_write(LOG_INFO, supervisor->stopping ? "killing" : "stopping", "signal=%s", name);
    if (supervisor->stopping) {
        signal_from(supervisor, BROKER, SIGKILL);
    } else {
        begin_stop(supervisor, EXIT_SUCCESS);
    }
}

static void take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;

    while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
        int signal_number = (int)info.ssi_signo;
        if (signal_number == SIGCHLD) {
            take_ends(supervisor);
        } else if (signal_number == SIGHUP) {
            signal_from(supervisor, BROKER, SIGHUP);
        } else {
            take_stop(supervisor, sigabbrev_np(signal_number));
        }
    }
}

/* ---------------------------------------------------------------- what the broker says */

static void take_ready(struct supervisor *supervisor)
{
    supervisor->ready = true;
    supervisor->has_been_ready = true;
}

/* What goes on to our own service manager; that we stop we say ourselves. */
static const struct word {
    const char *line;
    void (*take)(struct supervisor *supervisor);
} words[] = {
    {"READY=1", take_ready},
    {"RELOADING=1", NULL},
    {"WATCHDOG=1", NULL},
};

static void hear(void *context, pid_t from, const char *line)
{
    struct supervisor *supervisor = context;

    if (from != supervisor->children[BROKER].pid || supervisor->stopping) {
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].line, line) == 0) {
            if (words[i].take) {
                words[i].take(supervisor);
            }
            sdnotify_send(line);
        }
    }
}

/* While a broker is being started again, we ourselves are the sign of life. */
static void give_sign_of_life(struct supervisor *supervisor)
{
    if (supervisor->watchdog_ms > 0 && supervisor->has_been_ready && !supervisor->ready &&
        supervisor->now - supervisor->alive_at >= supervisor->watchdog_ms) {
        sdnotify_send("WATCHDOG=1");
        supervisor->alive_at = supervisor->now;
    }
}

/* ---------------------------------------------------------------- the loop */

static int64_t next_of_stop(const struct supervisor *supervisor)
{
    int64_t bridges = supervisor->stopping_at + STOP_BRIDGES_MS;
    int64_t all = supervisor->stopping_at + STOP_ALL_MS;

    if (supervisor->now < bridges) {
        return bridges;
    }
    return supervisor->now < all ? all : supervisor->now + NOTHING_DUE_MS;
}

/* When something is due without anybody having said a word. */
static int64_t next_deadline(const struct supervisor *supervisor)
{
    int64_t next = supervisor->now + NOTHING_DUE_MS;

    if (supervisor->stopping) {
        return next_of_stop(supervisor);
    }
    for (size_t i = 0; i < supervisor->count; i++) {
        const struct child *child = &supervisor->children[i];
        if (child->pid == 0 && child->due < next) {
            next = child->due;
        }
    }
    if (supervisor->watchdog_ms > 0 && supervisor->now + supervisor->watchdog_ms < next) {
        next = supervisor->now + supervisor->watchdog_ms;
    }
    return next;
}

static void wait_for_news(struct supervisor *supervisor)
{
    struct pollfd sources[] = {
        {.fd = supervisor->signals, .events = POLLIN},
        {.fd = supervisor->notify.fd, .events = POLLIN},
    };
    int64_t pause = next_deadline(supervisor) - supervisor->now;

    poll(sources, sizeof(sources) / sizeof(sources[0]), pause > 0 ? (int)pause : 0);
    supervisor->now = now_ms();
    /* What a broker has said before its end comes before its end. */
    notify_read(&supervisor->notify, hear, supervisor);
    take_signals(supervisor);
}

static void run(struct supervisor *supervisor)
{
    do {
        start_those_due(supervisor);
        wait_for_news(supervisor);
        if (supervisor->stopping) {
            go_on_stopping(supervisor);
        }
        give_sign_of_life(supervisor);
    } while (!supervisor->stopping || any_runs_from(supervisor, BROKER));
}

/* ---------------------------------------------------------------- begin and end */

/* name, arguments..., [--index N], NULL */
static char **words_for(char *name, char **arguments, char *index)
{
    static char option[] = "--index";
    size_t count = 0;
    char **argv;

    while (arguments[count]) {
        count++;
    }
    argv = memory_allocate_zero((count + 4) * sizeof(*argv));
    argv[0] = name;
    memcpy(argv + 1, arguments, count * sizeof(*argv));
    if (index) {
        argv[count + 1] = option;
        argv[count + 2] = index;
    }
    return argv;
}

static void make_children(struct supervisor *supervisor, const struct supervisor_plan *plan)
{
    static char broker[] = PROGRAM_BROKER, bridge[] = PROGRAM_BRIDGE;

    supervisor->count = plan->bridges + 1;
    supervisor->children = memory_allocate_zero(supervisor->count * sizeof(*supervisor->children));
    supervisor->indices = memory_allocate_zero(plan->bridges * sizeof(*supervisor->indices));
    supervisor->children[BROKER] = (struct child){
        .name = broker,
        .path = plan->broker,
        .argv = words_for(broker, plan->arguments, NULL),
    };
    for (unsigned i = 0; i < plan->bridges; i++) {
        snprintf(supervisor->indices[i], sizeof(*supervisor->indices), "%u", i);
        supervisor->children[BROKER + 1 + i] = (struct child){
            .name = bridge,
            .path = plan->bridge,
            .argv = words_for(bridge, plan->arguments, supervisor->indices[i]),
            .index = (int)i,
        };
    }
}

static bool open_sources(struct supervisor *supervisor)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        sigaddset(&set, wanted[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &supervisor->signals_before);
    supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervisor->signals >= 0 && notify_open(&supervisor->notify);
}

int supervise(const struct supervisor_plan *plan)
{
    struct supervisor supervisor = {
        .watchdog_ms = (int64_t)(sdnotify_watchdog_usec() / 2000),
        .now = now_ms(),
    };

    if (!open_sources(&supervisor)) {
        fprintf(stderr, "pubgrid: cannot wait for signals and notices: %s\n",
                strerrordesc_np(errno));
        return EXIT_FAILURE;
    }
    make_children(&supervisor, plan);
    run(&supervisor);
    notify_close(&supervisor.notify);
    close(supervisor.signals);
    for (size_t i = 0; i < supervisor.count; i++) {
        free(supervisor.children[i].argv);
    }
    free(supervisor.children);
    free(supervisor.indices);
    return supervisor.status;
}
