/* echo-bridge [--share] [--tls CERTIFICATE KEY] PORT: the echo bridge until SIGTERM. Prints the
 * port it listens on, and at the end how many browsers it has had.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "echo/echo_bridge.h"
#include "net/service.h"

static void on_signal(uv_signal_t *handle, int number);

static void close_handle(void *handle)
{
    uv_close(handle, NULL);
}

struct program {
    struct gateway gateway;
    struct service *service;
    uv_signal_t terminate;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = CONTAINER_OF(handle, struct program, terminate);

    (void)number;
    service_stop(program->service, close_handle, handle);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct service_listener listener = {.address = "127.0.0.1"};
    struct service_options options = {.listeners = &listener,
                                      .listener_count = 1,
                                      .maximum_message_size = 1 << 20,
                                      .gateway = &program.gateway,
                                      .metrics = &program.gateway.metrics};
    struct upgrade_context context;
    uv_loop_t *loop = uv_default_loop();

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--share") == 0) {
            options.shares_ports = true;
        } else if (strcmp(argv[i], "--tls") == 0 && i + 2 < argc) {
            listener.certificate_file = argv[++i];
            listener.key_file = argv[++i];
        } else {
            listener.port = (uint16_t)atoi(argv[i]);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    echo_init(&program.gateway);
    context = echo_context(&program.gateway);
    options.upgrade_context = &context;
    program.service = service_start(loop, &options);
    if (!program.service) {
        return 1;
    }
    printf("%u\n", service_port(program.service, 0));
    fflush(stdout);
    uv_signal_init(loop, &program.terminate);
    uv_signal_start_oneshot(&program.terminate, on_signal, SIGTERM);
    uv_run(loop, UV_RUN_DEFAULT);
    printf("%zu\n", program.gateway.opened);
    echo_release(&program.gateway);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
