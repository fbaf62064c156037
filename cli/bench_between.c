/* The command writes into a file in memory, not into a pipe, because a broker that it starts
 * inherits its output and would keep a pipe open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_between.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 4096, EXIT_NOT_RUN = 127, SIGNALLED = 128 };

/* As bench_between_run(). */
static int command_run(const char *command, int output)
{
    int status;
    pid_t child = fork();
    if (child < 0) {
        return -1;
    }
    if (child == 0) {
        dup2(output, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(EXIT_NOT_RUN);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

/* The last line of the text that is not empty; cuts the text behind it. */
static char *last_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ')) {
        text[--length] = '\0';
    }
    char *line = strrchr(text, '\n');
    return line == NULL ? text : line + 1;
}

static void broker_take(struct bench_processes *broker, int output)
{
    char text[OUTPUT_MAX];
    off_t size = lseek(output, 0, SEEK_END);
    off_t from = size < OUTPUT_MAX ? 0 : size - OUTPUT_MAX + 1;
    ssize_t length = pread(output, text, sizeof(text) - 1, from);
    text[length > 0 ? length : 0] = '\0';
    struct bench_processes printed;
    if (bench_processes_parse(&printed, last_line(text))) {
        *broker = printed;
    }
    if (!bench_processes_exist(broker)) {
        *broker = (struct bench_processes){0};
    }
}

int bench_between_run(const char *command, struct bench_processes *broker)
{
    int output = memfd_create("between", MFD_CLOEXEC);
    if (output < 0) {
        return -1;
    }
    int status = command_run(command, output);
    if (status == 0) {
        broker_take(broker, output);
    }
    close(output);
    return status;
}
