/* Starting a process and noting its end. See child.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum { LIVED_LONG_MS = 10000, CANNOT_EXECUTE = 127 };

/* Before the first restart in a row, the second, ... */
static const int64_t pauses_ms[] = {0, 250, 500, 1000, 2000, 5000};
enum { PAUSE_COUNT = sizeof(pauses_ms) / sizeof(pauses_ms[0]) };

static void plan_restart(struct child *child, int64_t now)
{
    unsigned last = PAUSE_COUNT - 1;

    if (now - child->started >= LIVED_LONG_MS) {
        child->failures = 0;
    }
    child->due = now + pauses_ms[child->failures < last ? child->failures : last];
    child->failures++;
}

/* --- in the new process --- */

static void set_or_unset(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

/* What we were told by our service manager is not meant for our children. */
static void enter_surroundings(const struct child_surroundings *surroundings)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", getpid());
    set_or_unset("NOTIFY_SOCKET", surroundings->notify_socket);
    set_or_unset("WATCHDOG_PID", surroundings->watchdog ? pid : NULL);
    if (!surroundings->watchdog) {
        unsetenv("WATCHDOG_USEC");
    }
    /* A reload that comes before the program listens for it changes nothing: it is reading its
     * configuration anyway. */
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, surroundings->signals, NULL);
}

/* A group of its own, so that Ctrl-C reaches only us, who know the order in which to stop. The
 * system ends the child gracefully when we are killed. */
_Noreturn static void become_child(const struct child *child, pid_t parent,
                                   const struct child_surroundings *surroundings)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
    enter_surroundings(surroundings);
    execv(child->path, child->argv);
    fprintf(stderr, "pubgrid: cannot start %s: %s\n", child->path, strerrordesc_np(errno));
    _exit(CANNOT_EXECUTE);
}

/* --- in ours --- */

void child_start(struct child *child, const struct child_surroundings *surroundings, int64_t now)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        become_child(child, parent, surroundings);
    }
    child->started = now;
    if (pid < 0) {
        log_write(LOG_ERROR, "cannot start", "program=%s index=%d reason=\"%s\"", child->name,
                  child->index, strerrordesc_np(errno));
        plan_restart(child, now);
        return;
    }
    child->pid = pid;
    log_write(LOG_INFO, "program started", "program=%s index=%d pid=%d", child->name, child->index,
              pid);
}

void child_ended(struct child *child, int status, bool again, int64_t now)
{
    pid_t pid = child->pid;
    const char *how = WIFSIGNALED(status) ? "signal" : "status";
    char code[24];

    if (WIFSIGNALED(status)) {
        snprintf(code, sizeof(code), "%s", sigabbrev_np(WTERMSIG(status)));
    } else {
        snprintf(code, sizeof(code), "%d", WEXITSTATUS(status));
    }
    child->pid = 0;
    if (!again) {
        log_write(LOG_INFO, "program ended", "program=%s index=%d pid=%d %s=%s", child->name,
                  child->index, pid, how, code);
        return;
    }
    plan_restart(child, now);
    log_write(LOG_WARNING, "program ended", "program=%s index=%d pid=%d %s=%s restart_in_ms=%lld",
              child->name, child->index, pid, how, code, (long long)(child->due - now));
}

void child_signal(const struct child *child, int signal_number)
{
    if (child->pid > 0) {
        kill(child->pid, signal_number);
    }
}
