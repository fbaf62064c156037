/* Starting brokers for the socket targets (see runner_broker.h).
 *
 * One process a file: a start costs some 20 ms and buys that no file sees what another left. Its
 * options come from the header of the file: `# config a.b=c` for ours, `# mosquitto line` for
 * mosquitto's configuration file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "runner_broker_config.h"

enum { START_TIMEOUT_MS = 10000, STOP_TIMEOUT_MS = 5000, ARGUMENTS_MAX = 64 };

struct command {
    char *arguments[ARGUMENTS_MAX + 1];
    size_t count;
};

static void command_add(struct command *command, const char *text)
{
    if (command->count < ARGUMENTS_MAX) {
        command->arguments[command->count++] = memory_copy_string(slice_from_string(text));
    }
}

static void command_release(struct command *command)
{
    for (size_t i = 0; i < command->count; i++) {
        free(command->arguments[i]);
    }
}

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Standard output and error go to the log file. Returns the pid or -1. */
static pid_t spawn(const struct command *command, const char *log_path)
{
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
        }
        execvp(command->arguments[0], command->arguments);
        _exit(127);
    }
    return pid;
}

static bool write_mosquitto_configuration(const char *path, const struct broker_process *broker,
                                          const struct script *script)
{
    FILE *file = fopen(path, "we");

    if (!file) {
        return false;
    }
    fprintf(file, "user root\nlistener 0 %s\nallow_anonymous true\npersistence false\n",
            broker->unix_path);
    for (size_t i = 0; i < script->directive_count; i++) {
        if (strcmp(script->directives[i].key, "mosquitto") == 0) {
            fprintf(file, "%s\n", script->directives[i].value);
        }
    }
    return fclose(file) == 0;
}

static bool build_mosquitto(struct command *command, const struct broker_process *broker,
                            const struct target_settings *settings, const struct script *script)
{
    char path[BROKER_PATH_MAX];

    snprintf(path, sizeof(path), "%s/mosquitto.conf", settings->directory);
    command_add(command, settings->broker);
    command_add(command, "-c");
    command_add(command, path);
    return write_mosquitto_configuration(path, broker, script);
}

static bool build_ours(struct command *command, const struct broker_process *broker,
                       const struct target_settings *settings, const struct script *script)
{
    char path[BROKER_PATH_MAX];

    snprintf(path, sizeof(path), "%s/pubgrid.yaml", settings->directory);
    command_add(command, settings->broker);
    command_add(command, "--config");
    command_add(command, path);
    for (size_t i = 0; i < script->directive_count; i++) {
        if (strcmp(script->directives[i].key, "config") == 0) {
            command_add(command, "--set");
            command_add(command, script->directives[i].value);
        }
    }
    return broker_config_write(path, broker, settings, script);
}

int broker_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static bool accepts(const char *unix_path)
{
    int fd = broker_connect_unix(unix_path);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static bool has_ended(struct broker_process *broker)
{
    if (waitpid(broker->pid, &broker->status, WNOHANG) != broker->pid) {
        return false;
    }
    broker->pid = 0;
    return true;
}

static void kill_broker(struct broker_process *broker)
{
    if (broker->pid > 0) {
        kill(broker->pid, SIGKILL);
        waitpid(broker->pid, &broker->status, 0);
        broker->pid = 0;
    }
}

static void report_log(struct buffer *report, const char *log_path)
{
    char line[512];
    FILE *file = fopen(log_path, "re");

    while (file && fgets(line, sizeof(line), file)) {
        buffer_append_format(report, "    %s", line);
    }
    if (file) {
        fclose(file);
    }
}

static bool wait_until_accepting(struct broker_process *broker, struct buffer *report)
{
    for (int waited = 0; waited < START_TIMEOUT_MS; waited += 2) {
        if (accepts(broker->unix_path)) {
            return true;
        }
        if (has_ended(broker)) {
            buffer_append_string(report, "  the broker ended at its start:\n");
            report_log(report, broker->log_path);
            return false;
        }
        sleep_ms(2);
    }
    buffer_append_string(report, "  the broker does not accept connections:\n");
    report_log(report, broker->log_path);
    return false;
}

/* A port of 127.0.0.1 that nobody listens on, at or above `from`. */
static unsigned find_port(unsigned from)
{
    for (unsigned port = from; port < from + 32; port++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)port),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int on = 1;

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        int result = bind(fd, (const struct sockaddr *)&address, sizeof(address));

        close(fd);
        if (result == 0) {
            return port;
        }
    }
    return from;
}

