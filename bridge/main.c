/* The program pubgrid-bridge: arguments and signals; bridge.c does the rest. `pubgrid serve` starts
 * as many as bridge.processes says, and starts them again.
 *
 *   SIGTERM, SIGINT  graceful stop        SIGHUP  reload
 *
 * Exit status: 0 stopped as asked, 1 something failed, 2 wrong arguments or configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "bridge.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_WRONG };

struct arguments {
    const char *file;      /* NULL: defaults only */
    const char **settings; /* of --set; owned array of argv's strings */
    size_t setting_count;
    enum action action;
};

struct program {
    const struct arguments *arguments;
    struct bridge *bridge;
    uv_signal_t signals[3];
    bool is_stopping;
};

static const char help[] =
    "usage: pubgrid-bridge [-c FILE] [--set OPTION=VALUE]...\n"
    "\n"
    "  -c, --config FILE      configuration; without it the defaults\n"
    "      --set OPTION=VALUE overrides one option of it\n"
    "      --index NUMBER     which of several processes this is, for the log\n"
    "      --version          prints the version\n"
    "      --help             prints this\n"
    "\n"
    "`pubgrid serve` starts the bridge beside the broker. SIGHUP reloads hubs and keys; SIGTERM "
    "stops.\n";

/* ---------------------------------------------------------------- arguments */

enum { OPTION_SET = 256, OPTION_INDEX, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"index", required_argument, NULL, OPTION_INDEX},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static void take_argument(struct arguments *arguments, int option)
{
    switch (option) {
    case 'c':
        arguments->file = optarg;
        break;
    case OPTION_SET:
        arguments->settings[arguments->setting_count++] = optarg;
        break;
    case OPTION_INDEX:
        log_write(LOG_INFO, "bridge starts", "index=%s pid=%d", optarg, getpid());
        break;
    case OPTION_VERSION:
        arguments->action = ACTION_VERSION;
        break;
    case 'h':
    case OPTION_HELP:
        arguments->action = ACTION_HELP;
        break;
    default:
        arguments->action = ACTION_WRONG;
        break;
    }
}

static void read_arguments(struct arguments *arguments, int argc, char **argv)
{
    int option;

    *arguments = (struct arguments){
        .settings = memory_allocate_zero((size_t)argc * sizeof(*arguments->settings)),
    };
    while (arguments->action != ACTION_WRONG &&
           (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        take_argument(arguments, option);
    }
    if (optind < argc && arguments->action != ACTION_WRONG) {
        fprintf(stderr, "%s: there is no argument \"%s\"\n", argv[0], argv[optind]);
        arguments->action = ACTION_WRONG;
    }
}

static struct config *load(const struct arguments *arguments, struct buffer *error)
{
    return config_load(arguments->file, arguments->settings, arguments->setting_count, error);
}

/* ---------------------------------------------------------------- signals */

static void close_signals(void *context)
{
    struct program *program = context;

    for (size_t i = 0; i < sizeof(program->signals) / sizeof(program->signals[0]); i++) {
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    }
}

static void stop(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;

    if (!program->is_stopping) {
        program->is_stopping = true;
        log_write(LOG_INFO, "stopping", "signal=%s", sigabbrev_np(number));
        bridge_stop(program->bridge, close_signals, program);
    }
}

static void reload(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    struct buffer error = {0};
    struct config *config = load(program->arguments, &error);

    (void)number;
    if (config) {
        bridge_reload(program->bridge, config);
    } else {
        log_write(LOG_ERROR, "configuration kept", "reason=\"%.*s\"", SLICE_PRINT(error));
    }
    buffer_release(&error);
}

static void watch_signals(struct program *program, uv_loop_t *loop)
{
    static const struct {
        int number;
        uv_signal_cb act;
    } wanted[] = {{SIGTERM, stop}, {SIGINT, stop}, {SIGHUP, reload}};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        uv_signal_init(loop, &program->signals[i]);
        program->signals[i].data = program;
        uv_signal_start(&program->signals[i], wanted[i].act, wanted[i].number);
    }
}

/* ---------------------------------------------------------------- process */

/* Each browser needs a descriptor. */
static void raise_open_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
            log_write(LOG_WARNING, "cannot raise the limit of open files", "limit=%ju",
                      (uintmax_t)limit.rlim_max);
        }
    }
}

static int run(const struct arguments *arguments)
{
    struct program program = {.arguments = arguments};
    struct buffer error = {0};
    struct config *config = load(arguments, &error);
    uv_loop_t loop;

    if (!config) {
        fprintf(stderr, "%.*s", SLICE_PRINT(error));
        buffer_release(&error);
        return EXIT_USAGE;
    }
    log_set_level((enum log_level)config->log_level);
    signal(SIGPIPE, SIG_IGN);
    raise_open_files();
    uv_loop_init(&loop);
    program.bridge = bridge_start(&loop, config, &error);
    if (!program.bridge) {
        if (error.length > 0) {
            fprintf(stderr, "pubgrid-bridge: %.*s\n", SLICE_PRINT(error));
        }
        buffer_release(&error);
        uv_loop_close(&loop);
        return EXIT_FAILED;
    }
    watch_signals(&program, &loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    bridge_end(program.bridge);
    uv_loop_close(&loop);
    log_write(LOG_INFO, "stopped", "pid=%d", getpid());
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status = EXIT_SUCCESS;

    read_arguments(&arguments, argc, argv);
    switch (arguments.action) {
    case ACTION_HELP:
        fputs(help, stdout);
        break;
    case ACTION_VERSION:
        puts("pubgrid-bridge " PUBGRID_VERSION);
        break;
    case ACTION_WRONG:
        fputs("Try `pubgrid-bridge --help`.\n", stderr);
        status = EXIT_USAGE;
        break;
    case ACTION_RUN:
        status = run(&arguments);
        break;
    }
    free(arguments.settings);
    return status;
}
