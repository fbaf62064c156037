/* The program pubgrid-bridge: arguments and signals; bridge.c does the rest. `pubgrid serve` starts
 * as many as bridge.processes says, and starts them again.
 *
 *   SIGTERM, SIGINT  graceful stop        SIGHUP  reload
 *
 * Exit status: 0 stopped as asked, 1 something failed, 2 wrong arguments or configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "bridge.h"
#include "config/arguments.h"

enum { EXIT_FAILED = 1 };

/* The bridge while it runs. */
struct running {
    const struct arguments *arguments;
    struct bridge *bridge;
    uv_signal_t signals[3];
    bool is_stopping;
};

static const char help[] =
    "usage: pubgrid-bridge [-c FILE] [--set OPTION=VALUE]...\n"
    "\n" ARGUMENTS_HELP "\n"
    "`pubgrid serve` starts the bridge beside the broker. SIGHUP reloads hubs, keys and "
    "certificates; SIGTERM stops.\n";

/* ---------------------------------------------------------------- signals */

static void close_signals(void *context)
{
    struct running *running = context;

    for (size_t i = 0; i < sizeof(running->signals) / sizeof(running->signals[0]); i++) {
        uv_close((uv_handle_t *)&running->signals[i], NULL);
    }
}

static void stop(uv_signal_t *handle, int number)
{
    struct running *running = handle->data;

    if (!running->is_stopping) {
        running->is_stopping = true;
        log_write(LOG_INFO, "stopping", "signal=%s", sigabbrev_np(number));
        bridge_stop(running->bridge, close_signals, running);
    }
}

static void reload(uv_signal_t *handle, int number)
{
    struct running *running = handle->data;
    struct buffer error = {0};
    struct config *config = arguments_load(running->arguments, &error);

    (void)number;
    if (config) {
        bridge_reload(running->bridge, config);
    } else {
        log_write(LOG_ERROR, "configuration kept", "reason=\"%.*s\"", SLICE_PRINT(error));
    }
    buffer_release(&error);
}

static void watch_signals(struct running *running, uv_loop_t *loop)
{
    static const struct {
        int number;
        uv_signal_cb act;
    } wanted[] = {{SIGTERM, stop}, {SIGINT, stop}, {SIGHUP, reload}};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        uv_signal_init(loop, &running->signals[i]);
        running->signals[i].data = running;
        uv_signal_start(&running->signals[i], wanted[i].act, wanted[i].number);
    }
}

/* ---------------------------------------------------------------- process */

static int run(const struct arguments *arguments, struct config *config)
{
    struct running running = {.arguments = arguments};
    struct buffer error = {0};
    uv_loop_t loop;

    log_set_level((enum log_level)config->log_level);
    log_write(LOG_INFO, "bridge starts", "index=%u pid=%d", arguments->index, getpid());
    signal(SIGPIPE, SIG_IGN);
    descriptors_raise_limit();
    uv_loop_init(&loop);
    running.bridge = bridge_start(&loop, config, arguments->index, &error);
    if (!running.bridge) {
        if (error.length > 0) {
            fprintf(stderr, "pubgrid-bridge: %.*s\n", SLICE_PRINT(error));
        }
        buffer_release(&error);
        uv_loop_close(&loop);
        return EXIT_FAILED;
    }
    watch_signals(&running, &loop);
    uv_run(&loop, UV_RUN_DEFAULT);
    bridge_end(running.bridge);
    uv_loop_close(&loop);
    log_write(LOG_INFO, "stopped", "pid=%d", getpid());
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct program program = {.name = "pubgrid-bridge", .help = help, .run = run};

    return program_main(&program, argc, argv);
}