static bool start_once(struct broker_process *broker, const struct target_settings *settings,
                       const struct script *script, struct buffer *report)
{
    struct command command = {0};
    bool ok;

    if (broker->is_mosquitto) {
        ok = build_mosquitto(&command, broker, settings, script);
    } else {
        ok = broker_make_certificate(settings->directory) &&
             build_ours(&command, broker, settings, script);
    }
    if (ok) {
        broker->pid = spawn(&command, broker->log_path);
        ok = wait_until_accepting(broker, report);
    } else {
        buffer_append_string(report, "  cannot write the broker's configuration\n");
    }
    command_release(&command);
    return ok;
}

bool broker_start(struct broker_process *broker, const struct target_settings *settings,
                  const struct script *script, struct buffer *report)
{
    enum { ATTEMPTS = 4, PORTS_APART = 16 };

    snprintf(broker->unix_path, sizeof(broker->unix_path), "%s/mqtt.sock", settings->directory);
    snprintf(broker->trunk_path, sizeof(broker->trunk_path), "%s/trunk.sock", settings->directory);
    snprintf(broker->log_path, sizeof(broker->log_path), "%s/broker.log", settings->directory);
    /* Somebody else may take a port between our look and the broker's bind: then once more. */
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        unlink(broker->unix_path);
        if (settings->port) {
            broker->tcp_port = find_port(settings->port + attempt * PORTS_APART);
            broker->tls_port = find_port(broker->tcp_port + 1);
        }
        report->length = 0;
        if (start_once(broker, settings, script, report)) {
            return true;
        }
        kill_broker(broker);
    }
    return false;
}

void broker_terminate(struct broker_process *broker)
{
    if (broker->pid > 0) {
        kill(broker->pid, SIGTERM);
    }
}

bool broker_stop(struct broker_process *broker, struct buffer *report)
{
    if (broker->is_mosquitto) {
        kill_broker(broker); /* a graceful end would take it a second */
        return true;
    }
    broker_terminate(broker);
    for (int waited = 0; broker->pid > 0 && waited < STOP_TIMEOUT_MS && !has_ended(broker);
         waited++) {
        sleep_ms(1);
    }
    bool in_time = broker->pid == 0;

    kill_broker(broker);
    if (in_time && broker->status == 0) {
        return true;
    }
    buffer_append_format(report, "  the broker did not end well (status 0x%x):\n", broker->status);
    report_log(report, broker->log_path);
    return false;
}

bool broker_make_certificate(const char *directory)
{
    char key[BROKER_PATH_MAX], certificate[BROKER_PATH_MAX];
    struct command command = {0};
    int status = -1;

    snprintf(key, sizeof(key), "%s/key.pem", directory);
    snprintf(certificate, sizeof(certificate), "%s/certificate.pem", directory);
    if (access(certificate, R_OK) == 0) {
        return true;
    }
    const char *const arguments[] = {"openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:P-256",
                                     "-nodes",
                                     "-days",
                                     "2",
                                     "-subj",
                                     "/CN=localhost",
                                     "-keyout",
                                     key,
                                     "-out",
                                     certificate};

    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        command_add(&command, arguments[i]);
    }
    pid_t pid = spawn(&command, "/dev/null");

    command_release(&command);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
