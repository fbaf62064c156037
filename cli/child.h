/* A process that `pubgrid serve` keeps alive, and when it is to be started again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_CHILD_H
#define PUBGRID_CLI_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Monotonic milliseconds everywhere. */
struct child {
    const char *name; /* for the log */
    const char *path;
    char **argv;       /* NULL-terminated; owned */
    int index;         /* tells bridges apart */
    pid_t pid;         /* 0: it does not run */
    int64_t started;   /* when it was */
    int64_t due;       /* when it is to be started, if it does not run */
    unsigned failures; /* ends in a row, each soon after the start */
};

/* What a child finds in its world. */
struct child_surroundings {
    const sigset_t *signals;   /* blocked in it */
    const char *notify_socket; /* its service manager; NULL: it has none */
    bool watchdog;             /* and that wants signs of life */
};

/* If there can be no process now, the log says so and it is due later. A program that cannot be
 * executed ends with status 127. */
void child_start(struct child *child, const struct child_surroundings *surroundings, int64_t now);
/* It is gone: says so in the log and decides when it is due. `status` is waitpid()'s. */
void child_ended(struct child *child, int status, bool again, int64_t now);
/* Does nothing if it does not run. */
void child_signal(const struct child *child, int signal_number);

#endif
