/* The program: arguments, signals, and the conversation with the service manager. The workers do
 * the rest; this thread only waits for signals.
 *
 *   SIGTERM, SIGINT  graceful stop        SIGHUP  reload
 *
 * Exit status: 0 stopped as asked, 1 something failed, 2 wrong arguments or configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sdnotify.h"
#include "broker.h"
#include "config/config.h"
#include "store_tool.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT, ACTION_HELP, ACTION_VERSION, ACTION_WRONG };

struct arguments {
    const char *file;      /* NULL: defaults only */
    const char **settings; /* of --set; owned array of argv's strings */
    size_t setting_count;
    enum action action;
};

static const char help[] =
    "usage: pubgrid-broker [-c FILE] [--set OPTION=VALUE]...\n"
    "       pubgrid-broker store check|dump|compact [-c FILE] [DIRECTORY]\n"
    "\n"
    "  -c, --config FILE      configuration; without it the defaults\n"
    "      --set OPTION=VALUE overrides one option of it, for example --set workers=2\n"
    "      --check-config     only says whether the configuration is good\n"
    "      --print-config     prints the configuration that would be used\n"
    "      --version          prints the version\n"
    "      --help             prints this\n"
    "\n"
    "SIGHUP reloads the configuration and the certificates; SIGTERM stops.\n";

/* ---------------------------------------------------------------- arguments */

enum { OPTION_SET = 256, OPTION_CHECK, OPTION_PRINT, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"print-config", no_argument, NULL, OPTION_PRINT},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static void arguments_take(struct arguments *arguments, int option)
{
    switch (option) {
    case 'c':
        arguments->file = optarg;
        break;
    case OPTION_SET:
        arguments->settings[arguments->setting_count++] = optarg;
        break;
    case OPTION_CHECK:
        arguments->action = ACTION_CHECK;
        break;
    case OPTION_PRINT:
        arguments->action = ACTION_PRINT;
        break;
    case OPTION_VERSION:
        arguments->action = ACTION_VERSION;
        break;
    case OPTION_HELP:
        arguments->action = ACTION_HELP;
        break;
    default:
        arguments->action = ACTION_WRONG;
        break;
    }
}

static void arguments_read(struct arguments *arguments, int argc, char **argv)
{
    int option;

    *arguments = (struct arguments){
        .settings = memory_allocate_zero((size_t)argc * sizeof(*arguments->settings)),
    };
    while (arguments->action != ACTION_WRONG &&
           (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        arguments_take(arguments, option == 'h' ? OPTION_HELP : option);
    }
    if (optind < argc && arguments->action != ACTION_WRONG) {
        fprintf(stderr, "%s: there is no argument \"%s\"\n", argv[0], argv[optind]);
        arguments->action = ACTION_WRONG;
    }
}

/* ---------------------------------------------------------------- process */

/* Each connection needs a descriptor: take as many as the system gives without asking. */
static void raise_open_files(void)
{
    struct rlimit limit;
    rlim_t before;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        limit.rlim_cur = before;
    }
    log_write(LOG_INFO, "open files", "limit=%ju before=%ju", (uintmax_t)limit.rlim_cur,
              (uintmax_t)before);
}

/* Blocked in every thread, since it is done before there are any: the main thread waits for them.
 */
static void block_signals(sigset_t *set)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static struct config *load(const struct arguments *arguments, struct buffer *error)
{
    return config_load(arguments->file, arguments->settings, arguments->setting_count, error);
}

static void reload(struct server *server, const struct arguments *arguments)
{
    struct buffer error = {0};
    struct config *options;

    sdnotify_send("RELOADING=1");
    options = load(arguments, &error);
    if (options) {
        log_set_level((enum log_level)options->log_level);
        server_reload(server, options);
    } else {
        log_write(LOG_ERROR, "configuration kept", "reason=\"%.*s\"", SLICE_PRINT(error));
    }
    buffer_release(&error);
    sdnotify_send("READY=1");
}

/* Until SIGTERM or SIGINT (true), or the store has become available (false). The watchdog hears of
 * us only while all workers answer. */
static bool serve(struct server *server, const struct arguments *arguments, const sigset_t *set)
{
    uint64_t watchdog_us = sdnotify_watchdog_usec() / 2;
    uint64_t period_us = watchdog_us > 0 && watchdog_us < 1000000 ? watchdog_us : 1000000;
    struct timespec period = {
        .tv_sec = (time_t)(period_us / 1000000),
        .tv_nsec = (long)(period_us % 1000000) * 1000,
    };

    for (;;) {
        int signal_number = sigtimedwait(set, NULL, &period);
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
static int run_once(const struct arguments *arguments, struct config *options,
                    const sigset_t *signals, bool *again)
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
    sigset_t signals;
    bool again;
    int status;

    log_set_level((enum log_level)options->log_level);
    block_signals(&signals);
    raise_open_files();
    status = run_once(arguments, options, &signals, &again);
    while (again && (options = load(arguments, &error)) != NULL) {
        status = run_once(arguments, options, &signals, &again);
    }
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

static int print(const struct config *options)
{
    struct buffer text = {0};
    size_t written;

    config_print(options, &text);
    written = fwrite(text.data, 1, text.length, stdout);
    written = fflush(stdout) == 0 ? written : 0;
    buffer_release(&text);
    return written > 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

static int configure_and_run(const struct arguments *arguments)
{
    struct buffer error = {0};
    struct config *options = load(arguments, &error);
    int status = EXIT_SUCCESS;

    if (!options) {
        fprintf(stderr, "%.*s%s", SLICE_PRINT(error),
                error.length > 0 && error.data[error.length - 1] == '\n' ? "" : "\n");
        buffer_release(&error);
        return EXIT_USAGE;
    }
    if (arguments->action == ACTION_RUN) {
        return run(arguments, options);
    }
    if (arguments->action == ACTION_PRINT) {
        status = print(options);
    } else {
        printf("%s: ok\n", arguments->file ? arguments->file : "the defaults");
    }
    config_free(options);
    return status;
}

static int act(const struct arguments *arguments)
{
    switch (arguments->action) {
    case ACTION_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case ACTION_VERSION:
        puts("pubgrid-broker " PUBGRID_VERSION);
        return EXIT_SUCCESS;
    case ACTION_WRONG:
        fputs("Try `pubgrid-broker --help`.\n", stderr);
        return EXIT_USAGE;
    case ACTION_RUN:
    case ACTION_CHECK:
    case ACTION_PRINT:
        break;
    }
    return configure_and_run(arguments);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (argc > 1 && strcmp(argv[1], "store") == 0) {
        return store_tool_main(argc - 1, argv + 1);
    }
    arguments_read(&arguments, argc, argv);
    status = act(&arguments);
    free(arguments.settings);
    return status;
}
