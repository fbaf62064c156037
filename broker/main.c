/* The program: arguments, signals, and the conversation with the service manager. The workers do
 * the rest; this thread waits for signals, and for changes of settings that it takes into force.
 *
 *   SIGTERM, SIGINT  graceful stop        SIGHUP  reload
 *
 * Exit status: 0 stopped as asked, 1 something failed, 2 wrong arguments or configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "base/sdnotify.h"
#include "broker.h"
#include "config/arguments.h"
#include "store_tool.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "usage: pubgrid-broker [-c FILE] [--set OPTION=VALUE]...\n"
    "       pubgrid-broker store check|dump|compact [-c FILE] [DIRECTORY]\n"
    "\n" ARGUMENTS_HELP "\n"
    "SIGHUP reloads the configuration and the certificates; SIGTERM stops.\n";

/* ---------------------------------------------------------------- process */

/* Blocked in every thread, since it is done before there are any: the main thread reads them from
 * the descriptor; -1: there is none. */
static int block_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void reload(struct server *server, const struct arguments *arguments)
{
    struct buffer error = {0};
    struct config *options;

    sdnotify_send("RELOADING=1");
    options = arguments_load(arguments, &error);
    if (options) {
        log_set_level((enum log_level)options->log_level);
        server_reload(server, options);
    } else {
        log_write(LOG_ERROR, "configuration kept", "reason=\"%.*s\"", SLICE_PRINT(error));
    }
    buffer_release(&error);
    sdnotify_send("READY=1");
}

/* Waits for a signal, and hears what the server has to say meanwhile. The signal's number, or 0
 * after `timeout_ms`, or when something was heard. */
static int wait_for_signal(struct server *server, int signals, int timeout_ms)
{
    struct pollfd wanted[] = {{signals, POLLIN, 0}, {server_news(server), POLLIN, 0}};
    struct signalfd_siginfo info;

    if (poll(wanted, sizeof(wanted) / sizeof(wanted[0]), timeout_ms) <= 0) {
        return 0;
    }
    if (wanted[1].revents) {
        server_hear(server);
    }
    return wanted[0].revents && read(signals, &info, sizeof(info)) == sizeof(info)
               ? (int)info.ssi_signo
               : 0;
}

/* Until SIGTERM or SIGINT (true), or the store has become available (false). The watchdog hears of
 * us only while all workers answer. */
static bool serve(struct server *server, const struct arguments *arguments, int signals)
{
    uint64_t watchdog_us = sdnotify_watchdog_usec() / 2;
    uint64_t period_us = watchdog_us > 0 && watchdog_us < 1000000 ? watchdog_us : 1000000;

    for (;;) {
        int signal_number = wait_for_signal(server, signals, (int)(period_us / 1000));
        if (signal_number == SIGHUP) {
            reload(server, arguments);
        } else if (signal_number > 0) {
            log_write(LOG_INFO, "stopping", "signal=%s", sigabbrev_np(signal_number));
            return true;
        }
        if (server_wants_restart(server)) {
            log_write(LOG_WARNING, "store available, starting again", "pid=%d", getpid());
            return false;
        }
        if (watchdog_us > 0 && server_is_alive(server)) {
            sdnotify_send("WATCHDOG=1");
        }
    }
}

/* Starts and serves; *again: the server is to be started once more. */
static int run_once(const struct arguments *arguments, struct config *options, int signals,
                    bool *again)
{
    struct buffer error = {0};
    struct server *server = server_start(options, &error);

    *again = false;
    if (!server) {
        fprintf(stderr, "pubgrid-broker: %.*s\n", SLICE_PRINT(error));
        buffer_release(&error);
        return EXIT_FAILED;
    }
    sdnotify_send("READY=1");
    *again = !serve(server, arguments, signals);
    if (!*again) {
        sdnotify_send("STOPPING=1");
    }
    server_stop(server);
    return EXIT_SUCCESS;
}

static int run(const struct arguments *arguments, struct config *options)
{
    struct buffer error = {0};
    int signals = block_signals(), status;
    bool again;

    log_set_level((enum log_level)options->log_level);
    if (signals < 0) {
        fprintf(stderr, "pubgrid-broker: cannot wait for signals: %m\n");
        config_free(options);
        return EXIT_FAILED;
    }
    descriptors_raise_limit();
    status = run_once(arguments, options, signals, &again);
    while (again && (options = arguments_load(arguments, &error)) != NULL) {
        status = run_once(arguments, options, signals, &again);
    }
    close(signals);
    if (again) {
        fprintf(stderr, "%.*s\n", SLICE_PRINT(error));
        status = EXIT_USAGE;
    }
    buffer_release(&error);
    if (status == EXIT_SUCCESS) {
        log_write(LOG_INFO, "stopped", "pid=%d", getpid());
    }
    return status;
}

/* ---------------------------------------------------------------- main */

int main(int argc, char **argv)
{
    static const struct program program = {.name = "pubgrid-broker", .help = help, .run = run};

    if (argc > 1 && strcmp(argv[1], "store") == 0) {
        return store_tool_main(argc - 1, argv + 1);
    }
    return program_main(&program, argc, argv);
}
